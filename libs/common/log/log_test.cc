#include "libs/common/log/log.h"

#include <type_traits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/config/secret.h"
#include "libs/common/trace/trace.h"

namespace common::log {
namespace {

TEST(Log, ALineIsOneJsonObjectWhateverItsFieldsHold) {
  const std::string line =
      Format(Level::kInfo, "tried", {{"text", "a\"b\n}{\xff"}, {"count", 3}, {"ratio", 0.5}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["event"], "tried");
  EXPECT_EQ(parsed["count"], 3);
  EXPECT_EQ(parsed["level"], "info");
}

TEST(Log, CarriesTheTraceOfItsScope) {
  const auto context = trace::NewRoot();
  const trace::Scope scope(context);
  const auto parsed = nlohmann::json::parse(Format(Level::kError, "x", {}));
  EXPECT_EQ(parsed["trace_id"], context.TraceIdHex());
}

TEST(Log, ASecretIsNoField) {
  EXPECT_FALSE((std::is_constructible_v<Field, std::string_view, config::Secret>));
}

TEST(Trace, ParsesItsOwnHeaderAndRefusesOthers) {
  const auto context = trace::NewRoot();
  const auto parsed = trace::Parse(context.ToTraceparent());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->trace_id, context.trace_id);
  EXPECT_EQ(trace::ChildOf(context).trace_id, context.trace_id);
  EXPECT_NE(trace::ChildOf(context).span_id, context.span_id);
  EXPECT_EQ(trace::Continue(context.ToTraceparent()).trace_id, context.trace_id);
  EXPECT_NE(trace::Continue(context.ToTraceparent()).span_id, context.span_id);
  EXPECT_NE(trace::Continue("nonsense").trace_id, trace::Continue("nonsense").trace_id);
  for (const char* bad : {"", "00-00000000000000000000000000000000-0000000000000001-01",
                          "01-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
                          "00-0123456789ABCDEF0123456789abcdef-0123456789abcdef-01",
                          "00-0123456789abcdef0123456789abcdef-0000000000000000-01"}) {
    EXPECT_FALSE(trace::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace common::log
