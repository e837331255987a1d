// StreamAdminService: for calibrating and debugging.
#pragma once
#include <bannou/stream/v1/admin.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/pulses/buffer_store.h"

namespace stream::pulses {

namespace v1 = bannou::stream::v1;

class AdminRpc final : public common::rpc::Service {
 public:
  AdminRpc(const common::rpc::Edge& edge, BufferStore& buffer)
      : Service(edge, v1::StreamAdminService::service_full_name()), buffer_(buffer) {
    Handle("GetLatestPulse", &AdminRpc::GetLatestPulse);
    Handle("TestSentimentProcessing", &AdminRpc::TestSentimentProcessing);
  }

  absl::Status GetLatestPulse(common::rpc::CallContext& call, const v1::LatestPulseRequest& request,
                              v1::SentimentPulse& response);
  absl::Status TestSentimentProcessing(common::rpc::CallContext& call,
                                       const v1::TestSentimentRequest& request,
                                       v1::TestSentimentResponse& response);

 private:
  BufferStore& buffer_;
};

}  // namespace stream::pulses
