#include "services/streaming/careers/career_rpc.h"

#include <string>

#include "libs/common/base/status.h"
#include "services/streaming/careers/unlock_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/neighbours/neighbour_store.h"

namespace streaming::careers {
namespace {

using common::Uuid;

constexpr int kDefaultLimit = 20;
constexpr int kDefaultUnlocks = 50;

absl::Status NoCareer() {
  return common::errors::Make(kCareerNotFound, "no session of this streamer has ended yet");
}

v1::StreamerCareerStatus ToMessage(const Streamer& streamer) {
  const Stats& stats = streamer.stats;
  v1::StreamerCareerStatus status;
  status.set_streamer_id(streamer.key.id.ToString());
  status.set_streamer_type(streamer.key.type);
  status.set_game_service_id(streamer.key.game_service_id.ToString());
  status.set_phase(static_cast<v1::StreamerCareerPhase>(1 + static_cast<int>(streamer.phase)));
  status.set_total_followers(static_cast<int32_t>(stats.followers));
  status.set_total_stream_sessions(static_cast<int32_t>(stats.sessions));
  status.set_total_stream_hours(static_cast<double>(stats.live_seconds) / 3600);
  status.set_total_hype_trains(static_cast<int32_t>(stats.hype_trains));
  status.set_world_first_count(static_cast<int32_t>(stats.world_firsts));
  for (size_t domain = 0; domain < kDomains; ++domain) {
    (*status.mutable_domain_progress())[std::string(NameOf(static_cast<Domain>(domain)))] =
        static_cast<float>(ProgressOf(stats.growth[domain]));
  }
  for (const std::string_view capability : CapabilitiesOf(streamer.phase)) {
    status.add_capabilities(std::string(capability));
  }
  return status;
}

}  // namespace

absl::Status CareerRpc::GetCareerStatus(common::rpc::CallContext&,
                                        const v1::CareerStatusRequest& request,
                                        v1::StreamerCareerStatus& response) {
  ASSIGN_OR_RETURN(const std::vector<Streamer> streamers, FindStreamers(mysql_, ToQuery(request)));
  if (streamers.empty()) return NoCareer();
  response = ToMessage(streamers.front());
  ASSIGN_OR_RETURN(const Uuid seed, neighbours::FindTheirId(mysql_, SeedId(streamers.front().key)));
  response.set_seed_id(seed.ToString());
  return absl::OkStatus();
}

absl::Status CareerRpc::GetStreamerLeaderboard(common::rpc::CallContext& call,
                                               const v1::StreamerLeaderboardRequest& request,
                                               v1::StreamerLeaderboardResponse& response) {
  ASSIGN_OR_RETURN(
      const std::vector<LeaderboardRow> board,
      boards_.Page(Uuid::Parse(request.game_service_id()).value(),
                   request.has_sort_by() ? request.sort_by() : v1::LEADERBOARD_METRIC_FOLLOWERS,
                   request.has_limit() ? request.limit() : kDefaultLimit, request.offset(),
                   call.now));
  for (const LeaderboardRow& row : board) {
    v1::StreamerLeaderboardEntry& entry = *response.add_entries();
    entry.set_rank(row.rank);
    entry.set_streamer_id(row.streamer_id.ToString());
    entry.set_streamer_type(row.streamer_type);
    entry.set_phase(row.phase);
    entry.set_value(row.value);
  }
  return absl::OkStatus();
}

absl::Status CareerRpc::ListUnlocks(common::rpc::CallContext&,
                                    const v1::ListUnlocksRequest& request,
                                    v1::ListUnlocksResponse& response) {
  const StreamerQuery query = ToQuery(request);
  ASSIGN_OR_RETURN(const std::vector<Streamer> streamers, FindStreamers(mysql_, query));
  if (streamers.empty()) return NoCareer();
  const StreamerKey& streamer = streamers.front().key;
  ASSIGN_OR_RETURN(const UnlockPage page,
                   careers::ListUnlocks(mysql_, streamer.type, streamer.id, query.game_service_id,
                                        request.has_limit() ? request.limit() : kDefaultUnlocks,
                                        request.offset()));
  for (const StoredUnlock& stored : page.unlocks) {
    v1::Unlock& unlock = *response.add_unlocks();
    unlock.set_category(
        static_cast<v1::UnlockCategory>(1 + static_cast<int>(stored.unlock.category)));
    unlock.set_entry_code(stored.unlock.entry_code);
    unlock.set_game_service_id(stored.game_service_id.ToString());
    *unlock.mutable_unlocked_at() = events::ToTimestamp(stored.unlocked_at);
  }
  response.set_total(static_cast<int32_t>(page.total));
  return absl::OkStatus();
}

}  // namespace streaming::careers
