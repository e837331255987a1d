#include "libs/common/http/url.h"

#include <cstdint>

#include "libs/common/crypto/encoding.h"

namespace common::http {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string UrlEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() * 3);
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
    } else {
      out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[static_cast<uint8_t>(c) & 15]};
    }
  }
  return out;
}

std::optional<std::string> UrlDecode(std::string_view text, Plus plus) {
  std::string out;
  // Never grows past this, so that no copy of a secret parameter stays behind on the heap.
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::kSpace) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const std::optional<std::string> byte = crypto::HexDecode(text.substr(i + 1, 2));
      if (!byte || byte->empty()) return std::nullopt;
      out += *byte;
      i += 2;
    }
  }
  return out;
}

std::string FormEncode(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    if (!out.empty()) out += '&';
    out += UrlEncode(name) + '=' + UrlEncode(value);
  }
  return out;
}

std::optional<Params> FormDecode(std::string_view text) {
  Params params;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string_view tail =
        equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    std::optional<std::string> name = UrlDecode(part.substr(0, equals), Plus::kSpace);
    std::optional<std::string> value = UrlDecode(tail, Plus::kSpace);
    if (!name || !value || params.size() == kMaxParams) return std::nullopt;
    params.emplace_back(*std::move(name), *std::move(value));
  }
  return params;
}

std::optional<std::string_view> FindParam(const Params& params, std::string_view name) {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return std::nullopt;
}

}  // namespace common::http
