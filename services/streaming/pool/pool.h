// A game's pool of audience members, none of whom is stored: member i is a function of (seed, i).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <absl/status/status.h>

#include "libs/common/base/uuid.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::pool {

// Members of one archetype lie in runs, so that Redis can take many with one look at its bitmap.
inline constexpr uint32_t kRunLength = 64;
// 1 M members a game is the target; four times that still fits every packed record with room.
inline constexpr uint32_t kMaxPoolSize = 1u << 22;
inline constexpr uint32_t kMaxShards = 256;
// How far a member's engagement lies from its archetype's, either way.
inline constexpr float kEngagementSpread = 0.3f;

// What makes a pool. The seed and the shards never change after seeding; `size` only grows, and
// growing moves nobody.
struct PoolSpec {
  uint64_t seed = 0;
  uint32_t size = 0;             // members, 1 to kMaxPoolSize
  uint32_t shards = 1;           // 1 to kMaxShards; run r belongs to shard r mod shards
  double collective_share = 0;   // of the runs, 0 to 1, that consist of collectives
  uint32_t collective_size = 1;  // heads of one collective member, 1 to 255
};

// INVALID_ARGUMENT names the field that is out of its range.
absl::Status Validate(const PoolSpec& spec);

// When a pool grows by itself.
struct GrowthSettings {
  double free_share = 0.1;         // of its heads, 0 to 1; below it the pool grows. 0 = never
  uint32_t max_members = 1000000;  // beyond which it does not grow by itself
};

// How many members a pool of this size shall be given: a quarter more when too few of its heads are
// free, as far as it may grow; 0 when it is large enough. Rounded up to whole runs.
uint32_t GrowthOf(const GrowthSettings& settings, uint32_t members, uint32_t heads,
                  uint32_t free_heads);

// The pool in a form that answers quickly. Costs 2 bytes a run and is immutable.
class Pool {
 public:
  // `spec` must be valid.
  explicit Pool(const PoolSpec& spec);

  const PoolSpec& spec() const { return spec_; }
  const ArchetypeTable& archetypes() const { return archetypes_; }
  uint32_t runs() const { return static_cast<uint32_t>(archetype_of_run_.size()); }

  // All take a member below size(), or a run below runs().
  uint8_t ArchetypeOfRun(uint32_t run) const { return archetype_of_run_[run]; }
  uint8_t ArchetypeOf(uint32_t member) const { return archetype_of_run_[member / kRunLength]; }
  uint32_t ShardOfRun(uint32_t run) const { return run % spec_.shards; }
  // Heads that a member stands for: 1, or the size of a collective.
  uint32_t WeightOfRun(uint32_t run) const { return weight_of_run_[run]; }
  uint32_t WeightOf(uint32_t member) const { return weight_of_run_[member / kRunLength]; }
  // Members of the run: kRunLength, but fewer in the last one.
  uint32_t MembersOfRun(uint32_t run) const;

  // The runs of an archetype in a shard, ascending.
  std::span<const uint32_t> RunsOf(uint32_t shard, uint8_t archetype) const;
  // Heads of an archetype in a shard.
  uint32_t HeadsOf(uint32_t shard, uint8_t archetype) const;
  uint32_t HeadsOfShard(uint32_t shard) const;
  uint32_t MembersOfShard(uint32_t shard) const;

 private:
  size_t Slot(uint32_t shard, uint8_t archetype) const { return shard * kArchetypes + archetype; }

  PoolSpec spec_;
  ArchetypeTable archetypes_;
  std::vector<uint8_t> archetype_of_run_;
  std::vector<uint8_t> weight_of_run_;
  std::vector<std::vector<uint32_t>> runs_;  // by Slot
  std::vector<uint32_t> heads_;              // by Slot
};

// The member's engagement minus its archetype's, in steps of kEngagementSpread / 127: -127 to 127.
// A function of the index, so no record stores it.
int8_t EngagementStep(uint64_t pool_seed, uint32_t member);
inline float EngagementOffset(int8_t step) {
  return static_cast<float>(step) * (kEngagementSpread / 127);
}

// The member's lasting id, known inside only: players see pseudonyms.
common::Uuid MemberId(uint64_t pool_seed, uint32_t member);

// What players see of a member: a pseudonym that looks like any other random id and cannot be
// linked without `secret`, a random number kept with the session (or, for follower lists, with the
// streamer).
common::Uuid ViewerId(uint64_t secret, uint32_t member);

}  // namespace streaming::pool
