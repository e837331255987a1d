// The observatory over HTTP: who gets its data, what is in it, and that nobody is. How its page
// looks and moves is tests/observatory's.
#include <future>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/settings.h"
#include "tests/story/story.h"

namespace story {
namespace {

using common::Uuid;
using common::http::FindHeader;
using common::http::Response;
using common::testing::Eventually;
using nlohmann::json;

constexpr const char* kPage = "/observatory";
constexpr const char* kState = "/observatory/state";

Response Get(const Daemon& daemon, const std::string& path, const std::string& authorization = "") {
  common::http::OutgoingRequest request{.url = "http://" + daemon.address() + path};
  if (!authorization.empty()) request.headers = {{"Authorization", authorization}};
  const auto answer = common::http::Client().Send(request);
  return answer.ok() ? *answer : Response{.status = 0};
}

std::string TokenOf(const std::vector<std::string>& roles) {
  return "Bearer " + Sign(Claims(Uuid::V4(), roles));
}

json StateOf(const Daemon& daemon) {
  const Response answer = Get(daemon, kState, TokenOf({"admin"}));
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.status == 200 ? json::parse(answer.body) : json();
}

std::string ReasonOf(const Response& answer) {
  const json body = json::parse(answer.body, nullptr, false);
  return body.is_object() ? body.value("reason", "") : "";
}

std::string ShortOf(const std::string& id) { return id.substr(id.size() - 8); }

class ObservatoryTest : public SettingsTest<ObservatoryTest, GameSide> {
 public:
  static Values GivenValues() {
    return {{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS", "3600"},
            {"HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS", "3600"}};
  }

 protected:
  static const Daemon& daemon() { return side().daemon; }
  // A stream as the observatory shows it; null when it does not.
  static json Shown(const Stream& stream) {
    const json state = StateOf(daemon());
    for (const json& shown : state["streams"]) {
      if (shown["stream"] == ShortOf(stream.session)) return shown;
    }
    return {};
  }
};

TEST_F(ObservatoryTest, OnlyAnAdminsTokenGivesTheData) {
  EXPECT_EQ(Get(daemon(), kState).status, 401);
  EXPECT_EQ(ReasonOf(Get(daemon(), kState)), "TOKEN_MISSING");
  EXPECT_EQ(ReasonOf(Get(daemon(), kState, "Basic YWRtaW46YWRtaW4=")), "TOKEN_MISSING");

  json expired = Claims(Uuid::V4(), {"admin"});
  expired["exp"] = expired["iat"].get<int64_t>() - 3600;
  json elsewhere = Claims(Uuid::V4(), {"admin"});
  elsewhere["aud"] = "another-service";
  const json good = Claims(Uuid::V4(), {"admin"});
  for (const std::string& token :
       {std::string("garbage"), Sign(expired), Sign(elsewhere), Sign(good, kAuthKey, "none"),
        Sign(good, "another key that is long enough, too")}) {
    const Response answer = Get(daemon(), kState, "Bearer " + token);
    EXPECT_EQ(answer.status, 401) << token;
    EXPECT_EQ(ReasonOf(answer), "TOKEN_INVALID");
    EXPECT_EQ(FindHeader(answer.headers, "www-authenticate"), "Bearer");
  }
  for (const char* role : {"user", "developer", "service"}) {
    const Response answer = Get(daemon(), kState, TokenOf({role}));
    EXPECT_EQ(answer.status, 403) << role;
    EXPECT_EQ(ReasonOf(answer), "PERMISSION_DENIED");
  }
  EXPECT_EQ(Get(daemon(), kState, TokenOf({"admin"})).status, 200);
  EXPECT_EQ(Get(daemon(), kState, "bearer " + Sign(good)).status, 200);
}

TEST_F(ObservatoryTest, ThePageHoldsNoDataAndMayDoLittle) {
  const Response page = Get(daemon(), kPage);
  ASSERT_EQ(page.status, 200);
  std::set<std::string> paths = {kPage};
  const std::regex parts(R"re((?:href|src)="(observatory/[^"]+)")re");
  for (std::sregex_iterator part(page.body.begin(), page.body.end(), parts), end; part != end;
       ++part) {
    paths.insert("/" + (*part)[1].str());
  }
  EXPECT_EQ(paths.size(), 4u) << "the page, its style, its script and its icon";
  for (const std::string& path : paths) {
    const Response answer = Get(daemon(), path);
    EXPECT_EQ(answer.status, 200) << path;
    const auto policy = FindHeader(answer.headers, "content-security-policy").value_or("");
    EXPECT_TRUE(policy.starts_with("default-src 'none';")) << path << ": " << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << path << ": " << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << path;
    EXPECT_EQ(FindHeader(answer.headers, "x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(FindHeader(answer.headers, "referrer-policy"), "no-referrer") << path;
    EXPECT_EQ(FindHeader(answer.headers, "cache-control"), "no-store") << path;
    // A name of SVG, which nobody fetches, is the only address of elsewhere.
    const std::regex elsewhere(R"(https?://(?!www\.w3\.org/2000/svg)|innerHTML|insertAdjacent)");
    EXPECT_FALSE(std::regex_search(answer.body, elsewhere)) << path;
  }
  EXPECT_EQ(Get(daemon(), std::string(kPage) + "/other").status, 404);
}

TEST_F(ObservatoryTest, TheDataAreNotForOtherPagesAndNotKept) {
  const Response answer = Get(daemon(), kState, TokenOf({"admin"}));
  EXPECT_EQ(FindHeader(answer.headers, "content-type"), "application/json");
  EXPECT_EQ(FindHeader(answer.headers, "cache-control"), "no-store");
  EXPECT_EQ(FindHeader(answer.headers, "access-control-allow-origin"), std::nullopt);
}

TEST_F(ObservatoryTest, ShowsALifeOfAStreamAndNobody) {
  Game game(daemon());
  game.Seed(3000);
  const Stream stream = game.GoLive(
      {.tags = {v1::AUDIENCE_INTEREST_PVP}, .usual_audience = 300, .of_character = true});
  EXPECT_TRUE(Eventually([&] { return Shown(stream).is_object(); }));
  json shown = Shown(stream);
  EXPECT_EQ(shown["streamer"], "Character");
  EXPECT_EQ(shown["game"], ShortOf(game.id().ToString()));
  EXPECT_EQ(shown["tags"], json({"PvP"}));
  EXPECT_TRUE(
      Eventually([&] { return Shown(stream)["heads"] == game.Status(stream).audience_count(); }));
  EXPECT_FALSE(shown.contains("train"));
  EXPECT_FALSE(shown.contains("pulses")) << "no real crowd is there";

  for (int i = 0; i < 3; ++i) {
    game.ServerTells(stream, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 0.2f);
  }
  EXPECT_TRUE(Eventually([&] { return Shown(stream).contains("train"); }));
  const auto hype = game.Hype(stream);
  EXPECT_EQ(Shown(stream)["train"]["level"], Word(hype.current_level()));

  const Stream other = game.GoLive({.usual_audience = 5});
  const auto raid = ValueOf(game.Raid(stream, other));
  ASSERT_GT(raid.moved_count(), 0);
  const auto is_raid = [&](const json& flow) {
    return flow["kind"] == "raid" && flow["from"] == ShortOf(stream.session) &&
           flow["to"] == ShortOf(other.session) && flow["heads"] == raid.moved_count();
  };
  EXPECT_TRUE(Eventually([&] {
    const json state = StateOf(daemon());
    return std::ranges::any_of(state["flows"], is_raid);
  }));
  EXPECT_TRUE(Eventually([&] { return Shown(other)["heads"] == raid.to_audience_count(); }));

  const json state = StateOf(daemon());
  const auto pool = ValueOf(game.Pool());
  const auto is_pool = [&](const json& shown_game) {
    return shown_game["game"] == ShortOf(game.id().ToString()) && shown_game["members"] == 3000 &&
           shown_game["taken"] == pool.checked_out_members() && shown_game["streams"] == 2;
  };
  EXPECT_TRUE(std::ranges::any_of(state["games"], is_pool)) << state["games"];
  const std::string text = state.dump();
  for (const std::string& id : {stream.session, other.session, stream.account.ToString(),
                                other.account.ToString(), game.id().ToString()}) {
    EXPECT_EQ(text.find(id), std::string::npos) << "a whole id";
  }
  for (const Uuid& account : {stream.account, other.account}) {
    EXPECT_EQ(text.find(ShortOf(account.ToString())), std::string::npos);
  }
  const auto audience = game.Audience(stream);
  for (const auto& viewer : audience.notable_viewers()) {
    EXPECT_EQ(text.find(ShortOf(viewer.viewer_id())), std::string::npos);
  }

  game.End(stream);
  game.End(other);
  EXPECT_TRUE(Eventually([&] { return Shown(stream).is_null(); }));
}

TEST_F(ObservatoryTest, ShowsTheLargestAndSumsUpTheRest) {
  Game game(daemon());
  game.Seed(3000);
  constexpr int kStreams = 55;
  constexpr int kMost = 50;
  std::vector<Stream> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(game.GoLive({.usual_audience = 1 + i}));
  json state;
  EXPECT_TRUE(Eventually([&] {
    state = StateOf(daemon());
    return state["streams"].size() == kMost && state["other_streams"]["count"] == kStreams - kMost;
  })) << state["other_streams"];
  int heads = state["other_streams"]["heads"];
  int least = state["streams"][0]["heads"];
  for (const json& shown : state["streams"]) {
    EXPECT_LE(shown["heads"], least) << "the largest first";
    least = shown["heads"];
    heads += least;
  }
  EXPECT_EQ(state["heads"], heads);
  for (const Stream& stream : streams) game.End(stream);
}

TEST(ObservatoryInstancesTest, AnyInstanceShowsWhatAnotherDid) {
  const std::vector<std::string> settings = {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1"};
  const GameSide one(settings);
  const GameSide other({settings[0], "MYSQL_DATABASE=" + one.daemon.database()});
  Game game(one.daemon);
  game.Seed(3000);
  const Stream from = game.GoLive({.usual_audience = 300});
  const Stream to = game.GoLive({.usual_audience = 20});
  ASSERT_GT(ValueOf(game.Raid(from, to)).moved_count(), 0);
  EXPECT_TRUE(Eventually([&] {
    const json state = StateOf(other.daemon);
    return std::ranges::any_of(state["flows"], [&](const json& flow) {
      return flow["kind"] == "raid" && flow["to"] == ShortOf(to.session);
    });
  }));
}

TEST(ObservatoryOffTest, ADisabledDaemonSaysSo) {
  const Daemon off("streaming", "STREAMING", {"ENABLED=false"}, Servers::Shared(), Until::kLive);
  EXPECT_EQ(Get(off, kPage).status, 200);
  const Response answer = Get(off, kState, TokenOf({"admin"}));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(ReasonOf(answer), "SERVICE_DISABLED");
}

TEST(ObservatoryOutageTest, WithoutRedisItSaysSoAndComesBack) {
  common::testing::RedisServer redis;
  const Daemon daemon("streaming", "STREAMING", {},
                      {common::testing::SharedNats(), redis, common::testing::SharedMariaDb()});
  Game game(daemon);
  game.Seed(1000);
  ASSERT_EQ(StateOf(daemon)["games"].size(), 1u);
  redis.Stop();
  // What was read before may be given a while.
  EXPECT_TRUE(Eventually([&] {
    const Response answer = Get(daemon, kState, TokenOf({"admin"}));
    return answer.status == 503 && ReasonOf(answer) == "DEPENDENCY_UNAVAILABLE";
  }));
  EXPECT_EQ(Get(daemon, kPage).status, 200);
  redis.Start();
  EXPECT_TRUE(Eventually([&] { return Get(daemon, kState, TokenOf({"admin"})).status == 200; }));
}

// Whoever looks at a silent server waits two seconds; more than a few are sent away, so that calls
// keep their threads.
TEST(ObservatoryOutageTest, FewWaitForASilentRedis) {
  common::testing::RedisServer redis;
  const Daemon daemon("streaming", "STREAMING", {},
                      {common::testing::SharedNats(), redis, common::testing::SharedMariaDb()});
  Game game(daemon);
  game.Seed(1000);
  std::map<std::string, int> reasons;
  {
    const Silence silence(redis);
    std::vector<std::future<Response>> looks;
    for (int i = 0; i < 8; ++i) {
      looks.push_back(
          std::async(std::launch::async, [&] { return Get(daemon, kState, TokenOf({"admin"})); }));
    }
    EXPECT_EQ(Get(daemon, "/healthz").status, 200);
    for (auto& look : looks) {
      const Response answer = look.get();
      EXPECT_EQ(answer.status, 503);
      ++reasons[ReasonOf(answer)];
    }
  }
  EXPECT_GE(reasons["OVERLOADED"], 1);
  EXPECT_LE(reasons["OVERLOADED"], 4);
  EXPECT_EQ(reasons["DEPENDENCY_UNAVAILABLE"] + reasons["DEADLINE_EXCEEDED"],
            8 - reasons["OVERLOADED"]);
  EXPECT_TRUE(Eventually([&] { return Get(daemon, kState, TokenOf({"admin"})).status == 200; }));
}

TEST(ObservatoryInsecureTest, WithoutAuthenticationEverybodyIsAnAdmin) {
  const GameSide open({"AUTH_MODE=insecure"});
  EXPECT_EQ(Get(open.daemon, kState).status, 200);
}

}  // namespace
}  // namespace story
