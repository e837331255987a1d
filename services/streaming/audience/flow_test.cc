#include "services/streaming/audience/flow.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace streaming::audience {
namespace {

using common::FromMicros;
using common::Uuid;

const common::Time kNow = FromMicros(1'700'000'000'123'456);

Uuid Session(uint64_t number) { return Uuid::FromRandomBits(7, number); }

TEST(FlowTest, BytesGiveTheFlowBackAndNothingElseDoes) {
  const Flow flow = {
      .kind = FlowKind::kRaid, .from = Session(1), .to = Session(2), .heads = 70'000, .at = kNow};
  const std::string bytes = EncodeFlow(flow);
  EXPECT_EQ(bytes.size(), 45u);
  EXPECT_EQ(DecodeFlow(bytes), flow);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(DecodeFlow(std::string_view(bytes).substr(0, length)), std::nullopt) << length;
  }
  EXPECT_EQ(DecodeFlow(bytes + "x"), std::nullopt);
  for (const char kind : {'\0', '\3', '\xff'}) {
    EXPECT_EQ(DecodeFlow(kind + bytes.substr(1)), std::nullopt);
  }
}

TEST(MigrationsTest, ARoundIsOneFlowAPairAndThenForgotten) {
  Migrations migrations;
  migrations.Add(Session(1), Session(2), 3);
  migrations.Add(Session(2), Session(1), 5);
  migrations.Add(Session(1), Session(2), 4);
  migrations.Add(Session(1), Session(3), 0);
  const auto flows = migrations.Take(kNow);
  ASSERT_EQ(flows.size(), 2u);
  EXPECT_EQ(flows[0], (Flow{.from = Session(1), .to = Session(2), .heads = 7, .at = kNow}));
  EXPECT_EQ(flows[1], (Flow{.from = Session(2), .to = Session(1), .heads = 5, .at = kNow}));
  EXPECT_TRUE(migrations.Take(kNow).empty());
}

TEST(MigrationsTest, OnlyTheLargestAreTold) {
  Migrations migrations;
  for (uint32_t i = 0; i < Migrations::kPairsMost + 10; ++i) {
    migrations.Add(Session(i), Session(i + 1), 1 + i % 1000);
  }
  const auto flows = migrations.Take(kNow);
  ASSERT_EQ(flows.size(), Migrations::kMost);
  for (const Flow& flow : flows) EXPECT_GT(flow.heads, 900u);
  EXPECT_TRUE(std::ranges::is_sorted(flows, std::greater<>{}, &Flow::heads));
}

}  // namespace
}  // namespace streaming::audience
