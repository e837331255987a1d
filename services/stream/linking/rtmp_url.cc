#include "services/stream/linking/rtmp_url.h"

#include <algorithm>

namespace stream::linking {
namespace {

constexpr std::string_view kMask = "****";

struct Parts {
  std::string_view scheme;  // with "://"
  std::string_view host;    // with its port
  std::string_view path;    // from its slash to the query
};

Parts Split(std::string_view url) {
  Parts parts;
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return parts;
  parts.scheme = url.substr(0, scheme + 3);
  std::string_view rest = url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const size_t slash = std::min(rest.find('/'), rest.size());
  parts.host = rest.substr(0, slash);
  parts.path = rest.substr(slash);
  // What stands before an @ is a user and a password.
  const size_t at = parts.host.rfind('@');
  if (at != std::string_view::npos) parts.host.remove_prefix(at + 1);
  return parts;
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
}

}  // namespace

bool IsRtmpUrl(std::string_view url) {
  const Parts parts = Split(url);
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char c) { return c > 32 && c < 127; });
  return printable && (parts.scheme == "rtmp://" || parts.scheme == "rtmps://") &&
         !parts.host.empty() && parts.host.front() != ':' &&
         std::all_of(parts.host.begin(), parts.host.end(), IsHostCharacter) &&
         parts.path.size() > 1;
}

std::string MaskRtmpUrl(std::string_view url) {
  const Parts parts = Split(url);
  // The application is the first of several segments; a key may have slashes itself.
  const size_t end = parts.path.find('/', 1);
  const bool has_key = end != std::string_view::npos && end + 1 < parts.path.size();
  const std::string_view shown = has_key ? parts.path.substr(0, end + 1) : std::string_view("/");
  return std::string(parts.scheme) + std::string(parts.host) + std::string(shown) +
         std::string(kMask);
}

}  // namespace stream::linking
