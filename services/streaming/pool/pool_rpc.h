#pragma once
#include <bannou/streaming/v1/pool.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::pool {

class PoolRpc final : public common::rpc::Service<bannou::streaming::v1::AudiencePoolService> {
 public:
  struct Options {
    uint32_t default_size = 10000;  // members, when a request names no count
    NewPool defaults;
  };

  // Keeps the references.
  PoolRpc(const common::rpc::Edge& edge, PoolStore& pools, audience::AudienceStore& audience,
          Options options)
      : Service(edge), pools_(pools), audience_(audience), options_(options) {}

  BANNOU_UNARY(SeedAudiencePool, bannou::streaming::v1::SeedAudiencePoolRequest,
               bannou::streaming::v1::SeedAudiencePoolResponse)
  BANNOU_UNARY(GetAudiencePoolStatus, bannou::streaming::v1::AudiencePoolStatusRequest,
               bannou::streaming::v1::AudiencePoolStatus)

 private:
  PoolStore& pools_;
  audience::AudienceStore& audience_;
  const Options options_;
};

}  // namespace streaming::pool
