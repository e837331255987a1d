// The product's main job as one story, told through its public interfaces only. `./dev demo` prints
// it; the end-to-end tests check what each step brought.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "tests/story/client.h"
#include "tests/story/watching.h"

namespace story {

struct Options {
  int pool_members = 10000;
  int chatters = 40;
  int messages_per_second = 10;
  int chat_seconds = 10;
  // How long a step may wait for what it announced.
  std::chrono::seconds patience{30};
  // How long to look at the audience after each moment, unless it changes sooner.
  std::chrono::seconds between_moments{3};
};

// What the daemons answered, in the order of the story.
struct Outcome {
  common::Uuid game_service_id;
  common::Uuid account_id;
  common::Uuid character_id;
  bannou::streaming::v1::SeedAudiencePoolResponse pool;
  bannou::stream::v1::PlatformLinkDetail link;
  bannou::streaming::v1::StreamSessionDetail created;
  bannou::streaming::v1::StreamSessionDetail started;
  bannou::stream::v1::PlatformSessionStatus platform_session;
  bannou::stream::v1::SentimentPulse pulse;
  bannou::streaming::v1::GetAudienceTruthResponse truth;
  std::vector<bannou::streaming::v1::AudienceReactionResult> reactions;
  bannou::streaming::v1::HypeTrainStatus best_hype;
  bannou::streaming::v1::RaidStreamSessionResponse raid;
  bannou::streaming::v1::StreamSessionDetail before_end;
  bannou::streaming::v1::StreamSessionSummary summary;
  std::vector<bannou::streaming::v1::ClientEvent> watched;  // by the player's front end
  bannou::streaming::v1::ListFollowersResponse followers;
  bannou::streaming::v1::StreamerCareerStatus career;
  bannou::streaming::v1::SponsorshipDetail deal;
  bannou::streaming::v1::GetTipBalanceResponse earned;  // before an item was bought
  bannou::streaming::v1::SpendTipsResponse spent;
  bannou::streaming::v1::ListUnlocksResponse unlocks;
  bannou::streaming::v1::StreamerLeaderboardResponse leaderboard;
  bannou::streaming::v1::AudiencePoolStatus pool_after;
  bannou::stream::v1::PlatformSessionStatus platform_session_ended;
  int subscriptions = 0;           // at the platform, before the channel was unlinked
  int subscriptions_unlinked = 0;  // and after
};

class Story {
 public:
  // `say` prints a line of the story; a line that begins a chapter has no indent.
  Story(Stack stack, Options options, std::function<void(const std::string&)> say);

  // Each step needs those before it; LinkTwitch, GoLive, GoOffline and Unlink need the stream
  // daemon.
  absl::Status SeedPool();
  absl::Status LinkTwitch();
  absl::Status StartStream();
  absl::Status GoLive();
  absl::Status PlayMoments();
  absl::Status RaidAnNpc();
  absl::Status EndStream();
  absl::Status GoOffline();
  absl::Status Unlink();

  const Outcome& outcome() const { return outcome_; }

 private:
  // lasting.cc has these two.
  absl::Status AgreeWithASponsor();
  absl::Status CountWhatLasts();
  absl::Status ApproveAtTwitch(const std::string& authorization_url);
  absl::Status PostToSim(const std::string& path, const std::string& json);
  // How many subscriptions at the platform call the link back.
  absl::StatusOr<int> CountSubscriptions();
  absl::Status AwaitPlatformSession();
  absl::Status AwaitBlendedPulse();
  absl::Status React(const Caller& caller, bannou::streaming::v1::ReactionEventType type,
                     float significance, const std::string& description);
  absl::Status WatchTheAudience();
  absl::StatusOr<bannou::streaming::v1::StreamSessionDetail> Status();
  absl::Status AwaitCareer();
  // The player's front end has seen the end.
  absl::Status StopWatching();
  // Asks `condition` until it is true; DEADLINE_EXCEEDED names `what` when patience ends.
  absl::Status Await(std::string_view what, const std::function<absl::StatusOr<bool>()>& condition);

  const Stack stack_;
  const Options options_;
  const std::function<void(const std::string&)> say_;
  Stubs stubs_;
  Caller admin_;
  Caller player_;
  Caller game_server_;
  std::string channel_id_;
  std::unique_ptr<Watching> front_end_;
  Outcome outcome_;
};

// The whole of it. Without a stream daemon in `stack`, its chapters are left out.
absl::Status Tell(Story& story, const Stack& stack);

}  // namespace story
