// Sponsorships from proposal to payment: paid once, in time, and as a model says.
#include <algorithm>
#include <barrier>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/streaming_economy.h"

namespace streaming::economy {
namespace {

class StreamingDealsTest : public EconomyTest {};

constexpr auto kHours = v1::SPONSORSHIP_METRIC_STREAM_HOURS;
constexpr auto kReach = v1::SPONSORSHIP_METRIC_AUDIENCE_REACH;
constexpr auto kHype = v1::SPONSORSHIP_METRIC_HYPE_GENERATION;

TEST_F(StreamingDealsTest, ADealIsPaidWhenAllItsTargetsAreReached) {
  const StreamerKey streamer = NewStreamer();
  const auto proposal = Proposal(streamer, {{kHype, 1}, {kHours, 1.5}, {kReach, 300}});
  const std::string id = Propose(proposal)->sponsorship_id();
  ASSERT_TRUE(Accept(streamer, id).ok());
  const Uuid deal = *Uuid::Parse(id);
  Apply(InsertEnded(streamer, {.audience = 200, .hype_trains = 2, .sponsorship = deal}));
  auto detail = Get(id);
  EXPECT_EQ(detail.status(), v1::SPONSORSHIP_STATUS_ACTIVE);
  ASSERT_EQ(detail.progress_size(), 3);
  EXPECT_EQ(detail.progress(0).current(), 1);
  EXPECT_EQ(detail.progress(1).current(), 200);
  EXPECT_EQ(detail.progress(2).current(), 2);
  EXPECT_FALSE(detail.progress(0).has_reached_at());
  EXPECT_TRUE(detail.progress(2).has_reached_at());
  Apply(InsertEnded(streamer, {.live_seconds = 1800, .audience = 100, .sponsorship = deal}));
  detail = Get(id);
  EXPECT_EQ(detail.status(), v1::SPONSORSHIP_STATUS_COMPLETED);
  EXPECT_TRUE(detail.has_completed_at());
  const auto tips = Tips(streamer);
  ASSERT_EQ(tips.total(), 3);
  EXPECT_EQ(tips.tips(0).kind(), v1::TIP_KIND_SPONSORSHIP);
  EXPECT_EQ(tips.tips(0).amount(), 500);
  EXPECT_EQ(tips.tips(0).sponsorship_id(), id);
  std::vector<std::string> codes;
  for (const auto& milestone : Sent<v1::ContractMilestoneCompleteCommand>()) {
    EXPECT_EQ(milestone.contract_id(), detail.contract_id());
    EXPECT_TRUE(milestone.evidence().contains(milestone.milestone_code()));
    codes.push_back(milestone.milestone_code());
  }
  EXPECT_EQ(codes, (std::vector<std::string>{"hype_generation", "stream_hours", "audience_reach"}));
  const auto growth = SentReputation();
  ASSERT_EQ(growth.size(), 1u);
  EXPECT_EQ(growth[0].domain(), "reputation");
  EXPECT_EQ(growth[0].amount(), 2.5);
  EXPECT_EQ(growth[0].source_event_id(), id);
  ExpectBalanced();
}

TEST_F(StreamingDealsTest, TwoWhoFinishADealAtOncePayItOnce) {
  for (int round = 0; round < 10; ++round) {
    const StreamerKey streamer = NewStreamer();
    const std::string id = Propose(Proposal(streamer, {{kReach, 150}}))->sponsorship_id();
    ASSERT_TRUE(Accept(streamer, id).ok());
    std::vector<Uuid> sessions;
    for (int i = 0; i < 3; ++i) {
      sessions.push_back(InsertEnded(streamer, {.sponsorship = *Uuid::Parse(id)}));
    }
    std::barrier start(6);
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] {
          start.arrive_and_wait();
          Apply(sessions[i % 3]);
        });
      }
    }
    EXPECT_EQ(Get(id).status(), v1::SPONSORSHIP_STATUS_COMPLETED);
    EXPECT_EQ(Get(id).progress(0).current(), 200) << "the third came after completion";
    int payments = 0;
    const auto tips = Tips(streamer);
    for (const auto& tip : tips.tips()) {
      payments += tip.kind() == v1::TIP_KIND_SPONSORSHIP;
    }
    EXPECT_EQ(payments, 1);
    EXPECT_EQ(SentReputation().size(), static_cast<size_t>(round + 1));
    EXPECT_EQ(Sent<v1::ContractMilestoneCompleteCommand>().size(), static_cast<size_t>(round + 1));
  }
  ExpectBalanced();
}

TEST_F(StreamingDealsTest, ASessionThatEndedInTimeCountsHoweverLateItIsCounted) {
  const StreamerKey streamer = NewStreamer();
  const Time deadline = kStart + hours(1), late = deadline + hours(5);
  const std::string id = Propose(Proposal(streamer, {{kReach, 50}}, deadline))->sponsorship_id();
  ASSERT_TRUE(Accept(streamer, id).ok());
  const Uuid session = InsertEnded(
      streamer, {.sponsorship = *Uuid::Parse(id), .ended_at = deadline - std::chrono::seconds(1)});
  EconomyWorker worker(mysql_, metrics_, {.clock = [&] { return late; }});
  EXPECT_TRUE(worker.Step().status.ok());
  EXPECT_EQ(Get(id, late).status(), v1::SPONSORSHIP_STATUS_ACTIVE) << "its session is awaited";
  Apply(session, late);
  EXPECT_EQ(Get(id, late).status(), v1::SPONSORSHIP_STATUS_COMPLETED);
}

TEST_F(StreamingDealsTest, ASessionThatIsLiveAtTheDeadlineCountsNothing) {
  const StreamerKey streamer = NewStreamer();
  const Time deadline = kStart + hours(1), late = deadline + hours(5);
  const std::string id = Propose(Proposal(streamer, {{kReach, 50}}, deadline))->sponsorship_id();
  ASSERT_TRUE(Accept(streamer, id).ok());
  const Uuid session =
      InsertEnded(streamer, {.sponsorship = *Uuid::Parse(id), .ended_at = deadline});
  EXPECT_EQ(Get(id, late).status(), v1::SPONSORSHIP_STATUS_EXPIRED);
  Apply(session, late);
  EXPECT_EQ(Get(id, late).status(), v1::SPONSORSHIP_STATUS_EXPIRED);
  EXPECT_EQ(Get(id, late).progress(0).current(), 0);
  EXPECT_EQ(Balance(streamer).balance(), Earned({})) << "it earns its tips all the same";
}

TEST_F(StreamingDealsTest, ProposalsAndAcceptancesAreAnsweredTheSameWhenTheyComeAgain) {
  const StreamerKey streamer = NewStreamer();
  auto proposal = Proposal(streamer, {{kReach, 50}});
  proposal.set_request_id(Uuid::V4().ToString());
  const auto proposed = Propose(proposal);
  ASSERT_TRUE(proposed.ok());
  const std::string id = proposed->sponsorship_id();
  const Uuid accept = Uuid::V4();
  const auto accepted = Accept(streamer, id, kStart + minutes(1), accept);
  ASSERT_TRUE(accepted.ok());
  Apply(InsertEnded(streamer, {.sponsorship = *Uuid::Parse(id)}));
  EXPECT_TRUE(common::errors::Is(Accept(streamer, id).status(), kSponsorshipNotProposed))
      << "it is completed";
  EXPECT_EQ(Propose(proposal)->SerializeAsString(), proposed->SerializeAsString());
  EXPECT_EQ(Accept(streamer, id, kStart + minutes(9), accept)->SerializeAsString(),
            accepted->SerializeAsString());
  proposal.set_payment(501);
  EXPECT_TRUE(common::errors::Is(Propose(proposal).status(), common::errors::kRequestIdReused));
  EXPECT_EQ(Number("SELECT COUNT(*) FROM sponsorship"), 1);
}

// What a deal should be, told as simply as can be.
struct DealModel {
  StreamerKey streamer;
  double target = 0;  // viewers
  std::optional<Time> expires_at;
  double reached = 0;
  v1::SponsorshipStatus status = v1::SPONSORSHIP_STATUS_PROPOSED;

  bool Over(Time now) const { return expires_at && now >= *expires_at; }
  v1::SponsorshipStatus At(Time now) const {
    const bool open =
        status == v1::SPONSORSHIP_STATUS_PROPOSED || status == v1::SPONSORSHIP_STATUS_ACTIVE;
    return open && Over(now) ? v1::SPONSORSHIP_STATUS_EXPIRED : status;
  }
};

class DealModelTest : public EconomyTest {
 protected:
  int UpTo(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  auto Any() { return std::next(deals_.begin(), UpTo(static_cast<int>(deals_.size()) - 1)); }

  void ProposeOne() {
    DealModel deal{.streamer = streamers_[static_cast<size_t>(UpTo(1))], .target = 1.0 + UpTo(80)};
    if (UpTo(2) > 0) deal.expires_at = now_ + minutes(1 + UpTo(60));
    const auto proposed =
        Propose(Proposal(deal.streamer, {{kReach, deal.target}}, deal.expires_at, 10), now_);
    ASSERT_TRUE(proposed.ok()) << proposed.status();
    deals_.emplace(proposed->sponsorship_id(), deal);
  }
  void AcceptOne() {
    auto& [id, deal] = *Any();
    const bool open = deal.At(now_) == v1::SPONSORSHIP_STATUS_PROPOSED ||
                      deal.At(now_) == v1::SPONSORSHIP_STATUS_ACTIVE;
    const auto accepted = Accept(deal.streamer, id, now_);
    ASSERT_EQ(accepted.ok(), open) << accepted.status();
    if (open) deal.status = v1::SPONSORSHIP_STATUS_ACTIVE;
    const StreamerKey& other = streamers_[deal.streamer == streamers_[0] ? 1 : 0];
    EXPECT_TRUE(common::errors::Is(Accept(other, id, now_).status(), kSponsorshipNotFound));
  }
  void EndASession() {
    auto& [id, deal] = *Any();
    const int audience = UpTo(30);
    const Uuid session = InsertEnded(deal.streamer, {.audience = static_cast<double>(audience),
                                                     .sponsorship = *Uuid::Parse(id),
                                                     .ended_at = now_});
    if (deal.At(now_) == v1::SPONSORSHIP_STATUS_ACTIVE) {
      deal.reached += audience;
      if (deal.reached >= deal.target) deal.status = v1::SPONSORSHIP_STATUS_COMPLETED;
    }
    Apply(session, now_);
  }
  // The streamer's deals of a status, or all (0), page by page.
  void ExpectListed(const StreamerKey& streamer, int status) {
    const auto expected = std::ranges::count_if(deals_, [&](const auto& each) {
      return each.second.streamer == streamer && (status == 0 || each.second.At(now_) == status);
    });
    v1::ListSponsorshipsRequest request;
    request.set_streamer_id(streamer.id.ToString());
    request.set_limit(7);
    if (status > 0) request.set_status(static_cast<v1::SponsorshipStatus>(status));
    std::vector<std::string> listed;
    for (int offset = 0; offset < 200; offset += 7) {
      request.set_offset(offset);
      auto call = CallOf(streamer, now_);
      v1::ListSponsorshipsResponse page;
      ASSERT_TRUE(rpc_.ListSponsorships(call, request, page).ok());
      EXPECT_EQ(page.total(), expected);
      for (const auto& each : page.sponsorships()) {
        EXPECT_EQ(each.status(), deals_.at(each.sponsorship_id()).At(now_));
        listed.push_back(each.sponsorship_id());
      }
    }
    EXPECT_EQ(static_cast<int64_t>(listed.size()), expected);
    EXPECT_TRUE(std::ranges::is_sorted(listed, std::ranges::greater())) << "newest first";
  }

  std::mt19937 random_{11};
  Time now_ = kStart;
  const std::vector<StreamerKey> streamers_ = {NewStreamer(), NewStreamer()};
  std::map<std::string, DealModel> deals_;
  EconomyWorker worker_{mysql_, metrics_, {.clock = [this] { return now_; }}};
};

TEST_F(DealModelTest, DealsDoWhatTheModelSaysUnderRandomCommands) {
  for (int step = 0; step < 400; ++step) {
    now_ += minutes(UpTo(4));
    const int command = deals_.empty() ? 0 : UpTo(9);
    if (command <= 1) ProposeOne();
    if (command > 1 && command <= 4) AcceptOne();
    if (command > 4 && command <= 7) EndASession();
    if (command > 7) {
      EXPECT_TRUE(worker_.Step().status.ok());
    }
    const auto& [id, deal] = *Any();
    const auto shown = Get(id, now_);
    ASSERT_EQ(shown.status(), deal.At(now_)) << "step " << step;
    ASSERT_EQ(shown.progress(0).current(), deal.reached);
    ASSERT_EQ(shown.progress(0).has_reached_at(), deal.reached >= deal.target);
  }
  const auto completed = std::ranges::count_if(deals_, [](const auto& each) {
    return each.second.status == v1::SPONSORSHIP_STATUS_COMPLETED;
  });
  EXPECT_GT(completed, 3);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM tip_entry WHERE kind = 3"), completed);
  EXPECT_EQ(static_cast<int64_t>(SentReputation().size()), completed);
  for (const StreamerKey& streamer : streamers_) {
    for (int status = 0; status <= v1::SPONSORSHIP_STATUS_EXPIRED; ++status) {
      ExpectListed(streamer, status);
    }
  }
  ExpectBalanced();
}

}  // namespace
}  // namespace streaming::economy
