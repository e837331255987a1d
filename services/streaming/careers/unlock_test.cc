#include "services/streaming/careers/unlock.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streaming::careers {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::vector<std::string> CodesAt(const Stats& stats, const SessionResult& session = {},
                                 uint64_t watch_seconds = 0) {
  std::vector<std::string> codes;
  for (const Unlock& unlock :
       Unlocked({.stats = stats, .watch_seconds = watch_seconds, .session = session})) {
    codes.push_back(unlock.entry_code);
  }
  return codes;
}

Stats WithGrowth(uint64_t thousandths) {
  Stats stats;
  stats.growth[0] = thousandths;
  return stats;
}

TEST(UnlockTest, NothingBeforeTheFirstStreamAndThenThat) {
  EXPECT_TRUE(CodesAt({}).empty());
  EXPECT_THAT(CodesAt({.sessions = 1}), ElementsAre("first_stream"));
}

TEST(UnlockTest, CountsAreUnlockedWhereTheyAreReachedAndNotBefore) {
  for (const uint32_t count : {10u, 100u, 1000u, 10000u}) {
    const std::string code = std::to_string(count) + "_followers";
    EXPECT_THAT(CodesAt({.followers = count - 1}), Not(Contains(code)));
    EXPECT_THAT(CodesAt({.followers = count}), Contains(code));
  }
  for (const uint32_t hours : {10u, 100u, 1000u}) {
    const std::string code = std::to_string(hours) + "_stream_hours";
    EXPECT_THAT(CodesAt({.live_seconds = hours * 3600 - 1}), Not(Contains(code)));
    EXPECT_THAT(CodesAt({.live_seconds = hours * 3600}), Contains(code));
  }
  for (const auto& [trains, code] : std::vector<std::pair<uint32_t, std::string>>{
           {1, "first_hype_train"}, {10, "10_hype_trains"}, {100, "100_hype_trains"}}) {
    EXPECT_THAT(CodesAt({.hype_trains = trains - 1}), Not(Contains(code)));
    EXPECT_THAT(CodesAt({.hype_trains = trains}), Contains(code));
  }
  for (const auto& [growth, code] :
       std::vector<std::pair<uint64_t, std::string>>{{5000, "rising_streamer"},
                                                     {25000, "popular_streamer"},
                                                     {100000, "celebrity_streamer"},
                                                     {500000, "legend_streamer"}}) {
    EXPECT_THAT(CodesAt(WithGrowth(growth - 1)), Not(Contains(code)));
    EXPECT_THAT(CodesAt(WithGrowth(growth)), Contains(code));
  }
}

TEST(UnlockTest, WatchHoursAreThoseOfTheAudience) {
  EXPECT_THAT(CodesAt({}, {}, 1000 * 3600 - 1), Not(Contains("1000_watch_hours")));
  EXPECT_THAT(CodesAt({}, {}, 1000 * 3600), Contains("1000_watch_hours"));
  EXPECT_THAT(CodesAt({.live_seconds = 1000 * 3600}), Not(Contains("1000_watch_hours")));
}

TEST(UnlockTest, LegendaryIsBeyondLevelFive) {
  EXPECT_THAT(CodesAt({}, {.hype_peaks = {4, 1}}),
              AllOf(Not(Contains("level_5_hype")), Not(Contains("legendary_hype"))));
  EXPECT_THAT(CodesAt({}, {.hype_peaks = {1, 5}}),
              AllOf(Contains("level_5_hype"), Not(Contains("legendary_hype"))));
  // Also in a game whose trains have three levels and then this.
  EXPECT_THAT(CodesAt({}, {.hype_peaks = {6}}),
              AllOf(Contains("level_5_hype"), Contains("legendary_hype")));
}

TEST(UnlockTest, LoyalAudienceIsHalfRegularsOfAtLeastTwenty) {
  const auto codes = [](const Gathering& gathering) {
    return CodesAt({}, {.gathering = gathering});
  };
  EXPECT_THAT(codes({.heads = 20, .regulars = 10}), Contains("loyal_audience"));
  EXPECT_THAT(codes({.heads = 20, .regulars = 9}), Not(Contains("loyal_audience")));
  EXPECT_THAT(codes({.heads = 19, .regulars = 19}), Not(Contains("loyal_audience")));
  EXPECT_THAT(codes({}), Not(Contains("loyal_audience")));
}

TEST(UnlockTest, DiverseViewersAreAHundredOfEvenTastes) {
  const auto codes = [](const Gathering& gathering) {
    return CodesAt({}, {.gathering = gathering});
  };
  EXPECT_THAT(codes({.heads = 100, .evenness = 0.95}), Contains("diverse_viewers"));
  EXPECT_THAT(codes({.heads = 99, .evenness = 1}), Not(Contains("diverse_viewers")));
  EXPECT_THAT(codes({.heads = 5000, .evenness = 0.949}), Not(Contains("diverse_viewers")));
}

TEST(UnlockTest, CriticsChooseWhoeverEngagedTenAudiences) {
  EXPECT_THAT(CodesAt({.acclaimed_sessions = 9}), Not(Contains("critics_choice")));
  EXPECT_THAT(CodesAt({.acclaimed_sessions = 10}), Contains("critics_choice"));
}

TEST(UnlockTest, AWorldFirstIsNamedByWhatTheGameSaidOfIt) {
  EXPECT_EQ(WorldFirstEntry("The Sunken City"), "discovered_the_sunken_city_on_stream");
  EXPECT_EQ(WorldFirstEntry("the  sunken city"), WorldFirstEntry("The Sunken City "));
  EXPECT_EQ(WorldFirstEntry("Discovered the Sunken City"), WorldFirstEntry("the Sunken City"));
  EXPECT_EQ(WorldFirstEntry("First dragon slain"), "first_dragon_slain_on_stream");
  EXPECT_EQ(WorldFirstEntry(""), kUnnamedWorldFirst);
  EXPECT_EQ(WorldFirstEntry("  "), kUnnamedWorldFirst);
}

TEST(UnlockTest, DescriptionsOfWhichMoreIsLostStayDifferentEntries) {
  const std::set<std::string> codes = {
      WorldFirstEntry("sunken city"),        WorldFirstEntry("sunken-city"),
      WorldFirstEntry("sunken city!"),       WorldFirstEntry("\xe6\xb2\x88"),
      WorldFirstEntry("\xe9\x83\xbd"),       WorldFirstEntry(std::string(500, 'a')),
      WorldFirstEntry(std::string(499, 'a'))};
  EXPECT_EQ(codes.size(), 7u);
}

TEST(UnlockTest, AnyBytesMakeASafeCodeAndTheSameOneAgain) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string description(1 + random() % 600, ' ');
    for (char& c : description) {
      c = static_cast<char>(i % 2 == 0 ? random() : " _-'aZ09FirstDiscovered"[random() % 23]);
    }
    const std::string code = WorldFirstEntry(description);
    EXPECT_EQ(code, WorldFirstEntry(description));
    EXPECT_LE(code.size(), kEntryCodeMax);
    EXPECT_TRUE(std::ranges::all_of(code, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    })) << code;
    EXPECT_TRUE(code.ends_with("_on_stream"));
  }
}

TEST(UnlockTest, WorldFirstsWithoutAMomentShareOneEntry) {
  EXPECT_THAT(CodesAt({}, {.world_firsts = 3, .world_first_descriptions = {"b", "a", "b"}}),
              ElementsAre("discovered_a_on_stream", "discovered_b_on_stream"));
  EXPECT_THAT(CodesAt({}, {.world_firsts = 4, .world_first_descriptions = {"a", "", "b"}}),
              ElementsAre("discovered_a_on_stream", "discovered_b_on_stream",
                          std::string(kUnnamedWorldFirst)));
  EXPECT_THAT(CodesAt({}, {.world_firsts = 2}), ElementsAre(std::string(kUnnamedWorldFirst)));
}

TEST(UnlockTest, CodesAreDifferentAndFit) {
  std::set<std::string_view> codes;
  for (const FixedEntry& entry : FixedEntries()) {
    EXPECT_TRUE(codes.insert(entry.code).second) << entry.code;
    EXPECT_LE(entry.code.size(), kEntryCodeMax);
  }
}

// What a designer reads is what the code does: every fixed code, and no other.
TEST(UnlockTest, ThePageListsTheCodes) {
  std::ifstream file("docs/careers.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("## Unlocks"), end = page.find("\n- **", begin);
  ASSERT_NE(end, std::string::npos);
  std::set<std::string> listed;
  const std::string section = page.substr(begin, end - begin);
  const std::regex code("`([a-z0-9_]+)`");
  for (std::sregex_iterator it(section.begin(), section.end(), code), last; it != last; ++it) {
    listed.insert((*it)[1]);
  }
  std::set<std::string> coded = {std::string(kUnnamedWorldFirst)};
  for (const FixedEntry& entry : FixedEntries()) coded.emplace(entry.code);
  EXPECT_EQ(listed, coded);
}

}  // namespace
}  // namespace streaming::careers
