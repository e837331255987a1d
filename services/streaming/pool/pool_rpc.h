#pragma once
#include <bannou/streaming/v1/pool.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::pool {

namespace v1 = bannou::streaming::v1;

class PoolRpc final : public common::rpc::Service {
 public:
  struct Options {
    uint32_t default_size = 10000;  // members, when a request names no count
    NewPool defaults;
  };

  // Keeps the references.
  PoolRpc(const common::rpc::Edge& edge, PoolStore& pools, audience::AudienceStore& audience,
          Options options)
      : Service(edge, v1::AudiencePoolService::service_full_name()),
        pools_(pools),
        audience_(audience),
        options_(options) {
    Handle("SeedAudiencePool", &PoolRpc::SeedAudiencePool);
    Handle("GetAudiencePoolStatus", &PoolRpc::GetAudiencePoolStatus);
  }

  absl::Status SeedAudiencePool(common::rpc::CallContext& call,
                                const v1::SeedAudiencePoolRequest& request,
                                v1::SeedAudiencePoolResponse& response);
  absl::Status GetAudiencePoolStatus(common::rpc::CallContext& call,
                                     const v1::AudiencePoolStatusRequest& request,
                                     v1::AudiencePoolStatus& response);

 private:
  PoolStore& pools_;
  audience::AudienceStore& audience_;
  const Options options_;
};

}  // namespace streaming::pool
