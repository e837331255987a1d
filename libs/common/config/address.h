// host:port, as a setting, and a list of them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/config/settings.h"

namespace common::config {

struct Address {
  std::string host;
  int port = 0;  // 0 to 65535; 0 asks the system for a free one where it is listened on

  std::string ToString() const { return host + ":" + std::to_string(port); }
  bool operator==(const Address&) const = default;
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

// With commas between, at least one.
inline std::optional<std::string> ParseValue(std::vector<Address>& out, std::string_view text) {
  std::vector<std::string> parts;
  if (auto problem = ParseValue(parts, text)) return problem;
  out.clear();
  if (parts.empty()) return "must be host:port";
  for (const std::string& part : parts) {
    if (auto problem = ParseValue(out.emplace_back(), part)) return problem;
  }
  return std::nullopt;
}

}  // namespace common::config
