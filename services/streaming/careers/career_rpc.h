// CareerService: how far a streamer has come, what that unlocked, and who is best.
#pragma once
#include <bannou/streaming/v1/career.grpc.pb.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/careers/leaderboard_store.h"

namespace streaming::careers {

class CareerRpc final : public common::rpc::Service {
 public:
  // All arguments outlive the service.
  CareerRpc(const common::rpc::Edge& edge, common::mysql::Pool& mysql, LeaderboardStore& boards)
      : Service(edge, v1::CareerService::service_full_name()), mysql_(mysql), boards_(boards) {
    Handle("GetCareerStatus", &CareerRpc::GetCareerStatus);
    Handle("GetStreamerLeaderboard", &CareerRpc::GetStreamerLeaderboard);
    Handle("ListUnlocks", &CareerRpc::ListUnlocks);
  }

  absl::Status GetCareerStatus(common::rpc::CallContext& call,
                               const v1::CareerStatusRequest& request,
                               v1::StreamerCareerStatus& response);
  absl::Status GetStreamerLeaderboard(common::rpc::CallContext& call,
                                      const v1::StreamerLeaderboardRequest& request,
                                      v1::StreamerLeaderboardResponse& response);
  absl::Status ListUnlocks(common::rpc::CallContext& call, const v1::ListUnlocksRequest& request,
                           v1::ListUnlocksResponse& response);

 private:
  common::mysql::Pool& mysql_;
  LeaderboardStore& boards_;
};

}  // namespace streaming::careers
