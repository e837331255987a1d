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
          "INTEREST_THRESHOLD_FOR_FOLLOW=0.3", "HYPE_TRAIN_DURATION_SECONDS=20",
          "TIPS_PER_STREAM_HOUR=6000"};
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

// The front end saw every kind of event, and each milestone of the first stream once.
void CheckTheFrontEnd(const Outcome& outcome) {
  std::set<int> kinds;
  std::multiset<std::pair<streaming::MilestoneType, int>> milestones;
  std::set<std::string> ids;
  for (const auto& event : outcome.watched) {
    kinds.insert(event.event_case());
    if (!event.has_milestone() || !ids.insert(event.milestone().event_id()).second) continue;
    milestones.emplace(event.milestone().milestone_type(), event.milestone().milestone_value());
  }
  EXPECT_EQ(kinds, (std::set<int>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(milestones.count({streaming::MILESTONE_TYPE_HYPE_TRAIN_COUNT, 1}), 1u);
  EXPECT_EQ(milestones.count({streaming::MILESTONE_TYPE_WORLD_FIRST_COUNT, 1}), 1u);
  EXPECT_EQ(milestones.count({streaming::MILESTONE_TYPE_FOLLOWER_COUNT, 10}),
            outcome.career.total_followers() >= 10 ? 1u : 0u);
}

int64_t Earned(const Outcome& outcome, streaming::TipKind kind) {
  int64_t sum = 0;
  for (const auto& tip : outcome.tips.tips()) sum += tip.kind() == kind ? tip.amount() : 0;
  return sum;
}

// The deal was kept and paid, the tips pay an overlay, and there is what to show.
void CheckWhatLasts(const Outcome& outcome) {
  EXPECT_EQ(outcome.deal.status(), streaming::SPONSORSHIP_STATUS_COMPLETED);
  EXPECT_EQ(Earned(outcome, streaming::TIP_KIND_SPONSORSHIP), outcome.deal.payment());
  EXPECT_GT(Earned(outcome, streaming::TIP_KIND_ENGAGEMENT), 0);
  EXPECT_EQ(outcome.earned.balance(), Earned(outcome, streaming::TIP_KIND_SPONSORSHIP) +
                                          Earned(outcome, streaming::TIP_KIND_ENGAGEMENT));
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
  EXPECT_GT(outcome.raid.to_audience_count(), outcome.raided.audience_count());
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
  EXPECT_GT(outcome.followers.followers_size(), 0);

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

// A real channel was linked, live and read, ended and unlinked.
void CheckAChannel(const Channel& channel, const Outcome& outcome) {
  SCOPED_TRACE(stream::StreamPlatform_Name(channel.platform));
  EXPECT_TRUE(channel.link.is_active());
  EXPECT_TRUE(channel.session.is_active());
  // A player never sees what only admins may.
  EXPECT_FALSE(channel.session.has_tracked_viewer_count());
  EXPECT_FALSE(channel.session.has_total_pulses_published());
  EXPECT_EQ(channel.pulse.in_game_session_id(), outcome.created.session_id());
  EXPECT_GE(channel.pulse.sentiments_size(), 5);
  EXPECT_FALSE(channel.ended.is_active());
  EXPECT_TRUE(channel.ended.has_ended_at());
  EXPECT_GT(channel.subscriptions, 0);
  EXPECT_EQ(channel.subscriptions_unlinked, 0);
}

// Both platform sessions feed the one in-game session, and only admins learn of it.
void CheckTheTruth(const Outcome& outcome) {
  EXPECT_TRUE(outcome.truth.has_last_pulse_at());
  const auto& feeds = outcome.truth.platform_session_ids();
  EXPECT_EQ(std::set<std::string>(feeds.begin(), feeds.end()),
            (std::set<std::string>{outcome.twitch.session.platform_session_id(),
                                   outcome.youtube.session.platform_session_id()}));
  EXPECT_GE(outcome.truth.pulses_applied(), 2);
  EXPECT_EQ(outcome.truth.pulses_stale(), 0);
  EXPECT_TRUE(outcome.truth.has_pulse_lag_seconds());
  EXPECT_GT(outcome.truth.real_derived_count(), 0);
  EXPECT_EQ(outcome.truth.real_derived_count() + outcome.truth.simulated_count(),
            outcome.truth.total_count());
  EXPECT_EQ(outcome.truth.real_derived_viewer_ids_size(), outcome.truth.real_derived_count());
}

// Every pulse once, of both crowds and of nobody else.
void CheckThePulses(const Outcome& outcome, const Events& events) {
  std::set<std::string> ids;
  std::set<std::string> sessions;
  for (const auto& pulse : events.Of<stream::SentimentPulse>()) {
    EXPECT_TRUE(ids.insert(pulse.pulse_id()).second) << "a pulse was published twice";
    sessions.insert(pulse.platform_session_id());
  }
  EXPECT_EQ(sessions, (std::set<std::string>{outcome.twitch.session.platform_session_id(),
                                             outcome.youtube.session.platform_session_id()}));
}

TEST(Story, TheWholeWayFromASignedWebhookToABlendedHypedStream) {
  const Events events(common::testing::SharedNats().url());
  const PlatformSide platform_side({}, Platforms::kTwitchAndYouTube);
  const GameSide game_side(GameSettings());
  const Stack stack{.stream_grpc = platform_side.daemon.grpc_address(),
                    .streaming_grpc = game_side.daemon.grpc_address(),
                    .platform_sim = platform_side.sim.address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  std::vector<std::string> lines;
  Story story(stack, {.chat_seconds = 4, .youtube = true},
              [&](const std::string& line) { lines.push_back(line); });
  const absl::Status status = Tell(story, stack);
  ASSERT_TRUE(status.ok()) << Message(status);
  const Outcome& outcome = story.outcome();
  CheckTheFrontEnd(outcome);
  CheckTheGame(outcome, events);
  CheckAChannel(outcome.twitch, outcome);
  CheckAChannel(outcome.youtube, outcome);
  CheckTheTruth(outcome);
  CheckThePulses(outcome, events);
  EXPECT_GT(outcome.twitch.subscriptions, 20);
  EXPECT_TRUE(events.Arrive<stream::StreamPlatformSessionEndedEvent>(2));
  EXPECT_EQ(events.Of<stream::StreamPlatformLinkedEvent>().size(), 2u);
  EXPECT_EQ(events.Of<stream::StreamPlatformSessionStartedEvent>().size(), 2u);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 100u) << line;
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
