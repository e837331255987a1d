// Google's flow against an OAuth server that nobody here wrote (oidc_provider.mjs): what it accepts
// is right by somebody else's reading of the RFCs, and its refresh tokens rotate, which Google's
// normally do not.
#include <map>

#include <gtest/gtest.h>

#include "libs/common/base/deadline.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/url.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/stream/errors.h"
#include "services/stream/platforms/youtube_client.h"

namespace stream::platforms {
namespace {

using common::config::Secret;
using common::errors::ReasonOf;
using common::http::FindParam;
using common::http::Response;
using common::testing::Eventually;

constexpr const char* kClientId = "client";
constexpr const char* kClientSecret = "client-secret";
constexpr const char* kRedirectUri = "http://127.0.0.1/callback";
constexpr const char* kScope = "https://www.googleapis.com/auth/youtube.readonly";
constexpr std::chrono::seconds kRefreshLife{2};

// `refresh_life` is that of its refresh tokens.
class OidcProvider final : public common::testing::Server {
 public:
  explicit OidcProvider(std::chrono::seconds refresh_life = std::chrono::seconds(600))
      : refresh_life_(refresh_life) {
    Start();
  }

 private:
  std::vector<std::string> Command() const override {
    return {"node",
            "tests/integration/oidc_provider.mjs",
            std::to_string(port()),
            kClientId,
            kClientSecret,
            kRedirectUri,
            kScope,
            std::to_string(refresh_life_.count())};
  }
  std::string_view Question() const override {
    return "GET /.well-known/openid-configuration HTTP/1.0\r\n\r\n";
  }
  std::string_view Answer() const override { return "200 OK"; }

  const std::chrono::seconds refresh_life_;
};

// Goes where it is sent, with its cookies, until it is sent back to us; the server agrees by
// itself.
class Browser {
 public:
  explicit Browser(const OidcProvider& provider) : origin_("http://" + provider.address()) {}

  // The URL that it ends at; what it stopped at when there is none.
  std::string Follow(std::string url) {
    for (int hops = 0; hops < 10 && !url.starts_with(kRedirectUri); ++hops) {
      const auto answer = common::http::Client().Send({.url = url, .headers = {{"Cookie", Jar()}}});
      if (!answer.ok()) return url;
      Keep(*answer);
      const auto location = common::http::FindHeader(answer->headers, "location");
      if (!location) return url;
      url = location->starts_with('/') ? origin_ + std::string(*location) : std::string(*location);
    }
    return url;
  }

 private:
  void Keep(const Response& answer) {
    for (const auto& [name, value] : answer.headers) {
      const size_t equals = value.find('=');
      if (name != "set-cookie" || equals == std::string::npos) continue;
      cookies_[value.substr(0, equals)] = value.substr(equals + 1, value.find(';') - equals - 1);
    }
  }
  std::string Jar() const {
    std::string jar = "none=";
    for (const auto& [name, value] : cookies_) jar.append("; ").append(name).append("=") += value;
    return jar;
  }

  const std::string origin_;
  std::map<std::string, std::string> cookies_;
};

AuthorizationRequest NewRequest() {
  const auto random = [] {
    return common::crypto::Base64UrlEncode(common::crypto::RandomBytes(32));
  };
  return {.redirect_uri = kRedirectUri, .state = random(), .code_verifier = Secret(random())};
}

class StreamOAuthProviderTest : public testing::Test {
 protected:
  explicit StreamOAuthProviderTest(std::chrono::seconds refresh_life = std::chrono::seconds(600))
      : provider_(refresh_life) {}

  YouTubeClient ClientWith(const std::string& secret) {
    const std::string url = "http://" + provider_.address();
    return YouTubeClient({.client_id = kClientId,
                          .client_secret = Secret(secret),
                          .webhook_token = {},
                          .accounts_url = url,
                          .token_url = url,
                          .api_url = url,
                          .hub_url = url},
                         http_);
  }
  // What the user's agreement brings back.
  Secret Agree(const AuthorizationRequest& request) {
    const std::string end = Browser(provider_).Follow(client_.AuthorizationUrl(request));
    const auto query = common::http::FormDecode(end.substr(end.find('?') + 1));
    EXPECT_EQ(FindParam(*query, "state"), request.state);
    const auto code = FindParam(*query, "code");
    EXPECT_TRUE(code);
    return Secret(std::string(code.value_or("")));
  }
  Tokens NewTokens() {
    const AuthorizationRequest request = NewRequest();
    const auto tokens = client_.ExchangeCode(Agree(request), request);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    return tokens.value_or(Tokens());
  }
  std::string RefreshReason(const Secret& refresh_token) {
    return ReasonOf(client_.Refresh(refresh_token).status()).value_or("");
  }

  OidcProvider provider_;
  common::http::Client http_;
  YouTubeClient client_ = ClientWith(kClientSecret);
};

// One whose refresh tokens end soon.
class StreamOAuthProviderOfSecondsTest : public StreamOAuthProviderTest {
 protected:
  StreamOAuthProviderOfSecondsTest() : StreamOAuthProviderTest(kRefreshLife) {}
};

TEST_F(StreamOAuthProviderTest, ACodeBecomesTokensOnce) {
  const AuthorizationRequest request = NewRequest();
  const Secret code = Agree(request);
  const auto tokens = client_.ExchangeCode(code, request);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_FALSE(tokens->access.empty());
  EXPECT_FALSE(tokens->refresh.empty());
  EXPECT_EQ(tokens->scopes, std::vector<std::string>{kScope});
  EXPECT_GT(tokens->expires_at, common::Now());
  EXPECT_LE(tokens->expires_at, common::Now() + std::chrono::seconds(5));

  // Whoever has the code a second time may have stolen it: all that came of it ends.
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(code, request).status()), "AUTHORIZATION_CODE_INVALID");
  EXPECT_EQ(RefreshReason(tokens->refresh), "LINK_INACTIVE");
}

TEST_F(StreamOAuthProviderTest, ACodeIsGoodOnlyWithWhatItWasAskedForWith) {
  const AuthorizationRequest asked = NewRequest();
  AuthorizationRequest other = asked;
  other.code_verifier = NewRequest().code_verifier;
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(Agree(asked), other).status()),
            "AUTHORIZATION_CODE_INVALID");
  other = asked;
  other.redirect_uri += "/elsewhere";
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(Agree(asked), other).status()),
            "AUTHORIZATION_CODE_INVALID");
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(Secret("made up"), asked).status()),
            "AUTHORIZATION_CODE_INVALID");
}

TEST_F(StreamOAuthProviderTest, RefreshTokensRotate) {
  const Tokens first = NewTokens();
  const auto second = client_.Refresh(first.refresh);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->access.Reveal(), first.access.Reveal());
  EXPECT_NE(second->refresh.Reveal(), first.refresh.Reveal());
  const auto third = client_.Refresh(second->refresh);
  ASSERT_TRUE(third.ok()) << third.status();

  // A spent one ends the whole grant.
  EXPECT_EQ(RefreshReason(first.refresh), "LINK_INACTIVE");
  EXPECT_EQ(RefreshReason(third->refresh), "LINK_INACTIVE");
}

TEST_F(StreamOAuthProviderTest, ARevokedGrantIsOver) {
  const Tokens tokens = NewTokens();
  EXPECT_TRUE(client_.Revoke(tokens).ok());
  EXPECT_EQ(RefreshReason(tokens.refresh), "LINK_INACTIVE");
  EXPECT_TRUE(client_.Revoke(tokens).ok());
}

TEST_F(StreamOAuthProviderTest, ARefusedClientOrASilentServerCostsNoGrant) {
  const Tokens tokens = NewTokens();
  EXPECT_EQ(ReasonOf(ClientWith("wrong").Refresh(tokens.refresh).status()), "PLATFORM_UNAVAILABLE");
  const auto fresh = client_.Refresh(tokens.refresh);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  provider_.Pause();
  const common::DeadlineScope deadline(std::chrono::milliseconds(300));
  EXPECT_EQ(RefreshReason(fresh->refresh), "PLATFORM_UNAVAILABLE");
  provider_.Kill();
  EXPECT_EQ(RefreshReason(fresh->refresh), "PLATFORM_UNAVAILABLE");
}

TEST_F(StreamOAuthProviderOfSecondsTest, AnExpiredGrantIsOver) {
  const Tokens tokens = NewTokens();
  const common::Time end = common::Now() + kRefreshLife + std::chrono::seconds(1);
  ASSERT_TRUE(Eventually([&] { return common::Now() > end; }));
  EXPECT_EQ(RefreshReason(tokens.refresh), "LINK_INACTIVE");
}

}  // namespace
}  // namespace stream::platforms
