// Characters of a chat line: which are letters, and which letter each of them is to a reader who
// does not care for case and accents.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
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
};

constexpr bool IsBlank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }
constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "n00b" and "tr4sh" are meant to be read.
constexpr uint32_t LetterLike(uint32_t digit) {
  constexpr std::string_view kLetters = "oizeasgt89";
  return digit >= '0' && digit <= '9' ? static_cast<unsigned char>(kLetters[digit - '0']) : digit;
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

}  // namespace stream::sentiment
