// JSON that has one meaning only, for texts that decide who may do what.
#pragma once
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace common::rpc {

// The object that `text` holds. nullopt for any other value or malformed text, a member name that
// occurs twice in one object, a number beyond double, or more than 16 levels.
std::optional<nlohmann::json> ParseStrictObject(std::string_view text);

// The text of a member; nullopt when it is absent or no string.
std::optional<std::string> TextMember(const nlohmann::json& object, const char* name);

}  // namespace common::rpc
