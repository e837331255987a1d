// What a front end sees of a session, heard and judged by programs that nobody here wrote: npm's
// `nats` and `ajv` with docs/client-events.schema.json (front_end.mjs).
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"

namespace story {
namespace {

using common::testing::Eventually;
using nlohmann::json;

class FrontEnd final : public common::testing::Server {
 public:
  FrontEnd(std::string nats, std::string session)
      : nats_(std::move(nats)), session_(std::move(session)) {
    Start();
  }

  // All that came so far, in order.
  json Got() const {
    return json::parse(ValueOf(common::http::Client().Send({.url = "http://" + address()})).body);
  }
  // The events of one kind.
  std::vector<json> Of(const std::string& kind) const {
    std::vector<json> events;
    for (const json& got : Got()) {
      if (got["event"].value("event_name", "") == "streaming." + kind) {
        events.push_back(got["event"]);
      }
    }
    return events;
  }
  bool Sees(const std::string& kind) const { return !Of(kind).empty(); }

 private:
  std::vector<std::string> Command() const override {
    return {"node", "tests/e2e/front_end.mjs", std::to_string(port()), nats_, session_};
  }
  std::string_view Question() const override { return "GET / HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "200 OK"; }

  const std::string nats_;
  const std::string session_;
};

class FrontEndTest : public testing::Test {
 protected:
  Stream CreateSession() {
    game_.Seed(3000);
    return game_.Create({.usual_audience = 300});
  }

  // Until a train has completed, which few levels make quick.
  void PlayATrain(const FrontEnd& front_end) {
    for (int i = 0; i < 20 && !front_end.Sees("hype_completed"); ++i) {
      game_.ServerTells(stream_, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 0.08f);
      // What it did is on its way before the next event.
      EXPECT_TRUE(Eventually(
          [&] { return front_end.Of("audience_reaction").size() > static_cast<size_t>(i); }));
    }
    EXPECT_TRUE(Eventually([&] { return front_end.Sees("hype_completed"); }));
  }

  const GameSide side_{{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600",
                        "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600",
                        "AUDIENCE_UPDATE_INTERVAL_SECONDS=1", "HYPE_TRAIN_LEVELS=3"}};
  Game game_{side_.daemon};
  const Stream stream_ = CreateSession();
};

// Where an event of a train belongs among the others: its time, and at the same time what it says.
std::string PlaceOf(const json& event) {
  const std::string name = event["event_name"];
  const std::string turn = name == "streaming.hype_started"    ? "0"
                           : name == "streaming.hype_progress" ? "1"
                                                               : "2";
  return event["timestamp"].get<std::string>() + turn + event.value("level", "");
}

TEST_F(FrontEndTest, EveryEventOfASessionIsAsSpecified) {
  const FrontEnd front_end(common::testing::SharedNats().address(), stream_.session);
  game_.Start(stream_);
  EXPECT_TRUE(Eventually([&] { return front_end.Sees("audience_update"); }));
  PlayATrain(front_end);
  EXPECT_TRUE(Eventually([&] {
    const auto status = game_.Status(stream_);
    const json last = front_end.Of("audience_update").back();
    return last["audience_count"] == status.audience_count() &&
           last["peak_audience_count"] == status.peak_audience_count();
  })) << "a snapshot of what the status says";
  game_.End(stream_);
  EXPECT_TRUE(Eventually([&] { return front_end.Sees("milestone"); }));

  std::map<std::string, int> kinds;
  std::set<std::string> ids;
  for (const json& got : front_end.Got()) {
    EXPECT_EQ(got["errors"], json::array()) << got;
    EXPECT_EQ(got["subject"], "client.streaming." + stream_.session);
    const json& event = got["event"];
    EXPECT_TRUE(ids.insert(event["event_id"]).second) << "twice: " << event;
    EXPECT_EQ(event.value("session_id", stream_.session), stream_.session);
    ++kinds[event["event_name"]];
  }
  for (const char* kind : {"audience_update", "hype_started", "hype_progress", "hype_completed",
                           "audience_reaction", "milestone"}) {
    EXPECT_GT(kinds[std::string("streaming.") + kind], 0) << kind;
  }
  EXPECT_EQ(kinds.size(), 6u);
}

TEST_F(FrontEndTest, SnapshotsAddUpAndATrainIsToldInOrder) {
  const FrontEnd front_end(common::testing::SharedNats().address(), stream_.session);
  game_.Start(stream_);
  PlayATrain(front_end);
  EXPECT_TRUE(Eventually([&] { return front_end.Sees("audience_update"); }));
  for (const json& snapshot : front_end.Of("audience_update")) {
    int sum = 0;
    for (const auto& [part, heads] : snapshot["engagement_breakdown"].items()) {
      sum += heads.get<int>();
    }
    EXPECT_EQ(snapshot["audience_count"], sum);
    EXPECT_LE(snapshot["audience_count"], snapshot["peak_audience_count"]);
    EXPECT_LE(snapshot["notable_viewer_count"], snapshot["audience_count"]);
  }

  // By their own times: what is stored first comes after what is only told (docs/events.md).
  const json started = front_end.Of("hype_started").front();
  EXPECT_EQ(started["trigger_event"], "WorldFirst");
  std::vector<json> turns;
  for (const json& got : front_end.Got()) {
    if (got["event"].value("hype_id", json()) == started["hype_id"]) turns.push_back(got["event"]);
  }
  std::ranges::sort(turns, {}, PlaceOf);
  ASSERT_GE(turns.size(), 3u);
  EXPECT_EQ(turns.front()["event_name"], "streaming.hype_started");
  EXPECT_EQ(turns.back()["event_name"], "streaming.hype_completed");
  std::string level = "Level1";
  for (size_t i = 1; i + 1 < turns.size(); ++i) {
    EXPECT_EQ(turns[i]["event_name"], "streaming.hype_progress");
    EXPECT_GE(turns[i]["level"].get<std::string>(), level);
    level = turns[i]["level"];
  }
  EXPECT_EQ(turns.back()["peak_level"], level);
}

}  // namespace
}  // namespace story
