// The story of `./dev demo`, checked: states through the API, events on NATS. Both daemons run as
// processes on real servers; nothing is injected behind the API.
#include "tests/story/story.h"

#include <set>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <gtest/gtest.h>

#include "libs/common/base/status.h"
#include "tests/story/events.h"
#include "tests/story/processes.h"

namespace story {
namespace {

namespace stream = bannou::stream::v1;
namespace streaming = bannou::streaming::v1;

std::vector<std::string> GameSettings() {
  return {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "FOLLOW_CONVERSION_SESSION_COUNT=1",
          "INTEREST_THRESHOLD_FOR_FOLLOW=0.3", "HYPE_TRAIN_DURATION_SECONDS=20"};
}

std::string Message(const absl::Status& status) {
  return std::string(common::ToStd(status.message()));
}

// The events that tell of the player's session.
template <class Event>
std::vector<Event> OfSession(const Outcome& outcome, const Events& events) {
  std::vector<Event> found = events.Of<Event>();
  std::erase_if(found, [&](const Event& event) {
    return event.session_id() != outcome.created.session_id();
  });
  return found;
}

// The front end saw every kind of event.
void CheckTheFrontEnd(const Outcome& outcome) {
  std::set<int> kinds;
  for (const auto& event : outcome.watched) kinds.insert(event.event_case());
  EXPECT_EQ(kinds, (std::set<int>{1, 2, 3, 4, 5, 6}));
}

// The deal was kept and paid, the tips pay an overlay, and there is what to show.
void CheckWhatLasts(const Outcome& outcome) {
  EXPECT_EQ(outcome.deal.status(), streaming::SPONSORSHIP_STATUS_COMPLETED);
  EXPECT_GE(outcome.earned.balance(), outcome.deal.payment());
  EXPECT_EQ(outcome.spent.balance(), outcome.earned.balance() + outcome.spent.tip().amount());
  EXPECT_LT(outcome.spent.tip().amount(), 0);
  std::set<std::string> unlocked;
  for (const auto& unlock : outcome.unlocks.unlocks()) unlocked.insert(unlock.entry_code());
  EXPECT_TRUE(unlocked.contains("first_stream"));
  EXPECT_TRUE(unlocked.contains("first_hype_train"));
  ASSERT_GT(outcome.leaderboard.entries_size(), 0);
  EXPECT_EQ(outcome.leaderboard.entries(0).rank(), 1);
}

// What holds with and without a platform side.
void CheckTheGame(const Outcome& outcome, const Events& events) {
  EXPECT_EQ(outcome.pool.created(), 10000);
  EXPECT_EQ(outcome.created.status(), streaming::STREAM_SESSION_STATUS_PENDING);
  EXPECT_FALSE(outcome.created.has_started_at());
  EXPECT_EQ(outcome.started.status(), streaming::STREAM_SESSION_STATUS_LIVE);
  EXPECT_GT(outcome.started.audience_count(), 0);
  EXPECT_GE(outcome.summary.peak_audience_count(), outcome.before_end.audience_count());
  EXPECT_GT(outcome.raid.moved_count(), 0);
  EXPECT_GE(outcome.raid.to_audience_count(), outcome.raid.moved_count());
  EXPECT_GT(outcome.summary.average_audience_count(), 0);
  EXPECT_LE(outcome.summary.average_audience_count(), outcome.summary.peak_audience_count());

  // The audience felt it, a train rose, and the world first is the moment of the evening.
  ASSERT_EQ(outcome.reactions.size(), 5u);
  EXPECT_TRUE(outcome.best_hype.is_active());
  EXPECT_GE(outcome.summary.hype_trains_triggered(), 1);
  ASSERT_GT(outcome.summary.top_moments_size(), 0);
  bool world_first = false;
  for (const auto& moment : outcome.summary.top_moments()) {
    world_first |= moment.moment_type() == streaming::STREAM_MOMENT_TYPE_WORLD_FIRST;
  }
  EXPECT_TRUE(world_first);

  // Everybody is home again.
  EXPECT_EQ(outcome.pool_after.total_members(), 10000);
  EXPECT_EQ(outcome.pool_after.available_members(), 10000);
  EXPECT_EQ(outcome.pool_after.checked_out_members(), 0);

  EXPECT_EQ(outcome.career.total_stream_sessions(), 1);
  EXPECT_EQ(outcome.career.world_first_count(), 1);
  EXPECT_EQ(outcome.career.total_hype_trains(), outcome.summary.hype_trains_triggered());
  EXPECT_EQ(outcome.followers.total(), outcome.summary.new_followers());
  EXPECT_EQ(outcome.career.total_followers(), outcome.summary.new_followers());
  EXPECT_GT(outcome.summary.new_followers(), 0);

  CheckWhatLasts(outcome);
  // The news tells the same, once each.
  ASSERT_TRUE(events.Arrive<streaming::StreamingSessionEndedEvent>(2)) << "the NPC's is the other";
  EXPECT_EQ(events.Of<streaming::StreamingSessionCreatedEvent>().size(), 2u);
  const auto started = OfSession<streaming::StreamingSessionStartedEvent>(outcome, events);
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].initial_audience_count(), outcome.started.audience_count());
  const auto raided = events.Of<streaming::StreamingSessionRaidedEvent>();
  ASSERT_EQ(raided.size(), 1u);
  EXPECT_EQ(raided[0].from_session_id(), outcome.created.session_id());
  EXPECT_EQ(raided[0].moved_count(), outcome.raid.moved_count());
  const auto ended = OfSession<streaming::StreamingSessionEndedEvent>(outcome, events);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].peak_audience_count(), outcome.summary.peak_audience_count());
  EXPECT_EQ(ended[0].new_followers(), outcome.summary.new_followers());
  const auto gained = [&] {
    int count = 0;
    for (const auto& event : events.Of<streaming::StreamingFollowGainedEvent>()) {
      count += event.streamer_id() == outcome.character_id.ToString();
    }
    return count;
  };
  EXPECT_TRUE(
      common::testing::Eventually([&] { return gained() >= outcome.summary.new_followers(); }));
  EXPECT_EQ(gained(), outcome.summary.new_followers());
  EXPECT_TRUE(events.Arrive<streaming::StreamingMilestoneReachedEvent>(1));
  EXPECT_TRUE(events.Arrive<streaming::StreamingHypeCompletedEvent>(
      static_cast<size_t>(outcome.summary.hype_trains_triggered())));
  EXPECT_EQ(events.Of<streaming::StreamingHypeTriggeredEvent>().size(),
            static_cast<size_t>(outcome.summary.hype_trains_triggered()));
  EXPECT_EQ(events.Of<streaming::StreamingHypeCompletedEvent>().size(),
            static_cast<size_t>(outcome.summary.hype_trains_triggered()));
  EXPECT_TRUE(events.Arrive<streaming::StreamingAudienceJoinedEvent>(1));
}

TEST(Story, TheWholeWayFromASignedWebhookToABlendedHypedStream) {
  const Events events(common::testing::SharedNats().url());
  const PlatformSide platform_side;
  const GameSide game_side(GameSettings());
  const Stack stack{.stream_grpc = platform_side.daemon.grpc_address(),
                    .streaming_grpc = game_side.daemon.grpc_address(),
                    .platform_sim = platform_side.sim.address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  Story story(stack, {.chat_seconds = 4}, [](const std::string&) {});
  const absl::Status status = Tell(story, stack);
  ASSERT_TRUE(status.ok()) << Message(status);
  const Outcome& outcome = story.outcome();
  CheckTheFrontEnd(outcome);
  CheckTheGame(outcome, events);

  EXPECT_TRUE(outcome.link.is_active());
  EXPECT_TRUE(outcome.platform_session.is_active());
  // A player never sees what only admins may.
  EXPECT_FALSE(outcome.platform_session.has_tracked_viewer_count());
  EXPECT_FALSE(outcome.platform_session.has_total_pulses_published());
  EXPECT_GE(outcome.pulse.sentiments_size(), 5);
  EXPECT_TRUE(outcome.truth.has_last_pulse_at());

  EXPECT_EQ(events.Of<stream::StreamPlatformLinkedEvent>().size(), 1u);
  EXPECT_EQ(events.Of<stream::StreamPlatformSessionStartedEvent>().size(), 1u);
  EXPECT_FALSE(outcome.platform_session_ended.is_active());
  EXPECT_TRUE(outcome.platform_session_ended.has_ended_at());
  EXPECT_GT(outcome.subscriptions, 20);
  EXPECT_EQ(outcome.subscriptions_unlinked, 0);
  EXPECT_TRUE(events.Arrive<stream::StreamPlatformSessionEndedEvent>(1));
  const auto pulses = events.Of<stream::SentimentPulse>();
  ASSERT_FALSE(pulses.empty());
  std::set<std::string> ids;
  for (const auto& pulse : pulses) {
    EXPECT_TRUE(ids.insert(pulse.pulse_id()).second) << "a pulse was published twice";
    EXPECT_EQ(pulse.platform_session_id(), outcome.platform_session.platform_session_id());
  }
}

TEST(Story, TheGameIsTheSameWithoutAPlatformSide) {
  const Events events(common::testing::SharedNats().url());
  const GameSide game_side(GameSettings());
  const Stack stack{.streaming_grpc = game_side.daemon.grpc_address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  Story story(stack, {}, [](const std::string&) {});
  const absl::Status status = Tell(story, stack);
  ASSERT_TRUE(status.ok()) << Message(status);
  CheckTheFrontEnd(story.outcome());
  CheckTheGame(story.outcome(), events);
}

}  // namespace
}  // namespace story
