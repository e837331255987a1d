// A scripted chat: who says what and when. Pure, and the same for the same script.
//
// It has the shape of real chats. Messages excite further messages (a Hawkes process with an
// exponential kernel), so they come in bursts; and most people say one thing or two while a few say
// most of it.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/platform_sim/events.h"

namespace platform_sim {

enum class Mood { kCalm, kHype, kBored, kHostile };
std::optional<Mood> ParseMood(std::string_view text);  // "calm", "hype", "bored", "hostile"

struct CrowdScript {
  // At most so many speak; fewer do when there is less than about four messages for each.
  int64_t chatters = 50;
  int64_t messages_per_second = 5;
  int64_t seconds = 10;
  Mood mood = Mood::kCalm;
  uint64_t seed = 1;
};

inline constexpr int64_t kMaxChatters = 10'000;
inline constexpr int64_t kMaxMessagesPerSecond = 1'000;
inline constexpr int64_t kMaxCrowdSeconds = 600;
inline constexpr int64_t kMaxCrowdMessages = 20'000;  // seconds × messages per second

struct CrowdLine {
  std::chrono::milliseconds at{};  // from the start, rising
  int64_t chatter = 0;             // 0 … chatters - 1, the low ones say more
  std::string_view text;           // from a built-in list
};

// Exactly seconds × messages per second lines.
std::vector<CrowdLine> WriteCrowd(const CrowdScript& script);

// The chatter of that number in any script: chatter 0 moderates, some subscribe, a few are VIPs.
Chatter CrowdChatter(int64_t number);

}  // namespace platform_sim
