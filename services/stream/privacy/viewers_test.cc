#include "services/stream/privacy/viewers.h"

#include <set>
#include <sstream>
#include <type_traits>

#include <gtest/gtest.h>

namespace stream::privacy {
namespace {

using common::Uuid;

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Printable<PersonalText>);
static_assert(!Printable<PlatformUserId>);
static_assert(!std::is_convertible_v<PersonalText, std::string_view>);
static_assert(!std::is_convertible_v<PlatformUserId, std::string_view>);

PlatformUserId Id(int number) { return *PlatformUserId::From(std::to_string(number)); }

RandomBits Counting() {
  return [next = std::make_shared<uint64_t>(0)] { return ++*next * 0x9E3779B97F4A7C15; };
}

TEST(PlatformUserId, TakesWhatFits) {
  EXPECT_FALSE(PlatformUserId::From(""));
  EXPECT_FALSE(PlatformUserId::From(std::string(33, '1')));
  EXPECT_TRUE(PlatformUserId::From(std::string(32, '1')));
  EXPECT_EQ(Id(7), Id(7));
  EXPECT_FALSE(Id(7) == Id(71));
}

TEST(Viewers, TheSameViewerKeepsTagAndTrackingId) {
  Viewers viewers({}, Counting());
  const Viewer first = viewers.See(Id(1), {.subscriber = true});
  const Viewer other = viewers.See(Id(2), {.subscriber = true});
  const Viewer again = viewers.See(Id(1), {.subscriber = true});
  EXPECT_EQ(first.contributor, again.contributor);
  EXPECT_EQ(first.tracked, again.tracked);
  EXPECT_NE(first.contributor, other.contributor);
  EXPECT_NE(first.tracked->id, other.tracked->id);
}

TEST(Viewers, TheHighestRoleThatIsTrackedDecides) {
  const auto type = [](TrackingRules rules, Roles roles) {
    const auto tracked = Viewers(rules, Counting()).See(Id(1), roles).tracked;
    return tracked ? std::optional(tracked->type) : std::nullopt;
  };
  const Roles all{.subscriber = true, .moderator = true, .vip = true};
  EXPECT_EQ(type({}, all), ViewerType::kModerator);
  EXPECT_EQ(type({.moderators = false}, all), ViewerType::kVip);
  EXPECT_EQ(type({}, {.subscriber = true}), ViewerType::kSubscriber);
  EXPECT_EQ(type({.subscribers = false}, {.subscriber = true}), std::nullopt);
  EXPECT_EQ(type({.max_tracked = 0}, all), std::nullopt);
  EXPECT_EQ(type({}, {}), std::nullopt);
}

TEST(Viewers, TrackingIdsAreBoundedAndTagsGoOn) {
  Viewers viewers({.max_tracked = 3}, Counting());
  std::set<uint64_t> tags;
  for (int i = 0; i < 10; ++i) tags.insert(viewers.See(Id(i), {.subscriber = true}).contributor);
  EXPECT_EQ(tags.size(), 10u);
  EXPECT_FALSE(tags.contains(0));
  EXPECT_EQ(viewers.tracked_count(), 3);
}

TEST(ViewerRegistry, ANewSessionKnowsNobody) {
  ViewerRegistry registry({}, Counting());
  const Uuid first = Uuid::V4();
  const Uuid second = Uuid::V4();
  const Viewer before = registry.See(first, Id(1), {.subscriber = true});
  EXPECT_NE(registry.See(second, Id(1), {.subscriber = true}).tracked, before.tracked);
  registry.Destroy(first);
  EXPECT_EQ(registry.TrackedCount(first), 0);
  EXPECT_NE(registry.See(first, Id(1), {.subscriber = true}).tracked, before.tracked);
  registry.Destroy(first);
  EXPECT_EQ(registry.Sessions(), std::vector{second});
  EXPECT_EQ(registry.TrackedCount(second), 1);
}

}  // namespace
}  // namespace stream::privacy
