#include "libs/common/rpc/token.h"

#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <jwt/jwt.hpp>
#include <openssl/err.h>

#include "libs/common/crypto/encoding.h"
#include "libs/common/errors/errors.h"
#include "libs/common/testing/token_signer.h"

namespace common::rpc {
namespace {

using nlohmann::json;
using testing::JoinToken;
using testing::TokenSigner;

constexpr const char* kSharedKey = "0123456789abcdef0123456789abcdef";
constexpr const char* kAccount = "11111111-2222-4333-8444-555555555555";
const Time kNow = *ParseTime("2026-01-02T03:04:05Z");
const int64_t kNowSeconds = ToMicros(kNow) / 1'000'000;

// One signer an algorithm; the key set names their keys "HS256", "RS256" and "ES256".
const std::vector<TokenSigner>& Signers() {
  static const std::vector<TokenSigner> signers = {TokenSigner::Shared(kSharedKey),
                                                   TokenSigner::Rsa(), TokenSigner::P256()};
  return signers;
}
const TokenSigner& SharedSigner() { return Signers()[0]; }
const TokenSigner& RsaSigner() { return Signers()[1]; }
const TokenSigner& EcSigner() { return Signers()[2]; }

JwkSet MakeSet(const std::vector<TokenSigner>& signers, bool with_ids) {
  json keys = json::array();
  for (const TokenSigner& signer : signers) {
    keys.push_back(signer.Jwk());
    if (with_ids) keys.back()["kid"] = signer.algorithm();
  }
  return *JwkSet::Parse(json{{"keys", keys}}.dump());
}

json GoodClaims() {
  return {{"iss", "iss"},
          {"aud", "aud"},
          {"sub", kAccount},
          {"iat", kNowSeconds},
          {"exp", kNowSeconds + 60},
          {"roles", {"user"}},
          {"states", {"in_game"}}};
}

json With(json claims, const char* name, json value) {
  claims[name] = std::move(value);
  return claims;
}

json Without(json claims, const char* name) {
  claims.erase(name);
  return claims;
}

class TokenTest : public ::testing::Test {
 protected:
  TokenTest() { verifier_.UseKeys(MakeSet(Signers(), /*with_ids=*/true)); }

  bool Accepts(const std::string& token, Time now = kNow) const {
    const auto identity = verifier_.Verify(token, now);
    EXPECT_TRUE(identity.ok() || errors::Is(identity.status(), errors::kTokenInvalid));
    EXPECT_EQ(ERR_peek_error(), 0u) << "left for the thread's TLS connections";
    return identity.ok();
  }
  // Claims as an honest issuer signs them.
  bool AcceptsClaims(const json& claims, Time now = kNow) const {
    return Accepts(EcSigner().Token(claims, "ES256"), now);
  }
  // A header that is signed with the key that it should name.
  bool AcceptsHeader(const TokenSigner& signer, const std::string& header) const {
    return Accepts(signer.RawToken(header, GoodClaims().dump()));
  }

  TokenVerifier verifier_{{.issuer = "iss", .audience = "aud"}};
};

TEST_F(TokenTest, GivesTheIdentityOfItsClaims) {
  for (const TokenSigner& signer : Signers()) {
    const auto identity = verifier_.Verify(signer.Token(GoodClaims(), signer.algorithm()), kNow);
    ASSERT_TRUE(identity.ok()) << signer.algorithm();
    EXPECT_EQ(identity->account, Uuid::Parse(kAccount));
    EXPECT_TRUE(identity->user);
    EXPECT_FALSE(identity->developer || identity->admin || identity->service);
    EXPECT_EQ(identity->states.size(), 1u);
    EXPECT_TRUE(identity->states.contains("in_game"));
  }
  for (const char* role : {"user", "developer", "admin", "service"}) {
    const auto claims = With(GoodClaims(), "roles", {role, "of another service"});
    const auto identity = *verifier_.Verify(EcSigner().Token(claims, "ES256"), kNow);
    EXPECT_EQ(identity.user, role == std::string("user"));
    EXPECT_EQ(identity.developer, role == std::string("developer"));
    EXPECT_EQ(identity.admin, role == std::string("admin"));
    EXPECT_EQ(identity.service, role == std::string("service"));
  }
}

// Tokens that another library made.
TEST_F(TokenTest, AcceptsTheTokensOfAnIndependentIssuer) {
  namespace params = jwt::params;
  const json claims = GoodClaims();
  for (const TokenSigner& signer : Signers()) {
    const std::string& name = signer.algorithm();
    const std::string key = name == "HS256" ? kSharedKey : signer.PrivatePem();
    // Often, because one ECDSA number in 256 begins with a zero byte.
    for (int i = 0; i < 300; ++i) {
      jwt::jwt_object object{params::algorithm(name), params::secret(key),
                             params::headers({{"kid", name}})};
      for (const auto& [claim, value] : claims.items()) object.add_claim(claim, value);
      object.add_claim("jti", i);
      EXPECT_TRUE(Accepts(object.signature())) << object.signature();
    }
  }
}

TEST_F(TokenTest, TheSharedKeyOfTheSettingsStaysBesideTheSet) {
  const TokenSigner shared = TokenSigner::Shared("another key of at least 32 bytes");
  TokenVerifier verifier({.hs256_key = config::Secret("another key of at least 32 bytes"),
                          .issuer = "iss",
                          .audience = "aud"});
  EXPECT_EQ(verifier.key_count(), 1u);
  EXPECT_TRUE(verifier.Verify(shared.Token(GoodClaims()), kNow).ok());
  verifier.UseKeys(MakeSet(Signers(), /*with_ids=*/true));
  EXPECT_EQ(verifier.key_count(), 4u);
  EXPECT_TRUE(verifier.Verify(shared.Token(GoodClaims()), kNow).ok());
  EXPECT_TRUE(verifier.Verify(shared.Token(GoodClaims(), "HS256"), kNow).ok());
  EXPECT_TRUE(verifier.Verify(EcSigner().Token(GoodClaims(), "ES256"), kNow).ok());
  EXPECT_FALSE(verifier_.Verify(shared.Token(GoodClaims()), kNow).ok());
}

TEST_F(TokenTest, NoKeyAcceptsNothing) {
  const TokenVerifier verifier({.issuer = "iss", .audience = "aud"});
  EXPECT_EQ(verifier.key_count(), 0u);
  EXPECT_FALSE(verifier.Verify(TokenSigner::Shared("").Token(GoodClaims()), kNow).ok());
  EXPECT_FALSE(verifier.Verify(JoinToken(R"({"alg":"none"})", GoodClaims().dump(), ""), kNow).ok());
}

TEST_F(TokenTest, TheIdSelectsTheKey) {
  for (const TokenSigner& signer : Signers()) {
    EXPECT_FALSE(Accepts(signer.Token(GoodClaims()))) << "only keys without id";
    for (const char* other : {"HS256", "RS256", "ES256", "es256", "unknown", " "}) {
      EXPECT_EQ(Accepts(signer.Token(GoodClaims(), other)), signer.algorithm() == other);
    }
    EXPECT_FALSE(Accepts(signer.Token(GoodClaims(), std::string(2500, 'k'))));
    for (const char* id : {"1", "null", "true", "[\"ES256\"]", "{\"ES256\":1}"}) {
      EXPECT_FALSE(
          AcceptsHeader(signer, "{\"alg\":\"" + signer.algorithm() + "\",\"kid\":" + id + "}"));
    }
  }
  verifier_.UseKeys(MakeSet(Signers(), /*with_ids=*/false));
  for (const TokenSigner& signer : Signers()) {
    EXPECT_TRUE(Accepts(signer.Token(GoodClaims())));
    EXPECT_TRUE(Accepts(signer.Token(GoodClaims(), "any")));
  }
}

TEST_F(TokenTest, TheHeaderDoesNotChooseHowAKeyIsUsed) {
  for (const bool with_ids : {true, false}) {
    verifier_.UseKeys(MakeSet(Signers(), with_ids));
    for (const TokenSigner& signer : Signers()) {
      for (const std::string algorithm :
           {"HS256", "RS256", "ES256", "none",  "None",   "NONE",   "nOnE",        "",
            "HS384", "HS512", "RS384", "RS512", "PS256",  "ES384",  "ES256K",      "EdDSA",
            "hs256", "rs256", "es256", "Hs256", "HS256 ", " HS256", "HS256\\u0000"}) {
        const std::string header =
            "{\"alg\":\"" + algorithm + "\",\"kid\":\"" + signer.algorithm() + "\"}";
        EXPECT_EQ(AcceptsHeader(signer, header), algorithm == signer.algorithm()) << header;
        EXPECT_FALSE(Accepts(JoinToken(header, GoodClaims().dump(), ""))) << header;
      }
      for (const char* header : {"{}", R"({"alg":null})", R"({"alg":256})", R"({"alg":["HS256"]})",
                                 R"({"ALG":"HS256"})"}) {
        EXPECT_FALSE(AcceptsHeader(signer, header)) << header;
      }
    }
  }
}

TEST_F(TokenTest, APublicKeyIsNoSharedKey) {
  verifier_.UseKeys(MakeSet({RsaSigner(), EcSigner()}, /*with_ids=*/false));
  for (const TokenSigner* victim : {&RsaSigner(), &EcSigner()}) {
    const json jwk = victim->Jwk();
    std::vector<std::string> secrets = {victim->PublicPem(), victim->PublicDer(), jwk.dump(), ""};
    secrets.push_back(secrets[0].substr(0, secrets[0].size() - 1));  // without the last line break
    for (const auto& [name, value] : jwk.items()) {
      secrets.push_back(value);
      secrets.push_back(crypto::Base64UrlDecode(value.get<std::string>()).value_or(""));
    }
    for (const std::string& secret : secrets) {
      EXPECT_FALSE(Accepts(TokenSigner::Shared(secret).Token(GoodClaims())));
    }
  }
}

TEST_F(TokenTest, AKeyThatTheTokenBringsMeansNothing) {
  const TokenSigner stranger = TokenSigner::P256();
  const json header{{"alg", "ES256"},
                    {"kid", "ES256"},
                    {"jwk", stranger.Jwk()},
                    {"jku", "https://example.com/keys"}};
  EXPECT_FALSE(AcceptsHeader(stranger, header.dump()));
  EXPECT_TRUE(AcceptsHeader(EcSigner(), header.dump()));
}

TEST_F(TokenTest, AHeaderHasOneMeaning) {
  const std::string good = R"("alg":"ES256","kid":"ES256")";
  EXPECT_TRUE(AcceptsHeader(EcSigner(), "{" + good + "}"));
  EXPECT_TRUE(AcceptsHeader(EcSigner(), " { \"typ\":\"JWT\" , " + good + " } "));
  for (const std::string& header :
       {"{" + good + R"(,"alg":"ES256"})",
        "{" + good + R"(,"alg":"none"})",
        R"({"alg":"none",)" + good + "}",
        "{" + good + R"(,"\u0061lg":"none"})",
        "{" + good + R"(,"kid":"ES256"})",
        "{" + good + R"(,"crit":["exp"]})",
        "{" + good + R"(,"crit":[]})",
        "{" + good + R"(,"crit":null})",
        "[{" + good + "}]",
        "{" + good,
        "{" + good + "}}",
        "{" + good + ",}",
        "{" + good + "}" + std::string(1, '\0'),
        "{" + good + ",\"x\":" + std::string(16, '[') + std::string(16, ']') + "}",
        "{" + good + ",\"x\":1e999}",
        "{" + good + ",\"x\":\"\xc3\x28\"}",
        std::string("null"),
        std::string("\"ES256\""),
        std::string(3000, '['),
        std::string()}) {
    EXPECT_FALSE(AcceptsHeader(EcSigner(), header)) << header;
  }
}

TEST_F(TokenTest, ClaimsHaveOneMeaning) {
  const std::string good = GoodClaims().dump();
  const std::string open = good.substr(0, good.size() - 1);
  const auto accepts = [&](const std::string& claims) {
    return Accepts(EcSigner().RawToken(R"({"alg":"ES256","kid":"ES256"})", claims));
  };
  EXPECT_TRUE(accepts(good));
  EXPECT_TRUE(accepts(open + R"(,"realm_access":{"roles":["admin"]}})"));
  for (const std::string& claims :
       {open + R"(,"roles":["admin"]})", open + R"(,"x":{"y":1,"y":1}})", open, good + "}",
        good + std::string(1, '\0'), "[" + good + "]", std::string("null"), std::string("1"),
        std::string(), open + ",\"x\":" + std::string(16, '[') + std::string(16, ']') + "}",
        std::string(2500, '['), open + ",\"x\":" + std::string(2000, '['), open + ",\"x\":-1e999}",
        open + ",\"x\":\"\xed\xa0\x80\"}"}) {
    EXPECT_FALSE(accepts(claims)) << claims;
  }
}

TEST_F(TokenTest, NeedsIssuerAudienceAndExpiry) {
  const json good = GoodClaims();
  for (const char* claim : {"iss", "aud", "exp"}) {
    EXPECT_FALSE(AcceptsClaims(Without(good, claim))) << claim;
    for (const json& wrong : {json("other"), json(""), json(), json(true), json::object(),
                              json::array(), json::array({1})}) {
      EXPECT_FALSE(AcceptsClaims(With(good, claim, wrong))) << claim << wrong;
    }
  }
  EXPECT_FALSE(AcceptsClaims(With(good, "iss", "ISS")));
  EXPECT_FALSE(AcceptsClaims(With(good, "iss", json::array({"iss"}))));
  EXPECT_TRUE(AcceptsClaims(With(good, "aud", json::array({"other", "aud"}))));
  EXPECT_FALSE(AcceptsClaims(With(good, "aud", json::array({"other", "Aud"}))));
  EXPECT_FALSE(AcceptsClaims(With(good, "aud", json::array({"aud", 1}))));
  EXPECT_FALSE(AcceptsClaims(With(good, "aud", json::array({json::array({"aud"})}))));
}

TEST_F(TokenTest, ClaimsOfTheWrongFormAreRefused) {
  const json good = GoodClaims();
  for (const char* claim : {"roles", "states"}) {
    EXPECT_TRUE(AcceptsClaims(Without(good, claim))) << claim;
    for (const json& wrong : {json("admin"), json(), json(1), json{{"a", "admin"}},
                              json::array({1}), json::array({"user", json()})}) {
      EXPECT_FALSE(AcceptsClaims(With(good, claim, wrong))) << claim << wrong;
    }
  }
  EXPECT_TRUE(AcceptsClaims(With(good, "states", std::vector<std::string>(32, "s"))));
  EXPECT_FALSE(AcceptsClaims(With(good, "states", std::vector<std::string>(33, "s"))));
  EXPECT_TRUE(AcceptsClaims(Without(good, "sub")));
  EXPECT_TRUE(AcceptsClaims(With(good, "sub", "a game server")));
  for (const json& wrong : {json(1), json(), json::array({kAccount})}) {
    EXPECT_FALSE(AcceptsClaims(With(good, "sub", wrong))) << wrong;
  }
}

TEST_F(TokenTest, TimesBearTheSkewAndNoMore) {
  const Duration skew = std::chrono::seconds(30);
  const Duration moment{1};
  const json expiring = With(Without(GoodClaims(), "iat"), "exp", kNowSeconds);
  EXPECT_TRUE(AcceptsClaims(expiring, kNow + skew - moment));
  EXPECT_FALSE(AcceptsClaims(expiring, kNow + skew));
  for (const char* claim : {"iat", "nbf"}) {
    const json coming = With(Without(GoodClaims(), "iat"), claim, kNowSeconds);
    EXPECT_TRUE(AcceptsClaims(coming, kNow - skew)) << claim;
    EXPECT_FALSE(AcceptsClaims(coming, kNow - skew - moment)) << claim;
    EXPECT_TRUE(AcceptsClaims(With(coming, claim, 0))) << claim;
    EXPECT_FALSE(AcceptsClaims(With(coming, claim, "soon"))) << claim;
  }
}

TEST_F(TokenTest, TheSkewIsASetting) {
  const TokenVerifier strict({.hs256_key = config::Secret(kSharedKey),
                              .issuer = "iss",
                              .audience = "aud",
                              .clock_skew = {}});
  const std::string token = SharedSigner().Token(With(GoodClaims(), "nbf", kNowSeconds));
  const Duration moment{1};
  const Duration life = std::chrono::seconds(60);
  EXPECT_FALSE(strict.Verify(token, kNow - moment).ok());
  EXPECT_TRUE(strict.Verify(token, kNow).ok());
  EXPECT_TRUE(strict.Verify(token, kNow + life - moment).ok());
  EXPECT_FALSE(strict.Verify(token, kNow + life).ok());
}

TEST_F(TokenTest, TimesAreNumbersOfSecondsThatExist) {
  const json good = GoodClaims();
  for (const json& time : {json(kNowSeconds + 0.5), json(253'402'300'799), json(2e11)}) {
    EXPECT_TRUE(AcceptsClaims(With(good, "exp", time))) << time;
  }
  for (const json& time :
       {json(-1), json(253'402'300'800), json(1e300), json(-1e300), json(INT64_MIN),
        json(INT64_MAX), json(UINT64_MAX), json(std::to_string(kNowSeconds + 60)), json(true)}) {
    EXPECT_FALSE(AcceptsClaims(With(good, "exp", time))) << time;
    EXPECT_FALSE(AcceptsClaims(With(good, "nbf", time))) << time;
    EXPECT_FALSE(AcceptsClaims(With(good, "iat", time))) << time;
  }
  // Beyond 64 bits.
  std::string claims = Without(good, "exp").dump();
  claims.replace(claims.size() - 1, 1, ",\"exp\":" + std::string(300, '9') + "}");
  EXPECT_FALSE(Accepts(EcSigner().RawToken(R"({"alg":"ES256","kid":"ES256"})", claims)));
}

TEST_F(TokenTest, HasOneSpelling) {
  for (const TokenSigner& signer : Signers()) {
    const std::string good = signer.Token(GoodClaims(), signer.algorithm());
    ASSERT_TRUE(Accepts(good));
    const size_t first = good.find('.');
    const size_t second = good.rfind('.');
    const std::vector<std::string> parts = {
        good.substr(0, first), good.substr(first + 1, second - first - 1), good.substr(second + 1)};
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_FALSE(Accepts(good.substr(0, size))) << size;
    }
    for (const std::string& bad : {good + ".",
                                   good + "..",
                                   "." + good,
                                   good + "." + parts[2],
                                   good + "=",
                                   good + "==",
                                   good + " ",
                                   " " + good,
                                   good + "\n",
                                   good + std::string(1, '\0'),
                                   parts[0] + "." + parts[2],
                                   parts[0] + "=." + parts[1] + "." + parts[2],
                                   parts[0] + "." + parts[1] + "=." + parts[2],
                                   parts[0] + ".." + parts[2],
                                   "." + parts[1] + "." + parts[2],
                                   std::string(),
                                   std::string("."),
                                   std::string(".."),
                                   std::string("a.b.c"),
                                   std::string(5000, 'a')}) {
      EXPECT_FALSE(Accepts(bad)) << bad;
    }
  }
  // A signature of 64 bytes leaves four bits of its last character over: 15 more spellings.
  const std::string good = EcSigner().Token(GoodClaims(), "ES256");
  for (int i = 0; i < 256; ++i) {
    std::string other = good;
    other.back() = static_cast<char>(i);
    EXPECT_EQ(Accepts(other), other == good) << i;
  }
}

TEST_F(TokenTest, IsBounded) {
  std::string claims = With(GoodClaims(), "x", "").dump();
  const std::string header = R"({"alg":"ES256","kid":"ES256"})";
  const auto token = [&](size_t size) {
    return EcSigner().RawToken(header, claims + std::string(size - claims.size(), ' '));
  };
  size_t size = claims.size();
  while (token(size + 1).size() <= 4096) ++size;
  EXPECT_TRUE(Accepts(token(size)));
  EXPECT_FALSE(Accepts(token(size + 1)));
}

TEST_F(TokenTest, AnEcdsaSignatureIsTwoNumbersOf32Bytes) {
  const std::string header = R"({"alg":"ES256","kid":"ES256"})";
  const std::string claims = GoodClaims().dump();
  const std::string text = crypto::Base64UrlEncode(header) + "." + crypto::Base64UrlEncode(claims);
  const std::string good = EcSigner().Sign(text);
  ASSERT_TRUE(Accepts(JoinToken(header, claims, good)));
  const std::string zero(32, '\0');
  const std::string most(32, '\xff');
  const std::string r = good.substr(0, 32);
  const std::string s = good.substr(32);
  for (const std::string& bad :
       {std::string(), good.substr(0, 63), good.substr(1), good + std::string(1, '\0'),
        std::string(1, '\0') + good, zero + s, r + zero, zero + zero, most + s, r + most,
        most + most, s + r, r + std::string(1, '\0') + s}) {
    EXPECT_FALSE(Accepts(JoinToken(header, claims, bad))) << crypto::HexEncode(bad);
  }
}

// One to three changes of any kind.
std::string Mutate(std::string token, std::mt19937& random) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";
  for (auto changes = 1 + random() % 3; changes > 0 && !token.empty(); --changes) {
    const size_t at = random() % token.size();
    const size_t count = 1 + random() % 8;
    switch (random() % 7) {
      case 0:
        token[at] = static_cast<char>(random());
        break;
      case 1:
        token[at] = kAlphabet[random() % kAlphabet.size()];
        break;
      case 2:
        token[at] = static_cast<char>(token[at] ^ 1 << random() % 8);
        break;
      case 3:
        token.erase(at, count);
        break;
      case 4:
        token.insert(at, count, kAlphabet[random() % kAlphabet.size()]);
        break;
      case 5:
        token.insert(at, token.substr(random() % token.size(), count));
        break;
      default:
        std::swap(token[at], token[random() % token.size()]);
    }
  }
  return token;
}

TEST_F(TokenTest, NoMutationOfATokenPasses) {
  constexpr uint32_t kSeed = 7;
  constexpr int kRounds = 20'000;
  for (const TokenSigner& signer : Signers()) {
    std::mt19937 random(kSeed);
    const std::string good = signer.Token(GoodClaims(), signer.algorithm());
    for (int i = 0; i < kRounds; ++i) {
      const std::string token = Mutate(good, random);
      EXPECT_EQ(Accepts(token), token == good) << "seed " << kSeed << " round " << i << "\n"
                                               << good << "\n"
                                               << token;
    }
  }
}

TEST_F(TokenTest, KeysChangeUnderVerification) {
  const TokenSigner next = TokenSigner::P256();
  const JwkSet old_set = MakeSet({EcSigner()}, /*with_ids=*/true);
  const JwkSet new_set = MakeSet({next, SharedSigner()}, /*with_ids=*/true);
  const std::string old_token = EcSigner().Token(GoodClaims(), "ES256");
  const std::string new_token = next.Token(GoodClaims(), "ES256");
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) (void)verifier_.Verify(old_token, kNow);
  });
  for (int i = 0; i < 300; ++i) {
    verifier_.UseKeys(new_set);
    EXPECT_TRUE(Accepts(new_token) && !Accepts(old_token));
    verifier_.UseKeys(old_set);
    EXPECT_TRUE(!Accepts(new_token) && Accepts(old_token));
  }
  done = true;
  reader.join();
}

}  // namespace
}  // namespace common::rpc
