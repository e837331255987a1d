#include "services/streaming/simulation/facts.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streaming::simulation {
namespace {

using testing::HasSubstr;

// A crowd as it is published.
Figures Ideal() {
  Figures figures{.streams = 500,
                  .dwell = {.mean = 31.4, .median = 8, .long_share = 0.91, .log_distance = 0.03},
                  .dispersion = 1,
                  .peak_mean = {1.1, 1.16, 1.28},
                  .steady_streams = 100,
                  .follows = {2.4, 5.6, 14.9},
                  .watched_channels = 50,
                  .raid_share = 0.5,
                  .raids = 20};
  figures.averages.assign(1000, 2);
  std::fill_n(figures.averages.begin(), 70, 20);
  figures.concentration = {.top_average = 26, .top_share = 0.4, .tail_ratio = 5.2};
  return figures;
}
constexpr Emotions kEmotions{.spread = 3, .lasting = 2};

const Fact& Find(const std::vector<Fact>& facts, const std::string& name) {
  return *std::ranges::find_if(facts,
                               [&](const Fact& fact) { return fact.name.starts_with(name); });
}

TEST(FactsTest, ThePublishedCrowdHoldsAll) {
  const auto facts = FactsOf(Ideal(), kEmotions, 5);
  EXPECT_TRUE(AllHold(facts)) << FormatFacts(facts);
}

TEST(FactsTest, OnlyChatIsNotApplicable) {
  std::vector<std::string> names;
  for (const Fact& fact : FactsOf(Ideal(), kEmotions, 5)) {
    if (fact.verdict == Verdict::kNotApplicable) names.push_back(fact.name);
    EXPECT_NE(fact.note, "");
  }
  EXPECT_THAT(names, testing::ElementsAre("messages per chatter", "burstiness of chat",
                                          "chatters / mean viewers"));
}

TEST(FactsTest, AFigureOutsideItsBandFails) {
  Figures figures = Ideal();
  figures.peak_mean[1] = 1.5;
  const auto facts = FactsOf(figures, kEmotions, 5);
  EXPECT_EQ(Find(facts, "peak / mean").verdict, Verdict::kFail);
  EXPECT_EQ(Find(facts, "dwell, mean").verdict, Verdict::kPass);
  EXPECT_FALSE(AllHold(facts));
  EXPECT_THAT(FormatFacts(facts), HasSubstr("FAIL"));
}

TEST(FactsTest, TooLittleToRestOnFails) {
  Figures figures = Ideal();
  figures.raids = 3;
  const auto facts = FactsOf(figures, kEmotions, 5);
  EXPECT_EQ(Find(facts, "raid").verdict, Verdict::kFail);
  EXPECT_THAT(Find(facts, "raid").note, HasSubstr("too few"));
}

TEST(FactsTest, AudiencesGrowWithTheMembersForEachChannel) {
  const auto facts = FactsOf(Ideal(), kEmotions, 50);
  EXPECT_EQ(Find(facts, "channels that average 50 or fewer").verdict, Verdict::kFail);  // all do
  EXPECT_EQ(Find(facts, "average that 1 %").least, 130);
}

TEST(FactsTest, CsvHasALineForEach) {
  const auto facts = FactsOf(Ideal(), kEmotions, 5);
  const std::string csv = CsvOf(facts);
  EXPECT_EQ(std::ranges::count(csv, '\n'), static_cast<std::ptrdiff_t>(facts.size() + 1));
  EXPECT_THAT(csv, HasSubstr("\"dwell, mean minutes\",31.4,25,38,pass,\"31.4\""));
}

}  // namespace
}  // namespace streaming::simulation
