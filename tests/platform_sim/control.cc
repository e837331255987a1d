#include "tests/platform_sim/control.h"

#include <functional>

namespace platform_sim {

std::optional<std::vector<std::string>> TextsOf(const Json& object, const char* key, size_t max) {
  const auto found = object.find(key);
  std::vector<std::string> texts;
  if (found == object.end()) return texts;
  if (!found->is_array() || found->size() > max) return std::nullopt;
  for (const Json& text : *found) {
    if (!text.is_string()) return std::nullopt;
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::optional<Chatter> ChatterOf(const Json& body) {
  constexpr size_t kMaxBadges = 10;
  auto badges = TextsOf(body, "badges", kMaxBadges);
  if (!badges || TextOf(body, "login").empty()) return std::nullopt;
  Chatter chatter{.user_id = TextOf(body, "user_id"),
                  .login = TextOf(body, "login"),
                  .display_name = TextOf(body, "display_name"),
                  .badges = *std::move(badges)};
  if (chatter.display_name.empty()) chatter.display_name = chatter.login;
  if (chatter.user_id.empty()) {
    // The same login must be the same person in every call.
    chatter.user_id =
        std::to_string(800'000'000 + std::hash<std::string>()(chatter.login) % 99'999'999);
  }
  return chatter;
}

}  // namespace platform_sim
