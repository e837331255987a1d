#pragma once
#include <bannou/streaming/v1/hype.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/hype/hype_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::hype {

namespace v1 = bannou::streaming::v1;

class HypeRpc final : public common::rpc::Service {
 public:
  // Keeps the references.
  HypeRpc(const common::rpc::Edge& edge, audience::LiveStore& live, HypeStore& store,
          sessions::SessionStore& sessions, const Settings& settings)
      : Service(edge, v1::HypeService::service_full_name()),
        live_(live),
        store_(store),
        sessions_(sessions),
        settings_(settings) {
    Handle("GetHypeStatus", &HypeRpc::GetHypeStatus);
    Handle("GetHypeHistory", &HypeRpc::GetHypeHistory);
  }

  absl::Status GetHypeStatus(common::rpc::CallContext& call, const v1::HypeStatusRequest& request,
                             v1::HypeTrainStatus& response);
  absl::Status GetHypeHistory(common::rpc::CallContext& call, const v1::HypeHistoryRequest& request,
                              v1::HypeHistoryResponse& response);

 private:
  audience::LiveStore& live_;
  HypeStore& store_;
  sessions::SessionStore& sessions_;
  const Settings settings_;
};

}  // namespace streaming::hype
