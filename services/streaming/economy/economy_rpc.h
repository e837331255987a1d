// Tips and sponsorships: the contract stands, the ledgers come with a later version.
#pragma once
#include <bannou/streaming/v1/economy.grpc.pb.h>

#include "libs/common/rpc/service.h"

namespace streaming::economy {

namespace v1 = bannou::streaming::v1;

class EconomyRpc final : public common::rpc::Service<v1::EconomyService> {
 public:
  explicit EconomyRpc(const common::rpc::Edge& edge) : Service(edge) {}

  BANNOU_UNARY_LATER(GetTipBalance, v1::GetTipBalanceRequest, v1::GetTipBalanceResponse)
  BANNOU_UNARY_LATER(ListTips, v1::ListTipsRequest, v1::ListTipsResponse)
  BANNOU_UNARY_LATER(SpendTips, v1::SpendTipsRequest, v1::SpendTipsResponse)
  BANNOU_UNARY_LATER(ProposeSponsorship, v1::ProposeSponsorshipRequest, v1::SponsorshipDetail)
  BANNOU_UNARY_LATER(AcceptSponsorship, v1::AcceptSponsorshipRequest, v1::SponsorshipDetail)
  BANNOU_UNARY_LATER(GetSponsorship, v1::GetSponsorshipRequest, v1::SponsorshipDetail)
  BANNOU_UNARY_LATER(ListSponsorships, v1::ListSponsorshipsRequest, v1::ListSponsorshipsResponse)
};

}  // namespace streaming::economy
