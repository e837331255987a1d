// host:port, as a setting.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/config/settings.h"

namespace common::config {

struct Address {
  std::string host;
  int port = 0;  // 0 to 65535; 0 asks the system for a free one where it is listened on

  std::string ToString() const { return host + ":" + std::to_string(port); }
};

inline std::optional<std::string> ParseValue(Address& out, std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return "must be host:port";
  out.host = text.substr(0, colon);
  if (ParseValue(out.port, text.substr(colon + 1)) || out.port < 0 || out.port > 65535) {
    return "must be host:port with a port from 0 to 65535";
  }
  return std::nullopt;
}

}  // namespace common::config
