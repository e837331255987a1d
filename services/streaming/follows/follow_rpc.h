// FollowService: who follows a streamer, under the pseudonyms that everybody sees.
#pragma once
#include <bannou/streaming/v1/follow.grpc.pb.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/follows/follow_store.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::follows {

namespace v1 = bannou::streaming::v1;

class FollowRpc final : public common::rpc::Service {
 public:
  // All arguments outlive the service.
  FollowRpc(const common::rpc::Edge& edge, common::mysql::Pool& mysql, const FollowStore& follows,
            pool::PoolStore& pools)
      : Service(edge, v1::FollowService::service_full_name()),
        mysql_(mysql),
        follows_(follows),
        pools_(pools) {
    Handle("ListFollowers", &FollowRpc::ListFollowers);
  }

  absl::Status ListFollowers(common::rpc::CallContext& call,
                             const v1::ListFollowersRequest& request,
                             v1::ListFollowersResponse& response);

 private:
  common::mysql::Pool& mysql_;
  const FollowStore& follows_;
  pool::PoolStore& pools_;
};

}  // namespace streaming::follows
