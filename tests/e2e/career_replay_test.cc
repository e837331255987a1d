// What ended sessions leave for good (stats, milestones, unlocks, balances, deals, and what is told
// of them) is the same however it came about: in one piece, told of twice, or by daemons that were
// killed at any request to their servers and started again.
//
// By default some of the requests, drawn at random; REPLAY_ALL=1 takes all of them. REPLAY_SEED
// repeats a run's choices.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/economy.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include "libs/common/base/status.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/tripwire.h"
#include "tests/story/processes.h"
#include "tests/story/story.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
namespace v1 = bannou::streaming::v1;

constexpr std::chrono::seconds kPatience{60};
constexpr uint64_t kLanes = 4;
constexpr uint64_t kEvery = 24;  // of the requests, one so many is killed at by default
constexpr uint64_t kRequestsMax = 5000;

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* text = std::getenv("REPLAY_SEED");
    return text == nullptr ? std::random_device()() : std::strtoull(text, nullptr, 10);
  }();
  return seed;
}

// Ids that are the same in every world.
Uuid Named(const std::string& name) {
  static const Uuid root = *Uuid::Parse("6f2b7a52-0f8c-4d0e-9a55-3f6d1c8b7e10");
  return Uuid::V5(root, name);
}

// What is left of the sessions: table rows without their times, and what was published, in order.
struct Lasting {
  std::vector<std::string> rows;
  std::vector<std::string> told;
  bool operator==(const Lasting&) const = default;
};

// The first line in which they differ.
std::string Difference(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  for (size_t i = 0; i < std::max(one.size(), other.size()); ++i) {
    const std::string left = i < one.size() ? one[i] : "(nothing)";
    const std::string right = i < other.size() ? other[i] : "(nothing)";
    if (left != right) return left + "\nis not\n" + right;
  }
  return "";
}
void ExpectSame(const Lasting& one, const Lasting& reference) {
  EXPECT_EQ(Difference(one.rows, reference.rows), "");
  EXPECT_EQ(Difference(one.told, reference.told), "");
}

// A daemon with servers of its own, but for MariaDB, and the ended sessions of two streamers in its
// database.
class World {
 public:
  World()
      : wire_({{.port = common::testing::SharedMariaDb().port()},
               {.port = nats_.port(), .mark = "Nats-Msg-Id"}}),
        daemon_("streaming", "STREAMING",
                {"MYSQL_ADDR=" + wire_.address(0), "NATS_URL=nats://" + wire_.address(1),
                 "TIPS_PER_FOLLOWER_HOUR=0"},
                Servers{nats_, redis_, common::testing::SharedMariaDb()}),
        database_(OpenDatabase(daemon_.database())) {}

  // The sessions come to be all at once. Nobody looks before they are told of.
  void Plant() {
    ValueOf(database_->Execute("START TRANSACTION"));
    for (int streamer = 0; streamer < kStreamers; ++streamer) PlantStreamer(streamer);
    ValueOf(database_->Execute("COMMIT"));
  }

  // The ends are told of, as the outbox of those who ended the sessions does.
  void TellOfEnds() {
    const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
    const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
    for (const Uuid& id : sessions_) {
      v1::StreamingSessionEndedEvent event;
      event.set_session_id(id.ToString());
      ValueOf(jetstream->Publish("streaming.session.ended", event.SerializeAsString(), {}, ""));
    }
  }

  void AwaitAll() {
    EXPECT_TRUE(Eventually([&] { return IsThrough(); }, kPatience));
  }

  // Does all, the daemon killed at the n-th request from when the ends are told of. False when it
  // got through before that.
  bool PlayWithAKill(uint64_t n, Tripwire::Moment moment) {
    wire_.Arm(daemon_.pid(), n, moment);
    TellOfEnds();
    EXPECT_TRUE(Eventually([&] { return wire_.seen().tripped || IsThrough(); }, kPatience));
    const bool tripped = wire_.Disarm().tripped;
    if (tripped) {
      daemon_.Kill();
      daemon_.Start();
      AwaitAll();
    }
    return tripped;
  }

  Lasting Look() { return {.rows = Rows(), .told = Told()}; }

 private:
  static constexpr int kStreamers = 2;
  static constexpr int kSessions = 4;  // of each

  static constexpr int kActor = v1::STREAMER_ENTITY_TYPE_ACTOR;

  void PlantStreamer(int streamer) {
    const std::string name = absl::StrCat("streamer ", streamer);
    // The ends of its sessions counted its followers. The second one has streamed for long.
    const int before = 98 * streamer;
    ValueOf(database_->Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret,"
        " followers, sessions, live_seconds, watch_seconds, hype_trains, growth_audience, phase,"
        " updated_at) VALUES (?, ?, ?, 7, ?, ?, ?, ?, ?, ?, ?, ?)",
        kActor, Named(name), game_, before + 3 * kSessions, before, before * 3600, before * 36'000,
        before, before * 1000, streamer == 0 ? 1 : 3, common::Now()));
    PlantDeal(name);
    for (int i = 0; i < kSessions; ++i) PlantSession(name, i);
  }

  // An hour, which two sessions of forty minutes are, and an audience of a hundred, which the third
  // has.
  void PlantDeal(const std::string& streamer) {
    const Uuid id = Named(streamer + ", deal");
    ValueOf(database_->Execute(
        "INSERT INTO sponsorship (id, game_service_id, streamer_type, streamer_id, sponsor_id,"
        " sponsor_name, status, payment, sponsor_reputation, proposed_at)"
        " VALUES (?, ?, ?, ?, ?, 'The Miners', ?, 500, 2, ?)",
        id, game_, kActor, Named(streamer), Named("sponsor"),
        static_cast<int>(v1::SPONSORSHIP_STATUS_ACTIVE), common::Now()));
    const auto target = [&](v1::SponsorshipMetric metric, double wanted) {
      ValueOf(database_->Execute(
          "INSERT INTO sponsorship_target (sponsorship_id, metric, target) VALUES (?, ?, ?)", id,
          static_cast<int>(metric), wanted));
    };
    target(v1::SPONSORSHIP_METRIC_STREAM_HOURS, 1);
    target(v1::SPONSORSHIP_METRIC_AUDIENCE_REACH, 100);
  }

  void PlantSession(const std::string& streamer, int i) {
    const std::string name = absl::StrCat(streamer, ", session ", i);
    const Uuid id = Named(name);
    // Of today, as the record of old sessions is deleted.
    static const common::Time today = common::Now() - std::chrono::hours(12);
    const common::Time start = today + std::chrono::hours(i);
    const bool was_live = i != 1;  // that one was cancelled
    const int trains = was_live ? i : 0;
    ValueOf(database_->Execute(
        "INSERT INTO session (id, game_service_id, shard, streamer_type, streamer_id, status,"
        " content_tags, created_at, started_at, ended_at, peak_audience, viewer_seconds,"
        " interest_seconds, live_seconds, new_followers, hype_trains, peak_hype_level,"
        " world_firsts, sponsorship_id)"
        " VALUES (?, ?, 0, ?, ?, 4, ?, ?, ?, ?, ?, ?, ?, ?, 3, ?, ?, ?, ?)",
        id, game_, kActor, Named(streamer), 1 << i, start,
        was_live ? std::optional(start) : std::nullopt, start + std::chrono::minutes(40),
        40 * (i + 1), was_live ? 72'000.0 * (i + 1) : 0.0, was_live ? 50'000.0 * (i + 1) : 0.0,
        was_live ? 2400.0 : 0.0, trains, trains > 0 ? 5 : 0, i == 2 ? 1 : 0,
        Named(streamer + ", deal")));
    for (int train = 0; train < trains; ++train) {
      ValueOf(database_->Execute(
          "INSERT INTO hype_train (id, session_id, trigger_event, peak_level, started_at,"
          " completed_at) VALUES (?, ?, 'WorldFirst', ?, ?, ?)",
          Named(absl::StrCat(name, ", train ", train)), id, 2 + train, start, start));
    }
    if (i == 2) {
      ValueOf(database_->Execute(
          "INSERT INTO session_moment (session_id, ordinal, at, moment_type, description, reaction)"
          " VALUES (?, 0, ?, ?, 'The Sunken Library', 1)",
          id, start, static_cast<int>(v1::STREAM_MOMENT_TYPE_WORLD_FIRST)));
    }
    sessions_.push_back(id);
  }

  int Count(const std::string& what) {
    return ValueOf(database_->Query("SELECT COUNT(*) FROM " + what))[0].Get<int>(0);
  }
  bool IsThrough() {
    return Count("session WHERE career_applied = 0") == 0 && Count("outbox") == 0;
  }

  // Every row of every table, whatever tables there are, but for what depends on the hour.
  std::vector<std::string> Rows() {
    std::vector<std::string> all;
    const auto columns = ValueOf(database_->Query(
        "SELECT table_name, GROUP_CONCAT(CONCAT('IFNULL(HEX(CAST(', column_name, ' AS BINARY)),"
        " ''-'')') ORDER BY ordinal_position), GROUP_CONCAT(column_name ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = DATABASE() AND data_type <>"
        " 'datetime' AND table_name NOT IN ('outbox', 'tip_hour')"
        " GROUP BY table_name ORDER BY table_name"));
    for (const auto& table : columns) {
      const auto name = table.Get<std::string>(0);
      const auto rows =
          ValueOf(database_->Query("SELECT CONCAT_WS(' ', " + table.Get<std::string>(1) +
                                   ") AS line FROM `" + name + "` ORDER BY line"));
      for (const auto& row : rows) {
        all.push_back(
            absl::StrCat(name, " (", table.Get<std::string>(2), "): ", row.Get<std::string>(0)));
      }
    }
    return all;
  }

  // What the daemon published to JetStream; each event once.
  std::vector<std::string> Told() {
    const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
    const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
    std::vector<std::string> told;
    std::set<std::string> ids;
    for (const std::string stream : {"STREAMING", "COMMANDS"}) {
      const auto consumer = ValueOf(common::nats::PullConsumer::Open(
          *jetstream, {.stream = stream, .durable = "all_of_" + Uuid::V4().ToString()}));
      for (;;) {
        auto messages = ValueOf(consumer->Fetch(256, std::chrono::milliseconds(200)));
        if (messages.empty()) break;
        for (auto& message : messages) {
          const auto id = message.Header("Nats-Msg-Id");
          if (!message.Ack().ok()) throw std::runtime_error("no ack");
          if (!id) continue;  // our own telling of the ends
          EXPECT_TRUE(ids.insert(*id).second) << message.subject() << " came twice";
          told.push_back(TextOf(message, *id));
        }
      }
    }
    return told;
  }

  // Subject, id and all fields but the time.
  static std::string TextOf(const common::nats::Message& message, const std::string& id) {
    const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
        message.Header("Bannou-Message-Type").value_or(""));
    if (type == nullptr) throw std::runtime_error("an event of no known type");
    const std::unique_ptr<google::protobuf::Message> event(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    if (!event->ParseFromString(std::string(message.payload()))) {
      throw std::runtime_error("a malformed event");
    }
    if (const auto* time = type->FindFieldByName("timestamp")) {
      event->GetReflection()->ClearField(event.get(), time);
    }
    return absl::StrCat(common::ToAbsl(message.subject()), " ", id, " ", event->ShortDebugString());
  }

  const Uuid game_ = Named("game");
  common::testing::RedisServer redis_;
  common::testing::NatsServer nats_;
  Tripwire wire_;
  Daemon daemon_;
  const std::unique_ptr<common::mysql::Connection> database_;
  std::vector<Uuid> sessions_;
};

// In one piece.
const Lasting& Reference() {
  static const Lasting reference = [] {
    World world;
    world.Plant();
    world.TellOfEnds();
    world.AwaitAll();
    return world.Look();
  }();
  return reference;
}

TEST(CareerReplay, SomethingLastsAndIsTold) {
  const auto count = [](const std::vector<std::string>& lines, const std::string& start) {
    return std::ranges::count_if(lines,
                                 [&](const std::string& line) { return line.starts_with(start); });
  };
  const Lasting& lasting = Reference();
  // Of each streamer: three sessions earn, the cancelled one does not, and the deal is paid.
  EXPECT_EQ(count(lasting.rows, "tip_entry "), 2 * 4);
  EXPECT_EQ(count(lasting.rows, "tip_account "), 2);
  EXPECT_GT(count(lasting.rows, "milestone "), 6);
  EXPECT_GT(count(lasting.rows, "streamer_unlock "), 4);
  EXPECT_EQ(count(lasting.told, "contract.milestone.complete "), 2 * 2);
  EXPECT_EQ(count(lasting.told, "currency.credit "), 2 * 4);
  EXPECT_GT(count(lasting.told, "seed.growth.record "), 4);
  EXPECT_GT(count(lasting.told, "streaming.milestone.reached "), 6);
}

TEST(CareerReplay, BeingToldTwiceChangesNothing) {
  World world;
  world.Plant();
  world.TellOfEnds();
  world.AwaitAll();
  ExpectSame(world.Look(), Reference());
  world.TellOfEnds();
  world.AwaitAll();
  ExpectSame(world.Look(), Reference());
}

// One lane's share of the requests to be killed at; how many kills there were.
uint64_t PlayLane(uint64_t first, uint64_t stride) {
  static std::mutex beginning;  // ports and databases are dealt to one at a time
  std::mt19937_64 random(Seed() + first);
  uint64_t kills = 0;
  for (uint64_t n = first; n <= kRequestsMax && !testing::Test::HasFailure(); n += stride) {
    const auto moment = random() % 2 == 0 ? Tripwire::Moment::kBefore : Tripwire::Moment::kAfter;
    SCOPED_TRACE(absl::StrCat("REPLAY_SEED=", Seed(), ", killed ",
                              moment == Tripwire::Moment::kBefore ? "before" : "after", " request ",
                              n));
    std::unique_lock begins(beginning);
    World world;
    begins.unlock();
    world.Plant();
    const bool killed = world.PlayWithAKill(n, moment);
    ExpectSame(world.Look(), Reference());
    if (!killed) return kills;
    ++kills;
  }
  return kills;
}

TEST(CareerReplay, AKillAnywhereChangesNothing) {
  Reference();
  const bool all = std::getenv("REPLAY_ALL") != nullptr;
  const uint64_t stride = kLanes * (all ? 1 : kEvery);
  std::atomic<uint64_t> kills{0};
  std::vector<std::jthread> lanes;
  for (uint64_t lane = 0; lane < kLanes; ++lane) {
    const uint64_t first = 1 + (all ? lane : (Seed() + lane * kEvery) % stride);
    lanes.emplace_back([&kills, first, stride] {
      try {
        kills += PlayLane(first, stride);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  lanes.clear();
  EXPECT_GT(kills, kLanes);
  std::cout << kills << " kills, REPLAY_SEED=" << Seed() << "\n";
}

}  // namespace
}  // namespace story
