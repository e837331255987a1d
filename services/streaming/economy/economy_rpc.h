// EconomyService: a streamer's tips and sponsorships, for its owner, services and admins.
#pragma once
#include <bannou/streaming/v1/economy.grpc.pb.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/rpc/service.h"
#include "services/streaming/economy/sponsorship_store.h"

namespace streaming::economy {

class EconomyRpc final : public common::rpc::Service {
 public:
  // All arguments outlive the service.
  EconomyRpc(const common::rpc::Edge& edge, common::mysql::Pool& mysql,
             common::metrics::Registry& metrics);

  absl::Status GetTipBalance(common::rpc::CallContext& call,
                             const v1::GetTipBalanceRequest& request,
                             v1::GetTipBalanceResponse& response);
  absl::Status ListTips(common::rpc::CallContext& call, const v1::ListTipsRequest& request,
                        v1::ListTipsResponse& response);
  absl::Status SpendTips(common::rpc::CallContext& call, const v1::SpendTipsRequest& request,
                         v1::SpendTipsResponse& response);
  absl::Status ProposeSponsorship(common::rpc::CallContext& call,
                                  const v1::ProposeSponsorshipRequest& request,
                                  v1::SponsorshipDetail& response);
  absl::Status AcceptSponsorship(common::rpc::CallContext& call,
                                 const v1::AcceptSponsorshipRequest& request,
                                 v1::SponsorshipDetail& response);
  absl::Status GetSponsorship(common::rpc::CallContext& call,
                              const v1::GetSponsorshipRequest& request,
                              v1::SponsorshipDetail& response);
  absl::Status ListSponsorships(common::rpc::CallContext& call,
                                const v1::ListSponsorshipsRequest& request,
                                v1::ListSponsorshipsResponse& response);

 private:
  // The deal, if the caller sees to its streamer; else SPONSORSHIP_NOT_FOUND.
  absl::StatusOr<Sponsorship> Own(const common::rpc::CallContext& call, const std::string& id);

  common::mysql::Pool& mysql_;
  common::metrics::Counter& spent_;
  common::metrics::Counter& proposed_;
  common::metrics::Counter& accepted_;
};

}  // namespace streaming::economy
