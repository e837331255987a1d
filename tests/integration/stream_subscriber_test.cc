// Asking a platform for events: what it refuses holds up nothing else, and is noticed.
#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "embedded/stream/migrations.h"
#include "libs/common/base/deadline.h"
#include "libs/common/executor/executor.h"
#include "libs/common/http/server.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/stream/linking/subscriber_worker.h"
#include "services/stream/platforms/twitch_client.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::http::JsonResponse;
using common::http::Request;
using common::testing::Eventually;
using platforms::Platform;
using privacy::PlatformUserId;

constexpr const char* kGoodUser = "42";

common::mysql::Options NewDatabase() {
  auto& server = common::testing::SharedMariaDb();
  common::mysql::Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = Secret(server.password());
  options.database = server.CreateDatabase();
  return options;
}

// Lets only kGoodUser subscribe.
class PickyPlatform final : public platforms::PlatformClient {
 public:
  explicit PickyPlatform(std::atomic<int>& refused) : refused_(refused) {}

  Platform platform() const override { return Platform::kTwitch; }
  std::string AuthorizationUrl(const std::string&, const std::string&) const override { return ""; }
  absl::StatusOr<platforms::Tokens> ExchangeCode(const Secret&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<platforms::PlatformIdentity> ReadIdentity(const platforms::Tokens&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::optional<platforms::LiveStream>> FindLive(const PlatformUserId&) override {
    return std::optional<platforms::LiveStream>();
  }
  absl::Status Subscribe(const PlatformUserId& channel, const std::string&) override {
    if (channel == *PlatformUserId::From(kGoodUser)) return absl::OkStatus();
    ++refused_;
    return absl::UnavailableError("refused");
  }

 private:
  std::atomic<int>& refused_;
};

class StreamSubscriberTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
  }

  void Link(const std::string& user, Time linked_at) {
    const auto status = links_.Insert({{.link_id = Uuid::V7(linked_at),
                                        .account_id = Uuid::V4(),
                                        .platform = Platform::kTwitch,
                                        .linked_at = linked_at},
                                       {*PlatformUserId::From(user), Secret("name")},
                                       {Secret("access"), Secret("refresh"), linked_at}});
    ASSERT_TRUE(status.ok()) << status;
  }
  int Subscribed() {
    const auto rows = mysql_.Query("SELECT 1 FROM link WHERE subscribed_at IS NOT NULL");
    return static_cast<int>(rows->size());
  }

  common::mysql::Pool mysql_{NewDatabase()};
  const common::crypto::KeyRing keys_ =
      *common::crypto::KeyRing::Create(Secret(std::string(32, 'k')), {});
  const Marks marks_{Secret("identity")};
  LinkStore links_{mysql_, keys_, marks_};
  sessions::SessionStore sessions_{mysql_};
};

TEST_F(StreamSubscriberTest, APageOfRefusedLinksDoesNotHoldUpTheNext) {
  const Time start = common::Now();
  for (int i = 0; i < LinkStore::kMaxListed; ++i) {
    Link("refused_" + std::to_string(i), start + std::chrono::milliseconds(i));
  }
  Link(kGoodUser, start + std::chrono::seconds(1));

  std::atomic<int> refused{0};
  std::vector<std::unique_ptr<platforms::PlatformClient>> clients;
  clients.push_back(std::make_unique<PickyPlatform>(refused));
  const platforms::Platforms platforms(std::move(clients));
  common::metrics::Registry metrics;
  SubscriberWorker worker("http://127.0.0.1",
                          {.platforms = platforms,
                           .links = links_,
                           .sessions = sessions_,
                           .marks = marks_,
                           .on_opened = [] {}},
                          metrics);
  worker.Start();
  EXPECT_TRUE(Eventually([&] { return Subscribed() == 1; }));
  EXPECT_TRUE(Eventually([&] { return refused >= 2 * LinkStore::kMaxListed; }));  // tried again
}

// A Twitch that forbids one type of events, and that issues tokens after `before_token`.
class FakeTwitch {
 public:
  explicit FakeTwitch(
      std::string forbidden, std::function<void()> before_token = [] {})
      : server_(*common::http::Server::Start(
            {.executor = [this](auto task) { return executor_.TrySubmit(std::move(task)); }},
            {Post("/oauth2/token",
                  [before_token](const Request&) {
                    before_token();
                    return JsonResponse(200, R"({"access_token": "t", "expires_in": 3600})");
                  }),
             Post("/helix/eventsub/subscriptions",
                  [forbidden](const Request& request) {
                    const auto type = nlohmann::json::parse(request.body)["type"];
                    return JsonResponse(type == forbidden ? 403 : 202, "{}");
                  })})),
        url_("http://127.0.0.1:" + std::to_string(server_->port())) {}

  absl::Status Subscribe(std::chrono::milliseconds budget = std::chrono::seconds(10)) {
    const common::DeadlineScope deadline(budget);
    return client_.Subscribe(*PlatformUserId::From(kGoodUser), "http://127.0.0.1/hook");
  }

 private:
  static common::http::Route Post(const char* pattern, common::http::Handler handler) {
    return {.method = "POST",
            .pattern = pattern,
            .handler = std::move(handler),
            .max_body_bytes = 1000};
  }

  common::executor::Executor executor_{2, 10};
  std::unique_ptr<common::http::Server> server_;
  const std::string url_;
  common::http::Client http_;
  platforms::TwitchClient client_{{.client_id = "id",
                                   .client_secret = Secret("secret"),
                                   .webhook_secret = Secret("0123456789"),
                                   .id_url = url_,
                                   .api_url = url_},
                                  http_};
};

TEST(StreamTwitchTest, OnlyChatMayBeForbidden) {
  EXPECT_TRUE(FakeTwitch("channel.chat.message").Subscribe().ok());
  EXPECT_FALSE(FakeTwitch("stream.online").Subscribe().ok());
  EXPECT_FALSE(FakeTwitch("stream.offline").Subscribe().ok());
}

TEST(StreamTwitchTest, WhoHasLittleTimeDoesNotWaitForWhoHasMuch) {
  std::promise<void> answer;
  std::atomic<int> asked{0};
  FakeTwitch twitch("", [&asked, answered = answer.get_future().share()] {
    ++asked;
    answered.wait();
  });
  std::atomic<bool> done{false};
  absl::Status patient;
  std::thread caller([&] {
    patient = twitch.Subscribe();
    done = true;
  });
  EXPECT_TRUE(Eventually([&] { return asked == 1; }));
  EXPECT_FALSE(twitch.Subscribe(std::chrono::milliseconds(100)).ok());
  EXPECT_FALSE(done);
  answer.set_value();
  caller.join();
  EXPECT_TRUE(patient.ok()) << patient;
}

TEST(StreamTwitchTest, NothingIsAskedAfterTheDeadline) {
  std::atomic<int> asked{0};
  FakeTwitch twitch("", [&] { ++asked; });
  EXPECT_FALSE(twitch.Subscribe(std::chrono::milliseconds(0)).ok());
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace stream::linking
