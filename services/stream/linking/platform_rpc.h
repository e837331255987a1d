// PlatformService.
#pragma once
#include <bannou/stream/v1/platform.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/linking/oauth_rpc.h"

namespace stream::linking {

namespace v1 = bannou::stream::v1;

class PlatformRpc final : public common::rpc::Service {
 public:
  struct Parts {
    OAuthFlow& flow;
    LinkStore& links;
    std::string public_url;             // without a final slash
    std::function<void()> on_linked;    // told after a link was stored
    std::function<void()> on_unlinked;  // told after one was taken away
  };
  PlatformRpc(const common::rpc::Edge& edge, Parts parts)
      : Service(edge, v1::PlatformService::service_full_name()), parts_(std::move(parts)) {
    Handle("LinkPlatform", &PlatformRpc::LinkPlatform);
    Handle("PlatformCallback", &PlatformRpc::PlatformCallback);
    Handle("UnlinkPlatform", &PlatformRpc::UnlinkPlatform);
    Handle("ListPlatforms", &PlatformRpc::ListPlatforms);
  }

  absl::Status LinkPlatform(common::rpc::CallContext& call, const v1::LinkPlatformRequest& request,
                            v1::LinkPlatformResponse& response);
  absl::Status PlatformCallback(common::rpc::CallContext& call,
                                const v1::PlatformCallbackRequest& request,
                                v1::PlatformLinkDetail& response);
  absl::Status UnlinkPlatform(common::rpc::CallContext& call,
                              const v1::UnlinkPlatformRequest& request,
                              v1::UnlinkPlatformResponse& response);
  absl::Status ListPlatforms(common::rpc::CallContext& call,
                             const v1::ListPlatformsRequest& request,
                             v1::ListPlatformsResponse& response);

 private:
  absl::Status LinkCustom(common::rpc::CallContext& call, const v1::LinkPlatformRequest& request,
                          v1::LinkPlatformResponse& response);

  const Parts parts_;
};

}  // namespace stream::linking
