// Who may call a running daemon: its keys, their exchange while it runs, and none at all.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "libs/common/testing/token_signer.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {
namespace {

namespace fs = std::filesystem;
using common::testing::Eventually;
using common::testing::TokenSigner;

std::string TokenOf(const TokenSigner& signer) {
  return signer.Token({{"iss", "bannou"},
                       {"aud", "bannou-streaming"},
                       {"exp", common::ToMicros(common::Now()) / 1'000'000 + 600},
                       {"roles", {"admin"}}},
                      signer.algorithm());
}

// Puts a set of these keys where `path` is, as `mv` does.
void PutKeys(const fs::path& path, const std::vector<const TokenSigner*>& signers) {
  nlohmann::json keys = nlohmann::json::array();
  for (const TokenSigner* signer : signers) {
    keys.push_back(signer->Jwk());
    keys.back()["kid"] = signer->algorithm();
  }
  std::ofstream(path.string() + ".new") << nlohmann::json{{"keys", keys}};
  fs::rename(path.string() + ".new", path);
}

// Whether the daemon takes the caller for somebody.
bool Knows(const Daemon& daemon, const std::string& token) {
  const Stubs stubs(
      {.stream_grpc = daemon.grpc_address(), .streaming_grpc = daemon.grpc_address()});
  const auto answer = Caller(token).Call(
      stubs.sessions, &bannou::streaming::v1::StreamSessionService::Stub::ListStreamSessions,
      bannou::streaming::v1::ListStreamSessionsRequest());
  return !absl::IsUnauthenticated(answer.status());
}

TEST(Auth, ADaemonWithoutAKeyDoesNotStart) {
  for (const std::string name : {"stream", "streaming"}) {
    const std::string prefix = name == "stream" ? "STREAM" : "STREAMING";
    const Ended ended = RunToEnd("env -i " + Program(name));
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(
        ended.output,
        "error: " + prefix + "_AUTH_HS256_KEY: auth mode token needs it, or an AUTH_KEYS_FILE\n");
  }
}

TEST(Auth, KeysRotateWhileADaemonRuns) {
  const common::testing::TempDir directory;
  const fs::path path = directory.path() / "keys.json";
  const TokenSigner before = TokenSigner::Rsa();
  const TokenSigner after = TokenSigner::P256();
  PutKeys(path, {&before});
  const Daemon daemon("streaming", "STREAMING",
                      {"AUTH_HS256_KEY=", "AUTH_KEYS_FILE=" + path.string()});
  EXPECT_TRUE(Knows(daemon, TokenOf(before)));
  EXPECT_FALSE(Knows(daemon, TokenOf(after)));

  PutKeys(path, {&before, &after});
  EXPECT_TRUE(Eventually([&] { return Knows(daemon, TokenOf(after)); }));
  EXPECT_TRUE(Knows(daemon, TokenOf(before)));

  std::ofstream(path) << "garbage";
  EXPECT_TRUE(
      Eventually([&] { return daemon.Log().find("\"auth.keys_refused\"") != std::string::npos; }));
  EXPECT_TRUE(Knows(daemon, TokenOf(before)));
  EXPECT_TRUE(Knows(daemon, TokenOf(after)));

  PutKeys(path, {&after});
  EXPECT_TRUE(Eventually([&] { return !Knows(daemon, TokenOf(before)); }));
  EXPECT_TRUE(Knows(daemon, TokenOf(after)));
}

TEST(Auth, AnInsecureDaemonSaysSo) {
  const Daemon daemon("streaming", "STREAMING", {"AUTH_MODE=insecure"});
  EXPECT_TRUE(Knows(daemon, "no token"));
  EXPECT_NE(daemon.Log().find("\"auth.insecure\""), std::string::npos);
  EXPECT_EQ(daemon.Metric("auth_insecure"), 1);
}

}  // namespace
}  // namespace story
