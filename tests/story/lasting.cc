// What lasts of the story: a deal with a sponsor, tips, unlocks, and a place on the leaderboard.
#include <string>

#include <absl/strings/str_format.h>

#include "libs/common/base/status.h"
#include "tests/story/story.h"

namespace story {
namespace {

namespace streaming = bannou::streaming::v1;
using Economy = streaming::EconomyService::Stub;
using Careers = streaming::CareerService::Stub;

constexpr int kPayment = 250;
constexpr int kItemPrice = 100;
constexpr const char* kItem = "overlay.sparks";

template <class Request>
Request OfStreamer(const Outcome& outcome) {
  Request request;
  request.set_game_service_id(outcome.game_service_id.ToString());
  request.set_streamer_id(outcome.character_id.ToString());
  request.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_CHARACTER);
  return request;
}

int64_t Earned(const streaming::ListTipsResponse& ledger, streaming::TipKind kind) {
  int64_t sum = 0;
  for (const auto& tip : ledger.tips()) sum += tip.kind() == kind ? tip.amount() : 0;
  return sum;
}

}  // namespace

absl::Status Story::AgreeWithASponsor() {
  auto propose = OfStreamer<streaming::ProposeSponsorshipRequest>(outcome_);
  propose.set_sponsor_id(common::Uuid::V4().ToString());
  propose.set_sponsor_name("The Anvil Brothers");
  propose.set_payment(kPayment);
  auto& viewers = *propose.add_targets();
  viewers.set_metric(streaming::SPONSORSHIP_METRIC_AUDIENCE_REACH);
  viewers.set_target(10);
  auto& trains = *propose.add_targets();
  trains.set_metric(streaming::SPONSORSHIP_METRIC_HYPE_GENERATION);
  trains.set_target(1);
  ASSIGN_OR_RETURN(const auto proposed,
                   game_server_.Call(stubs_.economy, &Economy::ProposeSponsorship, propose));
  streaming::AcceptSponsorshipRequest accept;
  accept.set_sponsorship_id(proposed.sponsorship_id());
  // A character is its player's from its first stream on; before that the game server sees to it.
  ASSIGN_OR_RETURN(outcome_.deal,
                   game_server_.Call(stubs_.economy, &Economy::AcceptSponsorship, accept));
  say_(absl::StrFormat("   %s sponsor the stream: %d tips for 10 viewers and a hype train",
                       outcome_.deal.sponsor_name(), kPayment));
  return absl::OkStatus();
}

absl::Status Story::CountWhatLasts() {
  say_("8. What lasts");
  RETURN_IF_ERROR(CountTips());
  RETURN_IF_ERROR(ShowUnlocks());
  return ShowLeaderboard();
}

absl::Status Story::CountTips() {
  streaming::GetSponsorshipRequest deal;
  deal.set_sponsorship_id(outcome_.deal.sponsorship_id());
  ASSIGN_OR_RETURN(outcome_.deal, player_.Call(stubs_.economy, &Economy::GetSponsorship, deal));
  ASSIGN_OR_RETURN(outcome_.earned,
                   player_.Call(stubs_.economy, &Economy::GetTipBalance,
                                OfStreamer<streaming::GetTipBalanceRequest>(outcome_)));
  ASSIGN_OR_RETURN(outcome_.tips, player_.Call(stubs_.economy, &Economy::ListTips,
                                               OfStreamer<streaming::ListTipsRequest>(outcome_)));
  say_(absl::StrFormat("   the viewers tip %d, for a show that held them",
                       Earned(outcome_.tips, streaming::TIP_KIND_ENGAGEMENT)));
  say_(absl::StrFormat(
      "   %d more come from %s: the deal is %s",
      Earned(outcome_.tips, streaming::TIP_KIND_SPONSORSHIP), outcome_.deal.sponsor_name(),
      outcome_.deal.status() == streaming::SPONSORSHIP_STATUS_COMPLETED ? "completed and paid"
                                                                        : "still open"));
  auto spend = OfStreamer<streaming::SpendTipsRequest>(outcome_);
  spend.set_item_code(kItem);
  spend.set_amount(kItemPrice);
  spend.set_request_id(common::Uuid::V4().ToString());
  ASSIGN_OR_RETURN(outcome_.spent, player_.Call(stubs_.economy, &Economy::SpendTips, spend));
  say_(absl::StrFormat("   %d tips are spent on %s; %d are left", kItemPrice, kItem,
                       outcome_.spent.balance()));
  return absl::OkStatus();
}

absl::Status Story::ShowUnlocks() {
  ASSIGN_OR_RETURN(outcome_.unlocks,
                   player_.Call(stubs_.careers, &Careers::ListUnlocks,
                                OfStreamer<streaming::ListUnlocksRequest>(outcome_)));
  say_(absl::StrFormat("   unlocked, for the Collection service: %d entries",
                       outcome_.unlocks.unlocks_size()));
  for (const auto& unlock : outcome_.unlocks.unlocks()) say_("     " + unlock.entry_code());
  return absl::OkStatus();
}

absl::Status Story::ShowLeaderboard() {
  streaming::StreamerLeaderboardRequest board;
  board.set_game_service_id(outcome_.game_service_id.ToString());
  ASSIGN_OR_RETURN(outcome_.leaderboard,
                   player_.Call(stubs_.careers, &Careers::GetStreamerLeaderboard, board));
  for (const auto& entry : outcome_.leaderboard.entries()) {
    if (entry.streamer_id() != outcome_.character_id.ToString()) continue;
    say_(absl::StrFormat("   leaderboard: number %d by followers (%.0f)", entry.rank(),
                         entry.value()));
  }
  return absl::OkStatus();
}

}  // namespace story
