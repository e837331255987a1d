#include "services/streaming/audience/audience_rpc.h"

#include <algorithm>
#include <cmath>

#include <bannou/streaming/v1/types.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "services/streaming/audience/composition.h"
#include "services/streaming/audience/seats.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/audience/snapshot_worker.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/client_event.h"
#include "services/streaming/events/event.h"
#include "services/streaming/events/words.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::audience {
namespace {

namespace v1 = bannou::streaming::v1;
using common::rpc::CallContext;

constexpr float kDefaultSignificance = 0.5f;
// Of a reaction that front ends are told of.
constexpr float kNotableIntensity = 0.05f;

// The contract numbers its enums from 1, the rules from 0.
size_t IndexOf(v1::ReactionEventType event) { return static_cast<size_t>(event) - 1; }
template <class ProtoEnum>
std::string WordAt(size_t index) {
  return std::string(events::WordOf(static_cast<ProtoEnum>(index + 1)));
}

template <class ProtoEnum, size_t N>
void Distribute(const std::array<uint32_t, N>& counts,
                google::protobuf::Map<std::string, int32_t>& distribution) {
  for (size_t i = 0; i < N; ++i) {
    distribution[WordAt<ProtoEnum>(i)] = static_cast<int32_t>(counts[i]);
  }
}

bannou::stream::v1::SentimentCategory SentimentOf(blending::Sentiment sentiment) {
  return static_cast<bannou::stream::v1::SentimentCategory>(static_cast<int>(sentiment) + 1);
}

// `attended_before`: sessions of this streamer, without this one.
void Fill(const NotableViewer& viewer, uint32_t attended_before, v1::NotableViewer& message) {
  message.set_viewer_id(viewer.viewer.ToString());
  message.set_viewer_label(viewer.label);
  message.set_viewer_type(static_cast<bannou::stream::v1::TrackedViewerType>(viewer.type));
  message.set_engagement_level(viewer.engagement);
  message.set_dominant_sentiment(SentimentOf(viewer.sentiment));
  message.set_sessions_watched(static_cast<int32_t>(attended_before + 1));
}

// The same id must come with the same wish; the id itself is no part of it.
std::optional<Request> RequestOf(const v1::TriggerReactionRequest& request) {
  if (!request.has_request_id()) return std::nullopt;
  v1::TriggerReactionRequest wish = request;
  wish.clear_request_id();
  return Request{.id = *common::Uuid::Parse(request.request_id()),
                 .digest = common::crypto::Sha256(wish.SerializeAsString())};
}

// All of the answer but the newcomers.
v1::AudienceReactionResult ResultOf(const reactions::Answer& answer) {
  v1::AudienceReactionResult result;
  result.set_excitement_delta(answer.excitement_delta);
  result.set_audience_retained(static_cast<int32_t>(answer.retained_heads));
  result.set_audience_lost(static_cast<int32_t>(answer.lost_heads));
  result.set_hype_contribution(answer.hype_contribution);
  result.set_triggered_hype_train(answer.triggered_hype_train);
  return result;
}

}  // namespace

AudienceRpc::AudienceRpc(const common::rpc::Edge& edge, const Parts& parts, const Options& options)
    : Service(edge, v1::AudienceService::service_full_name()), parts_(parts), options_(options) {
  Handle("QueryAudience", &AudienceRpc::QueryAudience);
  Handle("TriggerAudienceReaction", &AudienceRpc::TriggerAudienceReaction);
  Handle("GetAudienceTruth", &AudienceRpc::GetAudienceTruth);
  for (size_t i = 0; i < reactions::kEvents; ++i) {
    reactions_[i] = &parts_.metrics.GetCounter("streaming_reactions_total",
                                               "Reactions of audiences, by what happened.",
                                               {{"event", WordAt<v1::ReactionEventType>(i)}});
  }
}

absl::Status AudienceRpc::Allow(const CallContext& call, const v1::TriggerReactionRequest& request,
                                const sessions::Session& session) {
  const bool privileged = call.identity.IsPrivileged();
  if (!sessions::MayChange(session.owner,
                           {.account = call.identity.account, .privileged = privileged})) {
    return common::errors::Make(kSessionNotOwned, "the session is another account's");
  }
  if (privileged) return absl::OkStatus();
  if (request.event_type() == v1::REACTION_EVENT_TYPE_WORLD_FIRST) {
    return common::errors::Make(kEventTypeNotAllowed, "a world first needs role service");
  }
  // A retry is no reaction of its own.
  if (const auto known = RequestOf(request)) {
    ASSIGN_OR_RETURN(const auto replay, parts_.live.FindReplay(session.key, *known));
    if (replay) return absl::OkStatus();
  }
  return parts_.reactions.CountUser(session.key, options_.user_reactions_per_minute, call.now);
}

reactions::Happening AudienceRpc::HappeningOf(const CallContext& call,
                                              const v1::TriggerReactionRequest& request) const {
  float significance = request.has_significance() ? request.significance() : kDefaultSignificance;
  if (!call.identity.IsPrivileged()) {
    significance = std::min(significance, options_.user_significance_max);
  }
  return {.occurrence = {.event = static_cast<reactions::Event>(IndexOf(request.event_type())),
                         .significance = significance,
                         .world_first_multiplier = options_.world_first_multiplier,
                         .key = common::crypto::RandomBits()},
          .description = request.description(),
          .at = call.now};
}

absl::StatusOr<Applied> AudienceRpc::React(const CallContext& call,
                                           const v1::TriggerReactionRequest& request,
                                           const LiveKey& session,
                                           const reactions::Happening& happening,
                                           v1::AudienceReactionResult& response) {
  // Who has been asked in a round cannot be judged by the view of the one before: that is looked
  // for once.
  for (uint32_t least = 0;;) {
    ASSIGN_OR_RETURN(const auto seen,
                     parts_.rounds.Outlook({session.game, session.shard}, call.now, least));
    uint32_t begun = 0;
    const auto rule = [&](const LiveSession& live) -> absl::StatusOr<Change> {
      begun = 0;
      if (least == 0 && seen->view.round < live.audience.last_round) {
        begun = live.audience.last_round;
        return absl::AbortedError("a round has begun");
      }
      const RoundSettings settings = SettingsOf(options_.round, *live.pool, live.key.shard);
      const reactions::Scene scene = reactions::SceneOf(settings, seen, live, call.now);
      ASSIGN_OR_RETURN(reactions::Outcome outcome,
                       reactions::ReactIn(settings, options_.hype, scene, live, happening));
      response = ResultOf(outcome.answer);
      outcome.change.answer = response.SerializeAsString();
      return std::move(outcome.change);
    };
    auto applied = parts_.live.Update(session, call.now, rule, RequestOf(request));
    if (begun == 0) return applied;
    least = begun;
  }
}

absl::Status AudienceRpc::TriggerAudienceReaction(CallContext& call,
                                                  const v1::TriggerReactionRequest& request,
                                                  v1::AudienceReactionResult& response) {
  ASSIGN_OR_RETURN(const sessions::Session session,
                   parts_.sessions.GetKnown(*common::Uuid::Parse(request.session_id()), call.now));
  RETURN_IF_ERROR(Allow(call, request, session));
  const reactions::Happening happening = HappeningOf(call, request);
  ASSIGN_OR_RETURN(const Applied applied, React(call, request, session.key, happening, response));
  if (applied.replayed) {
    if (!response.ParseFromString(applied.answer)) {
      return absl::InternalError("a stored answer is malformed");
    }
  } else {
    reactions_[IndexOf(request.event_type())]->Increment();
    Tell(applied.session, happening, response);
  }
  response.set_audience_gained(static_cast<int32_t>(applied.joined_heads));
  return absl::OkStatus();
}

void AudienceRpc::Tell(const LiveSession& session, const reactions::Happening& happening,
                       const v1::AudienceReactionResult& result) const {
  const std::string session_id = session.key.session.ToString();
  const float intensity = std::max(std::abs(result.excitement_delta()), result.hype_contribution());
  if (intensity >= kNotableIntensity) {
    v1::StreamingAudienceReactionClientEvent reaction;
    reaction.set_session_id(session_id);
    reaction.set_reaction_type(
        SentimentOf(reactions::FeelingOf(happening.occurrence.event, result.excitement_delta())));
    reaction.set_intensity(std::min(intensity, 1.0f));
    parts_.tell(session.key.session, events::MakeClientEvent(std::move(reaction), happening.at));
  }
  if (result.hype_contribution() <= 0) return;
  if (const auto progress = ProgressOf(options_.hype, session, happening.at)) {
    parts_.tell(session.key.session, *progress);
  }
}

absl::StatusOr<LiveSession> AudienceRpc::LoadAudience(const std::string& session_id) {
  ASSIGN_OR_RETURN(const sessions::Session session,
                   parts_.sessions.Get(*common::Uuid::Parse(session_id)));
  absl::StatusOr<LiveSession> live = parts_.live.Load(session.key);
  if (!common::errors::Is(live.status(), kSessionNotLive)) return live;
  LiveSession nobody;
  nobody.key = session.key;
  ASSIGN_OR_RETURN(nobody.pool, parts_.pools.Get(session.key.game));
  return nobody;
}

absl::Status AudienceRpc::QueryAudience(CallContext&, const v1::QueryAudienceRequest& request,
                                        v1::AudienceComposition& response) {
  ASSIGN_OR_RETURN(const LiveSession session, LoadAudience(request.session_id()));
  const Composition composition = CompositionOf(options_.round.weights, session);
  response.set_session_id(request.session_id());
  response.set_total_count(static_cast<int32_t>(composition.heads));
  Distribute<v1::AudiencePersonality>(composition.personalities,
                                      *response.mutable_personality_distribution());
  Distribute<v1::AudienceInterest>(composition.interests,
                                   *response.mutable_interest_distribution());
  *response.mutable_engagement_breakdown() = BreakdownOf(composition);
  ASSIGN_OR_RETURN(const auto attended,
                   parts_.attendance.AttendedBefore(session, composition.notable));
  for (const NotableViewer& viewer : composition.notable) {
    const auto before = attended.find(viewer.member);
    Fill(viewer, before == attended.end() ? 0 : before->second, *response.add_notable_viewers());
  }
  return absl::OkStatus();
}

absl::Status AudienceRpc::GetAudienceTruth(CallContext&, const v1::GetAudienceTruthRequest& request,
                                           v1::GetAudienceTruthResponse& response) {
  ASSIGN_OR_RETURN(const LiveSession session, LoadAudience(request.session_id()));
  const blending::Crowd crowd = blending::DecodeCrowd(session.mood);
  const std::vector<uint32_t> members = SeatedMembers(session);
  const auto seated = static_cast<uint32_t>(members.size());
  response.set_session_id(request.session_id());
  response.set_total_count(static_cast<int32_t>(session.heads));
  response.set_simulated_count(static_cast<int32_t>(session.heads - seated));
  response.set_real_derived_count(static_cast<int32_t>(seated));
  response.set_real_derived_ratio(
      session.heads == 0 ? 0 : static_cast<float>(seated) / static_cast<float>(session.heads));
  for (const uint32_t member : members) {
    response.add_real_derived_viewer_ids(
        pool::ViewerId(session.state.viewer_secret, member).ToString());
  }
  response.set_unseated_count(
      static_cast<int32_t>(crowd.seats() - members.size() + crowd.voices_beyond));
  const blending::Mood mood = blending::MoodNow(crowd);
  for (size_t i = 0; i < blending::kSentiments; ++i) {
    (*response.mutable_mood())[WordAt<bannou::stream::v1::SentimentCategory>(i)] = mood.levels[i];
  }
  for (const common::Uuid& feeder : crowd.feeders) {
    response.add_platform_session_ids(feeder.ToString());
  }
  response.set_pulses_applied(crowd.pulses);
  response.set_pulses_stale(crowd.pulses_stale);
  if (crowd.last_pulse_at) {
    *response.mutable_last_pulse_at() = events::ToTimestamp(*crowd.last_pulse_at);
    response.set_pulse_lag_seconds(crowd.lag_millis / 1000.0);
  }
  return absl::OkStatus();
}

}  // namespace streaming::audience
