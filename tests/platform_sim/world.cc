#include "tests/platform_sim/world.h"

#include <algorithm>

#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {
namespace {

using common::http::FindParam;
using common::http::Params;
using common::http::Response;

constexpr int64_t kFirstUserId = 141'981'000;
constexpr size_t kPageSize = 100;  // more names in one query are refused, more streams are cut

bool Named(const Params& query, std::string_view id_key, std::string_view login_key,
           const User& user) {
  return std::any_of(query.begin(), query.end(), [&](const auto& param) {
    return (param.first == id_key && param.second == user.id) ||
           (param.first == login_key && param.second == user.login);
  });
}

Json ToJson(const User& user) {
  return {{"id", user.id},
          {"login", user.login},
          {"display_name", user.display_name},
          {"type", ""},
          {"broadcaster_type", "affiliate"},
          {"description", ""},
          {"profile_image_url", ""},
          {"offline_image_url", ""},
          {"view_count", 0},
          {"created_at", FormatSeconds(user.created_at)}};
}

Json ToStreamJson(const User& user) {
  const LiveStream& live = *user.live;
  return {{"id", live.id},
          {"user_id", user.id},
          {"user_login", user.login},
          {"user_name", user.display_name},
          {"game_id", "509658"},
          {"game_name", "Just Chatting"},
          {"type", "live"},
          {"title", live.title},
          {"viewer_count", live.viewer_count},
          {"started_at", FormatSeconds(live.started_at)},
          {"language", "en"},
          {"thumbnail_url", ""},
          {"tag_ids", Json::array()},
          {"tags", Json::array({"English"})},
          {"is_mature", false}};
}

}  // namespace

const User* World::AddUser(std::string id, std::string login, std::string display_name,
                           common::Time now) {
  if (id.empty()) id = std::to_string(kFirstUserId + static_cast<int64_t>(users_.size()));
  if (login.empty() || users_.size() >= kMaxUsers || FindById(id) || FindByLogin(login)) {
    return nullptr;
  }
  if (display_name.empty()) display_name = login;
  return &users_.emplace_back(User{.id = std::move(id),
                                   .login = std::move(login),
                                   .display_name = std::move(display_name),
                                   .created_at = now});
}

User* World::FindById(std::string_view id) {
  const auto found =
      std::find_if(users_.begin(), users_.end(), [&](const User& user) { return user.id == id; });
  return found == users_.end() ? nullptr : &*found;
}

const User* World::FindByLogin(std::string_view login) const {
  const auto found = std::find_if(users_.begin(), users_.end(),
                                  [&](const User& user) { return user.login == login; });
  return found == users_.end() ? nullptr : &*found;
}

const User* World::NextUser() {
  return users_.empty() ? nullptr : &users_[next_++ % users_.size()];
}

Response World::Users(const Params& query, std::string_view self) const {
  if (query.size() > kPageSize) return HelixError(400, "too many users");
  const bool named = FindParam(query, "id") || FindParam(query, "login");
  Json data = Json::array();
  for (const User& user : users_) {
    if (named ? Named(query, "id", "login", user) : user.id == self) data.push_back(ToJson(user));
  }
  return Answer(200, {{"data", std::move(data)}});
}

Response World::Streams(const Params& query) const {
  const bool named = FindParam(query, "user_id") || FindParam(query, "user_login");
  Json data = Json::array();
  for (const User& user : users_) {
    if (!user.live || data.size() == kPageSize) continue;
    if (!named || Named(query, "user_id", "user_login", user)) data.push_back(ToStreamJson(user));
  }
  return Answer(200, {{"data", std::move(data)}, {"pagination", Json::object()}});
}

}  // namespace platform_sim
