// What a line of chat is made of, as hashes of features. The classifier looks them up in its table,
// the trainer learns what they weigh: both read lines with this code, so they cannot differ.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "services/stream/sentiment/letters.h"

namespace stream::sentiment {

enum class Kind : uint64_t {
  kWord = 1,      // lower-cased, runs of a letter cut to two and to one, digits read as letters
  kNegated = 2,   // a word soon after "not"
  kPair = 3,      // a word, mark or symbol and the one before; the line's ends count
  kExact = 4,     // with its case, as emotes are written
  kStem = 5,      // the first characters of a longer word
  kEnding = 6,    // its last ones
  kSymbol = 7,    // an emoji, or a character of a script without blanks
  kSymbols = 8,   // two of the latter
  kEmoticon = 9,  // what stands between blanks and is no plain word
  kMark = 10,     // see Mark
};

// Things that are no words and count as one each.
enum class Mark : uint64_t {
  kBegin = 1,
  kEnd,
  kMention,
  kLink,
  kCommand,
  kNumber,
  kQuestions,                      // once, twice, more
  kExclamations = kQuestions + 3,  // once, twice, more
  kAsking = kExclamations + 3,     // the line ends in a question mark
  kTrailingOff,                    // an ellipsis
};

// How loud a line is, beside what it says.
struct Emphasis {
  int exclamations = 0;
  int elongated = 0;  // words such as "nooo"
  int capitals = 0;   // in words of capitals only
  bool has_small = false;
};

namespace internal {

constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;

constexpr uint64_t Step(uint64_t hash, uint64_t more) {
  hash = (hash ^ more) * kOdd;
  return hash ^ hash >> 32;
}

// Hashes characters, a byte each, eight at a time.
class Spelling {
 public:
  constexpr void Push(uint8_t character) {
    chunk_ |= uint64_t{character} << 8 * (size_ % 8);
    if (++size_ % 8 != 0) return;
    hash_ = Step(hash_, chunk_);
    chunk_ = 0;
  }
  constexpr uint64_t hash() const { return size_ % 8 == 0 ? hash_ : Step(hash_, chunk_); }
  constexpr int size() const { return size_; }

 private:
  uint64_t hash_ = 0;
  uint64_t chunk_ = 0;
  int size_ = 0;
};

constexpr uint64_t Hash(std::string_view ascii) {
  Spelling spelling;
  for (const char c : ascii) spelling.Push(static_cast<uint8_t>(c));
  return spelling.hash();
}

// All bits of the result depend on all bits of the hash.
constexpr uint64_t Feature(Kind kind, uint64_t hash) {
  hash = (hash + static_cast<uint64_t>(kind) * 0xA24BAED4963EE407) * 0xD6E8FEB86659FD93;
  return (hash ^ hash >> 32) * kOdd;
}

constexpr uint64_t Place(Mark mark) { return ~static_cast<uint64_t>(mark); }

// What turns the words after it.
class Negations {
 public:
  constexpr Negations() {
    for (const uint64_t word : kWords) bits_[word >> 62] |= Bit(word);
  }
  constexpr bool Has(uint64_t word) const {
    if ((bits_[word >> 62] & Bit(word)) == 0) return false;
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  }

 private:
  static constexpr std::array<uint64_t, 17> kWords = {
      Hash("not"),  Hash("no"),    Hash("never"), Hash("nothing"), Hash("without"), Hash("hardly"),
      Hash("aint"), Hash("arent"), Hash("cant"),  Hash("couldnt"), Hash("didnt"),   Hash("doesnt"),
      Hash("dont"), Hash("isnt"),  Hash("wasnt"), Hash("wont"),    Hash("wouldnt"),
  };
  static constexpr uint64_t Bit(uint64_t word) { return uint64_t{1} << (word >> 56 & 63); }
  std::array<uint64_t, 4> bits_{};
};
inline constexpr Negations kNegations;

}  // namespace internal

// Reads a line once, from its first byte to its last, and calls sink(feature) for each feature in
// it. It keeps no character longer than the word that it is in.
template <typename Sink>
class FeatureReader {
 public:
  explicit FeatureReader(Sink& sink) : sink_(sink) {}

  Emphasis Read(std::string_view text) {
    text_ = text;
    if (IsCommand()) {
      Emit(Kind::kMark, Mark::kCommand);
      return {};
    }
    while (at_ < text_.size()) {
      if (IsBlank(text_[at_])) {
        ++at_;
      } else {
        ReadToken();
      }
    }
    Finish();
    return emphasis_;
  }

 private:
  static constexpr int kNegationReach = 3;    // words
  static constexpr int kWordCharacters = 48;  // more are not looked at
  static constexpr size_t kEmoticonBytes = 16;
  static constexpr int kPieceCharacters = 4;

  struct Word {
    internal::Spelling twice;    // runs cut to two characters
    internal::Spelling once;     // to one
    internal::Spelling exact;    // as it is
    internal::Spelling letters;  // digits that look like letters are letters
    internal::Spelling tail;     // from the last capital after a small letter: a channel's emote
    uint32_t first = 0;          // characters, a byte each
    uint32_t ending = 0;
    uint32_t last = 0;
    uint32_t last_symbol = 0;
    int run = 0;
    int size = 0;
    int capitals = 0;
    bool has_tail = false;
    bool small_before = false;
    bool has_letter = false;
    bool has_digit = false;
    bool elongated = false;
  };

  void Emit(Kind kind, uint64_t hash) { sink_(internal::Feature(kind, hash)); }
  void Emit(Kind kind, Mark mark) { Emit(kind, internal::Place(mark)); }

  // A line such as "!sr some song" speaks to a bot.
  bool IsCommand() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
    return at_ + 1 < text_.size() && text_[at_] == '!' && IsLetter(text_[at_ + 1]);
  }

  void ReadToken() {
    const size_t begin = at_;
    const uint64_t before = before_;
    if (text_[at_] == '@' && at_ + 1 < text_.size() && !IsBlank(text_[at_ + 1])) {
      return SkipToken(Mark::kMention);
    }
    if (text_[at_] == 'w' && text_.substr(at_, 4) == "www.") return SkipToken(Mark::kLink);
    bool plain = true;
    while (at_ < text_.size() && !IsBlank(text_[at_])) {
      const Character c = CharacterAt(text_, at_);
      if (IsOfWord(c.type)) {
        ReadWord();
        continue;
      }
      at_ += c.bytes;
      if (c.type == Type::kIgnored) continue;
      if (c.type == Type::kSymbol) {
        Emit(Kind::kSymbol, c.code);
        Follow(c.code);
        continue;
      }
      plain = false;
      if (c.code == ':' && text_.substr(at_, 2) == "//") return SkipToken(Mark::kLink);
      ReadPunctuation(c.code);
    }
    if (plain || at_ - begin > kEmoticonBytes) return;
    const uint64_t emoticon = ReadEmoticon(text_.substr(begin, at_ - begin));
    if (before_ == before) Follow(emoticon);
  }

  void SkipToken(Mark mark) {
    while (at_ < text_.size() && !IsBlank(text_[at_])) ++at_;
    Emit(Kind::kMark, mark);
    Follow(internal::Place(mark));
  }

  void ReadPunctuation(uint32_t c) {
    asking_ = c == '?';
    questions_ += c == '?';
    emphasis_.exclamations += c == '!';
    trails_off_ |= c == '.' && at_ < text_.size() && text_[at_] == '.';
    if (c == '?' || c == '!' || c == '.' || c == ',') Follow(c);
  }

  // ":)))" is ":)".
  uint64_t ReadEmoticon(std::string_view token) {
    internal::Spelling spelling;
    char last = 0;
    for (const char c : token) {
      if (c != last) spelling.Push(static_cast<uint8_t>(c));
      last = c;
    }
    Emit(Kind::kEmoticon, spelling.hash());
    return spelling.hash();
  }

  void ReadWord() {
    const ShortWord word = ShortWordAt(text_, at_);
    if (word.size == 0) return ReadAnyWord();
    at_ += word.size;
    asking_ = false;
    const bool shouted = word.capitals == word.size;
    emphasis_.capitals += shouted ? word.size : 0;
    emphasis_.has_small |= !shouted;
    const uint64_t hash = internal::Step(0, word.lower);
    Say(hash);
    if (word.size > kPieceCharacters) {
      EmitPieces(static_cast<uint32_t>(word.lower),
                 static_cast<uint32_t>(word.lower >> 8 * (word.size - kPieceCharacters)));
    }
    if (word.capitals > 0) Emit(Kind::kExact, internal::Step(0, word.exact));
    if (word.tail != 0) EmitTail(internal::Step(0, word.tail));
    Close(hash);
  }

  void ReadAnyWord() {
    Word word;
    int room = kWordCharacters;
    while (at_ < text_.size()) {
      const Character c = CharacterAt(text_, at_);
      const bool is_part = IsOfWord(c.type);
      if (!is_part && c.type != Type::kApostrophe && c.type != Type::kIgnored) break;
      at_ += c.bytes;
      if (is_part && room-- > 0) Take(c, word);
    }
    asking_ = false;
    CloseAnyWord(word);
  }

  void Take(const Character& c, Word& word) {
    word.exact.Push(c.byte());
    word.has_letter |= c.type != Type::kDigit;
    word.has_digit |= c.type == Type::kDigit;
    word.capitals += c.capital;
    if (c.capital && word.small_before) {
      word.has_tail = true;
      word.tail = {};
    }
    word.small_before = !c.capital;
    word.run = c.folded == word.last ? word.run + 1 : 1;
    word.last = c.folded;
    ++word.size;
    if (word.run > 2) {
      word.elongated = true;
      return;
    }
    const uint8_t byte = c.folded_byte();
    word.twice.Push(byte);
    if (word.run == 1) word.once.Push(byte);
    const uint8_t letter = c.type == Type::kDigit ? LetterLike(byte) : byte;
    word.letters.Push(letter);
    word.tail.Push(byte);
    if (word.letters.size() <= kPieceCharacters) {
      word.first |= uint32_t{letter} << 8 * (word.letters.size() - 1);
    }
    word.ending = word.ending >> 8 | uint32_t{letter} << 24;
    if (c.type == Type::kIdeograph) TakeIdeograph(c.code, word);
  }

  // Scripts without blanks have no words to look up: single characters and two in a row do.
  void TakeIdeograph(uint32_t code, Word& word) {
    Emit(Kind::kSymbol, code);
    if (word.last_symbol != 0) {
      Emit(Kind::kSymbols, uint64_t{word.last_symbol} << 32 | code);
    }
    word.last_symbol = code;
  }

  void CloseAnyWord(const Word& word) {
    if (!word.has_letter) {
      Emit(Kind::kExact, word.exact.hash());
      Emit(Kind::kMark, Mark::kNumber);
      return Follow(internal::Place(Mark::kNumber));
    }
    const bool shouted = word.capitals == word.size;
    emphasis_.capitals += shouted ? word.size : 0;
    emphasis_.has_small |= !shouted;
    emphasis_.elongated += word.elongated;
    uint64_t hash = word.has_digit ? word.letters.hash() : word.twice.hash();
    Say(hash);
    if (word.elongated) {
      hash = word.once.hash();
      Say(hash);
    }
    if (word.letters.size() > kPieceCharacters) EmitPieces(word.first, word.ending);
    if (word.capitals > 0 || word.has_digit) Emit(Kind::kExact, word.exact.hash());
    if (word.has_tail && word.tail.size() > 1) EmitTail(word.tail.hash());
    Close(hash);
  }

  void Say(uint64_t word) { Emit(negated_ > 0 ? Kind::kNegated : Kind::kWord, word); }

  void EmitPieces(uint32_t first, uint32_t ending) {
    Emit(Kind::kStem, first);
    Emit(Kind::kEnding, ending);
  }

  void Close(uint64_t word) {
    negated_ -= negated_ > 0;
    if (internal::kNegations.Has(word)) negated_ = kNegationReach;
    Follow(word);
  }

  // Of an emote "channelHype" only the tail is known; it weighs as much as what is not.
  void EmitTail(uint64_t hash) {
    for (int i = 0; i < 3; ++i) Emit(Kind::kWord, hash);
  }

  // Of what is said again the pair tells nothing new.
  void Follow(uint64_t place) {
    if (place == before_) return;
    Emit(Kind::kPair, internal::Step(before_, place));
    before_ = place;
  }

  void Finish() {
    if (before_ != internal::Place(Mark::kBegin)) Follow(internal::Place(Mark::kEnd));
    if (questions_ > 0) EmitCount(Mark::kQuestions, questions_);
    if (emphasis_.exclamations > 0) EmitCount(Mark::kExclamations, emphasis_.exclamations);
    if (asking_) Emit(Kind::kMark, Mark::kAsking);
    if (trails_off_) Emit(Kind::kMark, Mark::kTrailingOff);
  }

  void EmitCount(Mark first, int count) {
    Emit(Kind::kMark, static_cast<Mark>(static_cast<uint64_t>(first) + std::min(count, 3) - 1));
  }

  Sink& sink_;
  std::string_view text_;
  size_t at_ = 0;
  uint64_t before_ = internal::Place(Mark::kBegin);
  int negated_ = 0;
  int questions_ = 0;
  bool asking_ = false;
  bool trails_off_ = false;
  Emphasis emphasis_;
};

template <typename Sink>
Emphasis ReadFeatures(std::string_view text, Sink&& sink) {
  return FeatureReader<std::remove_reference_t<Sink>>(sink).Read(text);
}

}  // namespace stream::sentiment
