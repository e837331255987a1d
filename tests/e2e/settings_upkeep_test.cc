// The settings of `stream` that keep links and sessions alive, each given another value than the
// default.
#include <gtest/gtest.h>

#include "libs/common/crypto/encoding.h"
#include "libs/common/nats/jetstream.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/settings.h"

namespace story {
namespace {

using common::testing::Eventually;
using nlohmann::json;

json AskSim(const PlatformSide& side, const std::string& path) {
  return json::parse(
      common::http::Client().Send({.url = "http://" + side.sim.address() + path})->body);
}

// A platform whose tokens last for seconds, and a daemon that looks every second.
class UpkeepSettings : public SettingsTest<UpkeepSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {{"TOKEN_REFRESH_INTERVAL_SECONDS", "1"}, {"WEBHOOK_RECONCILE_INTERVAL_SECONDS", "1"},
            {"SESSION_POLL_INTERVAL_SECONDS", "1"},  {"SESSION_ORPHAN_GRACE_SECONDS", "0"},
            {"CHANNEL_SCAN_INTERVAL_SECONDS", "1"},  {"CUSTOM_SILENCE_SECONDS", "1"}};
  }

 protected:
  Channel channel_{side()};
};

TEST_F(UpkeepSettings, TokensAreRenewedSoOften) {
  ASSERT_EQ(side().Sim("/sim/settings", {{"user_token_seconds", 3}}).status, 200);
  channel_.Link();
  const auto refreshes = [&] {
    return side().daemon.Metric(
        "stream_token_refreshes_total{outcome=\"refreshed\",platform=\"twitch\"}");
  };
  const double before = refreshes();
  EXPECT_TRUE(Eventually([&] { return refreshes() >= before + 2; }))
      << Text("TOKEN_REFRESH_INTERVAL_SECONDS");
  EXPECT_TRUE(channel_.Links()->platforms(0).is_active());
  ASSERT_EQ(side().Sim("/sim/settings", {{"user_token_seconds", 14400}}).status, 200);
}

TEST_F(UpkeepSettings, SubscriptionsAreComparedSoOften) {
  channel_.Link();
  const std::string link_id = channel_.Links()->platforms(0).link_id();
  // All of the channel's vanish without a word.
  const std::string app_token = json::parse(
      common::http::Client()
          .Send({.method = "POST",
                 .url = "http://" + side().sim.address() + "/oauth2/token",
                 .body = std::string("grant_type=client_credentials&client_id=") +
                         PlatformSide::kClientId + "&client_secret=" + PlatformSide::kClientSecret})
          ->body)["access_token"];
  const json listed = AskSim(side(), "/sim/eventsub");
  for (const json& subscription : listed["subscriptions"]) {
    if (!subscription["transport"]["callback"].get<std::string>().ends_with(link_id)) continue;
    const std::string id = subscription["id"];
    const auto deleted = common::http::Client().Send(
        {.method = "DELETE",
         .url = "http://" + side().sim.address() + "/helix/eventsub/subscriptions?id=" + id,
         .headers = {{"Authorization", "Bearer " + app_token},
                     {"Client-Id", PlatformSide::kClientId}}});
    EXPECT_EQ(deleted->status, 204);
  }
  EXPECT_TRUE(Eventually([&] { return side().HearsOf(link_id); }))
      << Text("WEBHOOK_RECONCILE_INTERVAL_SECONDS");
}

TEST_F(UpkeepSettings, PlatformsArePolledSoOftenAndOrphansEndSoSoon) {
  channel_.Link();
  channel_.AwaitQuiet();
  ASSERT_EQ(side().Sim("/sim/deliveries", {{"fault", "drop"}, {"count", 1}}).status, 200);
  channel_.GoLive();
  EXPECT_EQ(side().daemon.Metric("stream_sessions_found_total"), 1)
      << Text("CHANNEL_SCAN_INTERVAL_SECONDS");
  ASSERT_EQ(side().Sim("/sim/deliveries", {{"fault", "drop"}, {"count", 1}}).status, 200);
  channel_.GoOffline();
  EXPECT_TRUE(Eventually([&] {
    return side().daemon.Metric("stream_sessions_orphaned_total") == 1;
  })) << Text("SESSION_POLL_INTERVAL_SECONDS")
      << Text("SESSION_ORPHAN_GRACE_SECONDS");
}

TEST_F(UpkeepSettings, ASilentCustomSessionEndsSoSoon) {
  channel_.LinkCustom();
  ASSERT_TRUE(channel_.StartSession().ok());
  EXPECT_TRUE(Eventually([&] { return channel_.Sessions().sessions_size() == 0; }))
      << Text("CUSTOM_SILENCE_SECONDS");
}

TEST(InboundSettings, AnotherStreamHasTheSubject) {
  common::testing::NatsServer nats;
  common::nats::Options options;
  options.url = nats.url();
  const auto connection = *common::nats::Connection::Connect(options);
  const auto jetstream = *common::nats::JetStream::Make(*connection);
  const std::vector<common::nats::StreamSpec> streams = {
      {.name = "ACCOUNTS", .subjects = {"account.deleted"}}};
  ASSERT_TRUE(jetstream->Declare(streams).ok());
  const PlatformSide side({"INBOUND_STREAM=ACCOUNTS", "NATS_URL=" + nats.url()});
  ASSERT_TRUE(jetstream
                  ->Publish("account.deleted",
                            json{{"accountId", common::Uuid::V4().ToString()}}.dump(), {}, "")
                  .ok());
  EXPECT_TRUE(Eventually([&] { return side.daemon.Metric("stream_accounts_erased_total") == 1; }));
}

// The whole rotation, as docs/operations.md tells it.
TEST(OldKeySettings, TheEncryptionKeyRotatesWhileLinksLive) {
  const std::string identity = "IDENTITY_KEY=" + std::string(32, 'i');
  const std::string old_key = common::crypto::Base64Encode(std::string(32, 'k'));
  const std::string new_key = common::crypto::Base64Encode(std::string(32, 'n'));
  PlatformSide side({identity, "TOKEN_ENCRYPTION_KEY=" + old_key});
  Channel channel(side);
  channel.Link();
  const std::string login = channel.Links()->platforms(0).platform_display_name();

  const auto restart_with = [&](const std::vector<std::string>& settings) {
    side.daemon.Kill();
    side.daemon.Set(settings);
    side.daemon.Start();
  };
  const auto shown = [&] {
    const auto links = channel.Links();
    return links.ok() ? links->platforms(0).platform_display_name() : "";
  };
  restart_with({"TOKEN_ENCRYPTION_KEY=" + old_key, "TOKEN_ENCRYPTION_OLD_KEYS=" + new_key});
  EXPECT_TRUE(Eventually([&] { return shown() == login; }));
  restart_with({"TOKEN_ENCRYPTION_KEY=" + new_key, "TOKEN_ENCRYPTION_OLD_KEYS=" + old_key});
  EXPECT_TRUE(Eventually([&] { return shown() == login; }));
  const Ended resealed = side.daemon.RunCommand("reseal");
  EXPECT_EQ(resealed.exit_code, 0) << resealed.output;
  EXPECT_NE(resealed.output.find("\"values\":4"), std::string::npos) << resealed.output;
  restart_with({"TOKEN_ENCRYPTION_KEY=" + new_key, "TOKEN_ENCRYPTION_OLD_KEYS="});
  EXPECT_TRUE(Eventually([&] { return shown() == login; }));
  EXPECT_EQ(channel.GoLive().size(), 36u) << "it is still known whose channel it is";
}

}  // namespace
}  // namespace story
