#include "libs/common/runtime/settings.h"

namespace common::runtime {

std::vector<std::string> Check(const ServerSettings& settings, const std::string& prefix) {
  constexpr size_t kKeyBytesMin = 32;
  std::vector<std::string> errors;
  if (settings.auth_mode != "token" && settings.auth_mode != "insecure") {
    errors.push_back(prefix + "_AUTH_MODE: must be token or insecure");
  }
  if (settings.auth_mode == "token" && settings.auth_hs256_key.Reveal().size() < kKeyBytesMin) {
    errors.push_back(prefix + "_AUTH_HS256_KEY: at least 32 bytes are required in auth mode token");
  }
  return errors;
}

}  // namespace common::runtime
