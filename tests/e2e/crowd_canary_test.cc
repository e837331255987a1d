// Every field of every event that a platform tells of its crowd carries a mark. None of them turns
// up in what the daemon writes anywhere, nor, once the session has ended, in its memory.
#include <filesystem>
#include <numeric>

#include <bannou/stream/v1/webhook.grpc.pb.h>
#include <gtest/gtest.h>

#include "tests/e2e/channel.h"
#include "tests/e2e/gateway.h"
#include "tests/e2e/marks.h"
#include "tests/e2e/pulses.h"
#include "tests/e2e/webhooks.h"
#include "tests/fixtures/eventsub.h"
#include "tests/story/wire.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;

class CrowdCanary : public testing::Test {
 protected:
  explicit CrowdCanary(const std::vector<std::string>& settings = {}) : side_(With(settings)) {
    channel_->Link();
    session_ = channel_->GoLive();
  }

  static std::vector<std::string> With(std::vector<std::string> settings) {
    settings.insert(settings.end(), {"LOG_LEVEL=debug", "SENTIMENT_MAX_BATCH_SIZE=1000"});
    return settings;
  }

  // A text nobody else writes; of an id, digits as Twitch has them.
  std::string NewMark(const std::string& what, bool is_id) {
    const int number = ++count_;
    const std::string mark =
        (is_id ? "7700000000" : "zqCanaryqz") + std::to_string(100'000 + number);
    marks_.Add(what, mark);
    return mark;
  }
  // The event with a mark in every text but those that say what kind of event it is and where.
  void Plant(json& value, const std::string& key, const std::string& path) {
    if (value.is_object()) {
      for (auto& [name, member] : value.items()) Plant(member, name, path + "." + name);
    } else if (value.is_array()) {
      for (auto& element : value) Plant(element, key, path);
    } else if (value.is_string()) {
      const std::string text = value;
      if (key == "broadcaster_user_id" || key == "to_broadcaster_user_id") {
        value = channel_->user_id();
      } else if (key.ends_with("_at") || key == "notice_type" || key == "status" || key == "type" ||
                 key == "set_id" || key.ends_with("tier") || text.empty()) {
        return;
      } else if (key == "text" || key == "user_input" || key == "title") {
        value = text + " " + NewMark(path, false) + " \"so\" good\n";
      } else {
        value = NewMark(path, key.ends_with("_id") || key == "id");
      }
    }
  }
  struct Planted {
    std::string type;
    json body;
  };
  // All fixtures of what a crowd does, planted anew.
  std::vector<Planted> PlantAll(const std::string& where) {
    std::vector<Planted> all;
    for (const char* folder : fixtures::kEventSubFolders) {
      for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().stem().string();
        if (!name.starts_with("channel.")) continue;
        std::ifstream file(entry.path());
        json body = json::parse(file);
        for (const char* part : {"event", "events"}) {
          if (body.contains(part)) Plant(body[part], part, where + " " + name);
        }
        all.push_back({body["subscription"]["type"], std::move(body)});
      }
    }
    return all;
  }

  int Post(const EventSubMessage& message, const std::string& body) {
    const auto answer =
        common::http::Client()
            .Send({.method = "POST", .url = url_, .headers = message.Headers(body), .body = body})
            .value();
    errors_ += answer.body + "\n";
    return answer.status;
  }
  std::string PostByRpc(const EventSubMessage& message, const std::string& body) {
    v1::TwitchWebhookPayload payload;
    for (const auto& [name, value] : message.Headers(body))
      (*payload.mutable_headers())[name] = value;
    payload.set_body(body);
    Answer answer = wire_->Call(payload, "Bearer " + Sign(Claims(Uuid::V4(), {"service"})));
    errors_ += answer.status.error_message() + answer.status.error_details() + "\n";
    return answer.reason();
  }

  void ExpectNothingWritten() {
    const std::pair<const char*, std::string> sinks[] = {
        {"log", side_.daemon.Log()},
        {"metrics", side_.daemon.Get("/metrics").body},
        {"MySQL", DumpDatabase(side_.daemon.database())},
        {"Redis", DumpRedis()},
        {"NATS", tap_.All()},
        {"gateway", gateway_.Files()},
        {"errors", errors_},
    };
    for (const auto& [sink, text] : sinks) {
      EXPECT_FALSE(text.empty()) << "nothing was written to " << sink;
      for (const auto& [what, around] : marks_.FindIn(text)) {
        ADD_FAILURE() << what << " is in " << sink << ": " << around;
      }
    }
  }
  // The daemon forgets in its own time: connections are looked after, workers take their turns.
  void ExpectForgotten() {
    if (geteuid() != 0) GTEST_SKIP() << "only root may look into the daemon's memory";
    std::map<std::string, std::string> found;
    EXPECT_TRUE(Eventually([&] {
      const std::string image = MemoryImage(side_.daemon.pid());
      found = marks_.FindIn(image);
      return !image.empty() && found.empty();
    }));
    for (const auto& [what, around] : found) {
      ADD_FAILURE() << what << " is in memory: " << around;
    }
  }

  const NatsTap tap_;
  const Events events_{common::testing::SharedNats().url()};
  PlatformSide side_;
  std::optional<Wire> wire_{std::in_place, side_.daemon.grpc_address(),
                            side_.daemon.grpc_address()};
  const Gateway gateway_{{.stream_http = {side_.http_address}}, {}, Gateway::Transport::kPlaintext};
  const std::string url_ = "http://" + gateway_.address() + "/stream/webhook/twitch";
  std::optional<Channel> channel_{std::in_place, side_};
  std::string session_;
  std::string errors_;
  Marks marks_;
  int count_ = 0;
};

TEST_F(CrowdCanary, SingsNowhere) {
  // As it should be.
  int events = 0;
  for (const auto& [type, body] : PlantAll("good")) {
    EXPECT_EQ(Post({.subscription_type = type}, body.dump()), 204) << type;
    ++events;
  }
  EXPECT_GE(events, 55);
  for (const auto& [type, body] : PlantAll("by RPC")) {
    EXPECT_EQ(PostByRpc({.subscription_type = type}, body.dump()), "") << type;
  }
  // Forged, cut, of a type nobody knows, with escapes in every letter.
  for (const auto& [type, body] : PlantAll("bad")) {
    const std::string text = body.dump();
    const EventSubMessage forged{.subscription_type = type, .secret = "another secret"};
    EXPECT_EQ(Post(forged, text), 403);
    EXPECT_EQ(PostByRpc(forged, text), "WEBHOOK_SIGNATURE_INVALID");
    EXPECT_EQ(Post({.subscription_type = type}, text.substr(0, text.size() - 3)), 400);
    EXPECT_EQ(PostByRpc({.subscription_type = type}, text + "}"), "WEBHOOK_MALFORMED");
    EXPECT_EQ(Post({.subscription_type = type + ".of_tomorrow"}, text), 204);
    EXPECT_EQ(Post({.subscription_type = type}, body.dump(-1, ' ', true)), 204);
  }
  // Where a body has no business.
  const std::string lost = NewMark("query", false);
  errors_ += common::http::Client().Send({.url = url_ + "?q=" + lost}).value().body;
  // A body of more than usual size is kept nowhere either.
  json large = json::parse(fixtures::EventSub("channel.chat.message"));
  Plant(large["event"], "event", "large");
  large["event"]["message"]["text"] = NewMark("large text", false) + std::string(100'000, ' ');
  EXPECT_EQ(Post({.subscription_type = "channel.chat.message"}, large.dump()), 204);
  EXPECT_TRUE(Eventually([&] { return !PulsesOf(events_, session_).empty(); }));
  EXPECT_GT(marks_.size(), 5000u);
  ExpectNothingWritten();

  // The session ends, and with it all that anybody remembers.
  channel_->GoOffline();
  EXPECT_TRUE(Eventually([&] { return channel_->Sessions().sessions_size() == 0; }));
  // An open gRPC connection keeps what it read last in its receive buffer (docs/privacy.md).
  wire_.reset();
  channel_.reset();
  ExpectNothingWritten();
  ExpectForgotten();
}

TEST_F(CrowdCanary, OfACustomPlatformSingsNowhere) {
  Channel custom(side_);
  const auto link = custom.LinkCustom();
  const auto post = [&](const std::string& type, json data, const std::string& secret) {
    const json message{{"id", NewMark(type + " id", false)},
                       {"type", type},
                       {"at", common::FormatTime(common::Now())},
                       {"data", std::move(data)}};
    const std::string body = message.dump();
    const auto answer = common::http::Client()
                            .Send({.method = "POST",
                                   .url = link.webhook_url(),
                                   .headers = CustomHeaders(secret, body),
                                   .body = body})
                            .value();
    errors_ += answer.body + "\n";
    return answer.status;
  };
  EXPECT_EQ(post("online", json::object(), link.webhook_secret()), 204);
  ASSERT_TRUE(Eventually([&] { return custom.Sessions().sessions_size() == 1; }));
  const std::string session = custom.Sessions().sessions(0).platform_session_id();
  for (int round = 0; round < 6; ++round) {
    for (const char* type : {"chat", "subscribe", "raid", "follow"}) {
      const json user{{"id", NewMark("user id", true)},
                      {"name", NewMark("name", false)},
                      {"roles", {"vip", NewMark("role", false)}}};
      const json data{{"user", user}, {"viewers", 40}, {"text", "love " + NewMark("text", false)}};
      EXPECT_EQ(post(type, data, link.webhook_secret()), 204) << type;
      EXPECT_EQ(post(type, data, "another secret"), 403) << type;
      EXPECT_EQ(post(type, {{"user", NewMark("no user", false)}}, link.webhook_secret()), 400);
    }
  }
  EXPECT_TRUE(Eventually([&] { return !PulsesOf(events_, session).empty(); }));
  ExpectNothingWritten();
  EXPECT_EQ(post("offline", json::object(), link.webhook_secret()), 204);
  EXPECT_TRUE(Eventually([&] { return custom.Sessions().sessions_size() == 0; }));
  ExpectForgotten();
}

TEST_F(CrowdCanary, ACrashTellsNothing) {
  std::ifstream limits("/proc/" + std::to_string(side_.daemon.pid()) + "/limits");
  std::string core;
  for (std::string line; std::getline(limits, line);) {
    if (line.starts_with("Max core file size")) core = line;
  }
  std::istringstream words(core.substr(std::min<size_t>(core.size(), 18)));
  std::string soft;
  std::string hard;
  words >> soft >> hard;
  EXPECT_EQ(soft + hard, "00") << core;

  for (const auto& [type, body] : PlantAll("before the crash")) {
    EXPECT_EQ(Post({.subscription_type = type}, body.dump()), 204) << type;
  }
  kill(side_.daemon.pid(), SIGABRT);
  const std::string state = "/proc/" + std::to_string(side_.daemon.pid()) + "/stat";
  EXPECT_TRUE(Eventually([&] {
    std::ifstream file(state);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    return text.find(") Z ") != std::string::npos;
  }));
  side_.daemon.Kill();
  for (const auto& folder : {side_.daemon.directory(), std::filesystem::current_path()}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      EXPECT_FALSE(entry.path().filename().string().starts_with("core")) << entry.path();
    }
  }
  side_.daemon.Start();
  EXPECT_TRUE(Eventually([&] { return side_.daemon.Get("/readyz").status == 200; }));
  ExpectNothingWritten();
  // What was buffered before the crash goes out after it.
  EXPECT_TRUE(Eventually([&] { return !PulsesOf(events_, session_).empty(); }));
  ExpectNothingWritten();
}

// Its servers go away while messages come in.
class CrowdCanaryInTrouble : public CrowdCanary {
 protected:
  CrowdCanaryInTrouble() : CrowdCanary(Servers()) {}

 private:
  static std::vector<std::string> Servers() {
    redis_ = std::make_unique<common::testing::RedisServer>();
    mariadb_ = std::make_unique<common::testing::MariaDbServer>();
    return {"REDIS_ADDR=" + redis_->address(), "MYSQL_ADDR=" + mariadb_->address(),
            "MYSQL_DATABASE=" + mariadb_->CreateDatabase()};
  }

 protected:
  static inline std::unique_ptr<common::testing::RedisServer> redis_;
  static inline std::unique_ptr<common::testing::MariaDbServer> mariadb_;
};

TEST_F(CrowdCanaryInTrouble, SingsNotEither) {
  std::map<int, int> answers;
  redis_->Kill();
  for (const auto& [type, body] : PlantAll("without Redis")) {
    ++answers[Post({.subscription_type = type}, body.dump())];
  }
  EXPECT_GT(answers[503], 30);
  mariadb_->Kill();
  for (const auto& [type, body] : PlantAll("without both")) {
    ++answers[Post({.subscription_type = type}, body.dump())];
    // A channel that nobody remembers has to be looked up.
    json elsewhere = body;
    for (const char* part : {"broadcaster_user_id", "to_broadcaster_user_id"}) {
      if (elsewhere.contains("event") && elsewhere["event"].contains(part)) {
        elsewhere["event"][part] = NewMark("another channel", true);
      }
    }
    ++answers[Post({.subscription_type = type}, elsewhere.dump())];
  }
  EXPECT_EQ(
      answers[204] + answers[503],
      static_cast<int>(std::accumulate(answers.begin(), answers.end(), 0,
                                       [](int sum, const auto& one) { return sum + one.second; })));
  EXPECT_NE(side_.daemon.Log().find("webhook.failed"), std::string::npos);
  for (const auto& [what, around] : marks_.FindIn(side_.daemon.Log() + errors_)) {
    ADD_FAILURE() << what << ": " << around;
  }
  for (const auto& [what, around] : marks_.FindIn(side_.daemon.Get("/metrics").body)) {
    ADD_FAILURE() << what << ": " << around;
  }
}

TEST_F(CrowdCanary, TheSearchFindsWhatIsThere) {
  const std::string mark = NewMark("planted", false);
  for (const std::string& form : FormsOf(mark)) {
    EXPECT_EQ(marks_.FindIn("before " + form + " after").count("planted"), 1u) << form;
  }
  EXPECT_TRUE(marks_.FindIn("zqCanaryqz and more").empty());
  // And looks into the memory of the process that it means.
  const std::string here = MemoryImage(getpid());
  if (geteuid() != 0) GTEST_SKIP() << "only root may look into memory";
  EXPECT_EQ(marks_.FindIn(here).count("planted"), 1u);
}

}  // namespace
}  // namespace story
