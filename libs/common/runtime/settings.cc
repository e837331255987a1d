#include "libs/common/runtime/settings.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace common::runtime {

std::vector<std::string> Check(const ServerSettings& settings, const std::string& prefix) {
  constexpr size_t kKeyBytesMin = 32;
  constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};
  std::vector<std::string> errors;
  if (std::find(kLogLevels.begin(), kLogLevels.end(), settings.log_level) == kLogLevels.end()) {
    errors.push_back(prefix + "_LOG_LEVEL: must be debug, info, warning or error");
  }
  if (settings.auth_mode != "token" && settings.auth_mode != "insecure") {
    errors.push_back(prefix + "_AUTH_MODE: must be token or insecure");
  }
  if (settings.auth_mode == "token" && settings.auth_hs256_key.Reveal().size() < kKeyBytesMin) {
    errors.push_back(prefix + "_AUTH_HS256_KEY: at least 32 bytes are required in auth mode token");
  }
  return errors;
}

}  // namespace common::runtime
