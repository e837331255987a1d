#include "services/streaming/hype/session_hype.h"

#include <gtest/gtest.h>

namespace streaming::hype {
namespace {

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);
const common::Uuid kSession = common::Uuid::FromRandomBits(1, 2);

std::vector<PendingTransition> PendingOf(const audience::Change& change) {
  std::vector<PendingTransition> all;
  for (const std::string& bytes : change.hype_pending) {
    auto pending = DecodePending(bytes);
    EXPECT_TRUE(pending.ok());
    if (pending.ok()) all.push_back(*pending);
  }
  return all;
}

TEST(SessionHypeTest, PutsEveryTransitionIntoTheChange) {
  const Settings settings;
  audience::Change change;
  EXPECT_FALSE(*Contribute(settings, kSession, {kNow, 1, 7}, change));
  EXPECT_TRUE(PendingOf(change).empty());
  EXPECT_EQ(change.state.hype_progress, 0);
  EXPECT_TRUE(*Contribute(settings, kSession, {kNow, 1, 8}, change));

  const auto pending = PendingOf(change);
  ASSERT_EQ(pending.size(), 2u);  // two whole contributions carry the train to level 2 at once
  EXPECT_EQ(pending[0].transition.kind, TransitionKind::kTriggered);
  EXPECT_EQ(pending[0].session, kSession);
  EXPECT_EQ(pending[0].transition.trigger, 8);
  EXPECT_EQ(pending[0].expires_at, kNow + settings.duration);
  EXPECT_EQ(pending[0].progress, 1);
  EXPECT_EQ(pending[1].transition.level, Level::kLevel2);
  EXPECT_LT(pending[1].progress, 1);
  EXPECT_EQ(change.state.hype_trains, 1u);
  EXPECT_EQ(change.state.peak_hype_level, 2);
  ASSERT_EQ(change.moments.size(), 1u);  // the train, at its highest
  EXPECT_FLOAT_EQ(change.moments[0].reaction, 2.0f / 5);
  EXPECT_GT(change.state.hype_progress, 0);
}

TEST(SessionHypeTest, ExpiresOnceAndOnlyInTime) {
  const Settings settings;
  audience::Change change;
  ASSERT_TRUE(Contribute(settings, kSession, {kNow, 0.5, 7}, change).ok());
  ASSERT_TRUE(*Contribute(settings, kSession, {kNow, 0.5, 7}, change));
  change.hype_pending.clear();
  const common::Time end = kNow + settings.duration;
  EXPECT_FALSE(*Expire(settings, kSession, end - std::chrono::seconds(1), change));
  EXPECT_TRUE(*Expire(settings, kSession, end + std::chrono::seconds(9), change));
  EXPECT_FALSE(*Expire(settings, kSession, end + std::chrono::seconds(9), change));
  ASSERT_EQ(PendingOf(change).size(), 1u);
  EXPECT_EQ(PendingOf(change)[0].transition.kind, TransitionKind::kCompleted);
  EXPECT_EQ(PendingOf(change)[0].transition.at, end);
  EXPECT_EQ(change.state.hype_progress, 0);
}

TEST(SessionHypeTest, RefusesBytesThatNobodyWrote) {
  const std::string good =
      EncodePending({.session = kSession, .transition = {.level = Level::kLevel1}});
  EXPECT_TRUE(DecodePending(good).ok());
  EXPECT_FALSE(DecodePending("").ok());
  EXPECT_FALSE(DecodePending(good + "x").ok());
  std::string bad_kind = good;
  bad_kind[17] = 9;
  EXPECT_FALSE(DecodePending(bad_kind).ok());
  audience::Change change;
  change.hype = "x";
  EXPECT_FALSE(Contribute({}, kSession, {kNow, 1, 1}, change).ok());
}

}  // namespace
}  // namespace streaming::hype
