#include "services/streaming/hype/hype_rpc.h"

#include <bannou/streaming/v1/audience.pb.h>

#include "libs/common/base/status.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/events/words.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::hype {
namespace {

namespace v1 = bannou::streaming::v1;
using common::rpc::CallContext;
using events::ToTimestamp;

constexpr int32_t kDefaultHistory = 10;

void Fill(const Settings& settings, const Train& train, v1::HypeTrainStatus& status) {
  status.set_is_active(true);
  status.set_current_level(static_cast<v1::HypeTrainLevel>(train.level));
  status.set_progress(static_cast<float>(ProgressOf(settings, train)));
  *status.mutable_started_at() = ToTimestamp(train.started_at);
  *status.mutable_expires_at() = ToTimestamp(train.expires_at);
  status.set_trigger_event(
      std::string(events::WordOf(static_cast<v1::ReactionEventType>(train.trigger))));
}

void Fill(const TrainSummary& train, common::Time now, v1::HypeTrainSummary& summary) {
  summary.set_hype_id(train.id.ToString());
  summary.set_session_id(train.session.ToString());
  summary.set_peak_level(static_cast<v1::HypeTrainLevel>(train.peak_level));
  summary.set_duration_seconds(static_cast<int32_t>(
      std::chrono::floor<std::chrono::seconds>(train.completed_at.value_or(now) - train.started_at)
          .count()));
  summary.set_trigger_event(train.trigger);
  *summary.mutable_started_at() = ToTimestamp(train.started_at);
}

}  // namespace

absl::Status HypeRpc::GetHypeStatus(CallContext& call, const v1::HypeStatusRequest& request,
                                    v1::HypeTrainStatus& response) {
  ASSIGN_OR_RETURN(const sessions::Session session,
                   sessions_.Get(*common::Uuid::Parse(request.session_id())));
  response.set_session_id(request.session_id());
  response.set_is_active(false);
  const absl::StatusOr<audience::LiveSession> live = live_.Load(session.key);
  if (common::errors::Is(live.status(), kSessionNotLive)) return absl::OkStatus();
  RETURN_IF_ERROR(live.status());
  ASSIGN_OR_RETURN(const State state, StateOf(live->hype));
  // One that nobody has ended yet is over all the same.
  if (state.train && state.train->expires_at > call.now) {
    Fill(ForStreamer(settings_, live->state), *state.train, response);
  }
  return absl::OkStatus();
}

absl::Status HypeRpc::GetHypeHistory(CallContext& call, const v1::HypeHistoryRequest& request,
                                     v1::HypeHistoryResponse& response) {
  HistoryQuery query{.streamer = *common::Uuid::Parse(request.streamer_id()),
                     .limit = request.has_limit() ? request.limit() : kDefaultHistory,
                     .offset = request.offset()};
  if (request.has_streamer_type()) {
    query.streamer_type = static_cast<uint8_t>(request.streamer_type());
  }
  if (request.has_game_service_id()) query.game = common::Uuid::Parse(request.game_service_id());
  ASSIGN_OR_RETURN(const std::vector<TrainSummary> trains, store_.History(query));
  for (const TrainSummary& train : trains) Fill(train, call.now, *response.add_hype_trains());
  return absl::OkStatus();
}

}  // namespace streaming::hype
