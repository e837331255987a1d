#include "services/stream/platforms/answer_client.h"

#include <gtest/gtest.h>

namespace stream::platforms {
namespace {

using std::chrono::seconds;

TEST(AnswerTest, TokensOfEitherPlatform) {
  const common::Time now = common::Now();
  const auto twitch =
      ReadTokens(R"({"access_token":"a","expires_in":14124,"refresh_token":"r\u002fr",)"
                 R"("scope":["bits:read","user:bot"],"token_type":"bearer"})",
                 now);
  ASSERT_TRUE(twitch);
  EXPECT_EQ(twitch->access.Reveal(), "a");
  EXPECT_EQ(twitch->refresh.Reveal(), "r/r");
  EXPECT_EQ(twitch->expires_at, now + seconds(14124));
  EXPECT_EQ(twitch->scopes, (std::vector<std::string>{"bits:read", "user:bot"}));

  const auto google = ReadTokens(
      R"({"access_token":"a","expires_in":3599,"scope":"one  two","token_type":"Bearer"})", now);
  ASSERT_TRUE(google);
  EXPECT_TRUE(google->refresh.empty());
  EXPECT_EQ(google->scopes, (std::vector<std::string>{"one", "two"}));
}

TEST(AnswerTest, WhatIsMissingOrNullIsEmpty) {
  const common::Time now = common::Now();
  const auto bare = ReadTokens(R"({"access_token":"a","scope":null,"refresh_token":null})", now);
  ASSERT_TRUE(bare);
  EXPECT_TRUE(bare->scopes.empty());
  EXPECT_TRUE(bare->refresh.empty());
  EXPECT_EQ(bare->expires_at, now);
}

TEST(AnswerTest, NoTokens) {
  for (const char* body : {"", "[]", "{", R"({"error":"invalid_grant"})", R"({"access_token":7})",
                           R"({"access_token":""})", R"({"access_token":"a","expires_in":"soon"})",
                           R"({"access_token":"a"} x)"}) {
    EXPECT_FALSE(ReadTokens(body, common::Now())) << body;
  }
}

// A platform may say anything; a time must not run over.
TEST(AnswerTest, AnEndlessLifeIsCut) {
  const common::Time now = common::Now();
  const auto tokens = ReadTokens(R"({"access_token":"a","expires_in":9223372036854775807})", now);
  ASSERT_TRUE(tokens);
  EXPECT_GT(tokens->expires_at, now);
  EXPECT_EQ(ReadTokens(R"({"access_token":"a","expires_in":-5})", now)->expires_at, now);
}

TEST(AnswerTest, FindsATextOnly) {
  EXPECT_EQ(FindText(R"({"status":400,"message":"Invalid refresh token"})", "message"),
            "Invalid refresh token");
  EXPECT_EQ(FindText(R"({"message":{"message":"x"}})", "message"), "");
  EXPECT_EQ(FindText("<html>", "message"), "");
}

}  // namespace
}  // namespace stream::platforms
