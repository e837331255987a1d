#include "libs/common/errors/errors.h"

#include <set>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

namespace common::errors {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status packed;
  EXPECT_TRUE(packed.ParseFromString(status.error_details()));
  return packed;
}

template <class Detail>
Detail Find(const grpc::Status& status) {
  Detail detail;
  const auto packed = Details(status);
  for (const auto& any : packed.details()) {
    if (any.Is<Detail>()) any.UnpackTo(&detail);
  }
  return detail;
}

TEST(Errors, AReasonTravelsToGrpcWithItsDomain) {
  const auto status = ToGrpc(Make(kNotOwner, "not yours"), "stream");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "not yours");
  const auto info = Find<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "NOT_OWNER");
  EXPECT_EQ(info.domain(), "stream");
}

TEST(Errors, ABareInternalErrorLosesItsText) {
  const auto status = ToGrpc(absl::InternalError("SELECT secret FROM t"), "stream");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message().find("SELECT"), std::string::npos);
  EXPECT_EQ(Find<google::rpc::ErrorInfo>(status).reason(), "INTERNAL");
}

TEST(Errors, AnUnavailableDependencyTellsWhenToRetry) {
  const auto status = ToGrpc(absl::UnavailableError("x"), "stream");
  EXPECT_GT(Find<google::rpc::RetryInfo>(status).retry_delay().nanos(), 0);
}

TEST(Errors, ManyViolationsStaySmall) {
  const std::vector<FieldViolation> many(1000, {std::string(500, 'f'), std::string(500, 'd')});
  const auto status = ToGrpc(InvalidFields(many), "stream");
  EXPECT_EQ(Find<google::rpc::BadRequest>(status).field_violations_size(), 24);
  EXPECT_LT(status.error_details().size(), 4096u + 1024u);
}

TEST(Errors, ReasonsHaveUniqueNames) {
  std::set<std::string_view> names;
  for (const Reason& reason : CommonReasons()) EXPECT_TRUE(names.insert(reason.name).second);
}

}  // namespace
}  // namespace common::errors
