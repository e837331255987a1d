// The product's main job as one story, told through its public interfaces only. `./dev demo` prints
// it; the end-to-end tests check what each step brought.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <nlohmann/json_fwd.hpp>

#include "tests/story/client.h"
#include "tests/story/watching.h"

namespace story {

struct Options {
  int pool_members = 10000;
  int chatters = 40;
  int messages_per_second = 10;
  int chat_seconds = 10;
  // Whether the player has a channel at YouTube too; the stream daemon must know its application.
  bool youtube = false;
  // How long a step may wait for what it announced, and how long all of them may take.
  std::chrono::seconds patience{30};
  std::chrono::seconds whole{600};
  // How long to look at the audience after each moment, unless it changes sooner.
  std::chrono::seconds between_moments{3};
};

// A real channel of the player's, from its link to its end.
struct Channel {
  bannou::stream::v1::StreamPlatform platform = {};
  std::string id;                               // at the platform
  std::string broadcast_id;                     // likewise; at YouTube only
  bannou::stream::v1::PlatformLinkDetail link;  // also after it is unlinked
  bannou::stream::v1::PlatformSessionStatus session;
  bannou::stream::v1::SentimentPulse pulse;         // one that feeds the in-game session
  bannou::stream::v1::PlatformSessionStatus ended;  // the same session afterwards
  int subscriptions = 0;                            // at the platform, before it was unlinked
  int subscriptions_unlinked = 0;                   // and after
};

// What the daemons answered, in the order of the story.
struct Outcome {
  common::Uuid game_service_id;
  common::Uuid account_id;
  common::Uuid character_id;
  bannou::streaming::v1::SeedAudiencePoolResponse pool;
  Channel twitch;
  Channel youtube;  // empty without one
  bannou::streaming::v1::StreamSessionDetail created;
  bannou::streaming::v1::StreamSessionDetail started;
  bannou::streaming::v1::GetAudienceTruthResponse truth;
  std::vector<bannou::streaming::v1::AudienceReactionResult> reactions;
  bannou::streaming::v1::HypeTrainStatus best_hype;
  bannou::streaming::v1::StreamSessionDetail raided;  // before the raid
  bannou::streaming::v1::RaidStreamSessionResponse raid;
  bannou::streaming::v1::StreamSessionDetail before_end;
  bannou::streaming::v1::StreamSessionSummary summary;
  std::vector<bannou::streaming::v1::ClientEvent> watched;  // by the player's front end
  bannou::streaming::v1::ListFollowersResponse followers;
  bannou::streaming::v1::StreamerCareerStatus career;
  bannou::streaming::v1::SponsorshipDetail deal;
  bannou::streaming::v1::ListTipsResponse tips;         // before an item was bought
  bannou::streaming::v1::GetTipBalanceResponse earned;  // likewise
  bannou::streaming::v1::SpendTipsResponse spent;
  bannou::streaming::v1::ListUnlocksResponse unlocks;
  bannou::streaming::v1::StreamerLeaderboardResponse leaderboard;
  bannou::streaming::v1::AudiencePoolStatus pool_after;
};

class Story {
 public:
  // `say` prints a line of the story; a line that begins a chapter has no indent.
  Story(Stack stack, Options options, std::function<void(const std::string&)> say);

  // Each step needs those before it; LinkTwitch, LinkYouTube, GoLive, GoOffline and Unlink need the
  // stream daemon, and LinkYouTube Options::youtube.
  absl::Status SeedPool();
  absl::Status LinkTwitch();
  absl::Status LinkYouTube();
  absl::Status StartStream();
  absl::Status GoLive();
  absl::Status PlayMoments();
  absl::Status EndStream();
  absl::Status GoOffline();
  absl::Status Unlink();

  const Options& options() const { return options_; }
  const Outcome& outcome() const { return outcome_; }

 private:
  // channels.cc has what concerns the real channels.
  std::vector<Channel*> Channels();
  absl::Status Link(Channel& channel, const nlohmann::json& user);
  absl::Status ApproveAtPlatform(const std::string& authorization_url);
  absl::Status AwaitSubscriptions(const Channel& channel);
  absl::Status StartAtTwitch();
  absl::Status StartAtYouTube();
  absl::Status AwaitPlatformSession(Channel& channel);
  absl::Status Associate(const Channel& channel);
  absl::Status ChatAtTwitch();
  absl::Status ChatAtYouTube();
  absl::Status SendCrowd(const Channel& channel, int chatters, int seed);
  absl::Status AwaitPulse(Channel& channel);
  absl::Status AwaitBlending();
  absl::Status RefusePlayersTheTruth();
  absl::Status AwaitEnd(Channel& channel);
  absl::Status UnlinkChannel(Channel& channel);
  // What the platform calls the link back for, and whether all that the story needs is confirmed.
  struct Callbacks {
    int count = 0;
    bool complete = false;
  };
  absl::StatusOr<Callbacks> CallbacksOf(const Channel& channel);
  // How often the platforms were asked for a route so far.
  absl::StatusOr<int> RequestsOf(const std::string& route);
  // Makes something happen at the platforms, or asks what they know.
  absl::StatusOr<nlohmann::json> PostToSim(const std::string& path, const nlohmann::json& body);
  absl::StatusOr<nlohmann::json> AskSim(const std::string& path);

  // lasting.cc has these.
  absl::Status AgreeWithASponsor();
  absl::Status CountWhatLasts();
  absl::Status CountTips();
  absl::Status ShowUnlocks();
  absl::Status ShowLeaderboard();

  absl::Status React(const Caller& caller, bannou::streaming::v1::ReactionEventType type,
                     float significance, const std::string& description);
  absl::Status WatchTheAudience();
  absl::StatusOr<bannou::streaming::v1::StreamSessionDetail> Status();
  absl::Status RaidAnNpc();
  void TellTopMoments();
  absl::Status AwaitCareer();
  // The player's front end has seen the end; milestones are told as they arrive there.
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
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::unique_ptr<Watching> front_end_;
  Outcome outcome_;
};

// The spec's word of an enum value.
template <class Enum>
std::string Word(Enum value) {
  const auto* descriptor =
      google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
  return descriptor == nullptr ? "?" : descriptor->options().GetExtension(bannou::common::v1::word);
}

// The whole of it. Without a stream daemon in `stack`, its chapters are left out.
absl::Status Tell(Story& story, const Stack& stack);

}  // namespace story
