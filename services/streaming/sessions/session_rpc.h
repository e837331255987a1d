#pragma once
#include <bannou/streaming/v1/session.grpc.pb.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/sessions/life_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

class SessionRpc final : public common::rpc::Service<bannou::streaming::v1::StreamSessionService> {
 public:
  struct Parts {
    common::mysql::Pool& mysql;
    SessionStore& sessions;
    SessionLife& life;
    audience::LiveStore& live;
    pool::PoolStore& pools;
  };

  // Keeps the references.
  SessionRpc(const common::rpc::Edge& edge, const Parts& parts) : Service(edge), parts_(parts) {}

  BANNOU_UNARY(CreateStreamSession, bannou::streaming::v1::CreateStreamSessionRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(StartStreamSession, bannou::streaming::v1::StartStreamSessionRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(EndStreamSession, bannou::streaming::v1::EndStreamSessionRequest,
               bannou::streaming::v1::StreamSessionSummary)
  BANNOU_UNARY(GetStreamSessionStatus, bannou::streaming::v1::StreamSessionStatusRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(ListStreamSessions, bannou::streaming::v1::ListStreamSessionsRequest,
               bannou::streaming::v1::ListStreamSessionsResponse)
  BANNOU_UNARY(BrowseStreams, bannou::streaming::v1::BrowseStreamsRequest,
               bannou::streaming::v1::BrowseStreamsResponse)
  BANNOU_UNARY(PauseStreamSession, bannou::streaming::v1::PauseStreamSessionRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(ResumeStreamSession, bannou::streaming::v1::ResumeStreamSessionRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(SetContentTags, bannou::streaming::v1::SetContentTagsRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY(SetStreamContext, bannou::streaming::v1::SetStreamContextRequest,
               bannou::streaming::v1::StreamSessionDetail)
  BANNOU_UNARY_LATER(RaidStreamSession, bannou::streaming::v1::RaidStreamSessionRequest,
                     bannou::streaming::v1::RaidStreamSessionResponse)
  BANNOU_STREAM_LATER(WatchStreamSession, bannou::streaming::v1::WatchStreamSessionRequest,
                      bannou::streaming::v1::ClientEvent)

 private:
  // The session, if the caller may change it; else SESSION_NOT_FOUND, SESSION_NOT_OWNED.
  absl::StatusOr<Session> Owned(const common::rpc::CallContext& call, const std::string& id);
  // Likewise, and Pending or Live; else SESSION_NOT_ACTIVE.
  absl::StatusOr<Session> OwnedAndActive(const common::rpc::CallContext& call,
                                         const std::string& id);
  // Whether the streamer's career permits a title of its own.
  absl::StatusOr<bool> MayTitle(const NewSession& wish);
  // What is live comes from Redis, the rest from the record.
  absl::Status Describe(const common::rpc::CallContext& call, Session session,
                        bannou::streaming::v1::StreamSessionDetail& response);
  // Changes a session that is live in Redis; one that is not is left alone.
  absl::Status ChangeLive(const common::rpc::CallContext& call, const Session& session,
                          void (*alter)(audience::LiveState&, const Session&));
  absl::Status SetPaused(const common::rpc::CallContext& call, const std::string& id, bool paused,
                         bannou::streaming::v1::StreamSessionDetail& response);

  const Parts parts_;
};

}  // namespace streaming::sessions
