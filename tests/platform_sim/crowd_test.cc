// The scripted crowd against what is known of real ones, by pure measurement.
#include "tests/platform_sim/crowd.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace platform_sim {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;
using testing::SizeIs;

constexpr uint64_t kSeeds = 8;

// Ten minutes, as long as a script may be.
std::vector<CrowdLine> LongCrowd(uint64_t seed, int64_t messages_per_second) {
  return WriteCrowd({.chatters = kMaxChatters,
                     .messages_per_second = messages_per_second,
                     .seconds = kMaxCrowdSeconds,
                     .seed = seed});
}

auto IsBetween(double low, double high) { return AllOf(Ge(low), Le(high)); }

// How many lines each person says, fewest first.
std::vector<double> LinesPerChatter(const std::vector<CrowdLine>& lines) {
  std::map<int64_t, double> counts;
  for (const CrowdLine& line : lines) ++counts[line.chatter];
  std::vector<double> sorted;
  sorted.reserve(counts.size());
  for (const auto& [chatter, count] : counts) sorted.push_back(count);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double Gini(const std::vector<double>& sorted) {
  const auto size = static_cast<double>(sorted.size());
  double weighted = 0;
  for (size_t i = 0; i < sorted.size(); ++i) weighted += static_cast<double>(i + 1) * sorted[i];
  const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  return 2 * weighted / (size * total) - (size + 1) / size;
}

// Variance over mean of the counts in windows.
double Fano(const std::vector<CrowdLine>& lines, std::chrono::seconds window) {
  std::vector<double> counts(static_cast<size_t>(kMaxCrowdSeconds / window.count()));
  for (const CrowdLine& line : lines) ++counts.at(static_cast<size_t>(line.at / window));
  const auto size = static_cast<double>(counts.size());
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / size;
  double squares = 0;
  for (const double count : counts) squares += (count - mean) * (count - mean);
  return squares / (size - 1) / mean;
}

struct Hawkes {
  double branching = 0.5;
  double mean_lag = 1;  // seconds
};

// Maximum likelihood by expectation and maximisation: each line is caused by an earlier one, or by
// none, with the probability that the present estimate gives it. What came before the first line is
// unknown, so half a minute of it counts as history only.
Hawkes Estimate(const std::vector<CrowdLine>& lines) {
  constexpr double kBegin = 30;
  constexpr double kEnd = kMaxCrowdSeconds;
  const auto at = [&](size_t i) { return std::chrono::duration<double>(lines[i].at).count(); };
  Hawkes hawkes;
  double base = static_cast<double>(lines.size()) / kEnd / 2;
  double change = 1;
  for (int step = 0; step < 2000 && change > 1e-6; ++step) {
    double seen = 0;      // lines after the beginning
    double caused = 0;    // those that others caused
    double lags = 0;      // of those, all together
    double reach = 0;     // the share of what each line causes that falls inside, all together
    double kernel = 0;    // sum of exp(-lag / mean lag) over the earlier lines
    double weighted = 0;  // the same, times the lag
    const double height = hawkes.branching / hawkes.mean_lag;
    for (size_t i = 0; i < lines.size(); ++i) {
      reach += std::exp(-std::max(0.0, kBegin - at(i)) / hawkes.mean_lag) -
               std::exp(-(kEnd - at(i)) / hawkes.mean_lag);
      if (i > 0) {
        const double gap = at(i) - at(i - 1);
        const double fade = std::exp(-gap / hawkes.mean_lag);
        weighted = fade * (weighted + gap * (kernel + 1));
        kernel = fade * (kernel + 1);
      }
      if (at(i) < kBegin) continue;
      const double intensity = base + height * kernel;
      ++seen;
      caused += height * kernel / intensity;
      lags += height * weighted / intensity;
    }
    change = std::abs(caused / reach - hawkes.branching);
    hawkes = {.branching = caused / reach, .mean_lag = lags / caused};
    base = (seen - caused) / (kEnd - kBegin);
  }
  return hawkes;
}

TEST(Crowd, MostSayLittleAndFewSayMuch) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const int64_t messages_per_second : {1, 5, 33}) {
      SCOPED_TRACE(std::to_string(seed) + " " + std::to_string(messages_per_second));
      const auto lines = LongCrowd(seed, messages_per_second);
      const auto counts = LinesPerChatter(lines);
      const size_t people = counts.size();
      const auto total = static_cast<double>(lines.size());
      EXPECT_THAT(total / static_cast<double>(people), IsBetween(3.2, 4.9));
      EXPECT_EQ(counts[people / 2], 2);
      const auto ones = std::count(counts.begin(), counts.end(), 1.0);
      EXPECT_THAT(static_cast<double>(ones) / static_cast<double>(people), IsBetween(0.42, 0.48));
      const double top =
          std::accumulate(counts.end() - static_cast<int64_t>(people / 10), counts.end(), 0.0);
      EXPECT_THAT(top / total, IsBetween(0.41, 0.51));
      EXPECT_THAT(Gini(counts), IsBetween(0.51, 0.62));
    }
  }
}

// One script says little about a variance and a kernel; all seeds together say more.
TEST(Crowd, MessagesComeInBursts) {
  double fano = 0;
  double branching = 0;
  double mean_lag = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto lines = LongCrowd(seed, 5);
    const Hawkes hawkes = Estimate(lines);
    branching += hawkes.branching / kSeeds;
    mean_lag += hawkes.mean_lag / kSeeds;
    fano += Fano(lines, std::chrono::seconds(15)) / kSeeds;
  }
  EXPECT_THAT(fano, IsBetween(6.6, 16.9));
  EXPECT_THAT(branching, IsBetween(0.66, 0.81));
  EXPECT_THAT(mean_lag, IsBetween(2.0, 3.3));
}

TEST(Crowd, ShortScriptsAreWholeAndInOrder) {
  for (const int64_t seconds : {1, 2, 4, 10}) {
    for (const int64_t chatters : {1, 3, 40}) {
      const auto lines =
          WriteCrowd({.chatters = chatters, .messages_per_second = 10, .seconds = seconds});
      ASSERT_THAT(lines, SizeIs(static_cast<size_t>(10 * seconds)));
      EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end(),
                                 [](const auto& a, const auto& b) { return a.at < b.at; }));
      EXPECT_LE(lines.back().at, std::chrono::seconds(seconds));
      for (const CrowdLine& line : lines) EXPECT_THAT(line.chatter, AllOf(Ge(0), Le(chatters - 1)));
    }
  }
}

TEST(Crowd, IsTheSameForTheSameSeed) {
  const auto texts = [](uint64_t seed) {
    std::vector<std::string> out;
    for (const CrowdLine& line : WriteCrowd({.seed = seed})) out.emplace_back(line.text);
    return out;
  };
  EXPECT_EQ(texts(1), texts(1));
  EXPECT_NE(texts(1), texts(2));
}

}  // namespace
}  // namespace platform_sim
