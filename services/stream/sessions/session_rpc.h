// PlatformSessionService.
#pragma once
#include <bannou/stream/v1/session.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/token_refresh_worker.h"
#include "services/stream/pulses/buffer_store.h"
#include "services/stream/sessions/live_sessions_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::sessions {

namespace v1 = bannou::stream::v1;

class SessionRpc final : public common::rpc::Service {
 public:
  struct Parts {
    linking::LinkStore& links;
    SessionStore& sessions;
    LiveSessions& live;
    const platforms::Platforms& platforms;
    linking::TokenRefreshWorker& tokens;
    pulses::BufferStore& buffer;
    std::function<void()> on_changed;  // told after a session began or began to end
  };
  SessionRpc(const common::rpc::Edge& edge, Parts parts)
      : Service(edge, v1::PlatformSessionService::service_full_name()), parts_(std::move(parts)) {
    Handle("StartPlatformSession", &SessionRpc::StartPlatformSession);
    Handle("StopPlatformSession", &SessionRpc::StopPlatformSession);
    Handle("AssociateSession", &SessionRpc::AssociateSession);
    Handle("GetPlatformSessionStatus", &SessionRpc::GetPlatformSessionStatus);
    Handle("ListPlatformSessions", &SessionRpc::ListPlatformSessions);
  }

  absl::Status StartPlatformSession(common::rpc::CallContext& call,
                                    const v1::StartPlatformSessionRequest& request,
                                    v1::PlatformSessionStatus& response);
  absl::Status StopPlatformSession(common::rpc::CallContext& call,
                                   const v1::StopPlatformSessionRequest& request,
                                   v1::StopPlatformSessionResponse& response);
  absl::Status AssociateSession(common::rpc::CallContext& call,
                                const v1::AssociateSessionRequest& request,
                                v1::AssociateSessionResponse& response);
  absl::Status GetPlatformSessionStatus(common::rpc::CallContext& call,
                                        const v1::PlatformSessionStatusRequest& request,
                                        v1::PlatformSessionStatus& response);
  absl::Status ListPlatformSessions(common::rpc::CallContext& call,
                                    const v1::ListPlatformSessionsRequest& request,
                                    v1::ListPlatformSessionsResponse& response);

 private:
  absl::StatusOr<platforms::LiveStream> FindLive(const linking::Link& link, common::Time now);
  // The caller's own; PLATFORM_SESSION_NOT_FOUND for everything else.
  absl::StatusOr<Session> FindOwn(const common::rpc::CallContext& call, const std::string& id);
  void Write(const common::rpc::CallContext& call, const Session& session,
             v1::PlatformSessionStatus& out) const;

  Parts parts_;
};

}  // namespace stream::sessions
