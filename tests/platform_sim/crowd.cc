#include "tests/platform_sim/crowd.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>

namespace platform_sim {
namespace {

constexpr std::string_view kNeutral[] = {
    "hi chat",
    "what game is this",
    "first time here",
    "what's your sensitivity?",
    "how long have you been live",
    "is this the new patch?",
    "brb getting food",
    "yes",
    "no",
    "which map is next",
    "what headset do you use",
    "hello from Brazil",
    "lurking today",
    "did he finish the quest already?",
    "same",
};

constexpr std::string_view kCalm[] = {
    "nice one",
    "this music is so cozy",
    "love these chill streams",
    "good to see you again HeyGuys",
    "that was a clean route",
    "take your time, no rush",
    "this area is beautiful",
    "SeemsGood",
    "relaxing after work with this",
    "you explain things really well",
    "happy sunday everyone :)",
    "the lighting here is gorgeous",
    "gg",
    "good job",
    "thanks for the tips",
    "wholesome chat today",
};

constexpr std::string_view kHype[] = {
    "LET'S GOOOO",
    "PogChamp PogChamp PogChamp",
    "NO WAY HE DID IT",
    "that was INSANE",
    "OMG OMG",
    "CLIP THAT",
    "what a shot!!!",
    "W",
    "WWWWW",
    "ARE YOU KIDDING ME",
    "best stream ever",
    "Kreygasm",
    "world record pace!!",
    "HYPE HYPE HYPE",
    "I'm shaking",
    "he's cracked LUL",
    "THAT DODGE THOUGH",
    "biggest clutch of the year",
    "goosebumps fr",
    "LETS GO LETS GO 🔥🔥🔥",
};

constexpr std::string_view kBored[] = {
    "ResidentSleeper",
    "zzz",
    "this is so slow",
    "are we still in the menu?",
    "boring",
    "ResidentSleeper ResidentSleeper",
    "when does something happen",
    "skip the cutscene pls",
    "I'm falling asleep",
    "same thing for an hour now",
    "*yawn*",
    "can we play something else",
    "ok going to bed",
    "too much grinding",
    "anyone else tabbed out?",
};

constexpr std::string_view kHostile[] = {
    "this is trash",
    "you are so bad at this",
    "uninstall the game",
    "worst player ever LUL",
    "how do you miss that FailFish",
    "stop crying and play",
    "fraud",
    "L",
    "LLLLL",
    "carried again",
    "terrible decision, just terrible",
    "SwiftRage",
    "what a joke",
    "unfollowed",
    "so annoying",
    "shut up already",
    "my grandma aims better",
    "this chat is a dumpster fire",
};

std::span<const std::string_view> LinesOf(Mood mood) {
  switch (mood) {
    case Mood::kHype:
      return kHype;
    case Mood::kBored:
      return kBored;
    case Mood::kHostile:
      return kHostile;
    case Mood::kCalm:
      break;
  }
  return kCalm;
}

constexpr double kOnTopic = 0.8;  // share of lines that show the mood

// Of the Hawkes process: how many messages one message causes by itself, and how much later.
constexpr double kBranching = 0.76;
constexpr double kMeanLagSeconds = 2.6;

// How much people say: 1 + floor of a Weibull variable. 45 % say one thing, the mean is kMeanLines.
constexpr double kShape = 0.58;
constexpr double kScale = 2.43;
constexpr double kMeanLines = 4.3;

// The standard's distributions differ between libraries; these do not.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  double Uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }  // in [0, 1)
  size_t Below(size_t size) { return static_cast<size_t>(Uniform() * static_cast<double>(size)); }
  double Exponential(double mean) { return -mean * std::log1p(-Uniform()); }
  int Poisson(double mean) {
    int count = 0;
    for (double left = mean - Exponential(1); left > 0; left -= Exponential(1)) ++count;
    return count;
  }

 private:
  std::mt19937_64 random_;
};

// When `count` messages of a Hawkes process come that fills `seconds`, rising. The span is a
// circle: what an end causes comes at the beginning, so that the first seconds are as busy as the
// rest.
std::vector<double> Moments(size_t count, double seconds, Dice& dice) {
  std::vector<double> moments;
  moments.reserve(count);
  for (size_t next = 0; moments.size() < count;) {
    if (next == moments.size()) moments.push_back(dice.Uniform() * seconds);  // of its own accord
    const double cause = moments[next++];
    for (int left = dice.Poisson(kBranching); left > 0 && moments.size() < count; --left) {
      moments.push_back(std::fmod(cause + dice.Exponential(kMeanLagSeconds), seconds));
    }
  }
  std::sort(moments.begin(), moments.end());
  return moments;
}

// How many of `count` lines each chatter says, most first.
std::vector<size_t> Shares(size_t count, int64_t chatters, Dice& dice) {
  const auto wanted = std::llround(static_cast<double>(count) / kMeanLines);
  const auto people = static_cast<size_t>(std::clamp<int64_t>(wanted, 1, chatters));
  std::vector<double> extra;  // beyond the one line that everybody says
  double total = 0;
  for (size_t i = 0; i < people; ++i) {
    // One from each of `people` equal strata, so that small crowds have the shape, too.
    const double rest = (static_cast<double>(i) + 1 - dice.Uniform()) / static_cast<double>(people);
    extra.push_back(std::floor(kScale * std::pow(-std::log(rest), 1 / kShape)));
    total += extra.back();
  }
  // Scaled so that the sum is exact: each gets what the running sum grows by.
  const auto left = static_cast<double>(count - people);
  std::vector<size_t> shares;
  double sum = 0;
  double given = 0;
  for (size_t i = 0; i < people; ++i) {
    sum += total > 0 ? extra[i] / total : 1 / static_cast<double>(people);
    const double upto = i + 1 == people ? left : std::round(left * sum);
    shares.push_back(1 + static_cast<size_t>(upto - given));
    given = upto;
  }
  std::sort(shares.rbegin(), shares.rend());
  return shares;
}

}  // namespace

std::optional<Mood> ParseMood(std::string_view text) {
  if (text == "calm") return Mood::kCalm;
  if (text == "hype") return Mood::kHype;
  if (text == "bored") return Mood::kBored;
  if (text == "hostile") return Mood::kHostile;
  return std::nullopt;
}

std::vector<CrowdLine> WriteCrowd(const CrowdScript& script) {
  Dice dice(script.seed);
  const auto count = static_cast<size_t>(script.messages_per_second * script.seconds);
  const std::vector<double> moments = Moments(count, static_cast<double>(script.seconds), dice);
  std::vector<int64_t> speakers;
  for (const size_t share : Shares(count, script.chatters, dice)) {
    const int64_t next = speakers.empty() ? 0 : speakers.back() + 1;
    speakers.insert(speakers.end(), share, next);
  }
  std::vector<CrowdLine> lines;
  lines.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    std::swap(speakers[i], speakers[i + dice.Below(count - i)]);
    const auto topic = dice.Uniform() < kOnTopic ? LinesOf(script.mood) : std::span(kNeutral);
    lines.push_back({.at = std::chrono::milliseconds(static_cast<int64_t>(moments[i] * 1000)),
                     .chatter = speakers[i],
                     .text = topic[dice.Below(topic.size())]});
  }
  return lines;
}

Chatter CrowdChatter(int64_t number) {
  const std::string text = std::to_string(number);
  Chatter chatter{.user_id = std::to_string(700'000'000 + number),
                  .login = "viewer_" + text,
                  .display_name = "Viewer_" + text,
                  .badges = {}};
  if (number == 0) chatter.badges.emplace_back("moderator");
  if (number % 30 == 7) chatter.badges.emplace_back("vip");
  if (number % 10 == 3) chatter.badges.emplace_back("subscriber");
  return chatter;
}

}  // namespace platform_sim
