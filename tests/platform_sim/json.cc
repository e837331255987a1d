#include "tests/platform_sim/json.h"

#include <algorithm>

namespace platform_sim {
namespace {

std::string_view ReasonOf(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

common::http::Response Answer(int status, const Json& body) {
  // Callers may have sent us bytes that are not UTF-8; dump would throw.
  return common::http::JsonResponse(status,
                                    body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

common::http::Response OAuthError(int status, std::string_view message) {
  return Answer(status, {{"status", status}, {"message", message}});
}

common::http::Response HelixError(int status, std::string_view message) {
  return Answer(status, {{"error", ReasonOf(status)}, {"status", status}, {"message", message}});
}

common::http::Response GoogleOAuthError(int status, std::string_view error,
                                        std::string_view description) {
  return Answer(status, {{"error", error}, {"error_description", description}});
}

common::http::Response GoogleError(int status, std::string_view domain, std::string_view reason,
                                   std::string_view message) {
  const Json detail = {{"message", message}, {"domain", domain}, {"reason", reason}};
  return Answer(
      status,
      {{"error", {{"code", status}, {"message", message}, {"errors", Json::array({detail})}}}});
}

std::optional<Json> ParseObject(std::string_view text) {
  if (text.empty()) return Json::object();
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t NumberOf(const Json& object, const char* key, int64_t fallback, int64_t low, int64_t high) {
  const auto found = object.find(key);
  const bool given = found != object.end() && found->is_number_integer();
  return std::clamp(given ? found->get<int64_t>() : fallback, low, high);
}

bool TruthOf(const Json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

}  // namespace platform_sim
