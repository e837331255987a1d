// The people of the platform and what they broadcast. Not thread-safe: PlatformSim holds the lock.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"

namespace platform_sim {

inline constexpr size_t kMaxUsers = 10'000;

struct LiveStream {
  std::string id;
  std::string title;
  int64_t viewer_count = 0;
  common::Time started_at{};
};

struct User {
  std::string id;
  std::string login;
  std::string display_name;
  common::Time created_at{};
  std::optional<LiveStream> live = std::nullopt;
};

class World {
 public:
  // Null when the id or login is taken or the world is full. An empty id is drawn.
  const User* AddUser(std::string id, std::string login, std::string display_name,
                      common::Time now);

  User* FindById(std::string_view id);
  const User* FindByLogin(std::string_view login) const;
  // Every call the next user in the order of their making; null when there is none.
  const User* NextUser();

  // GET /helix/users: by `id` and `login`, else `self` (empty: nobody).
  common::http::Response Users(const common::http::Params& query, std::string_view self) const;
  // GET /helix/streams: the live ones, all of them or by `user_id` and `user_login`.
  common::http::Response Streams(const common::http::Params& query) const;

 private:
  std::deque<User> users_;  // a deque, so that pointers stay valid as it grows
  size_t next_ = 0;
};

}  // namespace platform_sim
