// Tips and sponsorships on a real database, for tests: sessions that have ended, and calls.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/rpc/token.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/economy/earnings_store.h"
#include "services/streaming/economy/economy_rpc.h"
#include "services/streaming/economy/economy_worker.h"
#include "services/streaming/economy/request_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"

namespace streaming::economy {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using std::chrono::hours;
using std::chrono::minutes;

inline constexpr auto kAccount = v1::STREAMER_ENTITY_TYPE_ACCOUNT;
inline const Time kStart = *common::ParseTime("2026-01-02T03:04:05.678901Z");

class EconomyTest : public ::testing::Test {
 protected:
  static common::mysql::Options Options() {
    auto& server = common::testing::SharedMariaDb();
    common::mysql::Options options;
    options.host = server.host();
    options.port = server.port();
    options.user = server.user();
    options.password = common::config::Secret(server.password());
    options.database = server.CreateDatabase();
    options.pool_size = 16;
    // Many threads wait for one row, on a machine that has other things to do.
    options.read_timeout = std::chrono::seconds(20);
    options.statement_timeout = std::chrono::seconds(15);
    options.acquire_timeout = std::chrono::seconds(30);
    return options;
  }
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
  }

  StreamerKey NewStreamer() const {
    return {.type = kAccount, .id = Uuid::V4(), .game_service_id = game_};
  }

  struct EndedSession {
    double live_seconds = 3600;
    double audience = 100;  // all the time
    uint32_t hype_trains = 0;
    std::optional<Uuid> sponsorship = {};
    Time ended_at = kStart;
  };
  Uuid InsertEnded(const StreamerKey& streamer, const EndedSession& session) {
    const Uuid id = Uuid::V4();
    const double viewer_seconds = session.audience * session.live_seconds;
    const auto inserted = mysql_.Execute(
        "INSERT INTO session (id, game_service_id, shard, streamer_type, streamer_id, status,"
        " content_tags, created_at, started_at, ended_at, live_seconds, viewer_seconds,"
        " interest_seconds, peak_audience, hype_trains, sponsorship_id)"
        " VALUES (?, ?, 0, ?, ?, ?, 3, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id, streamer.game_service_id, int{streamer.type}, streamer.id,
        int{v1::STREAM_SESSION_STATUS_ENDED}, kStart, kStart, session.ended_at,
        session.live_seconds, viewer_seconds, viewer_seconds * 0.6,
        static_cast<uint32_t>(session.audience), session.hype_trains, session.sponsorship);
    EXPECT_TRUE(inserted.ok()) << inserted.status();
    return id;
  }
  void Apply(const Uuid& session, Time now = kStart) {
    const auto applied = careers_.ApplySession(session, now);
    EXPECT_TRUE(applied.ok()) << applied.status();
  }
  // What such a session earns: see docs/economy.md.
  static int64_t Earned(const EndedSession& session) {
    return EngagementTips({}, {.viewer_seconds = session.audience * session.live_seconds,
                               .live_seconds = session.live_seconds,
                               .mean_engagement = 0.6,
                               .peak_audience = static_cast<uint32_t>(session.audience)});
  }

  static common::rpc::CallContext CallOf(const StreamerKey& streamer, Time now = kStart) {
    return {.identity = {.account = streamer.id, .user = true}, .now = now};
  }
  static common::rpc::CallContext ServiceCall(Time now = kStart) {
    return {.identity = {.service = true}, .now = now};
  }
  template <class Request>
  static Request About(const StreamerKey& streamer) {
    Request request;
    request.set_game_service_id(streamer.game_service_id.ToString());
    request.set_streamer_id(streamer.id.ToString());
    return request;
  }

  absl::StatusOr<v1::SpendTipsResponse> Spend(const StreamerKey& streamer, int64_t amount,
                                              const std::optional<Uuid>& request_id = {},
                                              const std::string& item = "overlay.neon") {
    auto request = About<v1::SpendTipsRequest>(streamer);
    request.set_amount(amount);
    request.set_item_code(item);
    if (request_id) request.set_request_id(request_id->ToString());
    auto call = CallOf(streamer);
    v1::SpendTipsResponse response;
    RETURN_IF_ERROR(rpc_.SpendTips(call, request, response));
    return response;
  }
  v1::GetTipBalanceResponse Balance(const StreamerKey& streamer) {
    auto call = CallOf(streamer);
    v1::GetTipBalanceResponse response;
    const auto status =
        rpc_.GetTipBalance(call, About<v1::GetTipBalanceRequest>(streamer), response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  v1::ListTipsResponse Tips(const StreamerKey& streamer, int limit = 100, int offset = 0) {
    auto request = About<v1::ListTipsRequest>(streamer);
    request.set_limit(limit);
    request.set_offset(offset);
    auto call = CallOf(streamer);
    v1::ListTipsResponse response;
    const auto status = rpc_.ListTips(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  v1::ProposeSponsorshipRequest Proposal(
      const StreamerKey& streamer,
      const std::vector<std::pair<v1::SponsorshipMetric, double>>& targets,
      std::optional<Time> expires_at = std::nullopt, int64_t payment = 500) {
    auto request = About<v1::ProposeSponsorshipRequest>(streamer);
    request.set_streamer_type(streamer.type);
    request.set_sponsor_id(Uuid::V4().ToString());
    request.set_sponsor_name("The Gilded Anvil");
    request.set_payment(payment);
    request.set_sponsor_reputation(2.5);
    for (const auto& [metric, target] : targets) {
      auto& added = *request.add_targets();
      added.set_metric(metric);
      added.set_target(target);
    }
    if (expires_at) *request.mutable_expires_at() = events::ToTimestamp(*expires_at);
    return request;
  }
  absl::StatusOr<v1::SponsorshipDetail> Propose(const v1::ProposeSponsorshipRequest& request,
                                                Time now = kStart) {
    auto call = ServiceCall(now);
    v1::SponsorshipDetail response;
    RETURN_IF_ERROR(rpc_.ProposeSponsorship(call, request, response));
    return response;
  }
  absl::StatusOr<v1::SponsorshipDetail> Accept(const StreamerKey& streamer, const std::string& id,
                                               Time now = kStart,
                                               const std::optional<Uuid>& request_id = {}) {
    v1::AcceptSponsorshipRequest request;
    request.set_sponsorship_id(id);
    if (request_id) request.set_request_id(request_id->ToString());
    auto call = CallOf(streamer, now);
    v1::SponsorshipDetail response;
    RETURN_IF_ERROR(rpc_.AcceptSponsorship(call, request, response));
    return response;
  }
  v1::SponsorshipDetail Get(const std::string& id, Time now = kStart) {
    v1::GetSponsorshipRequest request;
    request.set_sponsorship_id(id);
    auto call = ServiceCall(now);
    v1::SponsorshipDetail response;
    const auto status = rpc_.GetSponsorship(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  template <class Message>
  std::vector<Message> Sent() {
    const auto rows = mysql_.Query("SELECT payload FROM outbox WHERE message_type = ? ORDER BY id",
                                   Message::descriptor()->full_name());
    std::vector<Message> sent;
    for (const Row& row : *rows) {
      EXPECT_TRUE(sent.emplace_back().ParseFromString(row.Get<std::string>(0)));
    }
    return sent;
  }
  // What sponsors grew; careers grow by the same command.
  std::vector<v1::SeedGrowthRecordCommand> SentReputation() {
    auto sent = Sent<v1::SeedGrowthRecordCommand>();
    std::erase_if(sent, [](const auto& growth) { return growth.domain() != "reputation"; });
    return sent;
  }
  int64_t Number(const std::string& sql) { return mysql_.Query(sql)->at(0).Get<int64_t>(0); }

  // The ledger's promise, of every account.
  void ExpectBalanced() {
    EXPECT_EQ(Number("SELECT COUNT(*) FROM tip_account a WHERE total_spent > total_earned"
                     " OR CAST(entries AS SIGNED) <> (SELECT COUNT(*) FROM tip_entry e WHERE"
                     " e.streamer_id = a.streamer_id AND e.streamer_type = a.streamer_type"
                     " AND e.game_service_id = a.game_service_id)"
                     " OR total_earned - total_spent <> (SELECT COALESCE(SUM(amount), 0)"
                     " FROM tip_entry e WHERE e.streamer_id = a.streamer_id"
                     " AND e.streamer_type = a.streamer_type"
                     " AND e.game_service_id = a.game_service_id)"),
              0);
    EXPECT_EQ(Number("SELECT COUNT(*) FROM (SELECT SUM(amount) OVER (PARTITION BY streamer_type,"
                     " streamer_id, game_service_id ORDER BY ordinal) AS balance FROM tip_entry)"
                     " AS running WHERE balance < 0"),
              0)
        << "at no time was there less than nothing";
  }

  const Uuid game_ = Uuid::V4();
  common::mysql::Pool mysql_{Options()};
  common::metrics::Registry metrics_;
  const Earnings earnings_{{}, metrics_};
  careers::CareerStore careers_{mysql_, [this](auto& transaction, const auto& session) {
                                  return earnings_.Add(transaction, session);
                                }};
  common::executor::Executor executor_{1, 1};
  common::rpc::TokenVerifier verifier_{{}};
  common::rpc::Edge edge_{{.domain = "streaming"}, verifier_, executor_, metrics_};
  EconomyRpc rpc_{edge_, mysql_, metrics_};
};

}  // namespace streaming::economy
