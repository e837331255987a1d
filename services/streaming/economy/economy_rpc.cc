#include "services/streaming/economy/economy_rpc.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/economy/owner_store.h"
#include "services/streaming/economy/request_store.h"
#include "services/streaming/economy/tip_ledger_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/neighbours/neighbour_store.h"

namespace streaming::economy {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Transaction;
using common::rpc::CallContext;
using events::ToTimestamp;

constexpr int kDefaultLimit = 20;

// The edge has seen to it that ids are well formed.
Uuid IdOf(const std::string& text) { return Uuid::Parse(text).value(); }

sessions::Caller CallerOf(const CallContext& call) {
  return {.account = call.identity.account, .privileged = call.identity.IsPrivileged()};
}

template <class Request>
std::optional<v1::StreamerEntityType> TypeOf(const Request& request) {
  if (!request.has_streamer_type()) return std::nullopt;
  return request.streamer_type();
}

// The streamer of a request about one game, if the caller sees to it.
template <class Request>
absl::StatusOr<StreamerKey> OwnStreamer(common::mysql::Pool& mysql, const CallContext& call,
                                        const Request& request) {
  StreamerKey streamer{.id = IdOf(request.streamer_id()),
                       .game_service_id = IdOf(request.game_service_id())};
  ASSIGN_OR_RETURN(streamer.type, OwnType(mysql, CallerOf(call), TypeOf(request), streamer.id));
  return streamer;
}

int32_t Count(uint32_t count) {
  return static_cast<int32_t>(std::min<uint32_t>(count, std::numeric_limits<int32_t>::max()));
}

v1::TipEntry ToMessage(const Entry& entry) {
  v1::TipEntry message;
  message.set_tip_id(entry.id.ToString());
  message.set_kind(static_cast<v1::TipKind>(entry.kind));
  message.set_amount(entry.amount);
  *message.mutable_created_at() = ToTimestamp(entry.created_at);
  if (entry.session) message.set_session_id(entry.session->ToString());
  if (entry.sponsorship) message.set_sponsorship_id(entry.sponsorship->ToString());
  if (entry.item_code) message.set_item_code(*entry.item_code);
  return message;
}

void Fill(const Sponsorship& sponsorship, Time now, v1::SponsorshipDetail& out) {
  const auto set = [](const std::optional<Time>& time, auto field) {
    if (time) *field() = ToTimestamp(*time);
  };
  const Deal& deal = sponsorship.deal;
  out.set_sponsorship_id(sponsorship.id.ToString());
  out.set_game_service_id(sponsorship.streamer.game_service_id.ToString());
  out.set_streamer_id(sponsorship.streamer.id.ToString());
  out.set_streamer_type(sponsorship.streamer.type);
  out.set_sponsor_id(sponsorship.sponsor.ToString());
  out.set_sponsor_name(sponsorship.sponsor_name);
  out.set_status(static_cast<v1::SponsorshipStatus>(StatusAt(deal, now)));
  out.set_payment(sponsorship.payment);
  *out.mutable_proposed_at() = ToTimestamp(sponsorship.proposed_at);
  set(deal.accepted_at, [&] { return out.mutable_accepted_at(); });
  set(deal.completed_at, [&] { return out.mutable_completed_at(); });
  set(deal.expires_at, [&] { return out.mutable_expires_at(); });
  out.set_contract_id(ContractId(sponsorship.id).ToString());
  for (const DealTarget& target : deal.targets) {
    v1::SponsorshipProgress& progress = *out.add_progress();
    progress.set_metric(static_cast<v1::SponsorshipMetric>(target.metric));
    progress.set_target(target.target);
    progress.set_current(CurrentOf(target));
    set(target.reached_at, [&] { return progress.mutable_reached_at(); });
  }
}

// What is proposed. INVALID_FIELDS, SPONSORSHIP_DEADLINE_PAST, SPONSORSHIP_TARGET_DUPLICATE.
absl::StatusOr<Sponsorship> OfferOf(const v1::ProposeSponsorshipRequest& request, Time now) {
  Sponsorship offer{.id = Uuid::V7(now),
                    .streamer = {.type = request.streamer_type(),
                                 .id = IdOf(request.streamer_id()),
                                 .game_service_id = IdOf(request.game_service_id())},
                    .sponsor = IdOf(request.sponsor_id()),
                    .sponsor_name = request.sponsor_name(),
                    .payment = request.payment(),
                    .sponsor_reputation = request.sponsor_reputation(),
                    .proposed_at = now};
  if (request.has_expires_at()) {
    offer.deal.expires_at = events::ToTime(request.expires_at());
    if (!offer.deal.expires_at) {
      return common::errors::InvalidFields({{"expires_at", "is no time before the year 10000"}});
    }
    if (*offer.deal.expires_at <= now) {
      return common::errors::Make(kSponsorshipDeadlinePast, "the deadline is past");
    }
  }
  for (const v1::SponsorshipTarget& target : request.targets()) {
    offer.deal.targets.push_back(
        {.metric = static_cast<DealMetric>(target.metric()), .target = target.target()});
  }
  if (!AreDistinct(offer.deal.targets)) {
    return common::errors::Make(kSponsorshipTargetDuplicate, "two targets have the same metric");
  }
  // As they are listed ever after.
  std::ranges::sort(offer.deal.targets, {}, &DealTarget::metric);
  return offer;
}

}  // namespace

EconomyRpc::EconomyRpc(const common::rpc::Edge& edge, common::mysql::Pool& mysql,
                       common::metrics::Registry& metrics)
    : Service(edge, v1::EconomyService::service_full_name()),
      mysql_(mysql),
      spent_(metrics.GetCounter("streaming_tips_spent_total", "Tips that streamers have spent.")),
      proposed_(CounterOf(metrics, DealStatus::kProposed)),
      accepted_(CounterOf(metrics, DealStatus::kActive)) {
  Handle("GetTipBalance", &EconomyRpc::GetTipBalance);
  Handle("ListTips", &EconomyRpc::ListTips);
  Handle("SpendTips", &EconomyRpc::SpendTips);
  Handle("ProposeSponsorship", &EconomyRpc::ProposeSponsorship);
  Handle("AcceptSponsorship", &EconomyRpc::AcceptSponsorship);
  Handle("GetSponsorship", &EconomyRpc::GetSponsorship);
  Handle("ListSponsorships", &EconomyRpc::ListSponsorships);
}

absl::Status EconomyRpc::GetTipBalance(CallContext& call, const v1::GetTipBalanceRequest& request,
                                       v1::GetTipBalanceResponse& response) {
  ASSIGN_OR_RETURN(const StreamerKey streamer, OwnStreamer(mysql_, call, request));
  ASSIGN_OR_RETURN(const Account account, ReadAccount(mysql_, streamer));
  response.set_balance(account.balance());
  response.set_total_earned(account.total_earned);
  response.set_total_spent(account.total_spent);
  ASSIGN_OR_RETURN(const Uuid wallet, neighbours::FindTheirId(mysql_, WalletId(streamer)));
  response.set_wallet_id(wallet.ToString());
  return absl::OkStatus();
}

absl::Status EconomyRpc::ListTips(CallContext& call, const v1::ListTipsRequest& request,
                                  v1::ListTipsResponse& response) {
  ASSIGN_OR_RETURN(const StreamerKey streamer, OwnStreamer(mysql_, call, request));
  ASSIGN_OR_RETURN(
      const EntryPage page,
      ListEntries(mysql_, streamer, request.has_limit() ? request.limit() : kDefaultLimit,
                  request.offset()));
  for (const Entry& entry : page.entries) *response.add_tips() = ToMessage(entry);
  response.set_total(Count(page.total));
  return absl::OkStatus();
}

absl::Status EconomyRpc::SpendTips(CallContext& call, const v1::SpendTipsRequest& request,
                                   v1::SpendTipsResponse& response) {
  ASSIGN_OR_RETURN(const StreamerKey streamer, OwnStreamer(mysql_, call, request));
  const Entry entry{.id = Uuid::V7(call.now),
                    .kind = TipKind::kSpend,
                    .amount = -request.amount(),
                    .created_at = call.now,
                    .item_code = request.item_code()};
  ASSIGN_OR_RETURN(const bool spent,
                   RunOnce(mysql_, RequestKeyOf(request), streamer.id, call.now, response,
                           [&](Transaction& transaction) -> absl::StatusOr<News> {
                             News news;
                             ASSIGN_OR_RETURN(Account account,
                                              LockAccount(transaction, streamer, news));
                             RETURN_IF_ERROR(AddEntry(transaction, account, entry, news).status());
                             *response.mutable_tip() = ToMessage(entry);
                             response.set_balance(account.balance());
                             return news;
                           }));
  if (spent) spent_.Increment(static_cast<double>(request.amount()));
  return absl::OkStatus();
}

absl::Status EconomyRpc::ProposeSponsorship(CallContext& call,
                                            const v1::ProposeSponsorshipRequest& request,
                                            v1::SponsorshipDetail& response) {
  ASSIGN_OR_RETURN(const Sponsorship offer, OfferOf(request, call.now));
  ASSIGN_OR_RETURN(const bool proposed,
                   RunOnce(mysql_, RequestKeyOf(request), offer.streamer.id, call.now, response,
                           [&](Transaction& transaction) -> absl::StatusOr<News> {
                             RETURN_IF_ERROR(InsertSponsorship(transaction, offer));
                             Fill(offer, call.now, response);
                             return News{};
                           }));
  if (proposed) proposed_.Increment();
  return absl::OkStatus();
}

absl::StatusOr<Sponsorship> EconomyRpc::Own(const CallContext& call, const std::string& id) {
  ASSIGN_OR_RETURN(auto found, FindSponsorship(mysql_, IdOf(id)));
  bool mine = false;
  if (found) {
    ASSIGN_OR_RETURN(mine,
                     SeesTo(mysql_, CallerOf(call), found->streamer.type, found->streamer.id));
  }
  if (!mine) return common::errors::Make(kSponsorshipNotFound, "the caller has no such deal");
  return *std::move(found);
}

absl::Status EconomyRpc::AcceptSponsorship(CallContext& call,
                                           const v1::AcceptSponsorshipRequest& request,
                                           v1::SponsorshipDetail& response) {
  ASSIGN_OR_RETURN(const Sponsorship offer, Own(call, request.sponsorship_id()));
  bool changed = false;
  ASSIGN_OR_RETURN(
      const bool done,
      RunOnce(mysql_, RequestKeyOf(request), offer.streamer.id, call.now, response,
              [&](Transaction& transaction) -> absl::StatusOr<News> {
                ASSIGN_OR_RETURN(auto sponsorship, LockSponsorship(transaction, offer.id));
                if (!sponsorship) {
                  return common::errors::Make(kSponsorshipNotFound, "the deal was erased");
                }
                const DealStatus before = sponsorship->deal.status;
                if (!Accept(sponsorship->deal, call.now)) {
                  return common::errors::Make(kSponsorshipNotProposed,
                                              "the deal has expired or is completed");
                }
                changed = before != sponsorship->deal.status;
                if (changed) RETURN_IF_ERROR(SaveDeal(transaction, *sponsorship));
                Fill(*sponsorship, call.now, response);
                return News{};
              }));
  if (done && changed) accepted_.Increment();
  return absl::OkStatus();
}

absl::Status EconomyRpc::GetSponsorship(CallContext& call, const v1::GetSponsorshipRequest& request,
                                        v1::SponsorshipDetail& response) {
  ASSIGN_OR_RETURN(const Sponsorship sponsorship, Own(call, request.sponsorship_id()));
  Fill(sponsorship, call.now, response);
  ASSIGN_OR_RETURN(const Uuid contract,
                   neighbours::FindTheirId(mysql_, ContractId(sponsorship.id)));
  response.set_contract_id(contract.ToString());
  return absl::OkStatus();
}

absl::Status EconomyRpc::ListSponsorships(CallContext& call,
                                          const v1::ListSponsorshipsRequest& request,
                                          v1::ListSponsorshipsResponse& response) {
  SponsorshipQuery query{.streamer_id = IdOf(request.streamer_id()),
                         .limit = request.has_limit() ? request.limit() : kDefaultLimit,
                         .offset = request.offset()};
  ASSIGN_OR_RETURN(query.streamer_type,
                   OwnType(mysql_, CallerOf(call), TypeOf(request), query.streamer_id));
  if (request.has_game_service_id()) query.game_service_id = IdOf(request.game_service_id());
  if (request.has_status()) query.status = static_cast<DealStatus>(request.status());
  ASSIGN_OR_RETURN(const SponsorshipPage page, economy::ListSponsorships(mysql_, query, call.now));
  std::vector<Uuid> contracts;
  for (const Sponsorship& sponsorship : page.sponsorships) {
    Fill(sponsorship, call.now, *response.add_sponsorships());
    contracts.push_back(ContractId(sponsorship.id));
  }
  ASSIGN_OR_RETURN(contracts, neighbours::FindTheirIds(mysql_, contracts));
  for (size_t i = 0; i < contracts.size(); ++i) {
    response.mutable_sponsorships(static_cast<int>(i))->set_contract_id(contracts[i].ToString());
  }
  response.set_total(Count(page.total));
  return absl::OkStatus();
}

}  // namespace streaming::economy
