#include "services/streaming/simulation/facts.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

namespace streaming::simulation {
namespace {

// The least that a figure may rest on; with less its row fails, since nothing was shown.
constexpr size_t kStreamsLeast = 20;
constexpr size_t kChannelsLeast = 10;
constexpr size_t kTopChannelsLeast = 100;
constexpr size_t kRaidsLeast = 10;

Fact Within(std::string name, std::string published, double value, double least, double most,
            std::string note) {
  return {.name = std::move(name),
          .published = std::move(published),
          .value = value,
          .least = least,
          .most = most,
          .verdict = value >= least && value <= most ? Verdict::kPass : Verdict::kFail,
          .note = std::move(note)};
}

Fact NotApplicable(std::string name, std::string published, std::string reason) {
  return {.name = std::move(name), .published = std::move(published), .note = std::move(reason)};
}

// A fact that rests on `count` things.
Fact Resting(Fact fact, size_t count, size_t least) {
  if (count >= least) return fact;
  fact.verdict = Verdict::kFail;
  fact.note += absl::StrFormat("; too few to tell, %d are needed", least);
  return fact;
}

void AddChat(std::vector<Fact>& facts) {
  constexpr char kReason[] = "pool members write no chat; platform_sim's crowds do, see its tests";
  facts.push_back(NotApplicable("messages per chatter", "mean 3.2-4.9, median 2", kReason));
  facts.push_back(NotApplicable("burstiness of chat", "Fano 6.6-16.9 in 15 s", kReason));
  facts.push_back(NotApplicable("chatters / mean viewers", "9-15 %", kReason));
}

void AddFollows(const Figures& figures, std::vector<Fact>& facts) {
  const std::string note = absl::StrFormat("%d channels of %.0f viewer-hours or more",
                                           figures.watched_channels, kWatchedHours);
  // Half to twice what is published; the ends, which rest on a few channels, a third to three
  // times.
  const std::array rows = {
      Within("follows per 1000 viewer-hours, p10", "2.4", figures.follows[0], 0.8, 7.2, note),
      Within("follows per 1000 viewer-hours, median", "5.6", figures.follows[1], 2.8, 11.2, note),
      Within("follows per 1000 viewer-hours, p90", "14.9", figures.follows[2], 5, 44.7, note)};
  for (const Fact& row : rows) {
    facts.push_back(Resting(row, figures.watched_channels, kChannelsLeast));
  }
}

void AddPeaks(const Figures& figures, std::vector<Fact>& facts) {
  facts.push_back(
      Resting(Within("peak / mean viewers of a stream, median", "1.16 (1.10-1.28)",
                     figures.peak_mean[1], 1.10, 1.28,
                     absl::StrFormat("%d streams that average %.0f or more; quartiles %.2f, %.2f",
                                     figures.steady_streams, kSteadyHeads, figures.peak_mean[0],
                                     figures.peak_mean[2])),
              figures.steady_streams, kStreamsLeast));
}

// Attention is shared out: with ten times the members for each channel, audiences are ten times as
// large. So the published 5 and 26 viewers stand for kMembersEach members a channel, and grow with
// the members.
constexpr double kMembersEach = 5;

void AddConcentration(const Figures& figures, double members_each, std::vector<Fact>& facts) {
  const Concentration& found = figures.concentration;
  const double scale = members_each / kMembersEach;
  const size_t channels = figures.averages.size();
  facts.push_back(
      Resting(Within(absl::StrFormat("channels that average %.3g or fewer", 5 * scale),
                     "93 %: 5 or fewer", ShareUpTo(figures.averages, 5 * scale), 0.88, 0.97,
                     absl::StrFormat("%d channels, %.0f members each; %.0f %% average 5 or fewer",
                                     channels, members_each, 100 * ShareUpTo(figures.averages, 5))),
              channels, kChannelsLeast));
  facts.push_back(Resting(
      Within("average that 1 % of channels exceed", absl::StrFormat("26, here %.0f", 26 * scale),
             found.top_average, 13 * scale, 52 * scale, "half to twice"),
      channels, kTopChannelsLeast));
  // 7 % of channels above 5 and 1 % above 26 is a Pareto tail of exponent ln 7 / ln 5.2 = 1.18,
  // whose top share q has q ^ (1 - 1 / 1.18) of the viewing: 23 % for 100 of 1.5 million channels,
  // and 50 % for the top 1 %. The share of a few hundred channels' top is mostly luck.
  facts.push_back(
      Resting(Within("viewing that the top 1 % of channels have", "top 100: 23 %", found.top_share,
                     0.15, 0.65, "50 % by the tail that goes with the two rows above"),
              channels, kTopChannelsLeast));
}

void AddDwell(const Figures& figures, std::vector<Fact>& facts) {
  const Dwell& dwell = figures.dwell;
  facts.push_back(Within("dwell, mean minutes", "31.4", dwell.mean, 25, 38,
                         absl::StrFormat("median %.0f", dwell.median)));
  // A mean of 31 minutes leaves at most some 8 % to glances, so the published 9 % is one end.
  facts.push_back(Within("minutes in views over 5 minutes", "91 %", dwell.long_share, 0.88, 0.97,
                         "all views that ended"));
  facts.push_back(
      Within("dwell, distance from a lognormal", "lognormal", dwell.log_distance, 0, 0.1,
             absl::StrFormat("Kolmogorov's; spread of the logarithm %.2f", dwell.log_spread)));
  facts.push_back(Within("arrivals in a minute, variance / mean", "piecewise Poisson (1)",
                         figures.dispersion, 0.85, 1.3, "pieces of 10 rounds of settled streams"));
}

}  // namespace

std::string_view NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "FAIL";
    case Verdict::kNotApplicable:
      break;
  }
  return "n/a";
}

std::vector<Fact> FactsOf(const Figures& figures, const Emotions& emotions, double members_each) {
  std::vector<Fact> facts;
  AddChat(facts);
  AddFollows(figures, facts);
  AddPeaks(figures, facts);
  AddConcentration(figures, members_each, facts);
  AddDwell(figures, facts);
  facts.push_back(Within("good feeling spreads so many times as much", "about 3", emotions.spread,
                         2.4, 3.6, "the rules of mood, mean over sentiments and archetypes"));
  facts.push_back(Within("ill feeling lasts so many times as long", "about 2", emotions.lasting,
                         1.6, 2.4, "likewise"));
  facts.push_back(
      Resting(Within("raid: share of the audience that moves", "about 50 %", figures.raid_share,
                     0.4, 0.6, absl::StrFormat("%d raids", figures.raids)),
              figures.raids, kRaidsLeast));
  return facts;
}

bool AllHold(const std::vector<Fact>& facts) {
  return std::ranges::none_of(facts,
                              [](const Fact& fact) { return fact.verdict == Verdict::kFail; });
}

std::string FormatFacts(const std::vector<Fact>& facts) {
  std::string table = absl::StrFormat("%-45s %8s  %-13s %-4s  %-21s %s\n", "fact", "value", "band",
                                      "", "published", "measured on");
  for (const Fact& fact : facts) {
    if (fact.verdict == Verdict::kNotApplicable) {
      table += absl::StrFormat("%-45s %8s  %-13s %-4s  %-21s %s\n", fact.name, "-", "-",
                               NameOf(fact.verdict), fact.published, fact.note);
      continue;
    }
    table += absl::StrFormat("%-45s %8.3g  %-13s %-4s  %-21s %s\n", fact.name, fact.value,
                             absl::StrFormat("%g-%g", fact.least, fact.most), NameOf(fact.verdict),
                             fact.published, fact.note);
  }
  return table;
}

std::string CsvOf(const std::vector<Fact>& facts) {
  std::string csv = "fact,value,least,most,verdict,published,note\n";
  const auto quoted = [](const std::string& text) {
    return "\"" + absl::StrReplaceAll(text, {{"\"", "\"\""}}) + "\"";
  };
  for (const Fact& fact : facts) {
    const bool judged = fact.verdict != Verdict::kNotApplicable;
    csv += quoted(fact.name) +
           (judged ? absl::StrFormat(",%.6g,%g,%g,", fact.value, fact.least, fact.most) : ",,,,") +
           std::string(NameOf(fact.verdict)) + "," + quoted(fact.published) + "," +
           quoted(fact.note) + "\n";
  }
  return csv;
}

}  // namespace streaming::simulation
