// Characters of a chat line: which are letters, and which letter each of them is to a reader who
// does not care for case and accents.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stream::sentiment {

enum class Type : uint8_t {
  kBlank,
  kLetter,
  kDigit,
  kIdeograph,   // of a script that puts no blanks between words
  kApostrophe,  // within a word it is nothing
  kIgnored,     // joins and colours emoji
  kSymbol,
  kPunctuation,
};

struct Character {
  uint32_t code = 0;
  uint32_t folded = 0;
  Type type = Type::kPunctuation;
  uint8_t bytes = 1;
  bool capital = false;

  // A byte that tells it from the others of its alphabet.
  constexpr uint8_t byte() const { return Narrow(code); }
  constexpr uint8_t folded_byte() const { return Narrow(folded); }

  static constexpr uint8_t Narrow(uint32_t code) {
    return static_cast<uint8_t>(code < 0x80 ? code : code | 0x80);
  }
};

constexpr bool IsOfWord(Type type) {
  return type == Type::kLetter || type == Type::kDigit || type == Type::kIdeograph;
}

constexpr bool IsBlank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }
constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "n00b" and "tr4sh" are meant to be read.
constexpr uint8_t LetterLike(uint8_t digit) {
  constexpr std::string_view kLetters = "oizeasgt89";
  return digit >= '0' && digit <= '9' ? static_cast<uint8_t>(kLetters[digit - '0']) : digit;
}

constexpr std::array<Character, 128> kAscii = [] {
  std::array<Character, 128> table;
  for (uint32_t code = 0; code < table.size(); ++code) {
    const char c = static_cast<char>(code);
    const bool capital = c >= 'A' && c <= 'Z';
    Type type = Type::kPunctuation;
    if (IsBlank(c)) type = Type::kBlank;
    if (IsLetter(c)) type = Type::kLetter;
    if (c >= '0' && c <= '9') type = Type::kDigit;
    if (c == '\'') type = Type::kApostrophe;
    table[code] = {code, capital ? code + 32 : code, type, 1, capital};
  }
  return table;
}();

// A character beyond ASCII; any bytes, a wrong one is punctuation.
Character WideCharacterAt(std::string_view text, size_t at);

inline Character CharacterAt(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  return byte < 0x80 ? kAscii[byte] : WideCharacterAt(text, at);
}

// A word of up to eight letters of ASCII without a run of three, as most words are, in the bytes of
// a number, the first letter lowest.
struct ShortWord {
  int size = 0;      // 0: there is none, read the word by its characters
  int capitals = 0;  // none, all, or some number between
  uint64_t exact = 0;
  uint64_t lower = 0;
  uint64_t tail = 0;  // from the last capital after a small letter on, in small letters
};

namespace internal {

// The bytes at a place; beyond the end they are 0.
inline uint64_t EightBytes(std::string_view text, size_t at) {
  uint64_t bytes = 0;
  if (text.size() - at >= sizeof(bytes)) {
    std::memcpy(&bytes, text.data() + at, sizeof(bytes));
  } else if (text.size() >= sizeof(bytes)) {
    std::memcpy(&bytes, text.data() + text.size() - sizeof(bytes), sizeof(bytes));
    bytes >>= 8 * (at + sizeof(bytes) - text.size());
  } else {
    for (size_t i = text.size(); i > at; --i) {
      bytes = bytes << 8 | static_cast<unsigned char>(text[i - 1]);
    }
  }
  return bytes;
}

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kHigh = 0x80 * kEach;

// The high bit of each byte that is first to last; of bytes below 0x80.
constexpr uint64_t Between(uint64_t bytes, char first, char last) {
  return (bytes + (0x80 - first) * kEach) & ~(bytes + (0x7F - last) * kEach) & kHigh;
}

}  // namespace internal

[[gnu::always_inline]] inline ShortWord ShortWordAt(std::string_view text, size_t at) {
  using internal::kHigh;
  const uint64_t bytes = internal::EightBytes(text, at);
  const uint64_t low = bytes & ~kHigh;
  const uint64_t capitals = internal::Between(low, 'A', 'Z') & ~bytes;
  const uint64_t letters = capitals | (internal::Between(low, 'a', 'z') & ~bytes);
  ShortWord word;
  const int size = std::countr_zero(~letters & kHigh) / 8;
  if (size == 0) return word;
  if (at + size < text.size()) {
    const auto next = static_cast<unsigned char>(text[at + size]);
    if (next >= 0x80 || IsOfWord(kAscii[next].type) || next == '\'') return word;
  }
  const uint64_t mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
  word.exact = bytes & mask;
  word.lower = word.exact | (capitals & mask) >> 2;
  // A byte is zero in these where a letter is the same as the next one.
  const uint64_t unlike = (word.lower ^ word.lower >> 8) & (mask >> 8);
  const uint64_t like = ~(((unlike & ~kHigh) + ~kHigh) | unlike | ~kHigh) & (mask >> 8);
  if ((like & like >> 8) != 0) return word;
  word.size = size;
  if ((capitals & mask) == 0) return word;
  word.capitals = (capitals & mask) == (kHigh & mask) ? size : 1;
  const uint64_t turns = capitals & mask & (letters & ~capitals) << 8;
  if (turns != 0) {
    const int from = (63 - std::countl_zero(turns)) / 8;
    if (from + 1 < size) word.tail = word.lower >> 8 * from;
  }
  return word;
}

}  // namespace stream::sentiment
