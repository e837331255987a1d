#include "libs/common/runtime/auth.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/testing/servers.h"
#include "libs/common/testing/token_signer.h"

namespace common::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::TokenSigner;

constexpr const char* kSharedKey = "0123456789abcdef0123456789abcdef";
const Time kStart = *ParseTime("2026-01-02T03:04:05Z");

ServerSettings Settings() {
  ServerSettings settings;
  settings.log_level = "info";
  settings.auth_mode = "token";
  settings.auth_issuer = "iss";
  settings.auth_audience = "aud";
  return settings;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class AuthTest : public ::testing::Test {
 protected:
  void SetFile(const std::string& text) {
    std::ofstream(directory_.path() / "new") << text;
    fs::rename(directory_.path() / "new", path_);
  }
  void SetKeys(const std::vector<const TokenSigner*>& signers) {
    json keys = json::array();
    for (const TokenSigner* signer : signers) keys.push_back(signer->Jwk());
    SetFile(json{{"keys", keys}}.dump());
  }
  // A token that expires a minute after kStart.
  static bool Accepts(const Auth& auth, const TokenSigner& signer, Time now = kStart) {
    const json claims{{"iss", "iss"}, {"aud", "aud"}, {"exp", ToMicros(kStart) / 1'000'000 + 60}};
    return auth.verifier().Verify(signer.Token(claims), now).ok();
  }
  // The value of a metric, as the page shows it.
  std::string Metric(const std::string& name) {
    const std::string page = "\n" + metrics_.Text();
    const size_t at = page.find("\n" + name + " ");
    if (at == std::string::npos) return "absent";
    const size_t value = at + name.size() + 2;
    return page.substr(value, page.find('\n', value) - value);
  }
  std::string Used() { return Metric("auth_key_file_reads_total{result=\"used\"}"); }
  std::string Refused() { return Metric("auth_key_file_reads_total{result=\"refused\"}"); }

  testing::TempDir directory_;
  const fs::path path_ = directory_.path() / "keys.json";
  metrics::Registry metrics_;
};

TEST_F(AuthTest, TheSettingsReachTheVerifier) {
  const TokenSigner signer = TokenSigner::Shared(kSharedKey);
  ServerSettings good = Settings();
  good.auth_hs256_key = config::Secret(kSharedKey);
  EXPECT_TRUE(Accepts(Auth(good, metrics_), signer));
  ServerSettings other = good;
  other.auth_issuer = "other";
  EXPECT_FALSE(Accepts(Auth(other, metrics_), signer));
  other = good;
  other.auth_audience = "other";
  EXPECT_FALSE(Accepts(Auth(other, metrics_), signer));
  other = good;
  other.auth_hs256_key = config::Secret("another key of at least 32 bytes");
  EXPECT_FALSE(Accepts(Auth(other, metrics_), signer));

  constexpr std::chrono::seconds kLate{60 + 200};
  EXPECT_FALSE(Accepts(Auth(good, metrics_), signer, kStart + kLate));
  other = good;
  other.auth_clock_skew = std::chrono::seconds(300);
  EXPECT_TRUE(Accepts(Auth(other, metrics_), signer, kStart + kLate));
}

TEST_F(AuthTest, RotatesKeysAndKeepsTheOldOnesOverABadFile) {
  const TokenSigner before = TokenSigner::P256();
  const TokenSigner after = TokenSigner::P256();
  SetKeys({&before});
  ServerSettings settings = Settings();
  settings.auth_keys_file = path_;
  Auth auth(settings, metrics_);
  EXPECT_TRUE(Accepts(auth, before) && !Accepts(auth, after));
  EXPECT_EQ(Metric("auth_keys"), "1");

  SetKeys({&before, &after});
  auth.Tick(kStart);
  EXPECT_TRUE(Accepts(auth, before) && Accepts(auth, after));
  EXPECT_EQ(Metric("auth_keys"), "2");
  EXPECT_EQ(Used(), "2");

  for (const std::string bad : {"garbage", "", R"({"keys":[]})"}) {
    ::testing::internal::CaptureStderr();
    SetFile(bad);
    for (int i = 0; i < 5; ++i) auth.Tick(kStart);
    EXPECT_EQ(Count(::testing::internal::GetCapturedStderr(), "auth.keys_refused"), 1u);
    EXPECT_TRUE(Accepts(auth, before) && Accepts(auth, after));
    EXPECT_EQ(Metric("auth_keys"), "2");
  }
  fs::remove(path_);
  for (int i = 0; i < 5; ++i) auth.Tick(kStart);
  EXPECT_TRUE(Accepts(auth, before) && Accepts(auth, after));
  EXPECT_EQ(Refused(), "4");
  EXPECT_EQ(Used(), "2");

  SetKeys({&after});
  for (int i = 0; i < 5; ++i) auth.Tick(kStart);
  EXPECT_TRUE(!Accepts(auth, before) && Accepts(auth, after));
  EXPECT_EQ(Used(), "3");
  EXPECT_EQ(Metric("auth_insecure"), "0");
}

TEST_F(AuthTest, NamesTheKeysThatItLeavesOut) {
  json key = TokenSigner::P256().Jwk();
  json other = key;
  other["use"] = "enc";
  SetFile(json{{"keys", json::array({key, other})}}.dump());
  ServerSettings settings = Settings();
  settings.auth_keys_file = path_;
  ::testing::internal::CaptureStderr();
  const Auth auth(settings, metrics_);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(Count(log, "auth.key_skipped"), 1u);
  EXPECT_EQ(Count(log, "keys[1]: the use is not sig"), 1u);
}

TEST_F(AuthTest, KeepsSayingThatNobodyIsAsked) {
  ServerSettings settings = Settings();
  settings.auth_mode = "insecure";
  Auth auth(settings, metrics_);
  ::testing::internal::CaptureStderr();
  for (int second = 0; second < 180; ++second) auth.Tick(kStart + std::chrono::seconds(second));
  EXPECT_EQ(Count(::testing::internal::GetCapturedStderr(), "auth.insecure"), 3u);
  EXPECT_EQ(Metric("auth_insecure"), "1");
}

// What Check finds, one line a problem.
std::string Problems(const ServerSettings& settings) {
  std::string lines;
  for (const std::string& problem : Check(settings, "X")) lines += problem + "\n";
  return lines;
}

TEST_F(AuthTest, ADaemonNeedsAKeyUnlessItIsInsecure) {
  ServerSettings settings = Settings();
  EXPECT_EQ(Problems(settings),
            "X_AUTH_HS256_KEY: auth mode token needs it, or an AUTH_KEYS_FILE\n");
  settings.auth_mode = "insecure";
  EXPECT_EQ(Problems(settings), "");
  settings.auth_mode = "Insecure";
  EXPECT_EQ(Problems(settings), "X_AUTH_MODE: must be token or insecure\n");
  settings = Settings();
  settings.auth_hs256_key = config::Secret(std::string(31, 'k'));
  EXPECT_EQ(Problems(settings), "X_AUTH_HS256_KEY: at least 32 bytes are required\n");
  settings.auth_hs256_key = config::Secret(kSharedKey);
  EXPECT_EQ(Problems(settings), "");
}

TEST_F(AuthTest, ADaemonNeedsAGoodKeyFile) {
  ServerSettings settings = Settings();
  settings.auth_keys_file = path_;
  EXPECT_EQ(Problems(settings), "X_AUTH_KEYS_FILE: no readable file\n");
  SetFile(R"({"keys":[{"kty":"OKP"}]})");
  EXPECT_EQ(Problems(settings),
            "X_AUTH_KEYS_FILE: no usable key. keys[0]: the kty is not oct, RSA, or EC on P-256\n");
  const TokenSigner signer = TokenSigner::P256();
  SetKeys({&signer});
  EXPECT_EQ(Problems(settings), "");
}

}  // namespace
}  // namespace common::runtime
