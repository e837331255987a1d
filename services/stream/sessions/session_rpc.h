// PlatformSessionService.
#pragma once
#include <bannou/stream/v1/session.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/platforms/platform_client.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/sessions/live_sessions_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::sessions {

namespace v1 = bannou::stream::v1;

class SessionRpc final : public common::rpc::Service<v1::PlatformSessionService> {
 public:
  struct Parts {
    linking::LinkStore& links;
    SessionStore& sessions;
    LiveSessions& live;
    const platforms::Platforms& platforms;
    const privacy::ViewerRegistry& viewers;
    const Marks& marks;
    std::function<void()> on_changed;  // told after a session began or began to end
  };
  SessionRpc(const common::rpc::Edge& edge, Parts parts)
      : Service(edge), parts_(std::move(parts)) {}

  BANNOU_UNARY(StartPlatformSession, v1::StartPlatformSessionRequest, v1::PlatformSessionStatus)
  BANNOU_UNARY(StopPlatformSession, v1::StopPlatformSessionRequest, v1::StopPlatformSessionResponse)
  BANNOU_UNARY(AssociateSession, v1::AssociateSessionRequest, v1::AssociateSessionResponse)
  BANNOU_UNARY(GetPlatformSessionStatus, v1::PlatformSessionStatusRequest,
               v1::PlatformSessionStatus)
  BANNOU_UNARY(ListPlatformSessions, v1::ListPlatformSessionsRequest,
               v1::ListPlatformSessionsResponse)

 private:
  // The caller's own; PLATFORM_SESSION_NOT_FOUND for everything else.
  absl::StatusOr<Session> FindOwn(const common::rpc::CallContext& call, const std::string& id);
  void Write(const common::rpc::CallContext& call, const Session& session,
             v1::PlatformSessionStatus& out) const;

  Parts parts_;
};

}  // namespace stream::sessions
