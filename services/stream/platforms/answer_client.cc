#include "services/stream/platforms/answer_client.h"

#include <algorithm>
#include <utility>

#include "services/stream/errors.h"

namespace stream::platforms {
namespace {

using common::config::Secret;
using ingest::JsonReader;
using ingest::UnescapeBuffer;

constexpr int64_t kLongestLife = 10LL * 365 * 24 * 3600;  // seconds; what is longer never ends
constexpr size_t kMaxScopes = 100;

void AddScopes(std::string_view text, std::vector<std::string>& scopes) {
  while (!text.empty() && scopes.size() < kMaxScopes) {
    const std::string_view scope = text.substr(0, text.find(' '));
    if (!scope.empty()) scopes.emplace_back(scope);
    text.remove_prefix(std::min(text.size(), scope.size() + 1));
  }
}

void ReadScopes(JsonReader& json, std::vector<std::string>& scopes) {
  std::string_view text;
  if (json.Null()) return;
  if (json.Peek() == '[') {
    json.Array([&] {
      if (json.String(text)) AddScopes(text, scopes);
    });
  } else if (json.String(text)) {
    AddScopes(text, scopes);
  }
}

}  // namespace

absl::StatusOr<common::http::Response> Ask(common::http::Client& http,
                                           const common::http::OutgoingRequest& request) {
  auto response = http.Send(request);
  if (response.ok()) return response;
  return common::errors::Make(kPlatformUnavailable, "the platform did not answer");
}

absl::StatusOr<common::http::Response> PostForm(common::http::Client& http, std::string url,
                                                const common::http::Params& form) {
  return Ask(http, {.method = "POST",
                    .url = std::move(url),
                    .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                    .body = common::http::FormEncode(form)});
}

Secret ReadSecret(JsonReader& json) {
  std::string_view raw;
  UnescapeBuffer buffer;
  if (!json.String(raw)) return {};
  const auto text = buffer.Unescape(raw);
  return text ? Secret(std::string(*text)) : Secret();
}

std::optional<Tokens> ReadTokens(const std::string& body, common::Time now) {
  Tokens tokens;
  int64_t seconds = 0;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key == "access_token") {
      tokens.access = ReadSecret(json);
    } else if (key == "refresh_token") {
      if (!json.Null()) tokens.refresh = ReadSecret(json);
    } else if (key == "expires_in") {
      json.Int(seconds);
    } else if (key == "scope") {
      ReadScopes(json, tokens.scopes);
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || tokens.access.empty()) return std::nullopt;
  tokens.expires_at = now + std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLongestLife));
  return tokens;
}

std::string_view FindText(const std::string& body, std::string_view member) {
  std::string_view text;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key == member && json.Peek() == '"') {
      json.String(text);
    } else {
      json.Skip();
    }
  });
  return json.Finish() ? text : std::string_view();
}

}  // namespace stream::platforms
