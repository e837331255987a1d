// The end of a platform session on a real Redis and MariaDB: no pulse is lost to it, and nothing
// begins it anew.
#include <mutex>

#include <gtest/gtest.h>

#include "embedded/stream/functions.h"
#include "embedded/stream/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/stream/ingest/chat_worker.h"
#include "services/stream/pulses/publisher_worker.h"

namespace stream {
namespace {

using common::Uuid;
using common::testing::Eventually;
using pulses::BufferStore;
using pulses::PublisherWorker;
using std::chrono::seconds;

common::mysql::Options NewDatabase() {
  auto& server = common::testing::SharedMariaDb();
  common::mysql::Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = common::config::Secret(server.password());
  options.database = server.CreateDatabase();
  return options;
}

common::redis::Options RedisOptions() {
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  return options;
}

class StreamSessionEndTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    ASSERT_TRUE(functions_.Load().ok());
    ASSERT_TRUE(mysql_
                    .Execute("INSERT INTO link (link_id, account_id, platform, user_id_sealed, "
                             "display_name_sealed, access_token_sealed, refresh_token_sealed, "
                             "token_expires_at, linked_at) VALUES (?, ?, 1, '', '', '', '', ?, ?)",
                             link_, Uuid::V4(), common::Now(), common::Now())
                    .ok());
    const auto opened = sessions_.OpenByHand({.link_id = link_,
                                              .stream_id = "the-stream",
                                              .started_at = common::Now(),
                                              .in_game_id = {}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    session_ = opened->session_id;
    ASSERT_TRUE(buffer_.Open(session_).ok());
  }

  std::unique_ptr<PublisherWorker> NewPublisher() {
    return std::make_unique<PublisherWorker>(
        pulses::PublisherOptions{},
        PublisherWorker::Parts{.sessions = sessions_,
                               .buffer = buffer_,
                               .random = [] { return uint64_t{1}; },
                               .publish =
                                   [this](const common::outbox::Event& event) {
                                     const std::lock_guard lock(mutex_);
                                     published_.push_back(event.payload);
                                     return absl::OkStatus();
                                   },
                               .on_ended = [] {}},
        metrics_);
  }
  sessions::Status StatusNow() { return (*sessions_.Find(session_))->status; }
  std::string Key(const char* kind) const { return "stream:{" + session_.ToString() + "}:" + kind; }

  const Uuid link_ = Uuid::V4();
  Uuid session_;
  common::mysql::Pool mysql_{NewDatabase()};
  common::redis::Redis redis_{RedisOptions()};
  common::redis::Functions functions_{redis_, std::string(functions::Files().front().content)};
  const Sealer sealer_{
      *common::crypto::KeyRing::Create(common::config::Secret(std::string(32, 'k')), {})};
  const Marks marks_{common::config::Secret("identity")};
  sessions::SessionStore sessions_{mysql_, sealer_, marks_};
  privacy::ViewerRegistry viewers_{{}, [] { return uint64_t{1}; }};
  BufferStore buffer_{redis_, functions_, seconds(60)};
  // Another instance, or the same one before a crash.
  BufferStore other_{redis_, functions_, seconds(60)};
  common::metrics::Registry metrics_;
  std::mutex mutex_;
  std::vector<std::string> published_;
};

TEST_F(StreamSessionEndTest, WaitsForThePulseThatAnotherTookOut) {
  ASSERT_TRUE(*other_.Claim(session_, true));
  ASSERT_TRUE(other_
                  .Settle(session_, {.taken = 0,
                                     .hold = {},
                                     .interval = seconds(1),
                                     .pulse_id = Uuid::V4(),
                                     .payload = "the pulse"})
                  .ok());
  ASSERT_TRUE(*sessions_.End(session_, common::Now()));

  auto publisher = NewPublisher();
  publisher->Start();
  ASSERT_TRUE(Eventually([&] {
    const auto sealed = redis_.Command({"HGET", Key("live"), "sealed"});
    return sealed->is_nil() || sealed->text() == "1";
  }));
  publisher->Stop();  // the step that sealed it has ended
  EXPECT_EQ(StatusNow(), sessions::Status::kEnding);
  EXPECT_TRUE(published_.empty());

  // The other one's lease runs out.
  ASSERT_TRUE(redis_.Command({"HSET", Key("live"), "claimed_until", "0"}).ok());
  publisher = NewPublisher();
  publisher->Start();
  EXPECT_TRUE(Eventually([&] { return StatusNow() == sessions::Status::kEnded; }));
  publisher->Stop();
  EXPECT_EQ(published_, std::vector<std::string>{"the pulse"});
}

TEST_F(StreamSessionEndTest, LateChatDoesNotBeginItAnew) {
  sessions::LiveSessions live(sessions_);
  ASSERT_EQ(*live.Find(link_), session_);  // remembered as live
  ASSERT_TRUE(*sessions_.End(session_, common::Now()));
  // Even when the seal is gone with all the rest.
  ASSERT_TRUE(redis_.Command({"DEL", Key("live")}).ok());

  ingest::CrowdStore crowd({.live = live, .buffer = buffer_, .viewers = viewers_});
  ingest::ChatWorker chat(10, crowd, metrics_);
  const ingest::CrowdEvent event{.author = privacy::PlatformUserId::From("1"),
                                 .act = ingest::Act::kChat,
                                 .felt = sentiment::Sentiment{sentiment::Category::kExcited, 0.5f}};
  ASSERT_TRUE(chat.Offer({.link_id = link_, .happening = {event, common::Now()}}));
  chat.Start();
  const auto dropped = [&] {
    return metrics_.Text().find("stream_chat_dropped_total{reason=\"no_session\"} 1") !=
           std::string::npos;
  };
  EXPECT_TRUE(Eventually(dropped));
  chat.Stop();
  EXPECT_EQ(redis_.Command({"EXISTS", Key("live")})->integer(), 0);
  EXPECT_TRUE(viewers_.Sessions().empty());
}

TEST_F(StreamSessionEndTest, WhatHappensOnceIsNotLostToAnOldMemory) {
  sessions::LiveSessions live(sessions_);
  ingest::CrowdStore crowd({.live = live, .buffer = buffer_, .viewers = viewers_});
  const ingest::Happening cheer{
      {.felt = sentiment::Sentiment{sentiment::Category::kSupportive, 0.5f}}, common::Now()};
  const auto take = [&](std::vector<std::string> marks) {
    return crowd.Take(link_, {&cheer, 1}, marks).value();
  };
  using Put = ingest::CrowdStore::Put;
  EXPECT_EQ(take({"one"}), Put::kDone);
  EXPECT_EQ(take({"one"}), Put::kDuplicate);

  // Another instance ends the session, and begins the next.
  ASSERT_TRUE(*sessions_.End(session_, common::Now()));
  ASSERT_TRUE(*other_.Seal(session_));
  ASSERT_TRUE(other_.Delete(session_).ok());
  EXPECT_EQ(take({"two"}), Put::kNoSession);
  ASSERT_EQ(*live.Find(link_), std::nullopt);
  const auto next = sessions_.OpenByHand({.link_id = link_,
                                          .stream_id = "the-next-stream",
                                          .started_at = common::Now(),
                                          .in_game_id = {}});
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(*live.Find(link_), std::nullopt) << "the test needs an old memory";
  EXPECT_EQ(take({}), Put::kNoSession);  // chat can bear it
  EXPECT_EQ(take({"three"}), Put::kDone);
  EXPECT_EQ((*buffer_.Claim(next->session_id, true))->records, 1);
}

}  // namespace
}  // namespace stream
