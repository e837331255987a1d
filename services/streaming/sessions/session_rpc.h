#pragma once
#include <bannou/streaming/v1/session.grpc.pb.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/events/watchers.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/sessions/browse_store.h"
#include "services/streaming/sessions/life_store.h"
#include "services/streaming/sessions/raid_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

namespace v1 = bannou::streaming::v1;

class SessionRpc final : public common::rpc::Service {
 public:
  struct Parts {
    common::mysql::Pool& mysql;
    SessionStore& sessions;
    SessionLife& life;
    SessionRaid& raid;
    audience::LiveStore& live;
    pool::PoolStore& pools;
    events::Watchers& watchers;
    audience::AttractionWeights weights;
  };

  // Keeps the references.
  SessionRpc(const common::rpc::Edge& edge, const Parts& parts)
      : Service(edge, v1::StreamSessionService::service_full_name()), parts_(parts) {
    Handle("CreateStreamSession", &SessionRpc::CreateStreamSession);
    Handle("StartStreamSession", &SessionRpc::StartStreamSession);
    Handle("EndStreamSession", &SessionRpc::EndStreamSession);
    Handle("GetStreamSessionStatus", &SessionRpc::GetStreamSessionStatus);
    Handle("ListStreamSessions", &SessionRpc::ListStreamSessions);
    Handle("BrowseStreams", &SessionRpc::BrowseStreams);
    Handle("PauseStreamSession", &SessionRpc::PauseStreamSession);
    Handle("ResumeStreamSession", &SessionRpc::ResumeStreamSession);
    Handle("SetContentTags", &SessionRpc::SetContentTags);
    Handle("SetStreamContext", &SessionRpc::SetStreamContext);
    Handle("RaidStreamSession", &SessionRpc::RaidStreamSession);
    HandleStream<v1::ClientEvent>("WatchStreamSession", &SessionRpc::WatchStreamSession);
  }

  absl::Status CreateStreamSession(common::rpc::CallContext& call,
                                   const v1::CreateStreamSessionRequest& request,
                                   v1::StreamSessionDetail& response);
  absl::Status StartStreamSession(common::rpc::CallContext& call,
                                  const v1::StartStreamSessionRequest& request,
                                  v1::StreamSessionDetail& response);
  absl::Status EndStreamSession(common::rpc::CallContext& call,
                                const v1::EndStreamSessionRequest& request,
                                v1::StreamSessionSummary& response);
  absl::Status GetStreamSessionStatus(common::rpc::CallContext& call,
                                      const v1::StreamSessionStatusRequest& request,
                                      v1::StreamSessionDetail& response);
  absl::Status ListStreamSessions(common::rpc::CallContext& call,
                                  const v1::ListStreamSessionsRequest& request,
                                  v1::ListStreamSessionsResponse& response);
  absl::Status BrowseStreams(common::rpc::CallContext& call,
                             const v1::BrowseStreamsRequest& request,
                             v1::BrowseStreamsResponse& response);
  absl::Status PauseStreamSession(common::rpc::CallContext& call,
                                  const v1::PauseStreamSessionRequest& request,
                                  v1::StreamSessionDetail& response);
  absl::Status ResumeStreamSession(common::rpc::CallContext& call,
                                   const v1::ResumeStreamSessionRequest& request,
                                   v1::StreamSessionDetail& response);
  absl::Status SetContentTags(common::rpc::CallContext& call,
                              const v1::SetContentTagsRequest& request,
                              v1::StreamSessionDetail& response);
  absl::Status SetStreamContext(common::rpc::CallContext& call,
                                const v1::SetStreamContextRequest& request,
                                v1::StreamSessionDetail& response);
  absl::Status RaidStreamSession(common::rpc::CallContext& call,
                                 const v1::RaidStreamSessionRequest& request,
                                 v1::RaidStreamSessionResponse& response);
  absl::Status WatchStreamSession(common::rpc::CallContext& call,
                                  const v1::WatchStreamSessionRequest& request,
                                  const std::shared_ptr<common::rpc::ServerStream>& stream);

 private:
  // The session, if the caller may change it; else SESSION_NOT_FOUND, SESSION_NOT_OWNED.
  absl::StatusOr<Session> Owned(const common::rpc::CallContext& call, const std::string& id);
  // Likewise, and Pending or Live; else SESSION_NOT_ACTIVE.
  absl::StatusOr<Session> OwnedAndActive(const common::rpc::CallContext& call,
                                         const std::string& id);
  // Whether the streamer's career has come so far.
  absl::StatusOr<bool> Has(const careers::StreamerKey& streamer, std::string_view capability);
  // What is live comes from Redis, the rest from the record.
  absl::Status Describe(const common::rpc::CallContext& call, Session session,
                        v1::StreamSessionDetail& response);
  // Changes a session that is live in Redis; one that is not is left alone.
  absl::Status ChangeLive(const common::rpc::CallContext& call, const Session& session,
                          std::string_view command,
                          void (*alter)(audience::LiveState&, const Session&));
  absl::Status SetPaused(const common::rpc::CallContext& call, const std::string& id, bool paused,
                         v1::StreamSessionDetail& response);

  const Parts parts_;
  BrowseStore browse_{parts_.sessions};
};

}  // namespace streaming::sessions
