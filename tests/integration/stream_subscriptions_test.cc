// WebhookSubscriptionManager: from whatever state it begins, each link ends up with one live
// subscription of each type that its user allows, and with none of which we would not want to hear.
#include <algorithm>
#include <atomic>
#include <random>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "services/stream/linking/farewell_worker.h"
#include "services/stream/linking/webhook_subscription_worker.h"
#include "tests/integration/stream_platform.h"

namespace stream::linking {
namespace {

using common::http::Request;
using common::http::Response;
using common::http::TextResponse;
using platforms::EventTypes;
using privacy::PlatformUserId;

constexpr const char* kSubscriptions = "/helix/eventsub/subscriptions";

// Where Twitch calls back: meets challenges, and remembers what they were signed with.
class CallbackServer {
 public:
  explicit CallbackServer(Secret secret) : secret_(std::move(secret)) {
    std::vector<common::http::Route> routes;
    for (const char* pattern : {"/stream/webhook/twitch", "/stream/webhook/twitch/{id}"}) {
      routes.push_back({.method = "POST",
                        .pattern = pattern,
                        .handler = [this](const Request& request) { return Answer(request); },
                        .max_body_bytes = 100'000});
    }
    server_ = *common::http::Server::Start(
        {.executor = [this](auto task) { return executor_.TrySubmit(std::move(task)); }},
        std::move(routes));
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  void Expect(const char* secret) {
    const std::lock_guard lock(mutex_);
    secret_ = Secret(secret);
  }

 private:
  Response Answer(const Request& request) {
    const auto header = [&](const char* name) {
      return request.Header(std::string("Twitch-Eventsub-Message-") + name).value_or("");
    };
    const std::lock_guard lock(mutex_);
    const std::string signature =
        "sha256=" + common::crypto::HexEncode(common::crypto::HmacSha256(
                        secret_, {header("Id"), header("Timestamp"), request.body}));
    if (signature != header("Signature")) return TextResponse(403, "");
    return TextResponse(200, json::parse(request.body).value("challenge", ""));
  }

  std::mutex mutex_;
  Secret secret_;
  common::executor::Executor executor_{2, 1000};
  std::unique_ptr<common::http::Server> server_;
};

class StreamSubscriptionsTest : public AgainstPlatform {
 protected:
  std::unique_ptr<WebhookSubscriptionManager> NewManager(const platforms::Platforms& platforms,
                                                         const char* secret = kWebhookSecret) {
    return std::make_unique<WebhookSubscriptionManager>(
        WebhookSubscriptionManager::Options{.public_url = callbacks_.url(),
                                            .twitch_secret = Secret(secret),
                                            .youtube_token = Secret("token")},
        WebhookSubscriptionManager::Parts{.platforms = platforms,
                                          .subscriptions = subscriptions_,
                                          .tokens = refresher_,
                                          .sessions = sessions_,
                                          .marks = marks_,
                                          .locks = locks_,
                                          .on_opened = [this] { ++opened_; }},
        metrics_);
  }
  std::unique_ptr<WebhookSubscriptionManager> NewManager() { return NewManager(platforms_); }
  std::string CallbackOf(const Uuid& link_id) const {
    return WebhookUrl(callbacks_.url(), Platform::kTwitch, link_id);
  }

  // All subscriptions of this test's application: (callback, type) of those that are enabled.
  std::multiset<std::pair<std::string, std::string>> Enabled() {
    std::multiset<std::pair<std::string, std::string>> found;
    for (const json& subscription : Listed()) {
      if (subscription["status"] != "enabled") continue;
      found.emplace(subscription["transport"]["callback"], subscription["type"]);
    }
    return found;
  }
  std::vector<json> Listed() {
    std::vector<json> found;
    const json listed = Ask("/sim/eventsub");
    for (const json& subscription : listed["subscriptions"]) {
      if (subscription["client_id"] == client_id_) found.push_back(subscription);
    }
    return found;
  }
  std::set<std::string> IdsOf(const Uuid& link_id) {
    std::set<std::string> ids;
    for (const json& subscription : Listed()) {
      if (subscription["transport"]["callback"] == CallbackOf(link_id)) {
        ids.insert(subscription["id"]);
      }
    }
    return ids;
  }
  // What there should be for these links, which allow everything.
  std::multiset<std::pair<std::string, std::string>> Wanted(
      const std::vector<Linked>& all, const std::string& only_with_scope_of = "") {
    std::multiset<std::pair<std::string, std::string>> wanted;
    wanted.emplace(callbacks_.url() + "/stream/webhook/twitch", "user.authorization.revoke");
    for (const Linked& linked : all) {
      for (const auto& type : EventTypes()) {
        const bool allowed = only_with_scope_of.empty() || type.scopes[0].empty() ||
                             type.scopes[0] == only_with_scope_of;
        if (allowed) wanted.emplace(CallbackOf(linked.link.link_id), type.name);
      }
    }
    return wanted;
  }
  // Runs a manager until everything is as it should be.
  void ExpectToConverge(WebhookSubscriptionManager& manager,
                        const std::multiset<std::pair<std::string, std::string>>& wanted) {
    manager.Start();
    EXPECT_TRUE(Eventually([&] { return Enabled() == wanted && Listed().size() == wanted.size(); }))
        << Enabled().size() << " enabled of " << wanted.size() << ", " << Listed().size()
        << " listed";
    manager.Stop();
  }
  absl::Status Create(const platforms::EventType& type, const std::string& user,
                      const std::string& callback) {
    return twitch().CreateSubscription(type, *PlatformUserId::From(user), callback);
  }
  double Changes(const std::string& change) {
    return metrics_
        .GetCounter("stream_subscription_changes_total",
                    "Subscriptions at platforms that we changed, by how.", {{"change", change}})
        .Value();
  }

  std::atomic<int> opened_{0};
  CallbackServer callbacks_{Secret(kWebhookSecret)};
  TokenRefreshWorker refresher_{std::chrono::seconds(1800),
                                {.platforms = platforms_,
                                 .links = links_,
                                 .tokens = tokens_,
                                 .locks = locks_,
                                 .on_deactivated = [] {}},
                                metrics_};
};

TEST_F(StreamSubscriptionsTest, ALinkIsToldOfAllThatItsUserAllows) {
  const Linked linked = LinkNew();
  GoLive(linked, 7);
  const auto manager = NewManager();
  ExpectToConverge(*manager, Wanted({linked}));
  EXPECT_EQ(opened_, 1) << "it is live already, and nobody will say so again";
  EXPECT_EQ((*sessions_.FindLive(linked.link.link_id))->viewer_count, 7);
  EXPECT_EQ(Changes("created"), static_cast<double>(EventTypes().size() + 1));

  // What is as it should be is left alone, by another instance too.
  const auto ids = IdsOf(linked.link.link_id);
  const auto other = NewManager();
  ExpectToConverge(*other, Wanted({linked}));
  EXPECT_EQ(IdsOf(linked.link.link_id), ids);
  EXPECT_EQ(Changes("created"), static_cast<double>(EventTypes().size() + 1));
}

TEST_F(StreamSubscriptionsTest, ARefusedScopeDropsOnlyItsTypes) {
  const Linked linked = LinkNew("moderation:read");
  const auto manager = NewManager();
  ExpectToConverge(*manager, Wanted({linked}, "moderation:read"));
}

// Random beginnings: some of what is wanted is there, some of it broken, in many pages, among
// strays of ours and what belongs to others.
TEST_F(StreamSubscriptionsTest, ItConvergesFromAnyState) {
  Change({{"subscription_page_size", 7}});
  CallbackServer elsewhere{Secret(kWebhookSecret)};
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    const std::vector<Linked> all = {LinkNew(), LinkNew()};
    for (const Linked& linked : all) {
      for (const auto& type : EventTypes()) {
        if (chance(30)) continue;
        if (chance(30)) Sim("/sim/deliveries", {{"fault", "fail_challenge"}, {"count", 1}});
        EXPECT_TRUE(Create(type, linked.user_id, CallbackOf(linked.link.link_id)).ok());
        // Of a link that is gone.
        if (chance(10)) {
          EXPECT_TRUE(Create(type, linked.user_id, CallbackOf(Uuid::V4())).ok());
        }
      }
      EXPECT_TRUE(
          Create(EventTypes()[0], linked.user_id, elsewhere.url() + "/stream/webhook/x").ok());
    }
    ASSERT_TRUE(Eventually([&] { return Ask("/sim/stats")["pending"] == 0; }));
    Sim("/sim/deliveries", {{"fault", "fail_challenge"}, {"count", 0}});
    const auto manager = NewManager();
    manager->Start();
    const auto wanted = Wanted(all);
    EXPECT_TRUE(Eventually([&] {
      const auto enabled = Enabled();
      return std::includes(enabled.begin(), enabled.end(), wanted.begin(), wanted.end());
    }));
    manager->Stop();
    size_t ours = 0;
    size_t others = 0;
    for (const json& subscription : Listed()) {
      const auto callback = subscription["transport"]["callback"].get<std::string>();
      (callback.starts_with(callbacks_.url()) ? ours : others) += 1;
    }
    EXPECT_EQ(ours, wanted.size());
    EXPECT_EQ(others, all.size()) << "it took away what is not ours";
    for (const Linked& linked : all) {
      EXPECT_TRUE(links_.Remove(linked.link.account_id, linked.link.link_id, common::Now()).ok());
    }
    // Those links are strays now, which the next manager removes at its start.
    for (const json& subscription : Listed()) {
      const auto callback = subscription["transport"]["callback"].get<std::string>();
      if (!callback.starts_with(callbacks_.url())) {
        EXPECT_TRUE(twitch().DeleteSubscription(subscription["id"]).ok());
      }
    }
    ExpectToConverge(*NewManager(), Wanted({}));
  }
}

TEST_F(StreamSubscriptionsTest, AnotherSecretMakesAllOfThemAnew) {
  const Linked linked = LinkNew();
  ExpectToConverge(*NewManager(), Wanted({linked}));
  const auto before = IdsOf(linked.link.link_id);

  callbacks_.Expect("another-secret");
  const platforms::Platforms with_another(
      std::make_unique<platforms::TwitchClient>(TwitchOptions("another-secret"), http_), nullptr);
  const auto manager = NewManager(with_another, "another-secret");
  manager->Start();
  EXPECT_TRUE(Eventually([&] {
    const auto now = IdsOf(linked.link.link_id);
    return now.size() == before.size() &&
           std::none_of(now.begin(), now.end(),
                        [&](const std::string& id) { return before.contains(id); }) &&
           Enabled() == Wanted({linked});
  }));
  manager->Stop();
}

TEST_F(StreamSubscriptionsTest, AnUnavailablePlatformIsAskedAgain) {
  const Linked linked = LinkNew();
  Fault(kSubscriptions, {{"method", "POST"}, {"status", 503}, {"count", 2}});
  const auto manager = NewManager();
  ExpectToConverge(*manager, Wanted({linked}));
}

TEST_F(StreamSubscriptionsTest, AtALimitTheMostImportantComeFirst) {
  const Linked linked = LinkNew();
  const auto manager = NewManager();
  // The application's own, then the link's.
  Fault(kSubscriptions, {{"method", "POST"}, {"status", 429}, {"count", 10'000}});
  manager->Start();
  ASSERT_TRUE(Eventually([&] { return Requests(std::string("POST ") + kSubscriptions) > 1; }));
  EXPECT_TRUE(Listed().empty());
  NoFault(kSubscriptions, "POST");
  EXPECT_TRUE(Eventually([&] { return Enabled() == Wanted({linked}); }));
  manager->Stop();
}

TEST_F(StreamSubscriptionsTest, WhatIsRevokedThoughItIsWantedComesBack) {
  const Linked linked = LinkNew();
  const auto manager = NewManager();
  ExpectToConverge(*manager, Wanted({linked}));
  const auto ids = IdsOf(linked.link.link_id);
  ASSERT_TRUE(twitch().DeleteSubscription(*ids.begin()).ok());

  const auto again = NewManager();
  again->Start();
  ASSERT_TRUE(Eventually([&] { return Enabled() == Wanted({linked}); }));
  // Told of one by a message.
  ASSERT_TRUE(twitch().DeleteSubscription(*IdsOf(linked.link.link_id).begin()).ok());
  ASSERT_TRUE(tokens_.Suspect(linked.link.link_id, common::Now()).ok());
  again->Wake();
  EXPECT_TRUE(Eventually([&] { return Enabled() == Wanted({linked}); }));
  again->Stop();
}

TEST_F(StreamSubscriptionsTest, ALinkWithoutAGrantKeepsNone) {
  const Linked linked = LinkNew();
  const auto manager = NewManager();
  manager->Start();
  ASSERT_TRUE(Eventually([&] { return Enabled() == Wanted({linked}); }));
  const auto stored = *tokens_.Read(linked.link.link_id);
  ASSERT_TRUE(*tokens_.Deactivate(linked.link.link_id, stored->version, common::Now()));
  manager->Wake();
  EXPECT_TRUE(Eventually([&] { return IdsOf(linked.link.link_id).empty(); }));
  manager->Stop();
}

TEST_F(StreamSubscriptionsTest, AFarewellIsSaidUntilItIsHeard) {
  const Linked linked = LinkNew();
  ExpectToConverge(*NewManager(), Wanted({linked}));
  const Secret access = (*tokens_.Read(linked.link.link_id))->tokens.access;
  ASSERT_TRUE(links_.Remove(linked.link.account_id, linked.link.link_id, common::Now()).ok());

  Fault("/oauth2/revoke", {{"status", 503}, {"count", 2}});
  FarewellWorker worker(
      callbacks_.url(),
      {.platforms = platforms_, .links = links_, .farewells = farewells_, .locks = locks_},
      metrics_);
  worker.Start();
  EXPECT_TRUE(Eventually([&] { return Scalar("SELECT COUNT(*) FROM farewell") == "0"; }));
  worker.Stop();
  EXPECT_FALSE(*twitch().Validate(access));
  EXPECT_TRUE(IdsOf(linked.link.link_id).empty());
}

TEST_F(StreamSubscriptionsTest, AFarewellThatNobodyHearsEndsAfterAWeek) {
  const Linked linked = LinkNew();
  ASSERT_TRUE(links_.Remove(linked.link.account_id, linked.link.link_id, common::Now()).ok());
  // Nothing in it leads to the account.
  EXPECT_EQ(Scalar("SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'farewell' "
                   "AND table_schema = DATABASE() AND column_name LIKE '%account%'"),
            "0");
  Fault("/oauth2/revoke", {{"status", 503}, {"count", 10'000}});
  Execute("UPDATE farewell SET created_at = NOW(6) - INTERVAL 169 HOUR");
  FarewellWorker worker(
      callbacks_.url(),
      {.platforms = platforms_, .links = links_, .farewells = farewells_, .locks = locks_},
      metrics_);
  worker.Start();
  EXPECT_TRUE(Eventually([&] { return Scalar("SELECT COUNT(*) FROM farewell") == "0"; }));
  worker.Stop();
}

}  // namespace
}  // namespace stream::linking
