#include "tests/platform_sim/world.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {
namespace {

using common::http::FindParam;
using common::http::Params;
using common::http::Response;

constexpr int64_t kFirstUserId = 141'981'000;
constexpr size_t kPageSize = 100;  // the most of a page; more names in one query are refused
constexpr size_t kDefaultPageSize = 20;

bool Named(const Params& query, std::string_view id_key, std::string_view login_key,
           const User& user) {
  return std::any_of(query.begin(), query.end(), [&](const auto& param) {
    return (param.first == id_key && param.second == user.id) ||
           (param.first == login_key && param.second == user.login);
  });
}

size_t PageSizeOf(const Params& query) {
  size_t size = kDefaultPageSize;
  const std::string_view text = FindParam(query, "first").value_or("");
  std::from_chars(text.data(), text.data() + text.size(), size);
  return std::clamp<size_t>(size, 1, kPageSize);
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

bool IsChannelId(std::string_view text) {
  return text.size() == 24 && text.starts_with("UC") &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

const User* World::AddUser(User user) {
  if (user.id.empty()) user.id = std::to_string(kFirstUserId + static_cast<int64_t>(users_.size()));
  if (user.login.empty() || users_.size() >= kMaxUsers || FindById(user.id) ||
      FindByLogin(user.login) || FindByChannel(user.youtube_channel_id)) {
    return nullptr;
  }
  if (user.display_name.empty()) user.display_name = user.login;
  return &users_.emplace_back(std::move(user));
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

const User* World::FindByChannel(std::string_view youtube_channel_id) const {
  if (youtube_channel_id.empty()) return nullptr;
  const auto found = std::find_if(users_.begin(), users_.end(), [&](const User& user) {
    return user.youtube_channel_id == youtube_channel_id;
  });
  return found == users_.end() ? nullptr : &*found;
}

const User* World::NextUser() {
  return users_.empty() ? nullptr : &users_[next_++ % users_.size()];
}

const User* World::NextChannelOwner() {
  for (size_t tried = 0; tried < users_.size(); ++tried) {
    const User& user = users_[next_owner_++ % users_.size()];
    if (!user.youtube_channel_id.empty()) return &user;
  }
  return nullptr;
}

void World::Retitle(std::string_view id, std::string title) {
  User* const user = FindById(id);
  if (user != nullptr && user->live) user->live->title = std::move(title);
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
  const size_t begin = FromCursor(FindParam(query, "after").value_or(""));
  const size_t size = PageSizeOf(query);
  Json data = Json::array();
  size_t total = 0;
  for (const User& user : users_) {
    if (!user.live || (named && !Named(query, "user_id", "user_login", user))) continue;
    if (total >= begin && data.size() < size) data.push_back(ToStreamJson(user));
    ++total;
  }
  Json pagination = Json::object();
  const size_t end = begin + data.size();
  if (end < total) pagination["cursor"] = ToCursor(end);
  return Answer(200, {{"data", std::move(data)}, {"pagination", std::move(pagination)}});
}

}  // namespace platform_sim
