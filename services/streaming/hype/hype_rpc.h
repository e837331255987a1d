#pragma once
#include <bannou/streaming/v1/hype.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/hype/hype_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::hype {

class HypeRpc final : public common::rpc::Service<bannou::streaming::v1::HypeService> {
 public:
  // Keeps the references.
  HypeRpc(const common::rpc::Edge& edge, audience::LiveStore& live, HypeStore& store,
          sessions::SessionStore& sessions, const Settings& settings)
      : Service(edge), live_(live), store_(store), sessions_(sessions), settings_(settings) {}

  BANNOU_UNARY(GetHypeStatus, bannou::streaming::v1::HypeStatusRequest,
               bannou::streaming::v1::HypeTrainStatus)
  BANNOU_UNARY(GetHypeHistory, bannou::streaming::v1::HypeHistoryRequest,
               bannou::streaming::v1::HypeHistoryResponse)

 private:
  audience::LiveStore& live_;
  HypeStore& store_;
  sessions::SessionStore& sessions_;
  const Settings settings_;
};

}  // namespace streaming::hype
