// JSON in the dialects of the platforms' errors. Keys keep their order, as on the wire.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libs/common/http/message.h"

namespace platform_sim {

using Json = nlohmann::ordered_json;

common::http::Response Answer(int status, const Json& body);
// id.twitch.tv: {"status":400,"message":"…"}
common::http::Response OAuthError(int status, std::string_view message);
// api.twitch.tv: {"error":"Bad Request","status":400,"message":"…"}
common::http::Response HelixError(int status, std::string_view message);
// oauth2.googleapis.com: {"error":"invalid_grant","error_description":"…"}
common::http::Response GoogleOAuthError(int status, std::string_view error,
                                        std::string_view description);
// www.googleapis.com: {"error":{"code":403,"message":"…","errors":[{…,"reason":"…"}]}}
common::http::Response GoogleError(int status, std::string_view domain, std::string_view reason,
                                   std::string_view message);

// nullopt unless `text` is one JSON object; an empty text is an empty object.
std::optional<Json> ParseObject(std::string_view text);
// The member when it is a string (else ""), a number (else `fallback`) clamped to [low, high], or a
// truth (else `fallback`).
std::string TextOf(const Json& object, const char* key);
int64_t NumberOf(const Json& object, const char* key, int64_t fallback, int64_t low, int64_t high);
bool TruthOf(const Json& object, const char* key, bool fallback);

}  // namespace platform_sim
