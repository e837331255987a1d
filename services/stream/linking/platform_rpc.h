// PlatformService.
#pragma once
#include <bannou/stream/v1/platform.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/linking/oauth_rpc.h"

namespace stream::linking {

namespace v1 = bannou::stream::v1;

class PlatformRpc final : public common::rpc::Service {
 public:
  PlatformRpc(const common::rpc::Edge& edge, OAuthFlow& flow, LinkStore& links)
      : Service(edge, v1::PlatformService::service_full_name()), flow_(flow), links_(links) {
    Handle("LinkPlatform", &PlatformRpc::LinkPlatform);
    Handle("PlatformCallback", &PlatformRpc::PlatformCallback);
    Handle("ListPlatforms", &PlatformRpc::ListPlatforms);
  }

  absl::Status LinkPlatform(common::rpc::CallContext& call, const v1::LinkPlatformRequest& request,
                            v1::LinkPlatformResponse& response);
  absl::Status PlatformCallback(common::rpc::CallContext& call,
                                const v1::PlatformCallbackRequest& request,
                                v1::PlatformLinkDetail& response);
  absl::Status ListPlatforms(common::rpc::CallContext& call,
                             const v1::ListPlatformsRequest& request,
                             v1::ListPlatformsResponse& response);

 private:
  OAuthFlow& flow_;
  LinkStore& links_;
};

}  // namespace stream::linking
