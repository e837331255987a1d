// CareerService: how far a streamer has come, and who is best.
#pragma once
#include <bannou/streaming/v1/career.grpc.pb.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/careers/career_store.h"

namespace streaming::careers {

class CareerRpc final : public common::rpc::Service<v1::CareerService> {
 public:
  // All arguments outlive the service.
  CareerRpc(const common::rpc::Edge& edge, common::mysql::Pool& mysql, CareerStore& careers)
      : Service(edge), mysql_(mysql), careers_(careers) {}

  BANNOU_UNARY(GetCareerStatus, v1::CareerStatusRequest, v1::StreamerCareerStatus)
  BANNOU_UNARY(GetStreamerLeaderboard, v1::StreamerLeaderboardRequest,
               v1::StreamerLeaderboardResponse)
  BANNOU_UNARY_LATER(ListUnlocks, v1::ListUnlocksRequest, v1::ListUnlocksResponse)

 private:
  common::mysql::Pool& mysql_;
  CareerStore& careers_;
};

}  // namespace streaming::careers
