// What the parts of the control API share: how its bodies are read and its answers written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/common/http/message.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

inline constexpr int64_t kMaxViewers = 10'000'000;

inline common::http::Response NotFound() { return common::http::ErrorResponse(404); }
inline common::http::Response Malformed() { return common::http::ErrorResponse(400); }
inline common::http::Response Queued(size_t count) { return Answer(202, {{"queued", count}}); }

// The texts of a member that is a list of at most `max`; nullopt when it is anything else.
std::optional<std::vector<std::string>> TextsOf(const Json& object, const char* key, size_t max);

// The chatter of a body: login, and optionally user_id, display_name and badges; nullopt when there
// is no login or the badges are no list.
std::optional<Chatter> ChatterOf(const Json& body);

}  // namespace platform_sim
