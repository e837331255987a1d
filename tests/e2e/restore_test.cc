// The databases are copied while players and a channel are busy, and brought back: into an empty
// stack after everything else was lost, and beside a Redis and a NATS that know more than they do.
// docs/operations.md promises what is true afterwards.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <bannou/streaming/v1/economy.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <gtest/gtest.h>

#include "libs/common/nats/consumer.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/both_daemons.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/pool_census.h"
#include "tests/e2e/random_players.h"
#include "tests/e2e/stored_tokens.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::MariaDbServer;
using std::chrono::seconds;

constexpr int kPoolSize = 4000;
constexpr uint32_t kCapacity = 300;
constexpr size_t kStreamers = 16;
constexpr size_t kHands = 4;
constexpr int kSessionsBefore = 100;   // that each of them has had, so that many come at once
constexpr uint64_t kDoneBefore = 400;  // calls before the copy
constexpr uint64_t kDoneAfter = 150;   // and after it, which are lost
constexpr seconds kPatience{60};
constexpr int kEnded = v1::STREAM_SESSION_STATUS_ENDED;
constexpr int kLive = v1::STREAM_SESSION_STATUS_LIVE;

std::unique_ptr<common::mysql::Connection> Open(const MariaDbServer& server,
                                                const std::string& database) {
  common::mysql::Options options;
  options.port = server.port();
  options.user = MariaDbServer::user();
  options.password = common::config::Secret(MariaDbServer::password());
  options.database = database;
  return ValueOf(common::mysql::Connection::Open(options));
}

// An event of a JetStream stream. `id` is what consumers tell repeats by.
struct Told {
  std::string id;
  std::string subject;
  std::string payload;
};

// What a database says, by what it is asked.
class Record {
 public:
  explicit Record(std::unique_ptr<common::mysql::Connection> connection)
      : connection_(std::move(connection)) {}

  int Count(const std::string& what) {
    return ValueOf(connection_->Query("SELECT COUNT(*) FROM " + what))[0].Get<int>(0);
  }
  std::set<std::string> Ids(const std::string& sql) {
    std::set<std::string> ids;
    for (const auto& row : ValueOf(connection_->Query(sql))) {
      ids.insert(row.Get<Uuid>(0).ToString());
    }
    return ids;
  }
  std::map<std::string, int> StatusOfSessions() {
    std::map<std::string, int> status;
    for (const auto& row : ValueOf(connection_->Query("SELECT id, status FROM session"))) {
      status[row.Get<Uuid>(0).ToString()] = row.Get<int>(1);
    }
    return status;
  }
  // All rows of what lasts of a streamer, as text.
  std::vector<std::string> Lasting(const Uuid& streamer) {
    std::vector<std::string> all;
    for (const char* table : {"streamer", "attendance", "milestone", "streamer_unlock",
                              "tip_account", "tip_entry", "sponsorship"}) {
      const auto columns = ValueOf(connection_->Query(
          "SELECT GROUP_CONCAT(CONCAT('IFNULL(HEX(CAST(', column_name, ' AS BINARY)), ''-'')')"
          " ORDER BY ordinal_position) FROM information_schema.columns"
          " WHERE table_schema = DATABASE() AND table_name = ?",
          std::string(table)));
      const auto rows = ValueOf(
          connection_->Query("SELECT CONCAT_WS(' ', " + columns[0].Get<std::string>(0) +
                                 ") AS line FROM " + table + " WHERE streamer_id = ? ORDER BY line",
                             streamer));
      for (const auto& row : rows) all.push_back(table + (" " + row.Get<std::string>(0)));
    }
    return all;
  }
  // Tables that are written in one transaction fit together.
  void ExpectToFitTogether() {
    EXPECT_EQ(Count("tip_account a WHERE total_earned - total_spent <> (SELECT"
                    " COALESCE(SUM(amount), 0) FROM tip_entry e WHERE"
                    " (e.streamer_type, e.streamer_id, e.game_service_id) ="
                    " (a.streamer_type, a.streamer_id, a.game_service_id))"),
              0)
        << "a balance is not the sum of its ledger";
    EXPECT_EQ(Count("streamer s WHERE follower_members <> (SELECT COUNT(*) FROM attendance a WHERE"
                    " (a.streamer_type, a.streamer_id, a.game_service_id) ="
                    " (s.streamer_type, s.streamer_id, s.game_service_id)"
                    " AND followed_since IS NOT NULL)"),
              0)
        << "a count of followers is not that of those who follow";
    EXPECT_EQ(Count("session WHERE (active IS NULL) <> (status = 4)"), 0);
  }

  common::mysql::Connection& connection() { return *connection_; }

 private:
  const std::unique_ptr<common::mysql::Connection> connection_;
};

class Restore : public testing::Test {
 protected:
  Restore() {
    for (const Uuid& streamer : players_->Ids()) Remember(streamer);
    EXPECT_TRUE(players_->Seed(kPoolSize).ok());
    channel_.Link();
    platform_session_ = channel_.GoLive();
    Veteran();
    live_ = GoLive(channel_.account());
  }
  ~Restore() override { players_ = nullptr; }

  static std::vector<std::string> On(const common::testing::NatsServer& nats,
                                     const common::testing::RedisServer& redis) {
    return {"NATS_URL=" + nats.url(), "REDIS_ADDR=" + redis.address()};
  }
  static std::vector<std::string> GameSettings() {
    return {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1",
            "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=2",
            "MAX_CHECKED_OUT_PER_SESSION=" + std::to_string(kCapacity),
            "RAID_COOLDOWN_SECONDS=0",
            "HYPE_TRAIN_DURATION_SECONDS=3",
            "HYPE_TRAIN_COOLDOWN_SECONDS=1",
            "FOLLOW_CONVERSION_SESSION_COUNT=1",
            "INTEREST_THRESHOLD_FOR_FOLLOW=0",
            "TIPS_PER_STREAM_HOUR=10000",
            "TIPS_PER_FOLLOWER_HOUR=0"};
  }
  Stack GameStack() const {
    return {.stream_grpc = game_side_.grpc_address(),  // not called
            .streaming_grpc = game_side_.grpc_address(),
            .auth_key = common::config::Secret(kAuthKey)};
  }
  void Remember(const Uuid& streamer) {
    ValueOf(record_->connection().Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret,"
        " sessions, mean_audience, growth_audience, updated_at) VALUES (?, ?, ?, 1, ?, 250,"
        " 1000000, ?)",
        static_cast<int>(v1::STREAMER_ENTITY_TYPE_ACTOR), streamer, game_, kSessionsBefore,
        common::Now()));
  }

  Answer Ask(const Person& person, const google::protobuf::Message& request) const {
    const Wire wire(game_side_.grpc_address(), game_side_.grpc_address());
    return wire.Call(request, person.authorization);
  }
  template <class Request>
  Request Of(const std::string& session) const {
    Request request;
    request.set_session_id(session);
    return request;
  }
  std::string GoLive(const Uuid& account, const std::string& sponsorship = "") const {
    v1::CreateStreamSessionRequest create;
    create.set_game_service_id(game_.ToString());
    create.set_streamer_id(account.ToString());
    create.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
    if (!sponsorship.empty()) create.set_sponsorship_id(sponsorship);
    const auto created = Ask(server_, create).As<v1::StreamSessionDetail>();
    Ask(server_, Of<v1::StartStreamSessionRequest>(created.session_id()))
        .As<v1::StreamSessionDetail>();
    for (int i = 0; i < 2; ++i) {
      auto moment = Of<v1::TriggerReactionRequest>(created.session_id());
      moment.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
      moment.set_significance(1);
      Ask(server_, moment).As<v1::AudienceReactionResult>();
    }
    return created.session_id();
  }
  // A streamer with followers, tips of which it spent some, and a deal that is paid. Nothing
  // happens to it any more.
  void Veteran() {
    v1::ProposeSponsorshipRequest proposal;
    proposal.set_game_service_id(game_.ToString());
    proposal.set_streamer_id(veteran_.ToString());
    proposal.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
    proposal.set_sponsor_id(Uuid::V4().ToString());
    proposal.set_sponsor_name("The Gilded Anvil");
    proposal.set_payment(1234);
    auto& target = *proposal.add_targets();
    target.set_metric(v1::SPONSORSHIP_METRIC_AUDIENCE_REACH);
    target.set_target(1);
    const std::string deal = Ask(server_, proposal).As<v1::SponsorshipDetail>().sponsorship_id();
    v1::AcceptSponsorshipRequest accept;
    accept.set_sponsorship_id(deal);
    Ask(server_, accept).As<v1::SponsorshipDetail>();
    const std::string session = GoLive(veteran_, deal);
    EXPECT_TRUE(Eventually(
        [&] { return record_->Count("session WHERE status = 2 AND peak_audience > 0") > 0; },
        kPatience));
    Ask(server_, Of<v1::EndStreamSessionRequest>(session)).As<v1::StreamSessionSummary>();
    AwaitCareers();
    v1::SpendTipsRequest spend;
    spend.set_game_service_id(game_.ToString());
    spend.set_streamer_id(veteran_.ToString());
    spend.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
    spend.set_item_code("overlay.neon");
    spend.set_amount(1000);
    Ask(server_, spend).As<v1::SpendTipsResponse>();
    lasting_ = record_->Lasting(veteran_);
  }
  void AwaitCareers() {
    EXPECT_TRUE(Eventually(
        [&] {
          return record_->Count("session WHERE status = 4 AND career_applied = 0") == 0 &&
                 record_->Count("outbox") == 0;
        },
        std::chrono::minutes(4)));
  }
  void Play(uint64_t calls) {
    const uint64_t before = players_->done();
    EXPECT_TRUE(Eventually([&] { return players_->done() > before + calls; }, kPatience))
        << "the players get nothing done";
  }

  // The script that operators run, told as they tell it.
  Ended Run(const std::string& script, const MariaDbServer& server, const std::string& rest,
            const std::string& user = MariaDbServer::user()) const {
    const auto options = folder_.path() / "options.cnf";
    std::ofstream(options) << "[client]\nhost=" << MariaDbServer::host()
                           << "\nport=" << server.port() << "\nuser=" << user
                           << "\npassword=" << MariaDbServer::password() << "\n";
    return RunToEnd("deploy/operations/" + script + " " + options.string() + " " +
                    (folder_.path() / rest).string());
  }
  // By a user that may do no more than the page says.
  Ended Copy() const {
    MariaDbServer& server = common::testing::SharedMariaDb();
    const std::string copier = std::string("copier@'") + MariaDbServer::host() + "'";
    server.Run("CREATE USER IF NOT EXISTS " + copier + " IDENTIFIED BY '" +
               MariaDbServer::password() + "'");
    for (const std::string& database : {game_side_.database(), side_.daemon.database()}) {
      server.Run("GRANT SELECT ON " + database + ".* TO " + copier);
    }
    return Run("backup.sh", server, "copy " + game_side_.database() + " " + side_.daemon.database(),
               "copier");
  }
  // While players play, and with news on the way: nobody takes it.
  void BackUp() {
    nats_->Pause();
    EXPECT_TRUE(Eventually([&] { return record_->Count("outbox") > 3; }, kPatience));
    const Ended ended = Copy();
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    nats_->Resume();
  }
  void KillAll() {
    game_side_.Kill();
    side_.daemon.Kill();
    players_->Stop();
    EXPECT_EQ(players_->faults(), std::vector<std::string>());
    told_ = Stored();
    for (const std::string& database : {game_side_.database(), side_.daemon.database()}) {
      common::testing::SharedMariaDb().Run("DROP DATABASE " + database);
    }
  }
  void BringBack() {
    restored_ = std::make_unique<MariaDbServer>();
    const Ended ended = Run("restore.sh", *restored_, "copy");
    ASSERT_EQ(ended.exit_code, 0) << ended.output;
    record_ = std::make_unique<Record>(Open(*restored_, game_side_.database()));
    status_ = record_->StatusOfSessions();
    waiting_ = record_->Ids("SELECT event_id FROM outbox");
    record_->ExpectToFitTogether();
    EXPECT_FALSE(waiting_.empty());
    EXPECT_EQ(record_->Lasting(veteran_), lasting_);
  }
  // As operators find out before they start anything.
  void ExpectTheKeysToFit() {
    const auto key = [](const std::string& bytes) {
      return "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(bytes);
    };
    side_.daemon.Set({key(std::string(32, 'x'))});
    EXPECT_EQ(side_.daemon.RunCommand("reseal").exit_code, 1) << "with another key";
    side_.daemon.Set({key(PlatformSide::kEncryptionKey)});
    const Ended fits = side_.daemon.RunCommand("reseal");
    EXPECT_EQ(fits.exit_code, 0) << fits.output;
  }
  void StartAgain() {
    std::vector<std::string> settings = On(*nats_, *redis_);
    settings.push_back("MYSQL_ADDR=" + restored_->address());
    for (Daemon* daemon : {&game_side_, &side_.daemon}) daemon->Set(settings);
    ExpectTheKeysToFit();
    for (Daemon* daemon : {&game_side_, &side_.daemon}) daemon->Start();
    client_ = std::make_unique<common::redis::Redis>(
        common::redis::Options{.port = redis_->port(), .pool_size = 2});
  }

  Census TakeCensus() {
    const Census census = ValueOf(PoolCensus(*client_, game_).Take());
    EXPECT_EQ(census.wrong, "");
    return census;
  }
  // By a consumer that begins anew each time.
  std::vector<Told> Stored() const {
    const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_->url()}));
    const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
    std::vector<Told> told;
    for (const char* stream : {"STREAMING", "COMMANDS"}) {
      const auto consumer = ValueOf(common::nats::PullConsumer::Open(
          *jetstream, {.stream = stream, .durable = "all_of_" + Uuid::V4().ToString()}));
      for (;;) {
        auto messages = ValueOf(consumer->Fetch(256, std::chrono::milliseconds(300)));
        if (messages.empty()) break;
        for (auto& message : messages) {
          told.push_back({.id = message.Header("Nats-Msg-Id").value_or(""),
                          .subject = std::string(message.subject()),
                          .payload = std::string(message.payload())});
          if (!message.Ack().ok()) throw std::runtime_error("no ack");
        }
      }
    }
    return told;
  }

  // Sessions that are live in the copy and have no audience, not even an empty one.
  std::vector<std::string> Forsaken() {
    const Census census = TakeCensus();
    std::vector<std::string> forsaken;
    for (const auto& [session, status] : status_) {
      if (status == kLive && !census.sessions.contains(session)) forsaken.push_back(session);
    }
    return forsaken;
  }
  // Whoever was live is live, and the game's streams are watched again.
  void ExpectLiveSessionsToGoOn() {
    EXPECT_EQ(status_.at(live_), kLive);
    EXPECT_TRUE(Eventually([&] { return Forsaken().empty(); }, kPatience))
        << Forsaken().size() << " sessions have no audience";
    EXPECT_TRUE(Eventually([&] { return TakeCensus().members > 0; }, kPatience));
    EXPECT_TRUE(
        Eventually([&] { return record_->Count("session WHERE status = 3") == 0; }, kPatience));
  }
  // Tokens can be read and are good; the platform session goes on, and a new one can begin.
  void ExpectLinksToWork() {
    EXPECT_TRUE(Eventually([&] { return channel_.Links().ok(); }));  // connected again
    const auto links = channel_.Links();
    ASSERT_TRUE(links.ok());
    ASSERT_EQ(links->platforms_size(), 1);
    EXPECT_TRUE(links->platforms(0).is_active());
    const StoredTokens tokens =
        ReadStoredTokens(*Open(*restored_, side_.daemon.database()), links->platforms(0).link_id());
    const auto validated =
        common::http::Client().Send({.url = "http://" + side_.sim.address() + "/oauth2/validate",
                                     .headers = {{"Authorization", "OAuth " + tokens.access}}});
    EXPECT_EQ(validated->status, 200);
    ASSERT_EQ(channel_.Sessions().sessions_size(), 1);
    EXPECT_EQ(channel_.Sessions().sessions(0).platform_session_id(), platform_session_);
    EXPECT_TRUE(Eventually(
        [&] {
          for (const char* person : {"anna", "berta", "clara", "dora"}) channel_.Chat(person);
          return side_.daemon.Metric("stream_pulses_published_total") > 0;
        },
        kPatience, std::chrono::milliseconds(200)));
    channel_.GoOffline();
    EXPECT_NE(channel_.GoLive(), platform_session_);
  }
  // What was in the outbox is told. What is told again has the id that it had, where ids are
  // derived from what happened; news of a session's life, whose ids are drawn, is not.
  void ExpectNewsOnce(const std::vector<Told>& after) {
    std::set<std::string> before;
    for (const Told& event : told_) before.insert(event.id);
    std::set<std::string> now;
    for (const Told& event : after) {
      EXPECT_TRUE(now.insert(event.id).second) << event.subject << " came twice";
      if (!event.subject.starts_with("streaming.session.")) continue;
      EXPECT_TRUE(!before.contains(event.id) || waiting_.contains(event.id)) << event.subject;
    }
    for (const std::string& id : waiting_) {
      EXPECT_TRUE(now.contains(id) || before.contains(id)) << id << " was never told";
    }
    // By another id only what ended after the copy was made, and so ends a second time.
    std::map<std::string, std::set<std::string>> ends;
    for (const std::vector<Told>* events : {&std::as_const(told_), &after}) {
      for (const Told& event : *events) {
        v1::StreamingSessionEndedEvent ended;
        if (event.subject != "streaming.session.ended") continue;
        ASSERT_TRUE(ended.ParseFromString(event.payload));
        ends[ended.session_id()].insert(event.id);
      }
    }
    for (const std::string& session :
         record_->Ids("SELECT id FROM session WHERE status = 4 AND started_at IS NOT NULL")) {
      const bool had_ended = status_.contains(session) && status_.at(session) == kEnded;
      EXPECT_GE(ends[session].size(), 1u) << session;
      EXPECT_LE(ends[session].size(), had_ended ? 1u : 2u) << session;
    }
  }
  // Everything can end, once, and everybody goes home.
  void EndAll() {
    const std::string next = GoLive(Uuid::V4());
    EXPECT_TRUE(Eventually([&] { return TakeCensus().sessions[next] > 0; }, kPatience))
        << "nobody watches a new session";
    for (const std::string& session : record_->Ids("SELECT id FROM session WHERE status <> 4")) {
      EXPECT_TRUE(Eventually([&] { return players_->End(session).ok(); }, kPatience)) << session;
    }
    AwaitCareers();
    Census left;
    EXPECT_TRUE(Eventually(
        [&] {
          left = TakeCensus();
          return left.bits == 0 && left.sessions.empty();
        },
        std::chrono::minutes(3)))
        << left.bits << " are left behind, in audiences of "
        << testing::PrintToString(left.sessions);
    record_->ExpectToFitTogether();
    EXPECT_EQ(record_->Lasting(veteran_), lasting_);
    const int ended = record_->Count("session WHERE status = 4 AND started_at IS NOT NULL");
    const auto counted = ValueOf(record_->connection().Query("SELECT SUM(sessions) FROM streamer"));
    EXPECT_EQ(counted[0].Get<std::string>(0),
              std::to_string(ended + kSessionsBefore * static_cast<int>(kStreamers)))
        << "each session is in one career, once";
  }

  const Uuid game_ = Uuid::V4();
  const Uuid veteran_ = Uuid::V4();
  const Person server_ = MakePerson({"service", "admin"}, {"in_game"});
  common::testing::TempDir folder_;
  std::unique_ptr<common::testing::RedisServer> redis_ =
      std::make_unique<common::testing::RedisServer>();
  std::unique_ptr<common::testing::NatsServer> nats_ =
      std::make_unique<common::testing::NatsServer>();
  std::unique_ptr<MariaDbServer> restored_;
  PlatformSide side_{On(*nats_, *redis_)};
  Daemon game_side_{"streaming", "STREAMING", GameSettings(),
                    Servers{*nats_, *redis_, common::testing::SharedMariaDb()}};
  std::unique_ptr<Record> record_ =
      std::make_unique<Record>(Open(common::testing::SharedMariaDb(), game_side_.database()));
  std::unique_ptr<common::redis::Redis> client_;
  std::unique_ptr<RandomPlayers> players_ =
      std::make_unique<RandomPlayers>(std::vector<Stack>{GameStack()}, game_, kStreamers);
  Channel channel_{side_};
  std::string platform_session_;
  std::string live_;                   // an in-game session that nobody ends
  std::vector<std::string> lasting_;   // of the veteran
  std::vector<Told> told_;             // before everything was lost
  std::map<std::string, int> status_;  // of sessions, as the copy has it
  std::set<std::string> waiting_;      // news in the copy
};

TEST_F(Restore, IntoAnEmptyStack) {
  players_->Start(kHands, 1);
  Play(kDoneBefore);
  BackUp();
  Play(kDoneAfter);
  KillAll();
  redis_ = std::make_unique<common::testing::RedisServer>();
  nats_ = std::make_unique<common::testing::NatsServer>();
  BringBack();
  StartAgain();
  ExpectLiveSessionsToGoOn();
  ExpectLinksToWork();
  EndAll();
  ExpectNewsOnce(Stored());
}

// Only the database was lost: audiences of sessions that it has never heard of, and sessions that
// have ended since and are live again.
TEST_F(Restore, BesideARedisAndANatsThatKnowMore) {
  players_->Start(kHands, 2);
  Play(kDoneBefore);
  BackUp();
  Play(kDoneAfter);
  KillAll();
  BringBack();
  StartAgain();
  ExpectLiveSessionsToGoOn();
  ExpectLinksToWork();
  EndAll();
  std::vector<Told> all = Stored();
  ASSERT_GE(all.size(), told_.size());
  std::set<std::string> ids;
  for (const Told& event : all) EXPECT_TRUE(ids.insert(event.id).second) << "NATS knows repeats";
  std::erase_if(all, [&](const Told& event) {
    return std::ranges::any_of(told_, [&](const Told& old) { return old.id == event.id; });
  });
  ExpectNewsOnce(all);
}

TEST_F(Restore, RefusesWhatWouldMixOrIsDamaged) {
  ASSERT_EQ(Copy().exit_code, 0);
  const auto copy = folder_.path() / "copy";
  const Ended again =
      Run("backup.sh", common::testing::SharedMariaDb(), "copy " + game_side_.database());
  EXPECT_NE(again.exit_code, 0);
  EXPECT_NE(again.output.find("exists already"), std::string::npos) << again.output;
  const Ended absent = Run("backup.sh", common::testing::SharedMariaDb(), "other absent");
  EXPECT_NE(absent.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "other"));

  const Ended full = Run("restore.sh", common::testing::SharedMariaDb(), "copy");
  EXPECT_NE(full.exit_code, 0);
  EXPECT_NE(full.output.find("is not empty: nothing was changed"), std::string::npos)
      << full.output;
  EXPECT_EQ(record_->Lasting(veteran_), lasting_);
  std::ofstream(copy / "databases.sql.gz", std::ios::app) << "x";
  const Ended damaged = Run("restore.sh", common::testing::SharedMariaDb(), "copy");
  EXPECT_NE(damaged.exit_code, 0);
  EXPECT_NE(damaged.output.find("is damaged"), std::string::npos) << damaged.output;
}

}  // namespace
}  // namespace story
