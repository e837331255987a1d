#include "tests/platform_sim/ids.h"

#include <cstdint>

#include "libs/common/crypto/digest.h"

namespace platform_sim {

std::string RandomToken(size_t size) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string token = common::crypto::RandomBytes(size);
  for (char& c : token) c = kAlphabet[static_cast<uint8_t>(c) % kAlphabet.size()];
  return token;
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

}  // namespace platform_sim
