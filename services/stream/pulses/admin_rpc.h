// StreamAdminService: for calibrating and debugging.
#pragma once
#include <bannou/stream/v1/admin.grpc.pb.h>

#include "libs/common/rpc/service.h"
#include "services/stream/pulses/buffer_store.h"

namespace stream::pulses {

namespace v1 = bannou::stream::v1;

class AdminRpc final : public common::rpc::Service<v1::StreamAdminService> {
 public:
  AdminRpc(const common::rpc::Edge& edge, BufferStore& buffer) : Service(edge), buffer_(buffer) {}

  BANNOU_UNARY(GetLatestPulse, v1::LatestPulseRequest, v1::SentimentPulse)
  BANNOU_UNARY(TestSentimentProcessing, v1::TestSentimentRequest, v1::TestSentimentResponse)

 private:
  BufferStore& buffer_;
};

}  // namespace stream::pulses
