// The bodies of EventSub messages, key for key as the platform writes them. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tests/platform_sim/json.h"
#include "tests/platform_sim/subscriptions.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

struct Chatter {
  std::string user_id;
  std::string login;
  std::string display_name;
  std::vector<std::string> badges;  // "subscriber", "moderator", "vip", "premium", …
};

Json OnlineEvent(const User& broadcaster);
Json OfflineEvent(const User& broadcaster);
// `bits` > 0 makes it a cheer, with "CheerN " before the text.
Json ChatEvent(const User& broadcaster, const Chatter& chatter, std::string_view text, int64_t bits,
               std::string message_id);

// Whole bodies.
std::string NotificationBody(const Subscription& subscription, Json event);
std::string ChallengeBody(const Subscription& subscription, const std::string& challenge);
std::string RevocationBody(const Subscription& subscription);

}  // namespace platform_sim
