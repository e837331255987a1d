#include "services/stream/platforms/eventsub.h"

#include <algorithm>
#include <set>

namespace stream::platforms {
namespace {

// An application that reads chat needs the reader's and the broadcaster's consent; here both are
// the channel's owner.
constexpr std::array<std::string_view, 3> kChatScopes = {"user:read:chat", "user:bot",
                                                         "channel:bot"};

constexpr EventType Of(std::string_view name, std::string_view version, std::string_view scope) {
  return {name, version, Condition::kBroadcaster, {scope}};
}

constexpr EventType kTypes[] = {
    {"stream.online", "1"},
    {"stream.offline", "1"},
    {"channel.chat.message", "1", Condition::kUser, kChatScopes},
    {"channel.raid", "1", Condition::kRaided},
    {"channel.update", "2"},
    {"channel.chat.notification", "1", Condition::kUser, kChatScopes},
    {"channel.follow", "2", Condition::kModerator, {"moderator:read:followers"}},
    Of("channel.subscribe", "1", "channel:read:subscriptions"),
    Of("channel.subscription.gift", "1", "channel:read:subscriptions"),
    Of("channel.subscription.message", "1", "channel:read:subscriptions"),
    Of("channel.subscription.end", "1", "channel:read:subscriptions"),
    Of("channel.cheer", "1", "bits:read"),
    Of("channel.bits.use", "1", "bits:read"),
    Of("channel.hype_train.begin", "2", "channel:read:hype_train"),
    Of("channel.hype_train.progress", "2", "channel:read:hype_train"),
    Of("channel.hype_train.end", "2", "channel:read:hype_train"),
    Of("channel.moderator.add", "1", "moderation:read"),
    Of("channel.moderator.remove", "1", "moderation:read"),
    Of("channel.vip.add", "1", "channel:read:vips"),
    Of("channel.vip.remove", "1", "channel:read:vips"),
    Of("channel.channel_points_custom_reward_redemption.add", "1", "channel:read:redemptions"),
    Of("channel.poll.begin", "1", "channel:read:polls"),
    Of("channel.poll.progress", "1", "channel:read:polls"),
    Of("channel.poll.end", "1", "channel:read:polls"),
    Of("channel.prediction.begin", "1", "channel:read:predictions"),
    Of("channel.prediction.progress", "1", "channel:read:predictions"),
    Of("channel.prediction.lock", "1", "channel:read:predictions"),
    Of("channel.prediction.end", "1", "channel:read:predictions"),
};

bool IsGranted(const EventType& type, std::span<const std::string> scopes) {
  return std::all_of(type.scopes.begin(), type.scopes.end(), [&](std::string_view scope) {
    return scope.empty() || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
  });
}

bool IsOf(const Subscription& subscription, const EventType& type) {
  return subscription.type == type.name && subscription.version == type.version;
}

}  // namespace

std::span<const EventType> EventTypes() { return kTypes; }

std::string ScopesOfAllTypes() {
  std::string scopes;
  std::set<std::string_view> seen;
  for (const EventType& type : kTypes) {
    for (const std::string_view scope : type.scopes) {
      if (scope.empty() || !seen.insert(scope).second) continue;
      if (!scopes.empty()) scopes += ' ';
      scopes += scope;
    }
  }
  return scopes;
}

bool IsAlive(const Subscription& subscription) {
  return subscription.status == "enabled" ||
         subscription.status == "webhook_callback_verification_pending";
}

SubscriptionPlan PlanSubscriptions(std::span<const std::string> scopes,
                                   std::span<const Subscription> actual, bool renew) {
  SubscriptionPlan plan;
  std::vector<bool> wanted_by_none(actual.size(), true);
  for (const EventType& type : kTypes) {
    if (!IsGranted(type, scopes)) continue;
    bool found = false;
    for (size_t i = 0; i < actual.size() && !renew; ++i) {
      if (found || !IsOf(actual[i], type) || !IsAlive(actual[i])) continue;
      found = true;
      wanted_by_none[i] = false;
      ++plan.kept;
    }
    if (!found) plan.create.push_back(&type);
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    if (wanted_by_none[i]) plan.remove.push_back(actual[i].id);
  }
  return plan;
}

SubscriptionPlan PlanFarewell(std::span<const Subscription> actual) {
  SubscriptionPlan plan;
  for (const Subscription& subscription : actual) plan.remove.push_back(subscription.id);
  return plan;
}

}  // namespace stream::platforms
