// Tokens of links: renewed in time and by one writer only, kept through every failure but the one
// that only the user can mend, and sealed under keys that rotate.
#include <atomic>
#include <thread>

#include "services/stream/errors.h"
#include "services/stream/privacy/reseal_store.h"
#include "tests/integration/stream_platform.h"

namespace stream::linking {
namespace {

using common::errors::Is;
using std::chrono::seconds;

constexpr const char* kRefreshes = "POST /oauth2/token grant_type=refresh_token";
constexpr const char* kValidations = "GET /oauth2/validate";

class StreamTokensTest : public AgainstPlatform {
 protected:
  std::unique_ptr<TokenRefreshWorker> NewWorker(seconds interval = seconds(1800)) {
    return std::make_unique<TokenRefreshWorker>(
        interval,
        TokenRefreshWorker::Parts{.platforms = platforms_,
                                  .links = links_,
                                  .tokens = tokens_,
                                  .locks = locks_,
                                  .on_deactivated = [this] { ++deactivated_; }},
        metrics_);
  }
  // The access token has ended, at the platform and by our own clock.
  void Expire(const Linked& linked) {
    Sim("/sim/users/" + linked.user_id + "/expire", {{"client_id", client_id_}});
    Execute("UPDATE link SET token_expires_at = NOW(6) - INTERVAL 1 SECOND");
  }
  bool StoredTokenIsValid(const Uuid& link_id) {
    return *twitch().Validate((*tokens_.Read(link_id))->tokens.access);
  }

  std::atomic<int> deactivated_{0};
};

TEST_F(StreamTokensTest, TwoInstancesRefreshALinkOnce) {
  const Linked linked = LinkNew();
  Expire(linked);
  const int before = Requests(kRefreshes);
  common::mysql::Pool other_pool(mysql_.options());
  TokenStore other_store(other_pool, sealer_);
  const auto one = NewWorker();
  TokenRefreshWorker other(seconds(1800),
                           {.platforms = platforms_,
                            .links = links_,
                            .tokens = other_store,
                            .locks = other_pool,
                            .on_deactivated = [] {}},
                           metrics_);

  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    for (TokenRefreshWorker* worker : {one.get(), &other}) {
      callers.emplace_back([&, worker] {
        const auto token = worker->AccessToken(linked.link.link_id);
        const std::lock_guard lock(mutex);
        seen.insert(token.ok() ? token->Reveal() : std::string(token.status().message()));
      });
    }
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(seen.size(), 1u) << "all have the same token";
  EXPECT_EQ(Requests(kRefreshes) - before, 1);
  EXPECT_TRUE(StoredTokenIsValid(linked.link.link_id));
}

TEST_F(StreamTokensTest, WhatThePlatformDoesWrongKillsNoLink) {
  const Linked linked = LinkNew();
  const auto worker = NewWorker();
  Expire(linked);
  const json faults[] = {
      {{"status", 500}},
      {{"status", 503}},
      {{"status", 429}},
      {{"status", 200}},  // of no token
      {{"status", 400}, {"reason", "missing client id"}},
      {{"status", 403}, {"reason", "invalid client secret"}},
      {{"status", 401}},
      {{"hang_ms", 3000}, {"status", 504}},
  };
  for (const json& fault : faults) {
    Fault("/oauth2/token", fault);
    const common::DeadlineScope deadline(seconds(2));
    const auto token = worker->AccessToken(linked.link.link_id);
    EXPECT_TRUE(Is(token.status(), kPlatformUnavailable)) << fault << token.status();
    EXPECT_TRUE(IsActive(linked.link.link_id)) << fault;
  }
  NoFault("/oauth2/token");
  EXPECT_TRUE(worker->AccessToken(linked.link.link_id).ok());
  EXPECT_TRUE(StoredTokenIsValid(linked.link.link_id));
  EXPECT_EQ(deactivated_, 0);
}

TEST_F(StreamTokensTest, AGrantThatHasEndedEndsTheLinkAndItsSession) {
  const Linked linked = LinkNew();
  const auto session = sessions_.OpenByHand({.link_id = linked.link.link_id,
                                             .stream_id = "1",
                                             .started_at = common::Now(),
                                             .in_game_id = {}});
  Sim("/sim/users/" + linked.user_id + "/disconnect",
      {{"client_id", client_id_}, {"silent", true}});
  Expire(linked);
  const auto worker = NewWorker();
  EXPECT_TRUE(Is(worker->AccessToken(linked.link.link_id).status(), kLinkInactive));
  EXPECT_FALSE(IsActive(linked.link.link_id));
  EXPECT_EQ((*sessions_.Find(session->session_id))->status, sessions::Status::kEnding);
  EXPECT_EQ(deactivated_, 1);
  // Asking again asks nobody.
  const int before = Requests(kRefreshes);
  EXPECT_TRUE(Is(worker->AccessToken(linked.link.link_id).status(), kLinkInactive));
  EXPECT_EQ(Requests(kRefreshes), before);
}

TEST_F(StreamTokensTest, TokensAreRenewedBeforeTheyEnd) {
  Change({{"user_token_seconds", 4}});
  const Linked linked = LinkNew();
  const int before = Requests(kRefreshes);
  const auto worker = NewWorker(seconds(1));
  worker->Start();
  for (int renewed = 1; renewed <= 3; ++renewed) {
    ASSERT_TRUE(Eventually([&] { return Requests(kRefreshes) - before >= renewed; }));
    EXPECT_TRUE(StoredTokenIsValid(linked.link.link_id)) << "the platform ended the grant";
  }
  worker->Stop();
  EXPECT_TRUE(IsActive(linked.link.link_id));
}

TEST_F(StreamTokensTest, TwitchIsAskedEveryHourWhetherTokensHold) {
  const Linked linked = LinkNew();
  Execute("UPDATE link SET validated_at = NOW(6) - INTERVAL 29 MINUTE");
  int before = Requests(kValidations);
  {
    const auto worker = NewWorker();
    worker->Start();
    worker->Stop();  // after the step under way
    EXPECT_EQ(Requests(kValidations), before) << "not due before the next look";
  }
  Execute("UPDATE link SET validated_at = NOW(6) - INTERVAL 31 MINUTE");
  const auto worker = NewWorker();
  worker->Start();
  ASSERT_TRUE(Eventually([&] { return Requests(kValidations) - before == 1; }));
  ASSERT_TRUE(Eventually([&] {
    return Scalar(
               "SELECT validated_at > NOW(6) - INTERVAL 1 MINUTE FROM "
               "link") == "1";
  }));

  // The platform has ended the access token alone: it is renewed, though our clock gives it hours.
  Sim("/sim/users/" + linked.user_id + "/expire", {{"client_id", client_id_}});
  before = Requests(kRefreshes);
  ASSERT_TRUE(tokens_.Suspect(linked.link.link_id, common::Now()).ok());
  worker->Wake();
  ASSERT_TRUE(Eventually([&] { return Requests(kRefreshes) - before == 1; }));
  EXPECT_TRUE(Eventually([&] { return StoredTokenIsValid(linked.link.link_id); }));
  EXPECT_TRUE(IsActive(linked.link.link_id));

  // And the whole grant.
  Sim("/sim/users/" + linked.user_id + "/disconnect",
      {{"client_id", client_id_}, {"silent", true}});
  ASSERT_TRUE(tokens_.Suspect(linked.link.link_id, common::Now()).ok());
  worker->Wake();
  EXPECT_TRUE(Eventually([&] { return !IsActive(linked.link.link_id); }));
}

// Losing them would cost the grant: the old refresh token is spent.
TEST_F(StreamTokensTest, WhatTheDatabaseDoesNotTakeIsStoredLater) {
  const Linked linked = LinkNew();
  Expire(linked);
  const int before = Requests(kRefreshes);
  const auto worker = NewWorker();
  auto blocker = common::mysql::Connection::Open(mysql_.options());
  ASSERT_TRUE((*blocker)->Run("LOCK TABLES link READ").ok());
  const auto first = worker->AccessToken(linked.link.link_id);
  EXPECT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(StoredTokenIsValid(linked.link.link_id)) << "the database took it after all";
  ASSERT_TRUE((*blocker)->Run("UNLOCK TABLES").ok());

  const auto second = worker->AccessToken(linked.link.link_id);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->Reveal(), second->Reveal());
  EXPECT_TRUE(StoredTokenIsValid(linked.link.link_id));
  EXPECT_EQ(Requests(kRefreshes) - before, 1);
}

TEST_F(StreamTokensTest, KeysRotateWithoutALinkLost) {
  const Linked linked = LinkNew();
  const auto session = sessions_.OpenByHand({.link_id = linked.link.link_id,
                                             .stream_id = "the-stream",
                                             .started_at = common::Now(),
                                             .in_game_id = {}});
  ASSERT_TRUE(session.ok());
  const Linked gone = LinkNew();
  ASSERT_TRUE(links_.Remove(gone.link.account_id, gone.link.link_id, common::Now()).ok());
  const std::string access = (*tokens_.Read(linked.link.link_id))->tokens.access.Reveal();

  const Sealer both(*common::crypto::KeyRing::Create(Secret(std::string(32, 'n')),
                                                     {Secret(std::string(32, 'k'))}));
  TokenStore with_both(mysql_, both);
  EXPECT_EQ((*with_both.Read(linked.link.link_id))->tokens.access.Reveal(), access);

  // Of the link: id, name and both tokens; of the farewell: id and both tokens; the stream's id.
  EXPECT_EQ(privacy::ResealAll(mysql_, both)->changed, 8);
  EXPECT_EQ(privacy::ResealAll(mysql_, both)->changed, 0);
  // Who has the wrong keys is told.
  EXPECT_EQ(privacy::ResealAll(mysql_, Sealer(KeyRingOf('x')))->unreadable, 8);

  const Sealer only_new(KeyRingOf('n'));
  TokenStore with_new(mysql_, only_new);
  EXPECT_EQ((*with_new.Read(linked.link.link_id))->tokens.access.Reveal(), access);
  LinkStore links_with_new(mysql_, only_new, marks_);
  EXPECT_EQ((*links_with_new.List(linked.link.account_id)).at(0).display_name.Reveal(),
            linked.login);
  FarewellStore farewells_with_new(mysql_, only_new);
  EXPECT_EQ(farewells_with_new.Due(common::Now())->size(), 1u);
  sessions::SessionStore sessions_with_new(mysql_, only_new, marks_);
  EXPECT_EQ(sessions_with_new.Watched(Uuid()).value().at(0).stream_id, "the-stream");
  EXPECT_FALSE(tokens_.Read(linked.link.link_id).ok()) << "the old key opens it still";
}

}  // namespace
}  // namespace stream::linking
