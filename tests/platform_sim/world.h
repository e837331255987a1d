// The people of both platforms and what they broadcast at Twitch. Not thread-safe: PlatformSim
// holds the lock.
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
  std::string youtube_channel_id = {};  // empty: has no channel there
  std::optional<LiveStream> live = std::nullopt;
};

// "UC" and 22 characters of base64url.
bool IsChannelId(std::string_view text);

class World {
 public:
  // Null when the id, login or channel is taken or the world is full. An empty id is drawn; an
  // empty display name is the login.
  const User* AddUser(User user);

  User* FindById(std::string_view id);
  const User* FindByLogin(std::string_view login) const;
  const User* FindByChannel(std::string_view youtube_channel_id) const;
  // Every call the next user in the order of their making; null when there is none.
  const User* NextUser();
  // The same among those who have a channel at YouTube.
  const User* NextChannelOwner();

  // Of what the user has live, if anything.
  void Retitle(std::string_view id, std::string title);

  // GET /helix/users: by `id` and `login`, else `self` (empty: nobody).
  common::http::Response Users(const common::http::Params& query, std::string_view self) const;
  // GET /helix/streams: the live ones, all of them or by `user_id` and `user_login`, in pages of
  // `first` entries from `after` on.
  common::http::Response Streams(const common::http::Params& query) const;

 private:
  std::deque<User> users_;  // a deque, so that pointers stay valid as it grows
  size_t next_ = 0;
  size_t next_owner_ = 0;
};

}  // namespace platform_sim
