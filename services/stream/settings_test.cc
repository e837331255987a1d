#include "services/stream/settings.h"

#include <gtest/gtest.h>

#include "libs/common/crypto/encoding.h"

namespace stream {
namespace {

using common::config::Environment;

std::vector<std::string> Problems(const Environment& environment) {
  Settings settings;
  const auto report = common::config::Load(settings, SettingsTable(), "STREAM_", environment);
  EXPECT_TRUE(report.errors.empty());
  EXPECT_TRUE(report.warnings.empty());
  return Check(settings);
}

TEST(Settings, TheDefaultsAreGoodAndOff) {
  Settings settings;
  EXPECT_TRUE(common::config::Load(settings, SettingsTable(), "STREAM_", {}).errors.empty());
  EXPECT_TRUE(Check(settings).empty());
  EXPECT_FALSE(settings.server.enabled);
  EXPECT_EQ(settings.pulse_interval, std::chrono::seconds(15));
  EXPECT_EQ(settings.server.grpc_addr.ToString(), "127.0.0.1:50051");
}

TEST(Settings, WhatOneRowCannotSeeIsFoundTogether) {
  EXPECT_EQ(Problems({{"STREAM_SENTIMENT_MIN_BATCH_SIZE", "300"},
                      {"STREAM_TOKEN_ENCRYPTION_KEY", "c2hvcnQ="},
                      {"STREAM_TWITCH_WEBHOOK_SECRET", "short"},
                      {"STREAM_PUBLIC_URL", "stream.example.net"}})
                .size(),
            4u);
  EXPECT_EQ(Problems({{"STREAM_TWITCH_CLIENT_ID", "id"}}).size(), 3u);
  EXPECT_TRUE(Problems({{"STREAM_TWITCH_CLIENT_ID", "id"},
                        {"STREAM_TWITCH_CLIENT_SECRET", "secret"},
                        {"STREAM_TWITCH_WEBHOOK_SECRET", "0123456789"},
                        {"STREAM_TOKEN_ENCRYPTION_KEY",
                         common::crypto::Base64Encode(std::string(32, 'k'))}})
                  .empty());
}

}  // namespace
}  // namespace stream
