#include "libs/common/rpc/refusal.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/errors/errors.h"

namespace common::rpc {
namespace {

nlohmann::json BodyOf(const absl::Status& status) {
  return nlohmann::json::parse(RefusalOf(status).body);
}

TEST(Refusal, HasTheReasonOfRpcsAndTheStatusOfItsCode) {
  const auto status_of = [](const errors::Reason& reason) {
    const absl::Status status = errors::Make(reason, "words");
    EXPECT_EQ(BodyOf(status), (nlohmann::json{{"reason", reason.name}, {"message", "words"}}));
    return RefusalOf(status).status;
  };
  EXPECT_EQ(status_of(errors::kTokenMissing), 401);
  EXPECT_EQ(status_of(errors::kTokenInvalid), 401);
  EXPECT_EQ(status_of(errors::kPermissionDenied), 403);
  EXPECT_EQ(status_of(errors::kServiceDisabled), 503);
  EXPECT_EQ(status_of(errors::kUnavailable), 503);
  EXPECT_EQ(status_of(errors::kOverloaded), 503);
  EXPECT_EQ(status_of(errors::kDeadlineExceeded), 503);
  EXPECT_EQ(status_of(errors::kInternal), 500);
}

TEST(Refusal, WhatNoReasonMadeIsNotQuoted) {
  for (const absl::Status& status :
       {absl::UnavailableError("a secret"), absl::DeadlineExceededError("a secret"),
        absl::ResourceExhaustedError("a secret"), absl::InternalError("a secret"),
        absl::DataLossError("a secret")}) {
    EXPECT_EQ(RefusalOf(status).body.find("secret"), std::string::npos) << status;
  }
  EXPECT_EQ(BodyOf(absl::UnavailableError("x"))["reason"], "DEPENDENCY_UNAVAILABLE");
  EXPECT_EQ(BodyOf(absl::DataLossError("x"))["reason"], "INTERNAL");
}

TEST(Refusal, IsKeptByNobodyAndAsksForAToken) {
  using http::FindHeader;
  const auto missing = RefusalOf(errors::Make(errors::kTokenMissing, "words"));
  EXPECT_EQ(FindHeader(missing.headers, "cache-control"), "no-store");
  EXPECT_EQ(FindHeader(missing.headers, "www-authenticate"), "Bearer");
  const auto denied = RefusalOf(errors::Make(errors::kPermissionDenied, "words"));
  EXPECT_EQ(FindHeader(denied.headers, "www-authenticate"), std::nullopt);
}

}  // namespace
}  // namespace common::rpc
