#include "libs/common/rpc/jwk_set.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/err.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/testing/token_signer.h"

namespace common::rpc {
namespace {

using nlohmann::json;
using testing::TokenSigner;

constexpr const char* kSharedKey = "0123456789abcdef0123456789abcdef";

const TokenSigner& RsaSigner() {
  static const TokenSigner signer = TokenSigner::Rsa();
  return signer;
}
const TokenSigner& EcSigner() {
  static const TokenSigner signer = TokenSigner::P256();
  return signer;
}

// The key with members added or replaced.
json With(json jwk, const json& members) {
  jwk.update(members);
  return jwk;
}

absl::StatusOr<JwkSet> ParseKeys(const std::vector<json>& keys) {
  return JwkSet::Parse(json{{"keys", keys}}.dump());
}

std::string Problem(const absl::StatusOr<JwkSet>& set) {
  return set.ok() ? "none" : std::string(ToStd(set.status().message()));
}

// What is said of a key that is left out, alone in its set.
std::string ProblemOf(const json& jwk) {
  const std::string problem = Problem(ParseKeys({jwk}));
  const std::string expected = "no usable key. keys[0]: ";
  EXPECT_TRUE(problem.starts_with(expected)) << problem;
  return problem.substr(std::min(problem.size(), expected.size()));
}

// Of RFC 7515 appendices A.1.1, A.2.1 and A.3.1: the payload of all three, and the public halves.
constexpr std::string_view kRfcPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const json kRfcHs256{
    {"kty", "oct"},
    {"k",
     "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}};
const json kRfcRs256{{"kty", "RSA"},
                     {"n",
                      "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx"
                      "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
                      "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
                      "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
                      "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
                      "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
                     {"e", "AQAB"}};
const json kRfcEs256{{"kty", "EC"},
                     {"crv", "P-256"},
                     {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                     {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}};

TEST(JwkSet, VerifiesTheExamplesOfRfc7515AppendixA) {
  const auto set = ParseKeys({kRfcHs256, kRfcRs256, kRfcEs256});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->size(), 3u);
  struct Example {
    TokenAlgorithm algorithm;
    std::string header;
    std::string signature;
  };
  const Example examples[] = {{TokenAlgorithm::kHs256, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
                               "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
                              {TokenAlgorithm::kRs256, "eyJhbGciOiJSUzI1NiJ9",
                               "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
                               "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
                               "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
                               "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
                               "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
                               "p0igcN_IoypGlUPQGe77Rw"},
                              {TokenAlgorithm::kEs256, "eyJhbGciOiJFUzI1NiJ9",
                               "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
                               "pmWQxfKTUJqPP3-Kg6NU1Q"}};
  for (const Example& example : examples) {
    const std::string data = example.header + "." + std::string(kRfcPayload);
    const auto signature = crypto::Base64UrlDecode(example.signature);
    ASSERT_TRUE(signature);
    EXPECT_TRUE(set->Verifies(example.algorithm, std::nullopt, data, *signature)) << data;
    EXPECT_FALSE(set->Verifies(example.algorithm, std::nullopt, data + "x", *signature)) << data;
    for (const auto other :
         {TokenAlgorithm::kHs256, TokenAlgorithm::kRs256, TokenAlgorithm::kEs256}) {
      EXPECT_EQ(set->Verifies(other, std::nullopt, data, *signature), other == example.algorithm);
    }
  }
}

// Its first key is for encryption.
TEST(JwkSet, ReadsTheSetOfRfc7517AppendixA1) {
  const std::string modulus =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86z"
      "wu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5Js"
      "GY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
      "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
      "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
      "Cur-kEgU8awapJzKnqDKgw";
  const auto set = JwkSet::Parse(R"({"keys":
       [
         {"kty":"EC",
          "crv":"P-256",
          "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
          "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
          "use":"enc",
          "kid":"1"},

         {"kty":"RSA",
          "n": ")" + modulus + R"(",
          "e":"AQAB",
          "alg":"RS256",
          "kid":"2011-04-29"}
       ]
     })");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->size(), 1u);
  EXPECT_EQ(set->skipped(), std::vector<std::string>{"keys[0]: the use is not sig"});
}

TEST(JwkSet, TheIdSelects) {
  const json alone = RsaSigner().Jwk();
  const std::string signature = RsaSigner().Sign("data");
  const auto verifies = [&](const json& key, const std::optional<std::string>& id) {
    return ParseKeys({key})->Verifies(TokenAlgorithm::kRs256, id, "data", signature);
  };
  EXPECT_TRUE(verifies(alone, std::nullopt));
  EXPECT_TRUE(verifies(alone, "any"));
  EXPECT_TRUE(verifies(With(alone, {{"kid", "a"}}), "a"));
  for (const char* other : {"b", "A", "", "aa"}) {
    EXPECT_FALSE(verifies(With(alone, {{"kid", "a"}}), other)) << other;
  }
  EXPECT_FALSE(verifies(With(alone, {{"kid", "a"}}), std::nullopt));
  EXPECT_FALSE(verifies(With(alone, {{"kid", ""}}), std::nullopt));
  EXPECT_TRUE(verifies(With(alone, {{"kid", ""}}), ""));
}

TEST(JwkSet, KeysMayShareAnId) {
  const auto set =
      ParseKeys({With(TokenSigner::P256().Jwk(), {{"kid", "a"}}),
                 With(RsaSigner().Jwk(), {{"kid", "a"}}), With(EcSigner().Jwk(), {{"kid", "a"}})});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->Verifies(TokenAlgorithm::kEs256, "a", "data", EcSigner().Sign("data")));
  EXPECT_TRUE(set->Verifies(TokenAlgorithm::kRs256, "a", "data", RsaSigner().Sign("data")));
}

TEST(JwkSet, AKeySaysWhatItIsFor) {
  const json rsa = RsaSigner().Jwk();
  for (const json& good :
       {With(rsa, {{"use", "sig"}}), With(rsa, {{"alg", "RS256"}}),
        With(rsa, {{"key_ops", {"verify"}}}), With(rsa, {{"x5t", "what else is known"}})}) {
    EXPECT_TRUE(ParseKeys({good}).ok()) << good;
  }
  for (const json& use : {json("enc"), json("SIG"), json(""), json(1), json()}) {
    EXPECT_EQ(ProblemOf(With(rsa, {{"use", use}})), "the use is not sig");
  }
  for (const json& operations :
       {json::array(), json::array({"sign"}), json("verify"), json(), json::array({1})}) {
    EXPECT_EQ(ProblemOf(With(rsa, {{"key_ops", operations}})), "the key_ops do not say verify");
  }
  for (const json& id : {json(1), json(), json::array({"a"})}) {
    EXPECT_EQ(ProblemOf(With(rsa, {{"kid", id}})), "the kid is no text");
  }
}

TEST(JwkSet, AKeyHasTheAlgorithmOfItsTypeOnly) {
  const json keys[] = {RsaSigner().Jwk(), EcSigner().Jwk(), TokenSigner::Shared(kSharedKey).Jwk()};
  const std::string own[] = {"RS256", "ES256", "HS256"};
  for (size_t i = 0; i < 3; ++i) {
    for (const char* algorithm : {"RS256", "ES256", "HS256", "RS384", "RS512", "PS256", "ES384",
                                  "HS512", "none", "rs256", ""}) {
      const json key = With(keys[i], {{"alg", algorithm}});
      if (own[i] == algorithm) {
        EXPECT_TRUE(ParseKeys({key}).ok()) << key;
      } else {
        EXPECT_EQ(ProblemOf(key), "the alg is not HS256 for oct, RS256 for RSA, ES256 for EC");
      }
    }
  }
  for (const json& members :
       {json{{"kty", "OKP"}}, json{{"kty", "oct "}}, json{{"kty", 1}}, json{{"crv", "P-384"}},
        json{{"crv", "secp256k1"}}, json{{"kty", "rsa"}}}) {
    EXPECT_EQ(ProblemOf(With(EcSigner().Jwk(), members)),
              "the kty is not oct, RSA, or EC on P-256");
  }
  EXPECT_EQ(ProblemOf(json::object()), "the kty is not oct, RSA, or EC on P-256");
  EXPECT_EQ(ProblemOf("text"), "a key must be an object");
}

TEST(JwkSet, LeavesOutWeakAndUnsoundKeys) {
  const json rsa = RsaSigner().Jwk();
  const json ec = EcSigner().Jwk();
  const std::string k31 = crypto::Base64UrlEncode(std::string(31, 'k'));
  const std::string bits = "the RSA modulus must have 2048 to 8192 bits";
  const std::string no_key = "modulus and exponent are no RSA key";
  const std::string even(256, '\xfe');
  const std::string padded =
      std::string(1, '\0') + *crypto::Base64UrlDecode(ec["x"].get<std::string>());
  const std::pair<json, std::string> cases[] = {
      {json{{"kty", "oct"}, {"k", k31}}, "k must have at least 32 bytes"},
      {json{{"kty", "oct"}}, "k is absent or no base64url"},
      {json{{"kty", "oct"}, {"k", k31 + "="}}, "k is absent or no base64url"},
      {TokenSigner::Rsa(1024).Jwk(), bits},
      {With(rsa, {{"n", ""}}), bits},
      {With(rsa, {{"n", crypto::Base64UrlEncode(std::string(257, '\0') + "x")}}), bits},
      {With(rsa, {{"n", crypto::Base64UrlEncode(std::string(1025, '\xff'))}}), bits},
      {With(rsa, {{"n", crypto::Base64UrlEncode(even)}}), no_key},
      {With(rsa, {{"n", 5}}), "n is absent or no base64url"},
      {With(rsa, {{"e", ""}}), no_key},
      {With(rsa, {{"e", "AQ"}}), no_key},    // 1: every text would be its own signature
      {With(rsa, {{"e", "AQAA"}}), no_key},  // even
      {With(rsa, {{"e", "AQAAAAE"}}), "the RSA exponent must have at most 32 bits"},
      {With(ec, {{"x", ec["y"]}}), "the point is not on the curve"},
      {With(ec, {{"x", crypto::Base64UrlEncode(padded)}}),
       "the coordinates must have 32 bytes each"},
      {With(ec, {{"y", "AA"}}), "the coordinates must have 32 bytes each"},
  };
  for (const auto& [key, problem] : cases) {
    EXPECT_EQ(ProblemOf(key), problem) << key;
    const auto beside = ParseKeys({key, ec});
    ASSERT_TRUE(beside.ok()) << key;
    EXPECT_EQ(beside->size(), 1u);
    EXPECT_EQ(beside->skipped(), std::vector<std::string>{"keys[0]: " + problem});
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "left for the thread's TLS connections";
}

TEST(JwkSet, RefusesThePrivateHalfOfAKeyPair) {
  const json ec = EcSigner().Jwk();
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth"}) {
    for (const json& key : {RsaSigner().Jwk(), ec, json{{"kty", "OKP"}, {"use", "enc"}}}) {
      EXPECT_EQ(Problem(ParseKeys({ec, With(key, {{member, "AQAB"}})})),
                "keys[1]: holds a private key; give the daemon the public half only");
    }
  }
}

TEST(JwkSet, RefusesWhatIsNoSet) {
  const json ec = EcSigner().Jwk();
  const std::string key = ec.dump();
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), "[" + key + "]",
        "{\"keys\":[" + key + "],\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\"," + key.substr(1) + "]}", "{\"keys\":[" + key + "]}x",
        "{\"keys\":[" + key + "]}" + std::string(1, '\0'),
        "{\"keys\":[" + key + "],\"x\":" + std::string(20, '[') + std::string(20, ']') + "}",
        "{\"keys\":[" + key + "],\"x\":1e999}", "{\"keys\":[" + key + "],\"x\":\"\xff\"}",
        std::string(200'000, '['), std::string("{\"keys\":") + std::string(100'000, '{')}) {
    EXPECT_EQ(Problem(JwkSet::Parse(text)), "no JSON object, or one with a repeated name")
        << text.substr(0, 300);
  }
  for (const char* text : {"{}", R"({"keys":{}})", R"({"keys":null})", R"({"Keys":[]})"}) {
    EXPECT_EQ(Problem(JwkSet::Parse(text)), "no JWK Set: keys must be a list") << text;
  }
  EXPECT_EQ(Problem(ParseKeys({})), "no usable key. ");
}

TEST(JwkSet, IsBounded) {
  const json ec = EcSigner().Jwk();
  EXPECT_EQ(ParseKeys(std::vector<json>(JwkSet::kKeysMax, ec))->size(), JwkSet::kKeysMax);
  EXPECT_EQ(Problem(ParseKeys(std::vector<json>(JwkSet::kKeysMax + 1, ec))),
            "a key set may have 64 keys");
  std::string text = json{{"keys", json::array({ec})}}.dump();
  text.resize(JwkSet::kBytesMax, ' ');
  EXPECT_TRUE(JwkSet::Parse(text).ok());
  EXPECT_EQ(Problem(JwkSet::Parse(text + " ")), "a key set may have 256 KiB");
}

}  // namespace
}  // namespace common::rpc
