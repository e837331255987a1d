// What a career unlocks: entries of the Collection service, each once a streamer and game.
// docs/careers.md tells a designer what stands here.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/streaming/careers/career.h"

namespace streaming::careers {

// The specification's order.
enum class UnlockCategory : uint8_t {
  kStreamingMilestones,
  kHypeAchievements,
  kWorldFirstStreams,
  kAudienceBadges,
};

// No code is longer: the width of the column.
inline constexpr size_t kEntryCodeMax = 64;

struct Unlock {
  UnlockCategory category;
  std::string entry_code;  // 1 to kEntryCodeMax of a-z, 0-9 and _
  bool operator==(const Unlock&) const = default;
};

// Where a career stands when a session has entered it.
struct Standing {
  const Stats& stats;  // with the session
  uint64_t watch_seconds = 0;
  const SessionResult& session;
};

// An entry that every game has.
struct FixedEntry {
  UnlockCategory category;
  std::string_view code;
  bool (*reached)(const Standing&);
};
std::span<const FixedEntry> FixedEntries();

// The entry of a world first by what the game server said of it: "discovered_<what>_on_stream", or
// "first_<what>_on_stream" where it speaks of a first. <what> keeps letters, digits and word
// boundaries of at most 32 bytes; a description of which more is lost gets 8 hex digits of its hash
// as well, so that two of them are two entries. Blanks alone are kUnnamedWorldFirst.
std::string WorldFirstEntry(std::string_view description);

// What world firsts unlock of which nothing is known: without a description, or beyond the moments
// that a session keeps.
inline constexpr std::string_view kUnnamedWorldFirst = "world_first_on_stream";

// Everything that the career stands at, the session's world firsts included: in a stable order,
// each once. Whoever stores unlocks keeps each only the first time.
std::vector<Unlock> Unlocked(const Standing& standing);

}  // namespace streaming::careers
