// What happens to the messages of YouTube's hub, whichever way they came in: its questions about
// our subscriptions, and its news of videos. News only says where to look: what a video is doing is
// asked of the Data API.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "services/stream/ingest/mark_store.h"
#include "services/stream/ingest/outcome_worker.h"
#include "services/stream/ingest/websub.h"
#include "services/stream/linking/expected_store.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/subscription_store.h"
#include "services/stream/platforms/youtube_client.h"
#include "services/stream/sessions/live_sessions_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::ingest {

class YouTubeWebhook {
 public:
  struct Parts {
    platforms::YouTubeClient* youtube;  // null when it is not configured: then nothing is wanted
    linking::LinkStore& links;
    linking::SubscriptionStore& subscriptions;
    linking::ExpectedStore& expected;
    sessions::SessionStore& sessions;
    sessions::LiveSessions& live;
    MarkStore& marks_seen;
    const Marks& marks;
    // Of a link, fit for use. LINK_INACTIVE, LINK_NOT_FOUND.
    std::function<absl::StatusOr<common::config::Secret>(const common::Uuid& link)> access_token;
    std::function<void()> on_changed;  // told after a session began or began to end
    std::function<void()> on_leased;   // told after the hub's lease was stored
  };
  // `token` is hub.secret and hub.verify_token.
  YouTubeWebhook(common::config::Secret token, Parts parts, common::metrics::Registry& metrics);

  // A question of the hub; nullopt when it is none that can be answered. `link_id`: the link that
  // the path names, if it names one; else the topic names the channel. kChallenged: confirmed.
  // kAccepted: nothing to confirm. kIgnored: refused.
  Answer Verify(const std::optional<HubQuestion>& question,
                const std::optional<common::Uuid>& link_id);
  // A notification with the value of its X-Hub-Signature. Entries about another channel than the
  // link's are ignored.
  Answer Handle(std::optional<std::string_view> signature, std::string_view body,
                const std::optional<common::Uuid>& link_id);

 private:
  // An active link whose channel we want to hear of.
  struct Target {
    common::Uuid link_id;
    privacy::PlatformUserId channel;
  };

  Answer Judge(const HubQuestion& question, const std::optional<common::Uuid>& link_id);
  bool IsSigned(std::optional<std::string_view> signature, std::string_view body) const;
  Outcome Notify(std::string_view body, const std::optional<common::Uuid>& link_id);
  Outcome TakeEntry(const FeedEntry& entry, const std::optional<common::Uuid>& link_id);
  absl::Status Apply(const std::string& video_id, const Target& target);
  absl::Status Open(const platforms::LiveStream& stream, const Target& target);
  absl::Status EndIfLive(const std::string& video_id, const Target& target);
  // By link when one is given, else by channel.
  absl::StatusOr<std::optional<Target>> FindTarget(
      const std::optional<common::Uuid>& link_id,
      const std::optional<privacy::PlatformUserId>& channel);

  // The hub waits about as long for an answer.
  static constexpr std::chrono::seconds kTime{5};

  const common::config::Secret token_;
  const Parts parts_;
  OutcomeCounters outcomes_;
};

}  // namespace stream::ingest
