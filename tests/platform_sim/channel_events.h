// Events of Twitch's channels beside broadcasts and chat, key for key as the platform writes them.
// Pure but for the ids that it draws.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

struct ChannelEvent {
  std::string_view type;  // "channel.follow", …
  const User& broadcaster;
  const Chatter& actor;            // who follows, cheers, raids, …
  bool is_anonymous = false;       // cheers and gifts only
  const std::string& notice_type;  // of a chat notification, "sub_gift", …
  common::Time now{};
};

// An ordinary event of that type; nullopt when this knows no such type.
std::optional<Json> MakeEvent(const ChannelEvent& event);
Json AuthorizationRevokeEvent(const std::string& client_id, const User& user);

}  // namespace platform_sim
