#include "libs/common/runtime/settings.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/testing/servers.h"

namespace common::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Settings {
  ServerSettings server;
};

// What Check says to these values of settings without their prefix.
std::vector<std::string> Problems(const config::Environment& values) {
  config::Environment environment{{"APP_AUTH_MODE", "insecure"}};
  for (const auto& [name, value] : values) environment["APP_" + name] = value;
  Settings settings;
  const auto report = config::Load(
      settings, ServerRows<Settings>({.prefix = "APP", .database = "app"}, &Settings::server),
      "APP_", environment);
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.warnings, IsEmpty());
  return Check(settings.server, "APP");
}

TEST(ServerSettingsTest, TokensNeedAKey) {
  EXPECT_THAT(Problems({{"AUTH_MODE", "none"}}),
              ElementsAre("APP_AUTH_MODE: must be token or insecure"));
  EXPECT_THAT(Problems({{"AUTH_MODE", "token"}, {"AUTH_HS256_KEY", "short"}}),
              ElementsAre("APP_AUTH_HS256_KEY: at least 32 bytes are required"));
}

TEST(ServerSettingsTest, WhatBelongsTogetherComesTogether) {
  const testing::TempDir folder;
  const std::string file = folder.path() / "file";
  std::ofstream(file) << "x";
  EXPECT_THAT(Problems({}), IsEmpty());
  EXPECT_THAT(Problems({{"GRPC_TLS_CERT_FILE", file}}),
              ElementsAre("APP_GRPC_TLS_KEY_FILE: required with APP_GRPC_TLS_CERT_FILE"));
  EXPECT_THAT(Problems({{"GRPC_TLS_KEY_FILE", file}}),
              ElementsAre("APP_GRPC_TLS_CERT_FILE: required with APP_GRPC_TLS_KEY_FILE"));
  EXPECT_THAT(
      Problems({{"GRPC_TLS_CLIENT_CA_FILE", file}}),
      ElementsAre("APP_GRPC_TLS_CLIENT_CA_FILE: needs a certificate and key of the server's own"));
  EXPECT_THAT(Problems({{"NATS_USER", "a"}}),
              ElementsAre("APP_NATS_PASSWORD: required with APP_NATS_USER"));
  EXPECT_THAT(Problems({{"NATS_PASSWORD", "a"}}),
              ElementsAre("APP_NATS_USER: required with APP_NATS_PASSWORD"));
  EXPECT_THAT(Problems({{"NATS_TLS_CA_FILE", file}}),
              ElementsAre("APP_NATS_TLS_HOSTNAME: required with APP_NATS_TLS_CA_FILE"));
  EXPECT_THAT(Problems({{"NATS_TLS_HOSTNAME", "a"}}),
              ElementsAre("APP_NATS_TLS_CA_FILE: required with APP_NATS_TLS_HOSTNAME"));
  EXPECT_THAT(
      Problems({{"NATS_TLS_CERT_FILE", file}, {"NATS_TLS_KEY_FILE", file}}),
      ElementsAre("APP_NATS_TLS_CERT_FILE: needs the authority of the server's certificate"));
  EXPECT_THAT(Problems({{"NATS_URL", "nats://a:1,tls://b:1"}}),
              ElementsAre("APP_NATS_TLS_CA_FILE: required with a tls:// URL"));
  EXPECT_THAT(Problems({{"REDIS_ADDR", "a:1,b:1"}}),
              ElementsAre("APP_REDIS_ADDR: several addresses need APP_REDIS_CLUSTER"));
  EXPECT_THAT(Problems({{"REDIS_ADDR", "a:1,b:1"}, {"REDIS_CLUSTER", "true"}}), IsEmpty());
  EXPECT_THAT(Problems({{"REDIS_USER", "a"}}),
              ElementsAre("APP_REDIS_PASSWORD: required with APP_REDIS_USER"));
  EXPECT_THAT(Problems({{"GRPC_TLS_CERT_FILE", file},
                        {"GRPC_TLS_KEY_FILE", file},
                        {"GRPC_TLS_CLIENT_CA_FILE", file},
                        {"NATS_URL", "tls://a:1"},
                        {"NATS_USER", "a"},
                        {"NATS_PASSWORD", "a"},
                        {"NATS_TLS_CA_FILE", file},
                        {"NATS_TLS_HOSTNAME", "a"},
                        {"NATS_TLS_CERT_FILE", file},
                        {"NATS_TLS_KEY_FILE", file},
                        {"MYSQL_TLS_CA_FILE", file},
                        {"REDIS_USER", "a"},
                        {"REDIS_PASSWORD", "a"}}),
              IsEmpty());
}

TEST(ServerSettingsTest, NatsKnowsOneIdentityOnly) {
  const testing::TempDir folder;
  const std::string file = folder.path() / "file";
  std::ofstream(file) << "x";
  const std::vector<config::Environment> identities = {
      {{"NATS_URL", "nats://a:b@c:1"}},
      {{"NATS_USER", "a"}, {"NATS_PASSWORD", "a"}},
      {{"NATS_TOKEN", "a"}},
      {{"NATS_CREDENTIALS_FILE", file}},
  };
  for (size_t i = 0; i < identities.size(); ++i) {
    EXPECT_THAT(Problems(identities[i]), IsEmpty());
    for (size_t j = 0; j < i; ++j) {
      config::Environment both = identities[i];
      both.insert(identities[j].begin(), identities[j].end());
      EXPECT_THAT(Problems(both),
                  ElementsAre("APP_NATS_USER, NATS_TOKEN, NATS_CREDENTIALS_FILE and a user in "
                              "NATS_URL exclude each other"));
    }
  }
}

TEST(ServerSettingsTest, FilesAreLookedForAtTheStart) {
  const testing::TempDir folder;
  const std::string folder_path = folder.path();
  const std::string absent = folder.path() / "absent";
  const std::string empty = folder.path() / "empty";
  std::ofstream{empty};
  EXPECT_THAT(Problems({{"GRPC_TLS_CERT_FILE", absent},
                        {"GRPC_TLS_KEY_FILE", empty},
                        {"GRPC_TLS_CLIENT_CA_FILE", folder_path},
                        {"NATS_CREDENTIALS_FILE", absent},
                        {"NATS_TLS_CA_FILE", absent},
                        {"NATS_TLS_HOSTNAME", "a"},
                        {"NATS_TLS_CERT_FILE", absent},
                        {"NATS_TLS_KEY_FILE", absent},
                        {"MYSQL_TLS_CA_FILE", absent}}),
              ElementsAre("APP_GRPC_TLS_CERT_FILE: the file cannot be read or is empty",
                          "APP_GRPC_TLS_KEY_FILE: the file cannot be read or is empty",
                          "APP_GRPC_TLS_CLIENT_CA_FILE: the file cannot be read or is empty",
                          "APP_NATS_CREDENTIALS_FILE: the file cannot be read or is empty",
                          "APP_NATS_TLS_CA_FILE: the file cannot be read or is empty",
                          "APP_NATS_TLS_CERT_FILE: the file cannot be read or is empty",
                          "APP_NATS_TLS_KEY_FILE: the file cannot be read or is empty",
                          "APP_MYSQL_TLS_CA_FILE: the file cannot be read or is empty"));
}

}  // namespace
}  // namespace common::runtime
