#include "services/streaming/economy/earnings_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/economy.pb.h>

#include "libs/common/base/status.h"
#include "services/streaming/events/command.h"
#include "services/streaming/events/words.h"

namespace streaming::economy {
namespace {

using careers::AppliedSession;
using common::Uuid;
using common::mysql::Transaction;

common::outbox::Event MilestoneCommand(const Sponsorship& sponsorship, const DealTarget& target,
                                       const Uuid& session) {
  const std::string code(events::WordOf(static_cast<v1::SponsorshipMetric>(target.metric)));
  const Uuid contract = ContractId(sponsorship.id);
  v1::ContractMilestoneCompleteCommand command;
  command.set_contract_id(contract.ToString());
  command.set_milestone_code(code);
  auto& evidence = *command.mutable_evidence();
  evidence[code] = absl::StrCat(CurrentOf(target));
  evidence["target"] = absl::StrCat(target.target);
  evidence["session_id"] = session.ToString();
  evidence["sponsorship_id"] = sponsorship.id.ToString();
  return events::MakeCommand(std::move(command), Uuid::V5(contract, "milestone/" + code));
}

common::outbox::Event ReputationCommand(const Sponsorship& sponsorship) {
  v1::SeedGrowthRecordCommand command;
  command.set_seed_id(
      Uuid::V5(sponsorship.streamer.game_service_id, "sponsor/" + sponsorship.sponsor.ToString())
          .ToString());
  command.set_domain("reputation");
  command.set_amount(sponsorship.sponsor_reputation);
  command.set_source("streaming");
  command.set_source_event_id(sponsorship.id.ToString());
  return events::MakeCommand(std::move(command), Uuid::V5(sponsorship.id, "seed.growth.record"));
}

SessionAudience AudienceOf(const AppliedSession& session) {
  return {.viewer_seconds = session.viewer_seconds,
          .live_seconds = static_cast<double>(session.result.live_seconds),
          .mean_engagement = session.result.mean_engagement,
          .peak_audience = session.result.peak_audience};
}

}  // namespace

Earnings::Earnings(const TipRates& rates, common::metrics::Registry& metrics)
    : rates_(rates),
      by_engagement_(EarnedCounter(metrics, TipKind::kEngagement)),
      by_sponsorship_(EarnedCounter(metrics, TipKind::kSponsorship)),
      completed_(CounterOf(metrics, DealStatus::kCompleted)) {}

absl::StatusOr<News> Earnings::Add(Transaction& transaction, const AppliedSession& session) const {
  News news;
  std::vector<Entry> entries;
  if (session.sponsorship) {
    ASSIGN_OR_RETURN(const std::optional<Entry> payment, CountToward(transaction, session, news));
    if (payment) entries.push_back(*payment);
  }
  if (const int64_t tips = EngagementTips(rates_, AudienceOf(session)); tips > 0) {
    entries.insert(entries.begin(), {.id = EarnedId(session.id, TipKind::kEngagement),
                                     .kind = TipKind::kEngagement,
                                     .amount = tips,
                                     .created_at = session.applied_at,
                                     .session = session.id});
  }
  // The account is there from the first session on, so that followers may give.
  ASSIGN_OR_RETURN(Account account, LockAccount(transaction, session.after.key, news));
  RETURN_IF_ERROR(NoteStreamed(transaction, session.after.key, session.applied_at));
  for (const Entry& entry : entries) {
    ASSIGN_OR_RETURN(const bool added, AddEntry(transaction, account, entry, news));
    if (!added) continue;
    auto& earned = entry.kind == TipKind::kEngagement ? by_engagement_ : by_sponsorship_;
    earned.Increment(static_cast<double>(entry.amount));
  }
  return news;
}

absl::StatusOr<std::optional<Entry>> Earnings::CountToward(Transaction& transaction,
                                                           const AppliedSession& session,
                                                           News& news) const {
  ASSIGN_OR_RETURN(auto sponsorship, LockSponsorship(transaction, *session.sponsorship));
  // Nobody else's: Create has seen to that, unless it was erased since.
  if (!sponsorship || sponsorship->streamer != session.after.key) return std::nullopt;
  Deal& deal = sponsorship->deal;
  const std::vector<DealMetric> reached = CountSession(
      deal, {.ended_at = session.ended_at,
             .live_seconds = session.result.live_seconds,
             .peak_audience = session.result.peak_audience,
             .viewer_seconds = static_cast<uint64_t>(std::max(0.0, session.viewer_seconds)),
             .hype_trains = session.result.hype_peaks.size()});
  RETURN_IF_ERROR(SaveDeal(transaction, *sponsorship));
  for (const DealTarget& target : deal.targets) {
    if (std::ranges::find(reached, target.metric) == reached.end()) continue;
    news.push_back(MilestoneCommand(*sponsorship, target, session.id));
  }
  // The last target makes a deal complete, and no session counts toward it after that.
  if (deal.status != DealStatus::kCompleted || reached.empty()) return std::nullopt;
  completed_.Increment();
  if (sponsorship->sponsor_reputation > 0) news.push_back(ReputationCommand(*sponsorship));
  return Entry{.id = EarnedId(sponsorship->id, TipKind::kSponsorship),
               .kind = TipKind::kSponsorship,
               .amount = sponsorship->payment,
               .created_at = session.applied_at,
               .sponsorship = sponsorship->id};
}

}  // namespace streaming::economy
