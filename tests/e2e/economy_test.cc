// Tips and sponsorships through gRPC: a streamer earns by streaming, spends, and fulfils a deal.
// Whose they are, and what nonsense is told.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <bannou/streaming/v1/audience.pb.h>
#include <bannou/streaming/v1/economy.pb.h>
#include <bannou/streaming/v1/pool.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/both_daemons.h"
#include "tests/e2e/settings.h"
#include "tests/story/client.h"
#include "tests/story/contract.h"

namespace story {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::testing::Eventually;

constexpr auto kAccount = v1::STREAMER_ENTITY_TYPE_ACCOUNT;
constexpr auto kCharacter = v1::STREAMER_ENTITY_TYPE_CHARACTER;
constexpr auto kActor = v1::STREAMER_ENTITY_TYPE_ACTOR;

// Tips are dear, so that seconds of a stream earn some.
class Economy : public SettingsTest<Economy, GameSide> {
 public:
  static Values GivenValues() {
    return {{"TIPS_PER_STREAM_HOUR", "10000"},
            {"TIPS_PER_FOLLOWER_HOUR", "0.7"},
            {"FOLLOWER_TIPS_DAYS", "2"}};
  }

 protected:
  Economy() {
    v1::SeedAudiencePoolRequest seed;
    seed.set_game_service_id(game_.ToString());
    seed.set_count(2000);
    Ask(admin_, seed).As<v1::SeedAudiencePoolResponse>();
  }

  Answer Ask(const Person& person, const google::protobuf::Message& request) const {
    return wire_.Call(request, person.authorization);
  }
  template <class Request>
  Request About(const Uuid& streamer) const {
    Request request;
    request.set_game_service_id(game_.ToString());
    request.set_streamer_id(streamer.ToString());
    return request;
  }

  v1::CreateStreamSessionRequest Wish(const Uuid& streamer,
                                      v1::StreamerEntityType type = kAccount) const {
    auto create = About<v1::CreateStreamSessionRequest>(streamer);
    create.set_streamer_type(type);
    return create;
  }
  // A whole session with a moment that brings a crowd; what is said of it at its end.
  v1::StreamSessionSummary Stream(const Person& person,
                                  const v1::CreateStreamSessionRequest& wish) {
    const auto created = Ask(person, wish).As<v1::StreamSessionDetail>();
    v1::StartStreamSessionRequest start;
    start.set_session_id(created.session_id());
    Ask(person, start).As<v1::StreamSessionDetail>();
    v1::TriggerReactionRequest moment;
    moment.set_session_id(created.session_id());
    moment.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
    moment.set_significance(1);
    for (int i = 0; i < 2; ++i) Ask(service_, moment).As<v1::AudienceReactionResult>();
    // A second of it counts.
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(Eventually([&] {
      return std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(1100);
    }));
    v1::EndStreamSessionRequest end;
    end.set_session_id(created.session_id());
    return Ask(person, end).As<v1::StreamSessionSummary>();
  }

  v1::GetTipBalanceResponse Balance(const Person& person, const Uuid& streamer) const {
    return Ask(person, About<v1::GetTipBalanceRequest>(streamer)).As<v1::GetTipBalanceResponse>();
  }
  v1::ListTipsResponse Tips(const Person& person, const Uuid& streamer) const {
    return Ask(person, About<v1::ListTipsRequest>(streamer)).As<v1::ListTipsResponse>();
  }
  v1::SpendTipsRequest Spend(const Uuid& streamer, int64_t amount) const {
    auto request = About<v1::SpendTipsRequest>(streamer);
    request.set_item_code("overlay.neon");
    request.set_amount(amount);
    return request;
  }
  v1::ProposeSponsorshipRequest Proposal(const Uuid& streamer) const {
    auto request = About<v1::ProposeSponsorshipRequest>(streamer);
    request.set_streamer_type(kAccount);
    request.set_sponsor_id(Uuid::V4().ToString());
    request.set_sponsor_name("The Gilded Anvil");
    request.set_payment(1234);
    auto& target = *request.add_targets();
    target.set_metric(v1::SPONSORSHIP_METRIC_AUDIENCE_REACH);
    target.set_target(1);  // which the first session reaches, if anybody watches it
    return request;
  }
  v1::AcceptSponsorshipRequest Accept(const std::string& sponsorship) const {
    v1::AcceptSponsorshipRequest request;
    request.set_sponsorship_id(sponsorship);
    return request;
  }
  v1::SponsorshipDetail Deal(const Person& person, const std::string& sponsorship) const {
    v1::GetSponsorshipRequest request;
    request.set_sponsorship_id(sponsorship);
    return Ask(person, request).As<v1::SponsorshipDetail>();
  }

  const Uuid game_ = Uuid::V4();
  const Wire wire_{side().daemon.grpc_address(), side().daemon.grpc_address()};
  const Person player_ = MakePerson({"user"}, {"in_game"});
  const Person stranger_ = MakePerson({"user"}, {"in_game"});
  const Person developer_ = MakePerson({"developer"}, {"in_game"});
  const Person service_ = MakePerson({"service"});
  const Person admin_ = MakePerson({"admin"});
  const std::unique_ptr<common::mysql::Connection> database_ =
      OpenDatabase(side().daemon.database());
};

TEST_F(Economy, AStreamerEarnsSpendsAndIsRefused) {
  EXPECT_EQ(Balance(player_, player_.account).balance(), 0) << "before the first stream";
  EXPECT_EQ(Ask(player_, Spend(player_.account, 1)).reason(), "TIP_BALANCE_TOO_LOW");
  Stream(player_, Wish(player_.account));
  EXPECT_TRUE(Eventually([&] { return Balance(player_, player_.account).balance() > 0; }));
  const auto earned = Balance(player_, player_.account);
  EXPECT_EQ(earned.total_earned(), earned.balance());

  auto spend = Spend(player_.account, earned.balance());
  spend.set_request_id(Uuid::V4().ToString());
  const Answer first = Ask(player_, spend);
  EXPECT_EQ(first.As<v1::SpendTipsResponse>().balance(), 0);
  EXPECT_EQ(Ask(player_, spend).messages, first.messages) << "again";
  EXPECT_EQ(Ask(player_, Spend(player_.account, 1)).reason(), "TIP_BALANCE_TOO_LOW");
  spend.set_amount(1);
  EXPECT_EQ(Ask(player_, spend).reason(), "REQUEST_ID_REUSED");

  const auto left = Balance(player_, player_.account);
  EXPECT_EQ(left.balance(), 0);
  EXPECT_EQ(left.total_spent(), earned.balance());
  const auto tips = Tips(player_, player_.account);
  ASSERT_EQ(tips.total(), 2);
  EXPECT_EQ(tips.tips(0).kind(), v1::TIP_KIND_SPEND);
  EXPECT_EQ(tips.tips(0).item_code(), "overlay.neon");
  EXPECT_EQ(tips.tips(1).kind(), v1::TIP_KIND_ENGAGEMENT);
  EXPECT_GE(side().daemon.Metric("streaming_tips_spent_total"),
            static_cast<double>(earned.balance()));
}

TEST_F(Economy, AnHourOfAStreamIsWorthWhatTheSettingSays) {
  ASSERT_EQ(Text("TIPS_PER_STREAM_HOUR"), "10000");
  Stream(player_, Wish(player_.account));
  EXPECT_TRUE(Eventually([&] { return Balance(player_, player_.account).balance() > 0; }));
  const auto row = *database_->Query(
      "SELECT viewer_seconds, live_seconds, interest_seconds, CAST(peak_audience AS DOUBLE) FROM "
      "session"
      " WHERE streamer_id = ?",
      player_.account);
  // The formula of docs/economy.md; engagement is interest by audience, hours are whole seconds.
  const auto [viewer_seconds, interest_seconds] =
      std::pair(row.at(0).Get<double>(0), row.at(0).Get<double>(2));
  const double live_seconds = std::round(row.at(0).Get<double>(1));
  const double audience = std::min(viewer_seconds / live_seconds, row.at(0).Get<double>(3));
  const double tips = Number("TIPS_PER_STREAM_HOUR") *
                      std::sqrt(audience * interest_seconds / viewer_seconds) * 6 *
                      (1 - std::exp(-live_seconds / 3600 / 6));
  EXPECT_NEAR(static_cast<double>(Balance(player_, player_.account).balance()), tips, 1);
}

// Streamers as earlier sessions would have left them, and a daemon that was away for three hours.
TEST_F(Economy, FollowersGiveByTheHourForDaysAfterTheLastStream) {
  ASSERT_EQ(Text("TIPS_PER_FOLLOWER_HOUR"), "0.7");
  const Uuid active = Uuid::V4(), gone = Uuid::V4();
  const auto day = std::chrono::hours(24);
  const auto remember = [&](const Uuid& streamer, common::Duration ago) {
    const auto at = common::Now() - ago;
    ValueOf(database_->Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret,"
        " followers, updated_at) VALUES (?, ?, ?, 1, 100, ?)",
        int{kAccount}, streamer, game_, at));
    ValueOf(database_->Execute(
        "INSERT INTO tip_account (wallet_id, streamer_type, streamer_id, game_service_id,"
        " streamed_at) VALUES (?, ?, ?, ?, ?)",
        *Uuid::Parse(Balance(service_, streamer).wallet_id()), int{kAccount}, streamer, game_, at));
  };
  EXPECT_TRUE(Eventually([&] { return !database_->Query("SELECT 1 FROM tip_hour")->empty(); }));
  remember(active, day * (Number("FOLLOWER_TIPS_DAYS") - 1));
  remember(gone, day * (Number("FOLLOWER_TIPS_DAYS") + 1));
  side().daemon.Kill();
  ValueOf(database_->Execute("UPDATE tip_hour SET hour = hour - 3"));
  side().daemon.Start();
  EXPECT_TRUE(Eventually([&] {
    return Ask(service_, About<v1::ListTipsRequest>(active)).status.ok();  // connected again
  }));
  EXPECT_TRUE(Eventually([&] { return Tips(service_, active).total() >= 3; }));
  const auto tips = Tips(service_, active);
  for (const auto& tip : tips.tips()) {
    EXPECT_EQ(tip.kind(), v1::TIP_KIND_FOLLOWERS);
    EXPECT_EQ(tip.amount(), 7) << "the root of a hundred followers times the setting";
  }
  EXPECT_EQ(Tips(service_, gone).total(), 0);
}

TEST_F(Economy, ASponsorshipIsProposedAcceptedFulfilledAndPaid) {
  auto proposal = Proposal(player_.account);
  proposal.set_request_id(Uuid::V4().ToString());
  const std::string id = Ask(service_, proposal).As<v1::SponsorshipDetail>().sponsorship_id();
  auto wish = Wish(player_.account);
  wish.set_sponsorship_id(id);
  EXPECT_EQ(Ask(player_, wish).reason(), "SPONSORSHIP_NOT_ACTIVE") << "nobody has accepted it";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Ask(player_, Accept(id)).As<v1::SponsorshipDetail>().status(),
              v1::SPONSORSHIP_STATUS_ACTIVE);
  }
  auto theirs = Wish(stranger_.account);
  theirs.set_sponsorship_id(id);
  EXPECT_EQ(Ask(stranger_, theirs).reason(), "SPONSORSHIP_NOT_FOUND") << "another streamer's";

  wish.set_request_id(Uuid::V4().ToString());
  const int reach = Stream(player_, wish).peak_audience_count();
  ASSERT_GT(reach, 0);
  EXPECT_TRUE(Eventually([&] { return Deal(player_, id).progress(0).current() == reach; }));
  const auto deal = Deal(player_, id);
  EXPECT_EQ(deal.status(), v1::SPONSORSHIP_STATUS_COMPLETED);
  EXPECT_TRUE(deal.has_completed_at());
  const auto tips = Tips(player_, player_.account);
  int64_t paid = 0;
  for (const auto& tip : tips.tips()) {
    if (tip.kind() == v1::TIP_KIND_SPONSORSHIP) paid += tip.amount();
  }
  EXPECT_EQ(paid, 1234);
  EXPECT_EQ(Ask(player_, wish).As<v1::StreamSessionDetail>().status(),
            v1::STREAM_SESSION_STATUS_ENDED)
      << "a replay is the session that it made, whatever the deal has become";
  wish.set_sponsorship_id(Uuid::V4().ToString());
  EXPECT_EQ(Ask(player_, wish).reason(), "REQUEST_ID_REUSED");
  wish.set_request_id(Uuid::V4().ToString());
  EXPECT_EQ(Ask(player_, wish).reason(), "SPONSORSHIP_NOT_FOUND");
  wish.set_sponsorship_id(id);
  EXPECT_EQ(Ask(player_, wish).reason(), "SPONSORSHIP_NOT_ACTIVE");
  EXPECT_EQ(Ask(player_, Accept(id)).reason(), "SPONSORSHIP_NOT_PROPOSED");
  EXPECT_GE(side().daemon.Metric("streaming_sponsorships_total{status=\"Completed\"}"), 1);
}

TEST_F(Economy, ADealExpires) {
  auto proposal = Proposal(player_.account);
  const auto deadline = common::Now() + std::chrono::milliseconds(300);
  proposal.mutable_expires_at()->set_seconds(common::ToMicros(deadline) / 1'000'000);
  proposal.mutable_expires_at()->set_nanos(
      static_cast<int32_t>(common::ToMicros(deadline) % 1'000'000 * 1000));
  const std::string id = Ask(service_, proposal).As<v1::SponsorshipDetail>().sponsorship_id();
  EXPECT_TRUE(
      Eventually([&] { return Deal(player_, id).status() == v1::SPONSORSHIP_STATUS_EXPIRED; }));
  EXPECT_EQ(Ask(player_, Accept(id)).reason(), "SPONSORSHIP_NOT_PROPOSED");
  v1::ListSponsorshipsRequest list;
  list.set_streamer_id(player_.account.ToString());
  for (const auto& [status, count] : std::map<v1::SponsorshipStatus, int>{
           {v1::SPONSORSHIP_STATUS_EXPIRED, 1}, {v1::SPONSORSHIP_STATUS_PROPOSED, 0}}) {
    list.set_status(status);
    EXPECT_EQ(Ask(player_, list).As<v1::ListSponsorshipsResponse>().total(), count);
  }
}

TEST_F(Economy, ToOthersNeitherLedgerNorDealExists) {
  Stream(player_, Wish(player_.account));
  EXPECT_TRUE(Eventually([&] { return Balance(player_, player_.account).balance() > 0; }));
  const std::string id =
      Ask(service_, Proposal(player_.account)).As<v1::SponsorshipDetail>().sponsorship_id();
  int asked = 0;
  for (const auto* method : ContractMethods()) {
    if (method->service()->name() != "EconomyService") continue;
    if (AccessOf(*method).role() != bannou::common::v1::ROLE_USER) continue;
    const auto request = GoodMessage(*method->input_type());
    const auto set = [&](const char* name, const std::string& value) {
      const auto* const field = method->input_type()->FindFieldByName(name);
      if (field != nullptr) request->GetReflection()->SetString(request.get(), field, value);
      return field != nullptr;
    };
    const bool of_deal = set("sponsorship_id", id);
    set("streamer_id", player_.account.ToString());
    set("game_service_id", game_.ToString());
    if (const auto* const type = method->input_type()->FindFieldByName("streamer_type")) {
      request->GetReflection()->SetEnumValue(request.get(), type, int{kAccount});
    }
    const std::string reason = of_deal ? "SPONSORSHIP_NOT_FOUND" : "STREAMER_NOT_FOUND";
    for (const Person* person : {&stranger_, &developer_}) {
      const Answer answer = Ask(*person, *request);
      EXPECT_EQ(answer.reason(), reason) << method->name();
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
    }
    for (const Person* person : {&player_, &service_, &admin_}) {
      EXPECT_NE(Ask(*person, *request).reason(), reason) << method->name();
    }
    ++asked;
  }
  EXPECT_EQ(asked, 6);
}

TEST_F(Economy, ACharactersTipsAreTheAccountsThatStreamsIt) {
  const Uuid character = Uuid::V4();
  auto balance = About<v1::GetTipBalanceRequest>(character);
  balance.set_streamer_type(kCharacter);
  EXPECT_EQ(Ask(player_, balance).reason(), "STREAMER_NOT_FOUND") << "it is nobody's yet";
  Stream(player_, Wish(character, kCharacter));
  EXPECT_EQ(Ask(player_, balance).reason(), "");
  EXPECT_EQ(Ask(stranger_, balance).reason(), "STREAMER_NOT_FOUND");
  EXPECT_EQ(Ask(service_, balance).reason(), "");
  balance.set_streamer_type(kActor);
  EXPECT_EQ(Ask(player_, balance).reason(), "STREAMER_NOT_FOUND") << "an Actor is a service's";
  EXPECT_EQ(Ask(service_, balance).reason(), "");
  balance.clear_streamer_type();
  EXPECT_EQ(Ask(player_, balance).reason(), "") << "the type that it streams as";
  auto deal = Proposal(character);
  deal.set_streamer_type(kActor);
  Ask(service_, deal).As<v1::SponsorshipDetail>();
  EXPECT_EQ(Ask(service_, balance).reason(), "STREAMER_TYPE_AMBIGUOUS");
  EXPECT_EQ(Ask(player_, balance).reason(), "") << "only one of them is the player's";
  EXPECT_EQ(Ask(service_, About<v1::GetTipBalanceRequest>(Uuid::V4())).reason(),
            "STREAMER_NOT_FOUND")
      << "what nobody has heard of has no type";
}

TEST_F(Economy, NonsenseIsRefusedAndChangesNothing) {
  const auto refused = [&](const Person& person, const google::protobuf::Message& request) {
    return Ask(person, request).reason();
  };
  for (const int64_t amount : {int64_t{0}, int64_t{-5}, std::numeric_limits<int64_t>::min(),
                               std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(refused(player_, Spend(player_.account, amount)), "INVALID_FIELDS") << amount;
  }
  auto spend = Spend(player_.account, 1);
  spend.set_item_code(std::string(65, 'x'));
  EXPECT_EQ(refused(player_, spend), "INVALID_FIELDS");
  EXPECT_EQ(refused(player_, Proposal(player_.account)), "PERMISSION_DENIED");

  auto proposal = Proposal(player_.account);
  *proposal.add_targets() = proposal.targets(0);
  EXPECT_EQ(refused(service_, proposal), "SPONSORSHIP_TARGET_DUPLICATE");
  for (const double target : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity()}) {
    proposal = Proposal(player_.account);
    proposal.mutable_targets(0)->set_target(target);
    EXPECT_EQ(refused(service_, proposal), "INVALID_FIELDS") << target;
  }
  proposal = Proposal(player_.account);
  proposal.clear_targets();
  EXPECT_EQ(refused(service_, proposal), "INVALID_FIELDS");
  const std::pair<int64_t, std::string> deadlines[] = {
      {-1, "SPONSORSHIP_DEADLINE_PAST"},
      {common::ToMicros(common::Now()) / 1'000'000 - 1, "SPONSORSHIP_DEADLINE_PAST"},
      {253'402'300'800, "INVALID_FIELDS"},
      {std::numeric_limits<int64_t>::max(), "INVALID_FIELDS"},
      {std::numeric_limits<int64_t>::min(), "INVALID_FIELDS"}};
  for (const auto& [seconds, reason] : deadlines) {
    proposal = Proposal(player_.account);
    proposal.mutable_expires_at()->set_seconds(seconds);
    EXPECT_EQ(refused(service_, proposal), reason) << seconds;
  }
  proposal.mutable_expires_at()->set_seconds(253'402'300'799);
  EXPECT_EQ(refused(service_, proposal), "") << "the last second that there is";
  EXPECT_EQ(refused(player_, Accept(Uuid::V4().ToString())), "SPONSORSHIP_NOT_FOUND");
  EXPECT_EQ(refused(player_, Accept("")), "INVALID_FIELDS");
  EXPECT_EQ(Balance(player_, player_.account).balance(), 0);
}

}  // namespace
}  // namespace story
