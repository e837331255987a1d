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
  kPiece = 5,     // five characters of a word in a row, its ends count as characters
  kSymbol = 6,    // an emoji, or a character of a script without blanks
  kSymbols = 7,   // two of the latter
  kEmoticon = 8,  // what stands between blanks and is no plain word
  kMark = 9,      // see Mark
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
  int letters = 0;
  int capitals = 0;
};

namespace internal {

constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;

constexpr uint64_t Step(uint64_t hash, uint64_t character) { return (hash + character + 1) * kOdd; }

constexpr uint64_t Hash(std::string_view ascii) {
  uint64_t hash = 0;
  for (const char c : ascii) hash = Step(hash, static_cast<unsigned char>(c));
  return hash;
}

// All bits of the result depend on all bits of the hash.
constexpr uint64_t Feature(Kind kind, uint64_t hash) {
  hash += static_cast<uint64_t>(kind) * 0xA24BAED4963EE407;
  hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93;
  return (hash ^ hash >> 29) * kOdd;
}

constexpr uint64_t Place(Mark mark) { return ~static_cast<uint64_t>(mark); }

constexpr bool Negates(uint64_t word) {
  switch (word) {
    case Hash("not"):
    case Hash("no"):
    case Hash("never"):
    case Hash("nothing"):
    case Hash("without"):
    case Hash("hardly"):
    case Hash("aint"):
    case Hash("arent"):
    case Hash("cant"):
    case Hash("couldnt"):
    case Hash("didnt"):
    case Hash("doesnt"):
    case Hash("dont"):
    case Hash("isnt"):
    case Hash("wasnt"):
    case Hash("wont"):
    case Hash("wouldnt"):
      return true;
    default:
      return false;
  }
}

}  // namespace internal

// Reads a line once, from its first byte to its last, and calls sink(feature) for each feature in
// it. It keeps no character longer than the word that it is in, and none outside of registers.
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
  static constexpr int kPieceCharacters = 5;
  static constexpr uint64_t kPieceMask = (uint64_t{1} << 8 * kPieceCharacters) - 1;

  struct Word {
    uint64_t twice = 0;    // runs cut to two characters
    uint64_t once = 0;     // to one
    uint64_t exact = 0;    // as it is
    uint64_t letters = 0;  // digits that look like letters are letters
    uint64_t tail = 0;     // from the last capital after a small letter: the emote of a channel
    int tail_size = 0;
    uint64_t window = ' ';
    int size = 1;  // of what went through the window
    int run = 0;
    uint32_t last = 0;
    uint32_t last_symbol = 0;
    bool has_tail = false;
    bool small_before = false;
    bool has_letter = false;
    bool has_digit = false;
    bool has_capital = false;
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
    if (text_.substr(at_, 4) == "www.") return SkipToken(Mark::kLink);
    bool plain = true;
    while (at_ < text_.size() && !IsBlank(text_[at_])) {
      const Character c = CharacterAt(text_, at_);
      if (c.type == Type::kLetter || c.type == Type::kDigit || c.type == Type::kIdeograph) {
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
    uint64_t hash = 0;
    char last = 0;
    for (const char c : token) {
      if (c != last) hash = internal::Step(hash, static_cast<unsigned char>(c));
      last = c;
    }
    Emit(Kind::kEmoticon, hash);
    return hash;
  }

  void ReadWord() {
    Word word;
    int room = kWordCharacters;
    while (at_ < text_.size()) {
      const Character c = CharacterAt(text_, at_);
      if (c.type == Type::kApostrophe || c.type == Type::kIgnored) {
        at_ += c.bytes;
        continue;
      }
      if (c.type != Type::kLetter && c.type != Type::kDigit && c.type != Type::kIdeograph) break;
      at_ += c.bytes;
      if (room > 0) Take(c, word);
      --room;
    }
    asking_ = false;
    Push(' ', word);
    Close(word);
  }

  void Take(const Character& c, Word& word) {
    word.exact = internal::Step(word.exact, c.code);
    word.has_letter |= c.type != Type::kDigit;
    word.has_digit |= c.type == Type::kDigit;
    word.has_capital |= c.capital;
    emphasis_.letters += c.type == Type::kLetter;
    emphasis_.capitals += c.capital;
    if (c.capital && word.small_before) {
      word.has_tail = true;
      word.tail = 0;
      word.tail_size = 0;
    }
    word.small_before = !c.capital;
    word.run = c.folded == word.last ? word.run + 1 : 1;
    word.last = c.folded;
    if (word.run > 2) {
      word.elongated = true;
      return;
    }
    word.twice = internal::Step(word.twice, c.folded);
    if (word.run == 1) word.once = internal::Step(word.once, c.folded);
    const uint32_t letter = c.type == Type::kDigit ? LetterLike(c.code) : c.folded;
    word.letters = internal::Step(word.letters, letter);
    word.tail = internal::Step(word.tail, c.folded);
    ++word.tail_size;
    if (c.type == Type::kIdeograph) TakeIdeograph(c.code, word);
    Push(letter, word);
  }

  // Scripts without blanks have no words to look up: single characters and two in a row do.
  void TakeIdeograph(uint32_t code, Word& word) {
    Emit(Kind::kSymbol, code);
    if (word.last_symbol != 0) {
      Emit(Kind::kSymbols, internal::Step(internal::Step(0, word.last_symbol), code));
    }
    word.last_symbol = code;
  }

  void Push(uint32_t character, Word& word) {
    const uint64_t byte = character < 0x80 ? character : character * internal::kOdd >> 56;
    word.window = word.window << 8 | byte;
    if (++word.size >= kPieceCharacters) Emit(Kind::kPiece, word.window & kPieceMask);
  }

  void Close(const Word& word) {
    if (!word.has_letter) {
      Emit(Kind::kExact, word.exact);
      Emit(Kind::kMark, Mark::kNumber);
      return Follow(internal::Place(Mark::kNumber));
    }
    uint64_t hash = word.has_digit ? word.letters : word.twice;
    Emit(negated_ > 0 ? Kind::kNegated : Kind::kWord, hash);
    if (word.elongated) {
      ++emphasis_.elongated;
      hash = word.once;
      Emit(negated_ > 0 ? Kind::kNegated : Kind::kWord, hash);
    }
    if (word.has_capital || word.has_digit) Emit(Kind::kExact, word.exact);
    if (word.has_tail && word.tail_size > 1) EmitTail(word.tail);
    negated_ -= negated_ > 0;
    if (internal::Negates(hash)) negated_ = kNegationReach;
    Follow(hash);
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
