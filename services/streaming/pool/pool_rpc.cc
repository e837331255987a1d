#include "services/streaming/pool/pool_rpc.h"

#include <algorithm>

#include "libs/common/base/status.h"

namespace streaming::pool {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;

// Members that stand for many viewers.
uint32_t CollectivesOf(const Pool& pool) {
  uint32_t members = 0;
  for (uint32_t run = 0; run < pool.runs(); ++run) {
    if (pool.WeightOfRun(run) > 1) members += pool.MembersOfRun(run);
  }
  return members;
}

}  // namespace

absl::Status PoolRpc::SeedAudiencePool(common::rpc::CallContext& call,
                                       const v1::SeedAudiencePoolRequest& request,
                                       v1::SeedAudiencePoolResponse& response) {
  const uint32_t count =
      request.has_count() ? static_cast<uint32_t>(request.count()) : options_.default_size;
  std::optional<Uuid> request_id;
  if (request.has_request_id()) request_id = Uuid::Parse(request.request_id());
  ASSIGN_OR_RETURN(const Seeded seeded, pools_.Seed(*Uuid::Parse(request.game_service_id()), count,
                                                    options_.defaults, request_id, call.now));
  response.set_created(static_cast<int32_t>(seeded.created));
  response.set_total_pool_size(static_cast<int32_t>(seeded.size));
  return absl::OkStatus();
}

absl::Status PoolRpc::GetAudiencePoolStatus(common::rpc::CallContext&,
                                            const v1::AudiencePoolStatusRequest& request,
                                            v1::AudiencePoolStatus& response) {
  const Uuid game = *Uuid::Parse(request.game_service_id());
  ASSIGN_OR_RETURN(const auto pool, pools_.Get(game));
  uint64_t taken = 0;
  for (uint32_t shard = 0; shard < pool->spec().shards; ++shard) {
    ASSIGN_OR_RETURN(const uint64_t here, audience_.CountTaken({game, shard}));
    taken += here;
  }
  response.set_game_service_id(request.game_service_id());
  response.set_total_members(static_cast<int32_t>(pool->spec().size));
  // The bits may be those of a pool that has grown since it was read.
  response.set_available_members(
      static_cast<int32_t>(pool->spec().size - std::min<uint64_t>(taken, pool->spec().size)));
  response.set_checked_out_members(static_cast<int32_t>(taken));
  response.set_collective_groups(static_cast<int32_t>(CollectivesOf(*pool)));
  return absl::OkStatus();
}

}  // namespace streaming::pool
