// Tips and sponsorships: the contract stands, the ledgers come with a later version.
#pragma once
#include <bannou/streaming/v1/economy.grpc.pb.h>

#include "libs/common/rpc/service.h"

namespace streaming::economy {

namespace v1 = bannou::streaming::v1;

class EconomyRpc final : public common::rpc::Service {
 public:
  explicit EconomyRpc(const common::rpc::Edge& edge)
      : Service(edge, v1::EconomyService::service_full_name()) {}
};

}  // namespace streaming::economy
