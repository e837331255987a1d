#include "services/stream/sessions/session_rpc.h"

#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "services/stream/errors.h"

namespace stream::sessions {
namespace {

using common::Uuid;
using common::errors::Make;
using common::rpc::CallContext;
using google::protobuf::util::TimeUtil;

constexpr int kDefaultListLimit = 10;

absl::Status NotFound() { return Make(kPlatformSessionNotFound, "no such platform session"); }

}  // namespace

absl::Status SessionRpc::StartPlatformSession(CallContext& call,
                                              const v1::StartPlatformSessionRequest& request,
                                              v1::PlatformSessionStatus& response) {
  const Uuid link_id = *Uuid::Parse(request.link_id());
  ASSIGN_OR_RETURN(const auto link, parts_.links.Find(link_id));
  if (!link || !call.identity.MayActFor(link->account_id)) {
    return Make(kLinkNotFound, "no such link");
  }
  ASSIGN_OR_RETURN(const platforms::LiveStream stream, FindLive(*link, call.now));
  Opening opening{.link_id = link_id,
                  .stream_id = stream.stream_id,
                  .started_at = stream.started_at,
                  .viewer_count = stream.viewer_count.value_or(0),
                  .in_game_id = {}};
  if (request.has_in_game_session_id()) {
    opening.in_game_id = Uuid::Parse(request.in_game_session_id());
  }
  ASSIGN_OR_RETURN(const Session session, parts_.sessions.OpenByHand(opening));
  parts_.live.Forget(link_id);
  parts_.on_changed();
  Write(call, session, response);
  return absl::OkStatus();
}

// What is live, by the platform's word. A Custom platform has none: its owner says so.
absl::StatusOr<platforms::LiveStream> SessionRpc::FindLive(const linking::Link& link,
                                                           common::Time now) {
  if (link.platform == platforms::Platform::kCustom) {
    return platforms::LiveStream{
        .stream_id = Uuid::V4().ToString(), .started_at = now, .viewer_count = {}};
  }
  platforms::PlatformClient* const client = parts_.platforms.Find(link.platform);
  if (client == nullptr) {
    return Make(kPlatformNotConfigured, "the operator has not configured this platform");
  }
  if (!link.is_active) return Make(kLinkInactive, "the platform refused the link's tokens");
  ASSIGN_OR_RETURN(const auto query, parts_.tokens.LiveQueryOf(link, std::nullopt));
  ASSIGN_OR_RETURN(const auto found, client->FindLive(std::span(&query, 1)));
  if (!found.at(0)) {
    return Make(kPlatformNotLive, "the platform says that the channel is not live");
  }
  return *found.at(0);
}

absl::Status SessionRpc::StopPlatformSession(CallContext& call,
                                             const v1::StopPlatformSessionRequest& request,
                                             v1::StopPlatformSessionResponse&) {
  ASSIGN_OR_RETURN(const Session session, FindOwn(call, request.platform_session_id()));
  ASSIGN_OR_RETURN(const bool ended, parts_.sessions.Stop(session.session_id, call.now));
  if (!ended) return NotFound();
  parts_.live.Forget(session.link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

absl::Status SessionRpc::AssociateSession(CallContext& call,
                                          const v1::AssociateSessionRequest& request,
                                          v1::AssociateSessionResponse&) {
  ASSIGN_OR_RETURN(const Session session, FindOwn(call, request.platform_session_id()));
  std::optional<Uuid> in_game_id;
  if (request.has_in_game_session_id()) in_game_id = Uuid::Parse(request.in_game_session_id());
  ASSIGN_OR_RETURN(const bool live, parts_.sessions.Associate(session.session_id, in_game_id));
  return live ? absl::OkStatus() : NotFound();
}

absl::Status SessionRpc::GetPlatformSessionStatus(CallContext& call,
                                                  const v1::PlatformSessionStatusRequest& request,
                                                  v1::PlatformSessionStatus& response) {
  ASSIGN_OR_RETURN(const Session session, FindOwn(call, request.platform_session_id()));
  Write(call, session, response);
  return absl::OkStatus();
}

absl::Status SessionRpc::ListPlatformSessions(CallContext& call,
                                              const v1::ListPlatformSessionsRequest& request,
                                              v1::ListPlatformSessionsResponse& response) {
  ASSIGN_OR_RETURN(const auto sessions,
                   parts_.sessions.List(*Uuid::Parse(request.account_id()), request.include_ended(),
                                        request.has_limit() ? request.limit() : kDefaultListLimit,
                                        request.offset()));
  for (const Session& session : sessions) {
    Write(call, session, *response.add_sessions());
  }
  return absl::OkStatus();
}

absl::StatusOr<Session> SessionRpc::FindOwn(const CallContext& call, const std::string& id) {
  ASSIGN_OR_RETURN(const auto session, parts_.sessions.Find(*Uuid::Parse(id)));
  if (!session || !call.identity.MayActFor(session->account_id)) return NotFound();
  return *session;
}

void SessionRpc::Write(const CallContext& call, const Session& session,
                       v1::PlatformSessionStatus& out) const {
  out.set_platform_session_id(session.session_id.ToString());
  out.set_link_id(session.link_id.ToString());
  out.set_platform(static_cast<v1::StreamPlatform>(session.platform));
  out.set_is_active(session.status == Status::kLive);
  *out.mutable_started_at() =
      TimeUtil::MicrosecondsToTimestamp(common::ToMicros(session.started_at));
  if (session.ended_at) {
    *out.mutable_ended_at() =
        TimeUtil::MicrosecondsToTimestamp(common::ToMicros(*session.ended_at));
  }
  out.set_approximate_viewer_count(session.viewer_count);
  if (session.in_game_id) out.set_in_game_session_id(session.in_game_id->ToString());
  if (!call.identity.admin) return;
  out.set_total_pulses_published(session.pulses_published);
  if (session.status == Status::kEnded) {
    out.set_tracked_viewer_count(0);
  } else if (const auto tracked = parts_.buffer.TrackedCount(session.session_id); tracked.ok()) {
    out.set_tracked_viewer_count(*tracked);
  }
}

}  // namespace stream::sessions
