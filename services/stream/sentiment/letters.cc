#include "services/stream/sentiment/letters.h"

namespace stream::sentiment {
namespace {

struct Range {
  uint32_t first, last;
  constexpr bool Has(uint32_t code) const { return code >= first && code <= last; }
};

constexpr Range kAlphabets[] = {
    {0xAA, 0xAA},     {0xB5, 0xB5}, {0xBA, 0xBA}, {0xC0, 0x24F},  // Latin
    {0x370, 0x52F},                                               // Greek, Cyrillic
    {0x531, 0x10FF},   // Armenian to Georgian: Hebrew, Arabic, Indic, Thai
    {0x1E00, 0x1FFF},  // Vietnamese and more
};
constexpr Range kIdeographs[] = {
    {0x1100, 0x11FF}, {0x3040, 0x30FF}, {0x3105, 0x318F},   {0x31F0, 0x31FF},
    {0x3400, 0x9FFF}, {0xAC00, 0xD7AF}, {0x20000, 0x3FFFF},
};
constexpr Range kPunctuation[] = {{0x80, 0xA0}, {0x2010, 0x2027}, {0x3000, 0x303F}};
constexpr Range kIgnored[] = {
    {0x200B, 0x200F}, {0xFE00, 0xFE0F}, {0x1F3FB, 0x1F3FF}, {0xE0000, 0xE0FFF}};

template <size_t kSize>
constexpr bool Has(const Range (&ranges)[kSize], uint32_t code) {
  for (const Range& range : ranges) {
    if (range.Has(code)) return true;
  }
  return false;
}

// U+00C0 to U+00FF without accents; people leave them out in chat.
constexpr std::string_view kLatin =
    "aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty";

constexpr Range kCapitals[] = {{0xC0, 0xDE}, {0x391, 0x3A9}, {0x400, 0x42F}};

constexpr uint32_t Fold(uint32_t code) {
  if (code >= 0xC0 && code <= 0xFF) return static_cast<unsigned char>(kLatin[code - 0xC0]);
  if (code >= 0x100 && code <= 0x17F) return code | 1;
  if ((code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F)) return code + 32;
  if (code >= 0x400 && code <= 0x40F) return code + 80;
  return code;
}

struct Decoded {
  uint32_t code = 0;
  uint8_t bytes = 0;  // 0: not UTF-8
};

Decoded Decode(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const uint8_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < bytes) return {};
  uint32_t code = lead & (0x7F >> bytes);
  for (uint8_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xC0) != 0x80) return {};
    code = code << 6 | (byte & 0x3F);
  }
  return {code, bytes};
}

}  // namespace

Character WideCharacterAt(std::string_view text, size_t at) {
  const auto [code, bytes] = Decode(text, at);
  if (bytes == 0) return {0xFFFD, 0xFFFD, Type::kPunctuation, 1};
  if (code == 0x2018 || code == 0x2019) return {code, code, Type::kApostrophe, bytes};
  // Full-width forms of ASCII.
  if (code >= 0xFF01 && code <= 0xFF5E) {
    Character narrow = kAscii[code - 0xFEE0];
    narrow.bytes = bytes;
    return narrow;
  }
  if (Has(kIgnored, code)) return {code, code, Type::kIgnored, bytes};
  if (Has(kIdeographs, code)) return {code, code, Type::kIdeograph, bytes};
  if (Has(kPunctuation, code)) return {code, code, Type::kPunctuation, bytes};
  if (Has(kAlphabets, code)) {
    return {code, Fold(code), Type::kLetter, bytes, Has(kCapitals, code)};
  }
  return {code, code, Type::kSymbol, bytes};
}

}  // namespace stream::sentiment
