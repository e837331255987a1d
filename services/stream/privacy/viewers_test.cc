#include "services/stream/privacy/viewers.h"

#include <map>
#include <random>
#include <set>
#include <sstream>
#include <type_traits>

#include <gtest/gtest.h>

namespace stream::privacy {
namespace {

using common::Time;
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
  EXPECT_FALSE(PlatformUserId::From(std::string(65, '1')));
  EXPECT_TRUE(PlatformUserId::From(std::string(64, '1')));
  EXPECT_EQ(Id(7), Id(7));
  EXPECT_FALSE(Id(7) == Id(71));
}

constexpr uint32_t kChats = 1;

Time At(int second) { return common::FromMicros(1'700'000'000'000'000 + second * 1'000'000LL); }

Sighting Chats(RoleNews roles, int second = 0, uint32_t kinds = kChats) {
  return {.roles = roles, .kinds = kinds, .at = At(second)};
}
constexpr RoleNews kSubscriber{.subscriber = true};

TEST(Engagement, GrowsWithWhatOneDoesAndFadesWithSilence) {
  Engagement engagement;
  EXPECT_EQ(engagement.Score(At(0)), 0);
  double before = 0;
  for (int i = 0; i < 50; ++i) {
    engagement.Take(kChats, At(i));
    const double score = engagement.Score(At(i));
    EXPECT_GT(score, before);
    EXPECT_LT(score, 0.8);  // one way of taking part is not all there is
    before = score;
  }
  engagement.Take(2, At(50));
  EXPECT_GT(engagement.Score(At(50)), before + 0.09);
  EXPECT_LT(engagement.Score(At(1800)), engagement.Score(At(900)));
  EXPECT_LT(engagement.Score(At(36'000)), 0.2);
  EXPECT_GT(engagement.Score(At(36'000)), 0);
}

TEST(Engagement, ATimeBeforeTheLastIsNow) {
  Engagement engagement;
  engagement.Take(kChats, At(100));
  const double score = engagement.Score(At(100));
  EXPECT_EQ(engagement.Score(At(0)), score);
  engagement.Take(kChats, At(0));
  EXPECT_GT(engagement.Score(At(100)), score);
}

TEST(Viewers, TheSameViewerKeepsTagAndTrackingId) {
  Viewers viewers({}, Counting());
  const Viewer first = viewers.See(Id(1), Chats(kSubscriber));
  const Viewer other = viewers.See(Id(2), Chats(kSubscriber));
  const Viewer again = viewers.See(Id(1), Chats(kSubscriber, 60));
  EXPECT_EQ(first.contributor, again.contributor);
  EXPECT_EQ(first.tracked, again.tracked);
  EXPECT_NE(first.contributor, other.contributor);
  EXPECT_NE(first.tracked->id, other.tracked->id);
  EXPECT_EQ(ReignOf(first.contributor), ReignOf(other.contributor));
}

TEST(Viewers, TheHighestRoleThatIsTrackedDecides) {
  const auto type = [](TrackingRules rules, RoleNews roles) {
    const auto tracked = Viewers(rules, Counting()).See(Id(1), Chats(roles)).tracked;
    return tracked ? std::optional(tracked->type) : std::nullopt;
  };
  RoleNews all{
      .subscriber = true, .moderator = true, .vip = true, .raid_leader = true, .returner = true};
  EXPECT_EQ(type({}, all), ViewerType::kRaidLeader);
  EXPECT_EQ(type({.raid_leaders = false}, all), ViewerType::kModerator);
  EXPECT_EQ(type({.moderators = false, .raid_leaders = false}, all), ViewerType::kVip);
  EXPECT_EQ(type({}, {.subscriber = true, .returner = true}), ViewerType::kSubscriber);
  EXPECT_EQ(type({.subscribers = false}, {.subscriber = true, .returner = true}),
            ViewerType::kReturner);
  EXPECT_EQ(type({.subscribers = false}, {.subscriber = true}), std::nullopt);
  EXPECT_EQ(type({.max_tracked = 0}, all), std::nullopt);
  EXPECT_EQ(type({}, {}), std::nullopt);
}

TEST(Viewers, WhoTakesPartALotIsTracked) {
  Viewers viewers({.high_engagement = 0.7}, Counting());
  int lines = 0;
  std::optional<Tracked> tracked;
  while (!tracked && lines < 100) {
    tracked = viewers.See(Id(1), Chats({}, lines, 1u << (lines % 2))).tracked;
    ++lines;
  }
  EXPECT_GT(lines, 5);
  EXPECT_LT(lines, 20);
  ASSERT_TRUE(tracked);
  EXPECT_EQ(tracked->type, ViewerType::kHighEngager);
  // Later, and quieter: still somebody's whom the game has met.
  EXPECT_EQ(viewers.See(Id(1), Chats({}, 3600)).tracked, tracked);
  EXPECT_EQ(Viewers({.high_engagement = 0.1}, Counting()).See(Id(2), Chats({})).tracked->type,
            ViewerType::kHighEngager);
}

TEST(Viewers, RolesComeAndGo) {
  Viewers viewers({}, Counting());
  // Made a moderator before saying anything.
  EXPECT_TRUE(viewers.See(Id(1), {.roles = {.moderator = true}, .at = At(0)}).tracked);
  const auto moderator = viewers.See(Id(1), Chats({}));
  EXPECT_EQ(moderator.tracked->type, ViewerType::kModerator);
  const auto after = viewers.See(Id(1), Chats({.moderator = false, .vip = true}));
  EXPECT_EQ(after.tracked->type, ViewerType::kVip);
  EXPECT_EQ(after.tracked->id, moderator.tracked->id);
  EXPECT_EQ(viewers.See(Id(1), Chats({.vip = false})).tracked->type, ViewerType::kHighEngager);
}

TEST(Viewers, ARareTypeIsNotTold) {
  Viewers viewers({.min_group = 3}, Counting());
  const auto see = [&](int id, RoleNews roles) { return viewers.See(Id(id), Chats(roles)); };
  EXPECT_EQ(see(1, kSubscriber).tracked->type, ViewerType::kHighEngager);
  EXPECT_EQ(see(2, kSubscriber).tracked->type, ViewerType::kHighEngager);
  EXPECT_EQ(see(3, kSubscriber).tracked->type, ViewerType::kSubscriber);
  EXPECT_EQ(see(1, {}).tracked->type, ViewerType::kSubscriber);
  EXPECT_EQ(see(4, {.moderator = true}).tracked->type, ViewerType::kHighEngager);
  // One of the three is no subscriber any more.
  see(2, {.subscriber = false});
  EXPECT_EQ(see(1, {}).tracked->type, ViewerType::kHighEngager);
}

TEST(Viewers, TheLeastEngagedGivesWay) {
  Viewers viewers({.max_tracked = 3}, Counting());
  std::map<int, common::Uuid> ids;
  for (int id = 1; id <= 3; ++id) {
    for (int line = 0; line <= id; ++line) {
      ids[id] = viewers.See(Id(id), Chats(kSubscriber, line)).tracked->id;
    }
  }
  // No more engaged than the least: all stay.
  EXPECT_FALSE(viewers.See(Id(4), Chats(kSubscriber, 5)).tracked);
  std::optional<Tracked> newcomer;
  for (int line = 0; line < 6; ++line) {
    newcomer = viewers.See(Id(4), Chats(kSubscriber, 6 + line * 2)).tracked;
  }
  ASSERT_TRUE(newcomer);
  EXPECT_EQ(viewers.tracked_count(), 3);
  EXPECT_TRUE(viewers.See(Id(3), Chats({}, 20)).tracked);
  EXPECT_FALSE(viewers.See(Id(1), Chats({}, 20)).tracked);
  // Whoever earns their place back is found under the same id.
  std::optional<Tracked> back;
  for (int line = 0; line < 30; ++line) back = viewers.See(Id(1), Chats({}, 25 + line * 2)).tracked;
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, ids[1]);
  EXPECT_EQ(viewers.tracked_count(), 3);
}

TEST(Viewers, TrackingIdsAreBoundedAndTagsGoOn) {
  Viewers viewers({.max_tracked = 3}, Counting());
  std::set<uint64_t> tags;
  for (int i = 0; i < 10; ++i) tags.insert(viewers.See(Id(i), Chats(kSubscriber)).contributor);
  EXPECT_EQ(tags.size(), 10u);
  EXPECT_FALSE(tags.contains(0));
  EXPECT_EQ(viewers.tracked_count(), 3);
}

TEST(Viewers, TheSilentLeaveRoomForThoseWhoSpeak) {
  Viewers viewers({}, Counting());
  int id = 0;
  const auto fill = [&](Sighting sighting) {
    int taken = 0;
    while (viewers.See(Id(++id), sighting).contributor != 0) ++taken;
    return taken;
  };
  const Sighting role{.roles = {.vip = true}, .kinds = 0, .speaks = false, .at = At(0)};
  EXPECT_EQ(fill(role), static_cast<int>(Viewers::kMaxRolesOnly));
  const Sighting follow{.roles = {}, .kinds = 2, .speaks = false, .at = At(0)};
  // One of the former follows: another's role may be learnt.
  EXPECT_NE(viewers.See(Id(1), follow).contributor, 0u);
  EXPECT_EQ(fill(role), 1);
  EXPECT_EQ(fill(follow), static_cast<int>(Viewers::kMaxSilent - Viewers::kMaxRolesOnly - 1));
  const Sighting line{.roles = {}, .kinds = 1, .speaks = true, .at = At(0)};
  EXPECT_EQ(fill(line), static_cast<int>(Viewers::kMaxViewers - Viewers::kMaxSilent));
  // The known go on.
  EXPECT_NE(viewers.See(Id(1), line).contributor, 0u);
}

TEST(Viewers, AnythingMayHappenWithinTheBounds) {
  std::mt19937 random(7);
  Viewers viewers({.max_tracked = 5, .high_engagement = 0.5, .min_group = 2}, Counting());
  std::map<int, common::Uuid> ids;
  for (int step = 0; step < 20'000; ++step) {
    const int id = static_cast<int>(random() % 40);
    const auto maybe = [&]() -> std::optional<bool> {
      return random() % 20 == 0 ? std::optional(random() % 2 == 0) : std::nullopt;
    };
    const RoleNews roles{maybe(), maybe(), maybe(), maybe(), maybe()};
    const Viewer viewer =
        viewers.See(Id(id), Chats(roles, step / 10, random() % 3 == 0 ? 0 : 1u << random() % 9));
    ASSERT_NE(viewer.contributor, 0u);
    ASSERT_LE(viewers.tracked_count(), 5);
    if (!viewer.tracked) continue;
    ASSERT_EQ(ids.try_emplace(id, viewer.tracked->id).first->second, viewer.tracked->id);
  }
  EXPECT_EQ(viewers.tracked_count(), 5);
}

TEST(ViewerRegistry, ANewSessionKnowsNobody) {
  ViewerRegistry registry({}, Counting());
  const Uuid first = Uuid::V4();
  const Uuid second = Uuid::V4();
  const auto see = [&](const Uuid& session) {
    return registry.See(session, Id(1), Chats(kSubscriber));
  };
  const Viewer before = see(first);
  const Viewer other = see(second);
  EXPECT_NE(other.tracked, before.tracked);
  EXPECT_NE(ReignOf(other.contributor), ReignOf(before.contributor));
  EXPECT_TRUE(registry.Knows(first, Id(1)));
  registry.Destroy(first);
  EXPECT_FALSE(registry.Knows(first, Id(1)));
  EXPECT_EQ(registry.TrackedCount(first), 0);
  EXPECT_NE(see(first).tracked, before.tracked);
  registry.Destroy(first);
  EXPECT_EQ(registry.Sessions(), std::vector{second});
  EXPECT_EQ(registry.TrackedCount(second), 1);
}

}  // namespace
}  // namespace stream::privacy
