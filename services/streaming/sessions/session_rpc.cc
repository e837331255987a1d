#include "services/streaming/sessions/session_rpc.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/snapshot_worker.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"

namespace streaming::sessions {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::rpc::CallContext;
using events::ToTimestamp;

// Whoever was cut off before the end may fetch the rest of what happened for so long.
constexpr common::Duration kRestKept = std::chrono::minutes(10);

// The edge has seen to it that ids are well formed.
Uuid IdOf(const std::string& text) { return *Uuid::Parse(text); }

std::optional<Uuid> OptionalId(bool has, const std::string& text) {
  return has ? std::optional(IdOf(text)) : std::nullopt;
}

Caller CallerOf(const CallContext& call) {
  return {.account = call.identity.account, .privileged = call.identity.IsPrivileged()};
}

// Contract values count from 1, masks from 0.
template <class Tags>
pool::InterestMask MaskOf(const Tags& tags) {
  pool::InterestMask mask;
  for (const int tag : tags) mask.Add(static_cast<pool::Interest>(tag - 1));
  return mask;
}

int32_t Count(uint32_t count) { return static_cast<int32_t>(count); }

void Fill(const CallContext& call, const Session& session, v1::StreamSessionDetail& out) {
  out.MergeFrom(DetailOf(session));  // some warnings may stand there
  TellInsider(call.identity, session.owner, session.platform_session.has_value(), out);
}

// What of a Live session is Redis' to say.
void Take(const audience::Glimpse& live, Session& session) {
  session.counters.heads = live.heads;
  session.counters.peak_heads = live.state.peak_heads;
  session.train_runs = live.state.hype_progress > 0;
  session.paused = live.state.paused;
  session.tags = live.state.tags;
}

void Fill(const Session& session, const std::vector<audience::Moment>& moments,
          v1::StreamSessionSummary& out) {
  const Summary summary = SummaryOf(session);
  out.set_session_id(session.key.session.ToString());
  out.set_duration_seconds(summary.duration_seconds);
  out.set_peak_audience_count(summary.peak_heads);
  out.set_average_audience_count(summary.average_heads);
  out.set_new_followers(summary.new_followers);
  out.set_hype_trains_triggered(summary.hype_trains);
  for (const audience::Moment& moment : moments) {
    v1::StreamMoment& told = *out.add_top_moments();
    *told.mutable_timestamp() = ToTimestamp(moment.at);
    told.set_moment_type(static_cast<v1::StreamMomentType>(moment.type));
    if (!moment.description.empty()) told.set_description(moment.description);
    told.set_audience_reaction(moment.reaction);
  }
}

NewSession WishOf(const CallContext& call, const v1::CreateStreamSessionRequest& request) {
  NewSession wish = {
      .game = IdOf(request.game_service_id()),
      .streamer_type = static_cast<StreamerType>(request.streamer_type()),
      .streamer = IdOf(request.streamer_id()),
      .tags = MaskOf(request.content_tags()),
      .platform_session =
          OptionalId(request.has_platform_session_id(), request.platform_session_id()),
      .game_session = OptionalId(request.has_game_session_id(), request.game_session_id()),
      .sponsorship = OptionalId(request.has_sponsorship_id(), request.sponsorship_id()),
      .request_id = OptionalId(request.has_request_id(), request.request_id())};
  if (request.has_title()) wish.title = request.title();
  if (request.has_theme()) wish.theme = request.theme();
  std::string content = request.SerializeAsString();
  if (call.identity.account) content += call.identity.account->ToBytes();
  wish.request_digest = common::crypto::Sha256(content);
  return wish;
}

careers::StreamerKey StreamerOf(StreamerType type, const Uuid& streamer, const Uuid& game) {
  return {
      .type = static_cast<v1::StreamerEntityType>(type), .id = streamer, .game_service_id = game};
}

// The same id must come with the same wish; the id itself is no part of it.
std::optional<audience::Request> RequestOf(const v1::RaidStreamSessionRequest& request) {
  if (!request.has_request_id()) return std::nullopt;
  return audience::Request{
      .id = IdOf(request.request_id()),
      .digest = common::crypto::Sha256(request.from_session_id() + request.to_session_id())};
}

// Sessions of one streamer stay in one shard, so that its audience knows where to find it.
uint32_t ShardOf(const Uuid& streamer, uint32_t shards) {
  return static_cast<uint32_t>(std::hash<Uuid>()(streamer) % shards);
}

}  // namespace

absl::StatusOr<bool> SessionRpc::Has(const careers::StreamerKey& streamer,
                                     std::string_view capability) {
  ASSIGN_OR_RETURN(const auto found, careers::FindStreamer(parts_.mysql, streamer));
  return found.has_value() && careers::Has(found->phase, capability);
}

absl::Status SessionRpc::CreateStreamSession(CallContext& call,
                                             const v1::CreateStreamSessionRequest& request,
                                             v1::StreamSessionDetail& response) {
  NewSession wish = WishOf(call, request);
  ASSIGN_OR_RETURN(const auto pool, parts_.pools.Get(wish.game));
  wish.shard = ShardOf(wish.streamer, pool->spec().shards);
  if (wish.title && !call.identity.IsPrivileged()) {
    ASSIGN_OR_RETURN(
        const bool titled,
        Has(StreamerOf(wish.streamer_type, wish.streamer, wish.game), careers::kCustomStreamTitle));
    if (!titled) {
      wish.title.reset();
      response.add_warnings("title dropped: the streamer lacks the capability custom_stream_title");
    }
  }
  ASSIGN_OR_RETURN(const Session session, parts_.sessions.Create(wish, CallerOf(call), call.now));
  return Describe(call, session, response);
}

absl::StatusOr<Session> SessionRpc::Owned(const CallContext& call, const std::string& id) {
  ASSIGN_OR_RETURN(Session session, parts_.sessions.Get(IdOf(id)));
  if (!MayChange(session.owner, CallerOf(call))) {
    return common::errors::Make(kSessionNotOwned, "the session belongs to another's streamer");
  }
  return session;
}

absl::Status SessionRpc::StartStreamSession(CallContext& call,
                                            const v1::StartStreamSessionRequest& request,
                                            v1::StreamSessionDetail& response) {
  ASSIGN_OR_RETURN(const Session session, Owned(call, request.session_id()));
  ASSIGN_OR_RETURN(const Session started, parts_.life.Start(session, call.now));
  return Describe(call, started, response);
}

absl::Status SessionRpc::EndStreamSession(CallContext& call,
                                          const v1::EndStreamSessionRequest& request,
                                          v1::StreamSessionSummary& response) {
  ASSIGN_OR_RETURN(const Session session, Owned(call, request.session_id()));
  const auto reason =
      request.has_reason() ? static_cast<EndReason>(request.reason()) : EndReason::kManual;
  ASSIGN_OR_RETURN(const Session ended, parts_.life.End(session.key.session, reason, call.now));
  ASSIGN_OR_RETURN(const auto moments, parts_.sessions.Moments(session.key.session));
  Fill(ended, moments, response);
  return absl::OkStatus();
}

absl::Status SessionRpc::Describe(const CallContext& call, Session session,
                                  v1::StreamSessionDetail& response) {
  if (session.status == Status::kLive) {
    const auto live = parts_.live.Glance(session.key);
    if (live.ok()) {
      Take(*live, session);
    } else if (!common::errors::Is(live.status(), kSessionNotLive)) {
      return live.status();
    }
  }
  Fill(call, session, response);
  return absl::OkStatus();
}

absl::Status SessionRpc::GetStreamSessionStatus(CallContext& call,
                                                const v1::StreamSessionStatusRequest& request,
                                                v1::StreamSessionDetail& response) {
  const Uuid id = IdOf(request.session_id());
  ASSIGN_OR_RETURN(Session session, parts_.sessions.GetKnown(id, call.now));
  if (session.status == Status::kLive) {
    const auto live = parts_.live.Glance(session.key);
    if (live.ok()) {
      Take(*live, session);
    } else if (common::errors::Is(live.status(), kSessionNotLive)) {
      // It is ending, or has ended, or Redis has lost it: what is known may be of before that.
      ASSIGN_OR_RETURN(session, parts_.sessions.Get(id));
    } else {
      return live.status();
    }
  }
  Fill(call, session, response);
  return absl::OkStatus();
}

absl::Status SessionRpc::ListStreamSessions(CallContext& call,
                                            const v1::ListStreamSessionsRequest& request,
                                            v1::ListStreamSessionsResponse& response) {
  ListQuery query = {.game = IdOf(request.game_service_id()),
                     .offset = static_cast<uint32_t>(request.offset())};
  if (request.has_limit()) query.limit = static_cast<uint32_t>(request.limit());
  if (request.has_streamer_type()) {
    query.streamer_type = static_cast<StreamerType>(request.streamer_type());
  }
  if (request.has_status()) query.status = static_cast<Status>(request.status());
  ASSIGN_OR_RETURN(const ListPage page, parts_.sessions.List(query));
  for (const Session& session : page.sessions) Fill(call, session, *response.add_sessions());
  response.set_total(Count(page.total));
  return absl::OkStatus();
}

absl::Status SessionRpc::BrowseStreams(CallContext& call, const v1::BrowseStreamsRequest& request,
                                       v1::BrowseStreamsResponse& response) {
  BrowseQuery query = {.game = IdOf(request.game_service_id()),
                       .any_of = MaskOf(request.content_filter()),
                       .offset = static_cast<uint32_t>(request.offset())};
  if (request.has_limit()) query.limit = static_cast<uint32_t>(request.limit());
  return browse_.Show(query, call.identity, call.now, response);
}

absl::Status SessionRpc::ChangeLive(const CallContext& call, const Session& session,
                                    std::string_view command,
                                    void (*alter)(audience::LiveState&, const Session&)) {
  const absl::Status changed =
      parts_.live
          .Update(session.key, call.now,
                  [&](const audience::LiveSession& live) -> absl::StatusOr<audience::Change> {
                    audience::Change change(live);
                    audience::NoteCall(change.state, call.now);
                    change.command = command;
                    alter(change.state, session);
                    return change;
                  })
          .status();
  // Pending, or lost and about to be opened again: both take over what the record says.
  return common::errors::Is(changed, kSessionNotLive) ? absl::OkStatus() : changed;
}

absl::Status SessionRpc::SetPaused(const CallContext& call, const std::string& id, bool paused,
                                   v1::StreamSessionDetail& response) {
  ASSIGN_OR_RETURN(Session session, Owned(call, id));
  if (session.status != Status::kLive) {
    return common::errors::Make(kSessionNotLive, "the session is not Live");
  }
  session.paused = paused;
  RETURN_IF_ERROR(parts_.sessions.SetPaused(session.key.session, paused));
  RETURN_IF_ERROR(ChangeLive(
      call, session, paused ? "pause" : "resume",
      [](audience::LiveState& state, const Session& wanted) { state.paused = wanted.paused; }));
  return Describe(call, std::move(session), response);
}

absl::Status SessionRpc::PauseStreamSession(CallContext& call,
                                            const v1::PauseStreamSessionRequest& request,
                                            v1::StreamSessionDetail& response) {
  return SetPaused(call, request.session_id(), true, response);
}

absl::Status SessionRpc::ResumeStreamSession(CallContext& call,
                                             const v1::ResumeStreamSessionRequest& request,
                                             v1::StreamSessionDetail& response) {
  return SetPaused(call, request.session_id(), false, response);
}

absl::Status SessionRpc::SetContentTags(CallContext& call, const v1::SetContentTagsRequest& request,
                                        v1::StreamSessionDetail& response) {
  ASSIGN_OR_RETURN(Session session, OwnedAndActive(call, request.session_id()));
  session.tags = MaskOf(request.content_tags());
  RETURN_IF_ERROR(parts_.sessions.SetTags(session.key.session, session.tags));
  RETURN_IF_ERROR(ChangeLive(
      call, session, absl::StrCat("tags ", session.tags.bits()),
      [](audience::LiveState& state, const Session& wanted) { state.tags = wanted.tags; }));
  return Describe(call, std::move(session), response);
}

absl::Status SessionRpc::SetStreamContext(CallContext& call,
                                          const v1::SetStreamContextRequest& request,
                                          v1::StreamSessionDetail& response) {
  ASSIGN_OR_RETURN(Session session, OwnedAndActive(call, request.session_id()));
  session.context_score = request.context_score();
  RETURN_IF_ERROR(parts_.sessions.SetContext(session.key.session, session.context_score));
  RETURN_IF_ERROR(ChangeLive(call, session, absl::StrCat("context ", session.context_score),
                             [](audience::LiveState& state, const Session& wanted) {
                               state.caller_score = static_cast<float>(wanted.context_score);
                             }));
  return Describe(call, std::move(session), response);
}

absl::Status SessionRpc::RaidStreamSession(CallContext& call,
                                           const v1::RaidStreamSessionRequest& request,
                                           v1::RaidStreamSessionResponse& response) {
  ASSIGN_OR_RETURN(const Session from, Owned(call, request.from_session_id()));
  ASSIGN_OR_RETURN(const Session to, parts_.sessions.Get(IdOf(request.to_session_id())));
  if (!call.identity.IsPrivileged()) {
    ASSIGN_OR_RETURN(const bool capable,
                     Has(StreamerOf(from.streamer_type, from.streamer, from.key.game),
                         careers::kCrossStreamRaids));
    if (!capable) {
      return common::errors::Make(kCapabilityMissing,
                                  "the streamer lacks the capability cross_stream_raids");
    }
  }
  ASSIGN_OR_RETURN(const Raided raided, parts_.raid.Send(from, to, call.now, RequestOf(request)));
  response.set_moved_count(Count(raided.moved));
  response.set_from_audience_count(Count(raided.from_heads));
  response.set_to_audience_count(Count(raided.to_heads));
  return absl::OkStatus();
}

absl::Status SessionRpc::WatchStreamSession(
    CallContext& call, const v1::WatchStreamSessionRequest& request,
    const std::shared_ptr<common::rpc::ServerStream>& stream) {
  ASSIGN_OR_RETURN(const Session session, parts_.sessions.Get(IdOf(request.session_id())));
  events::Watch watch = {.session = session.key.session,
                         .everything = MayChange(session.owner, CallerOf(call))};
  // Game servers watch for many players.
  if (!call.identity.IsPrivileged()) watch.account = call.identity.account.value_or(common::Uuid());
  if (request.has_cursor()) watch.cursor = request.cursor();
  watch.ended = session.status == Status::kEnded;
  const bool rest = watch.cursor && session.ended_at && call.now - *session.ended_at < kRestKept;
  if (watch.ended && !rest) {
    return common::errors::Make(kSessionNotActive, "the session has ended");
  }
  // Something comes at once, with a cursor. A session that is not Live has nobody yet, or no more.
  audience::LiveSession now = {.key = session.key};
  if (session.status == Status::kLive) {
    auto live = parts_.live.Load(session.key);
    if (live.ok()) {
      now = *std::move(live);
    } else if (!common::errors::Is(live.status(), kSessionNotLive)) {
      return live.status();
    }
  }
  if (!watch.ended) watch.first = audience::SnapshotOf(parts_.weights, now, call.now);
  RETURN_IF_ERROR(parts_.watchers.Open(watch, stream));
  // Whoever watches his own stream has not gone away.
  const bool own = session.owner && session.owner == call.identity.account;
  if (own && session.status == Status::kLive) {
    parts_.life.Touch(session.key, call.now).IgnoreError();
  }
  return absl::OkStatus();
}

absl::StatusOr<Session> SessionRpc::OwnedAndActive(const CallContext& call, const std::string& id) {
  ASSIGN_OR_RETURN(Session session, Owned(call, id));
  if (session.status != Status::kPending && session.status != Status::kLive) {
    return common::errors::Make(kSessionNotActive, "the session has ended");
  }
  return session;
}

}  // namespace streaming::sessions
