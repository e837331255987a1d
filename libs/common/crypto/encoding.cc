#include "libs/common/crypto/encoding.h"

#include <array>
#include <cstdint>

namespace common::crypto {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using ReverseTable = std::array<int8_t, 256>;

constexpr ReverseTable Reverse(std::string_view alphabet) {
  ReverseTable table{};
  for (int8_t& value : table) value = -1;
  for (size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  }
  return table;
}

constexpr ReverseTable ReverseHex() {
  ReverseTable table = Reverse(kHex);
  for (int8_t i = 0; i < 6; ++i) table[static_cast<size_t>('A' + i)] = static_cast<int8_t>(10 + i);
  return table;
}

constexpr ReverseTable kFromHex = ReverseHex();
constexpr ReverseTable kFromStandard = Reverse(kStandard);
constexpr ReverseTable kFromUrlSafe = Reverse(kUrlSafe);

std::string Encode64(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    for (count += 8; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63];
  return out;
}

// `text` without padding. A length of 4n+1, a foreign character or a non-zero rest of bits is
// refused.
std::optional<std::string> Decode64(std::string_view text, const ReverseTable& reverse) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int8_t value = reverse[static_cast<uint8_t>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    out += kHex[static_cast<uint8_t>(byte) >> 4];
    out += kHex[static_cast<uint8_t>(byte) & 15];
  }
  return out;
}

std::optional<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int8_t high = kFromHex[static_cast<uint8_t>(text[i])];
    const int8_t low = kFromHex[static_cast<uint8_t>(text[i + 1])];
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string Base64Encode(std::string_view bytes) {
  std::string out = Encode64(bytes, kStandard);
  out.resize((out.size() + 3) / 4 * 4, '=');
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  // At most two: a third would leave 4n+1 characters, which Decode64 refuses.
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return Decode64(text, kFromStandard);
}

std::string Base64UrlEncode(std::string_view bytes) { return Encode64(bytes, kUrlSafe); }

std::optional<std::string> Base64UrlDecode(std::string_view text) {
  return Decode64(text, kFromUrlSafe);
}

}  // namespace common::crypto
