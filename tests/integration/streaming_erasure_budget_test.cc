// A deletion of much goes on in deliveries of a bounded time each.
#include <algorithm>
#include <mutex>

#include <gmock/gmock.h>

#include "libs/common/runtime/servers.h"
#include "services/streaming/privacy/erasure_worker.h"
#include "tests/integration/streaming_life.h"

namespace streaming::privacy {
namespace {

class ErasureBudgetTest : public LiveSessionTest {
 protected:
  // Takes longer each time than a delivery may, and notes how many sessions there are then.
  Time Look() {
    const std::lock_guard lock(mutex_);
    left_.push_back(mysql_.Query("SELECT COUNT(*) FROM session")->at(0).Get<int>(0));
    return time_ += minutes(1);
  }

  std::mutex mutex_;
  std::vector<int> left_;
  Time time_ = now_;
  common::testing::NatsServer nats_;
  std::unique_ptr<common::nats::Connection> connection_ =
      *common::nats::Connection::Connect({.url = nats_.url()});
  std::unique_ptr<common::nats::JetStream> jetstream_ =
      *common::nats::JetStream::Make(*connection_);
  common::redis::Functions boards_library_{redis_, Library("boards.lua")};
  careers::LeaderboardStore leaderboards_{mysql_, redis_, boards_library_};
  ErasureStore erasure_{mysql_};
};

TEST_F(ErasureBudgetTest, TheTimeIsLookedAtAfterEachSession) {
  constexpr int kSessions = 4;
  for (int i = 0; i < kSessions; ++i) {
    const auto created = Create(Wish());
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_TRUE(*sessions_.Cancel(*Uuid::Parse(created->session_id()), EndReason::kManual, now_));
  }
  ASSERT_TRUE(jetstream_->Declare(common::runtime::InboundStreams("INBOUND")).ok());
  ErasureWorker worker({mysql_, erasure_, life_, live_, audience_, leaderboards_}, metrics_,
                       {.clock = [this] { return Look(); }});
  ASSERT_TRUE(worker.Start(*jetstream_).ok());
  ASSERT_TRUE(jetstream_
                  ->Publish("account.deleted", R"({"accountId":")" + account_.ToString() + "\"}",
                            {}, "deleted")
                  .ok());
  EXPECT_TRUE(Eventually([&] {
    return metrics_.Text().find("streaming_erasures_total{what=\"account\"} 1\n") !=
           std::string::npos;
  }));
  worker.Stop();
  EXPECT_EQ(left_.front(), kSessions);
  EXPECT_EQ(left_.back(), 0);
  for (size_t i = 1; i < left_.size(); ++i) EXPECT_LE(left_[i - 1] - left_[i], 1);
}

}  // namespace
}  // namespace streaming::privacy
