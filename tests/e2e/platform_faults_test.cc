// What a platform does to its messages on the way changes nothing: sessions begin once and end
// once, and what never arrives is found by asking.
#include <bannou/stream/v1/events.pb.h>
#include <gtest/gtest.h>

#include "tests/e2e/channel.h"

namespace story {
namespace {

using common::testing::Eventually;
using nlohmann::json;

class PlatformFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    side_ = std::make_unique<PlatformSide>(std::vector<std::string>{
        "SESSION_POLL_INTERVAL_SECONDS=1", "CHANNEL_SCAN_INTERVAL_SECONDS=1",
        "SESSION_ORPHAN_GRACE_SECONDS=0"});
  }
  static void TearDownTestSuite() { side_ = nullptr; }
  void SetUp() override {
    channel_.Link();
    channel_.AwaitQuiet();
  }

  // Of the next `count` messages of the platform.
  static void Fault(const std::string& fault, int count, int seconds = 0) {
    const auto answer =
        side_->Sim("/sim/deliveries", {{"fault", fault}, {"count", count}, {"seconds", seconds}});
    ASSERT_LT(answer.status, 300) << fault;
  }
  static json Stats() {
    return json::parse(common::http::Client()
                           .Send({.url = "http://" + side_->sim.address() + "/sim/stats"})
                           ->body);
  }
  static double Heard(const std::string& outcome) {
    return side_->daemon.Metric("stream_webhooks_total{outcome=\"" + outcome +
                                "\",platform=\"twitch\"}");
  }
  // The channel was live once, and is not any more.
  void ExpectOneSession() {
    EXPECT_TRUE(Eventually([&] { return Stats()["pending"] == 0; }));
    EXPECT_EQ(channel_.Sessions().sessions_size(), 0);
    EXPECT_EQ(channel_.Sessions(true).sessions_size(), 1);
  }

  static inline std::unique_ptr<PlatformSide> side_;
  Channel channel_{*side_};
};

TEST_F(PlatformFaults, TheSameMessageTwice) {
  const double before = Heard("duplicate");
  Fault("repeat", 2);
  channel_.GoLive();
  channel_.GoOffline();
  ExpectOneSession();
  EXPECT_EQ(Heard("duplicate") - before, 2);
}

TEST_F(PlatformFaults, TheSameNewsUnderAnotherId) {
  Fault("duplicate", 2);
  channel_.GoLive();
  channel_.GoOffline();
  ExpectOneSession();
}

TEST_F(PlatformFaults, TheEndBeforeTheBeginning) {
  Fault("reverse", 2);
  channel_.Do("/live");
  channel_.Do("/offline");
  EXPECT_TRUE(Eventually([&] { return Stats()["pending"] == 0; }));
  // Whether or not a session began meanwhile by asking, none is left.
  EXPECT_TRUE(Eventually([&] { return channel_.Sessions().sessions_size() == 0; }));
  EXPECT_LE(channel_.Sessions(true).sessions_size(), 1);
}

TEST_F(PlatformFaults, AClockThatIsALittleWrong) {
  Fault("skew", 1, 300);
  channel_.GoLive();
  Fault("skew", 1, -300);
  channel_.Do("/offline");
  // It seems to be of an earlier stream, so it takes asking to find the end.
  EXPECT_TRUE(Eventually([&] { return channel_.Sessions().sessions_size() == 0; }));
  ExpectOneSession();
}

TEST_F(PlatformFaults, AClockThatIsVeryWrong) {
  const double before = Heard("stale");
  Fault("skew", 1, -700);
  channel_.GoLive();  // found by asking
  EXPECT_TRUE(Eventually([&] { return Heard("stale") > before; }));
  channel_.GoOffline();
  EXPECT_EQ(channel_.Sessions(true).sessions_size(), 1);
}

TEST_F(PlatformFaults, AMessageThatSomebodyElseSigned) {
  const double before = Heard("unsigned");
  Fault("bad_signature", 1);
  channel_.GoLive();  // found by asking
  EXPECT_TRUE(Eventually([&] { return Heard("unsigned") > before; }));
}

TEST_F(PlatformFaults, MessagesThatNeverArrive) {
  Fault("drop", 2);
  channel_.GoLive();
  channel_.GoOffline();
  EXPECT_EQ(channel_.Sessions(true).sessions_size(), 1);
}

// Newest first, and no more than asked for.
TEST_F(PlatformFaults, SessionsAreListedInPages) {
  for (int i = 0; i < 3; ++i) {
    channel_.GoLive();
    channel_.GoOffline();
  }
  const auto all = channel_.Sessions(true);
  ASSERT_EQ(all.sessions_size(), 3);
  for (int i = 1; i < 3; ++i) {
    EXPECT_GE(all.sessions(i - 1).started_at().seconds(), all.sessions(i).started_at().seconds());
  }
  for (int offset = 0; offset < 4; ++offset) {
    const auto page = channel_.Sessions(true, 1, offset);
    ASSERT_EQ(page.sessions_size(), offset < 3 ? 1 : 0);
    if (offset == 3) break;
    EXPECT_EQ(page.sessions(0).platform_session_id(), all.sessions(offset).platform_session_id());
  }
}

}  // namespace
}  // namespace story
