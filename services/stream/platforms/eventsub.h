// EventSub subscriptions of Twitch: which there are, what a user must have granted for each, and
// what has to change so that a channel has those that it should. Pure. Source: Twitch's reference
// of EventSub subscription types and scopes.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stream::platforms {

// What a subscription is about, besides the channel as broadcaster_user_id.
enum class Condition {
  kBroadcaster,  // nothing else
  kModerator,    // the channel as moderator_user_id, too
  kUser,         // the channel as user_id, too: who reads the chat
  kRaided,       // instead: the channel as to_broadcaster_user_id
};

struct EventType {
  std::string_view name;
  std::string_view version;
  Condition condition = Condition::kBroadcaster;
  std::array<std::string_view, 3> scopes = {};  // all of them; empty ones mean nothing
};

// The most important first: when there is no room for all, the last ones are missing.
std::span<const EventType> EventTypes();

// Of the whole application, under no link: users who withdraw their grant.
inline constexpr EventType kUserRevoked{"user.authorization.revoke", "1"};

// What LinkPlatform asks for: the scopes of all types, separated by spaces.
std::string ScopesOfAllTypes();

// A subscription as Twitch lists it.
struct Subscription {
  std::string id;
  std::string status;
  std::string type;
  std::string version;
  std::string callback;
};

// Live, or about to be; any other status, known or not, is dead for good.
bool IsAlive(const Subscription& subscription);

struct SubscriptionPlan {
  std::vector<std::string> remove;  // ids; to be carried out first
  std::vector<const EventType*> create;
  size_t kept = 0;
};
// Makes `actual`, all of which call one link back, what they should be: one of each type that
// `scopes` allow. `renew`: those that exist are of no use, for example since the secret changed.
SubscriptionPlan PlanSubscriptions(std::span<const std::string> scopes,
                                   std::span<const Subscription> actual, bool renew);
// For a link that wants none any more.
SubscriptionPlan PlanFarewell(std::span<const Subscription> actual);

}  // namespace stream::platforms
