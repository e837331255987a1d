#include "services/streaming/pool/pool.h"

#include <algorithm>

#include "services/streaming/audience/random.h"

namespace streaming::pool {

using audience::Draw;
using audience::Random;

absl::Status Validate(const PoolSpec& spec) {
  if (spec.size < 1 || spec.size > kMaxPoolSize) {
    return absl::InvalidArgumentError("pool size is out of range");
  }
  if (spec.shards < 1 || spec.shards > kMaxShards) {
    return absl::InvalidArgumentError("shards is out of range");
  }
  if (!(spec.collective_share >= 0 && spec.collective_share <= 1)) {
    return absl::InvalidArgumentError("collective share is out of range");
  }
  if (spec.collective_size < 1 || spec.collective_size > 255) {
    return absl::InvalidArgumentError("collective size is out of range");
  }
  return absl::OkStatus();
}

uint32_t GrowthOf(const GrowthSettings& settings, uint32_t members, uint32_t heads,
                  uint32_t free_heads) {
  if (free_heads >= settings.free_share * heads) return 0;
  const uint32_t most = std::min(settings.max_members, kMaxPoolSize);
  const uint32_t quarter = (members / 4 / kRunLength + 1) * kRunLength;
  return std::min(quarter, most - std::min(most, members));
}

Pool::Pool(const PoolSpec& spec)
    : spec_(spec),
      archetypes_(BuildArchetypes(spec.seed)),
      archetype_of_run_((spec.size + kRunLength - 1) / kRunLength),
      weight_of_run_(archetype_of_run_.size()),
      runs_(spec.shards * kArchetypes),
      heads_(spec.shards * kArchetypes) {
  for (uint32_t run = 0; run < runs(); ++run) {
    const auto archetype = static_cast<uint8_t>(
        audience::Below(Random(spec.seed, Draw::kArchetypeOfRun, run), kArchetypes));
    const bool collective =
        audience::Uniform(Random(spec.seed, Draw::kCollective, run)) < spec.collective_share;
    archetype_of_run_[run] = archetype;
    weight_of_run_[run] = static_cast<uint8_t>(collective ? spec.collective_size : 1);
    const size_t slot = Slot(ShardOfRun(run), archetype);
    runs_[slot].push_back(run);
    heads_[slot] += MembersOfRun(run) * weight_of_run_[run];
  }
}

uint32_t Pool::MembersOfRun(uint32_t run) const {
  return std::min(kRunLength, spec_.size - run * kRunLength);
}

std::span<const uint32_t> Pool::RunsOf(uint32_t shard, uint8_t archetype) const {
  return runs_[Slot(shard, archetype)];
}

uint32_t Pool::HeadsOf(uint32_t shard, uint8_t archetype) const {
  return heads_[Slot(shard, archetype)];
}

uint32_t Pool::HeadsOfShard(uint32_t shard) const {
  uint32_t heads = 0;
  for (size_t a = 0; a < kArchetypes; ++a) heads += HeadsOf(shard, static_cast<uint8_t>(a));
  return heads;
}

uint32_t Pool::MembersOfShard(uint32_t shard) const {
  uint32_t members = 0;
  for (uint32_t run = shard; run < runs(); run += spec_.shards) members += MembersOfRun(run);
  return members;
}

int8_t EngagementStep(uint64_t pool_seed, uint32_t member) {
  const uint32_t step = audience::Below(Random(pool_seed, Draw::kEngagement, member), 255);
  return static_cast<int8_t>(static_cast<int>(step) - 127);
}

common::Uuid MemberId(uint64_t pool_seed, uint32_t member) {
  return common::Uuid::FromRandomBits(Random(pool_seed, Draw::kMemberId, member, 0),
                                      Random(pool_seed, Draw::kMemberId, member, 1));
}

common::Uuid ViewerId(uint64_t secret, uint32_t member) {
  return common::Uuid::FromRandomBits(Random(secret, Draw::kViewerId, member, 0),
                                      Random(secret, Draw::kViewerId, member, 1));
}

}  // namespace streaming::pool
