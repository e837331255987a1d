#include "tests/platform_sim/ids.h"

#include <charconv>
#include <cstdint>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

namespace platform_sim {

namespace {

std::string Random(size_t size, std::string_view alphabet) {
  std::string text = common::crypto::RandomBytes(size);
  for (char& c : text) c = alphabet[static_cast<uint8_t>(c) % alphabet.size()];
  return text;
}

}  // namespace

std::string RandomToken(size_t size) {
  return Random(size, "abcdefghijklmnopqrstuvwxyz0123456789");
}

std::string RandomId(size_t size) {
  return Random(size, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

std::string RandomDigits(size_t size) {
  return Random(1, "123456789") + Random(size - 1, "0123456789");
}

std::string ToCursor(size_t position) {
  return common::crypto::Base64UrlEncode(std::to_string(position));
}

size_t FromCursor(std::string_view cursor) {
  const std::string text = common::crypto::Base64UrlDecode(cursor).value_or("");
  size_t position = 0;
  std::from_chars(text.data(), text.data() + text.size(), position);
  return position;
}

std::string FormatNanos(std::chrono::system_clock::time_point time) {
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time - micros).count();
  std::string text = common::FormatTime(micros);
  text.pop_back();  // the Z
  const std::string digits = std::to_string(1000 + rest).substr(1);
  text += digits;
  for (int dropped = 0; dropped < 2 && text.back() == '0'; ++dropped) text.pop_back();
  return text + 'Z';
}

std::string FormatSeconds(common::Time time) {
  return common::FormatTime(time).substr(0, 19) + 'Z';
}

std::string FormatOffset(common::Time time, int digits) {
  std::string text = common::FormatTime(time);
  text.pop_back();  // the Z
  if (digits == 0) text.resize(19);
  if (digits == 9) text += "000";
  return text + "+00:00";
}

}  // namespace platform_sim
