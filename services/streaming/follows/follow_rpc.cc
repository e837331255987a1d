#include "services/streaming/follows/follow_rpc.h"

#include <algorithm>
#include <bit>

#include "libs/common/base/status.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/events/event.h"

namespace streaming::follows {
namespace {

using common::Uuid;

constexpr int kDefaultLimit = 50;

// What its kind is said to like best: the first of its interests in the contract's order, whose
// numbers begin at 1.
v1::AudienceInterest DominantInterest(const pool::Archetype& archetype) {
  return static_cast<v1::AudienceInterest>(1 + std::countr_zero(archetype.interests.bits()));
}

v1::AudienceFollower ToMessage(const Follower& follower, const careers::Streamer& streamer,
                               const pool::Pool& pool) {
  v1::AudienceFollower message;
  message.set_member_id(pool::ViewerId(streamer.viewer_secret, follower.member).ToString());
  *message.mutable_followed_since() = events::ToTimestamp(follower.followed_since);
  message.set_loyalty_level(static_cast<float>(
      LoyaltyAt({.last_ordinal = follower.last_ordinal, .loyalty = follower.loyalty},
                streamer.stats.sessions)));
  message.set_dominant_interest(
      DominantInterest(pool.archetypes()[pool.ArchetypeOf(follower.member)]));
  return message;
}

}  // namespace

absl::Status FollowRpc::ListFollowers(common::rpc::CallContext& call,
                                      const v1::ListFollowersRequest& request,
                                      v1::ListFollowersResponse& response) {
  ASSIGN_OR_RETURN(const std::vector<careers::Streamer> streamers,
                   careers::FindStreamers(mysql_, careers::ToQuery(request)));
  if (streamers.empty()) return absl::OkStatus();

  // A streamer of one game is listed by the index of that game.
  const bool one_game = streamers.size() == 1;
  const careers::StreamerKey& first = streamers.front().key;
  ASSIGN_OR_RETURN(
      const std::vector<Follower> followers,
      follows_.List(first.type, first.id,
                    one_game ? std::optional(first.game_service_id) : std::nullopt,
                    request.has_limit() ? request.limit() : kDefaultLimit, request.offset()));
  for (const Follower& follower : followers) {
    const auto streamer = std::ranges::find(
        streamers, follower.game_service_id,
        [](const careers::Streamer& candidate) { return candidate.key.game_service_id; });
    if (streamer == streamers.end()) continue;  // a game that began a moment ago
    ASSIGN_OR_RETURN(const auto pool, pools_.Get(follower.game_service_id));
    v1::AudienceFollower& message = *response.add_followers();
    message = ToMessage(follower, *streamer, *pool);
    if (call.identity.admin) message.set_is_real_derived(follower.real_derived);
  }
  int32_t total = 0;
  for (const careers::Streamer& streamer : streamers) {
    total += static_cast<int32_t>(streamer.follower_members);
  }
  response.set_total(total);
  return absl::OkStatus();
}

}  // namespace streaming::follows
