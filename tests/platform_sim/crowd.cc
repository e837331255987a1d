#include "tests/platform_sim/crowd.h"

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
constexpr double kSkew = 2.0;     // makes the top tenth say about a third

}  // namespace

std::optional<Mood> ParseMood(std::string_view text) {
  if (text == "calm") return Mood::kCalm;
  if (text == "hype") return Mood::kHype;
  if (text == "bored") return Mood::kBored;
  if (text == "hostile") return Mood::kHostile;
  return std::nullopt;
}

std::vector<CrowdLine> WriteCrowd(const CrowdScript& script) {
  std::mt19937_64 random(script.seed);
  // The standard's distributions differ between libraries; this does not.
  const auto uniform = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const auto pick = [&uniform](std::span<const std::string_view> lines) {
    return lines[static_cast<size_t>(uniform() * static_cast<double>(lines.size()))];
  };
  std::vector<CrowdLine> lines;
  const int64_t count = script.messages_per_second * script.seconds;
  lines.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const double second =
        (static_cast<double>(i) + uniform()) / static_cast<double>(script.messages_per_second);
    const double rank = std::pow(uniform(), kSkew) * static_cast<double>(script.chatters);
    const auto topic = uniform() < kOnTopic ? LinesOf(script.mood) : std::span(kNeutral);
    lines.push_back({.at = std::chrono::milliseconds(static_cast<int64_t>(second * 1000)),
                     .chatter = static_cast<int64_t>(rank),
                     .text = pick(topic)});
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
