#pragma once
#include <functional>

#include <bannou/streaming/v1/audience.grpc.pb.h>
#include <bannou/streaming/v1/client_events.pb.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/audience/attendance_store.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/audience/round_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/reactions/reaction_store.h"
#include "services/streaming/reactions/session_reaction.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::audience {

namespace v1 = bannou::streaming::v1;

class AudienceRpc final : public common::rpc::Service {
 public:
  struct Parts {
    sessions::SessionStore& sessions;
    pool::PoolStore& pools;
    LiveStore& live;
    RoundStore& rounds;
    AttendanceStore& attendance;
    reactions::ReactionStore& reactions;
    common::metrics::Registry& metrics;
    // Tells the game's front ends.
    std::function<void(const common::Uuid& session, const v1::ClientEvent&)> tell =
        [](const common::Uuid&, const v1::ClientEvent&) {};
  };
  struct Options {
    RoundSettings round;
    hype::Settings hype;
    float user_significance_max = 0.5f;
    int user_reactions_per_minute = 30;
    double world_first_multiplier = 10;
  };

  // Keeps the references.
  AudienceRpc(const common::rpc::Edge& edge, const Parts& parts, const Options& options);

  absl::Status QueryAudience(common::rpc::CallContext& call,
                             const v1::QueryAudienceRequest& request,
                             v1::AudienceComposition& response);
  absl::Status TriggerAudienceReaction(common::rpc::CallContext& call,
                                       const v1::TriggerReactionRequest& request,
                                       v1::AudienceReactionResult& response);
  absl::Status GetAudienceTruth(common::rpc::CallContext& call,
                                const v1::GetAudienceTruthRequest& request,
                                v1::GetAudienceTruthResponse& response);

 private:
  // The session's audience, empty when it has none now. SESSION_NOT_FOUND.
  absl::StatusOr<LiveSession> LoadAudience(const std::string& session_id);
  // Everything that a reaction may be refused for before it happens.
  absl::Status Allow(const common::rpc::CallContext& call,
                     const v1::TriggerReactionRequest& request, const sessions::Session& session);
  // Makes it happen, and fills in all of the answer but the newcomers.
  absl::StatusOr<Applied> React(const common::rpc::CallContext& call,
                                const v1::TriggerReactionRequest& request, const LiveKey& session,
                                const reactions::Happening& happening,
                                v1::AudienceReactionResult& response);
  reactions::Happening HappeningOf(const common::rpc::CallContext& call,
                                   const v1::TriggerReactionRequest& request) const;

  // For effects and sound, and for the bar that shows a train.
  void Tell(const LiveSession& session, const reactions::Happening& happening,
            const v1::AudienceReactionResult& result) const;

  const Parts parts_;
  const Options options_;
  std::array<common::metrics::Counter*, reactions::kEvents> reactions_{};
};

}  // namespace streaming::audience
