// Bearer tokens: what an identity service issues, and what a forger tries instead.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "libs/common/base/uuid.h"

namespace story {

// Signs the tokens of every daemon that a test starts.
inline constexpr const char* kAuthKey = "0123456789abcdef0123456789abcdef";

// What a good token claims. It is valid for an hour.
nlohmann::json Claims(const common::Uuid& account, const std::vector<std::string>& roles,
                      const std::vector<std::string>& states = {});

// A JSON Web Token. `algorithm` stands in its header: HS384 and HS512 sign by it, "none" leaves the
// signature empty, and whatever else it says, the token is signed with HS256.
std::string Sign(const nlohmann::json& claims, std::string_view key = kAuthKey,
                 const std::string& algorithm = "HS256");

}  // namespace story
