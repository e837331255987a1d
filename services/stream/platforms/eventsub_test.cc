#include "services/stream/platforms/eventsub.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace stream::platforms {
namespace {

constexpr const char* kCallback = "https://stream.example.net/hook";

std::vector<std::string> AllScopes() {
  std::vector<std::string> scopes;
  for (const EventType& type : EventTypes()) {
    for (const std::string_view scope : type.scopes) {
      if (!scope.empty()) scopes.emplace_back(scope);
    }
  }
  return scopes;
}

Subscription Of(const EventType& type, std::string id, std::string status = "enabled") {
  return {.id = std::move(id),
          .status = std::move(status),
          .type = std::string(type.name),
          .version = std::string(type.version),
          .callback = kCallback};
}

// What there is after a plan was carried out on it.
std::vector<Subscription> Carried(const SubscriptionPlan& plan, std::vector<Subscription> actual) {
  std::erase_if(actual, [&](const Subscription& subscription) {
    return std::count(plan.remove.begin(), plan.remove.end(), subscription.id) > 0;
  });
  int made = 0;
  for (const EventType* type : plan.create) {
    actual.push_back(Of(*type, "made" + std::to_string(made++)));
  }
  return actual;
}

std::multiset<std::string> TypesOf(const std::vector<Subscription>& subscriptions) {
  std::multiset<std::string> types;
  for (const Subscription& subscription : subscriptions) {
    types.insert(subscription.type + " " + subscription.version);
  }
  return types;
}

TEST(EventsubTest, EachTypeIsThereOnceAndTheMostImportantComeFirst) {
  std::set<std::string_view> names;
  for (const EventType& type : EventTypes()) EXPECT_TRUE(names.insert(type.name).second);
  EXPECT_EQ(EventTypes()[0].name, "stream.online");
  EXPECT_EQ(EventTypes()[1].name, "stream.offline");
  EXPECT_EQ(EventTypes()[2].name, "channel.chat.message");
}

TEST(EventsubTest, AsksForTheScopesOfAllTypesOnce) {
  const std::string asked = " " + ScopesOfAllTypes() + " ";
  for (const std::string& scope : AllScopes()) {
    const size_t at = asked.find(" " + scope + " ");
    ASSERT_NE(at, std::string::npos) << scope;
    EXPECT_EQ(asked.find(" " + scope + " ", at + 1), std::string::npos) << scope;
  }
}

TEST(EventsubTest, ARefusedScopeDropsOnlyItsTypes) {
  auto scopes = AllScopes();
  std::erase(scopes, "channel:bot");
  for (const EventType* type : PlanSubscriptions(scopes, {}, false).create) {
    EXPECT_FALSE(type->name.starts_with("channel.chat.")) << type->name;
  }
  EXPECT_EQ(PlanSubscriptions(scopes, {}, false).create.size(), EventTypes().size() - 2);
  // Those that need none.
  EXPECT_EQ(PlanSubscriptions({}, {}, false).create.size(), 4u);
}

// From any state, with any scopes, carrying out the plan gives one live subscription of each type
// that is allowed and nothing else, and then there is nothing left to do.
TEST(EventsubTest, APlanLeadsToWhatIsWanted) {
  const auto all_scopes = AllScopes();
  const char* const statuses[] = {"enabled",
                                  "enabled",
                                  "webhook_callback_verification_pending",
                                  "webhook_callback_verification_failed",
                                  "notification_failures_exceeded",
                                  "authorization_revoked",
                                  "a_status_of_tomorrow"};
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> scopes;
    for (const std::string& scope : all_scopes) {
      if (random() % 4 != 0) scopes.push_back(scope);
    }
    std::vector<Subscription> actual;
    for (size_t i = random() % 60; i > 0; --i) {
      const EventType& type = EventTypes()[random() % EventTypes().size()];
      actual.push_back(Of(type, std::to_string(i), statuses[random() % std::size(statuses)]));
      if (random() % 10 == 0) actual.back().version = "0";
      if (random() % 10 == 0) actual.back().type = "a.type.of.yesterday";
    }
    const SubscriptionPlan plan = PlanSubscriptions(scopes, actual, random() % 5 == 0);
    const auto after = Carried(plan, actual);
    std::multiset<std::string> wanted;
    for (const EventType* type : PlanSubscriptions(scopes, {}, false).create) {
      wanted.insert(std::string(type->name) + " " + std::string(type->version));
    }
    ASSERT_EQ(TypesOf(after), wanted) << seed;
    ASSERT_TRUE(std::all_of(after.begin(), after.end(), IsAlive)) << seed;
    const SubscriptionPlan again = PlanSubscriptions(scopes, after, false);
    ASSERT_TRUE(again.create.empty() && again.remove.empty()) << seed;
    ASSERT_EQ(again.kept, wanted.size()) << seed;
  }
}

TEST(EventsubTest, RenewingKeepsNothing) {
  const std::vector<Subscription> actual = {Of(EventTypes()[0], "a"), Of(EventTypes()[1], "b")};
  const SubscriptionPlan plan = PlanSubscriptions({}, actual, true);
  EXPECT_EQ(plan.remove, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plan.kept, 0u);
  EXPECT_EQ(PlanFarewell(actual).remove, plan.remove);
  EXPECT_TRUE(PlanFarewell(actual).create.empty());
}

}  // namespace
}  // namespace stream::platforms
