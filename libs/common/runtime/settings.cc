#include "libs/common/runtime/settings.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <absl/strings/str_cat.h>

#include "libs/common/rpc/key_file.h"

namespace common::runtime {

std::vector<std::string> Check(const ServerSettings& settings, const std::string& prefix) {
  constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};
  const std::string& shared_key = settings.auth_hs256_key.Reveal();
  const std::string& keys_file = settings.auth_keys_file;
  std::vector<std::string> errors;
  if (std::find(kLogLevels.begin(), kLogLevels.end(), settings.log_level) == kLogLevels.end()) {
    errors.push_back(prefix + "_LOG_LEVEL: must be debug, info, warning or error");
  }
  if (settings.auth_mode != "token" && settings.auth_mode != "insecure") {
    errors.push_back(prefix + "_AUTH_MODE: must be token or insecure");
  }
  if (settings.auth_mode == "token" && shared_key.empty() && keys_file.empty()) {
    errors.push_back(absl::StrCat(prefix, "_AUTH_HS256_KEY or ", prefix,
                                  "_AUTH_KEYS_FILE: auth mode token needs a key"));
  }
  if (!shared_key.empty() && shared_key.size() < rpc::TokenKey::kSharedBytesMin) {
    errors.push_back(prefix + "_AUTH_HS256_KEY: at least 32 bytes are required");
  }
  if (!keys_file.empty()) {
    const absl::Status status = rpc::KeyFile(keys_file).ReadIfChanged()->status();
    if (!status.ok()) {
      errors.push_back(absl::StrCat(prefix, "_AUTH_KEYS_FILE: ", status.message()));
    }
  }
  return errors;
}

}  // namespace common::runtime
