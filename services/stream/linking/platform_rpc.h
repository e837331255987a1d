// PlatformService.
#pragma once
#include <bannou/stream/v1/platform.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/linking/oauth_rpc.h"

namespace stream::linking {

namespace v1 = bannou::stream::v1;

class PlatformRpc final : public common::rpc::Service<v1::PlatformService> {
 public:
  PlatformRpc(const common::rpc::Edge& edge, OAuthFlow& flow, LinkStore& links)
      : Service(edge), flow_(flow), links_(links) {}

  BANNOU_UNARY(LinkPlatform, v1::LinkPlatformRequest, v1::LinkPlatformResponse)
  BANNOU_UNARY(PlatformCallback, v1::PlatformCallbackRequest, v1::PlatformLinkDetail)
  BANNOU_UNARY_LATER(UnlinkPlatform, v1::UnlinkPlatformRequest, v1::UnlinkPlatformResponse)
  BANNOU_UNARY(ListPlatforms, v1::ListPlatformsRequest, v1::ListPlatformsResponse)

 private:
  OAuthFlow& flow_;
  LinkStore& links_;
};

}  // namespace stream::linking
