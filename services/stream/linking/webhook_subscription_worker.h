// WebhookSubscriptionManager: makes the platforms tell us what they should, and nothing else.
//
// Twitch is asked for all subscriptions of ours at the start and at every interval: those that are
// as they should be stay, dead ones are made anew, missing ones made, strays deleted. A link that
// is new, changed or given up is looked at by itself at once. At YouTube's hub, which has no list,
// leases are renewed early. A channel that turns out to be live gets its session, because the news
// of it came before we listened.
//
// It talks to third parties, so one instance works at a time, under a lock of the database.
#pragma once
#include <map>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/linking/subscription_store.h"
#include "services/stream/linking/token_refresh_worker.h"
#include "services/stream/sessions/session_store.h"

namespace stream::linking {

class WebhookSubscriptionManager {
 public:
  struct Parts {
    const platforms::Platforms& platforms;
    SubscriptionStore& subscriptions;
    TokenRefreshWorker& tokens;
    sessions::SessionStore& sessions;
    const Marks& marks;
    common::mysql::Pool& locks;       // connections for nothing but locks
    std::function<void()> on_opened;  // told after a session began
  };
  struct Options {
    std::string public_url;  // without a final slash
    std::chrono::seconds interval{6 * 3600};
    std::chrono::seconds lag{120};  // by which a platform's answers may be late
    common::config::Secret twitch_secret;
    common::config::Secret youtube_token;
  };
  WebhookSubscriptionManager(Options options, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  // To be called when a link was made, changed or given up.
  void Wake() { loop_.Wake(); }

 private:
  using ByLink = std::map<common::Uuid, std::vector<platforms::Subscription>>;
  struct Done {
    size_t kept = 0;
    size_t created = 0;
    size_t removed = 0;
    size_t forbidden = 0;  // the user's grant does not cover the type
    absl::Status status;   // the first thing that could not be done
  };

  common::executor::Loop::Outcome Step();
  absl::Status Round();
  absl::Status LookAtDue();
  absl::Status LookAtAllOfTwitch();
  absl::Status LookAtAllOfYouTube();
  // What the link needs, by its platform.
  absl::Status Look(const SubscribedLink& link);
  // `actual`: what Twitch listed of the link, at `listed_at` or later.
  absl::Status LookAtTwitch(const SubscribedLink& link,
                            const std::vector<platforms::Subscription>& actual,
                            common::Time listed_at);
  absl::Status LookAtYouTube(const SubscribedLink& link);

  // All that Twitch has for us, by link; `general` are those of the application.
  absl::Status ListTwitch(ByLink& by_link, std::vector<platforms::Subscription>& general);
  // Of one link.
  absl::StatusOr<std::vector<platforms::Subscription>> ListTwitch(const SubscribedLink& link);
  Done Carry(const platforms::SubscriptionPlan& plan, const SubscribedLink& link);
  absl::Status CareForGeneral(const std::vector<platforms::Subscription>& general, bool renew);
  // Those of links that are gone; takes them out.
  absl::Status RemoveStrays(ByLink& by_link);
  absl::Status RemoveAll(const std::vector<platforms::Subscription>& subscriptions);
  absl::Status OpenIfLive(const SubscribedLink& link);
  absl::Status SettleTwitch(const SubscribedLink& link, common::Time listed_at, const Done& done);
  std::string MarkOf(platforms::Platform platform) const;
  void Tell(const char* event, platforms::Platform platform, const Done& done);

  const Options options_;
  const Parts parts_;
  common::metrics::Counter& created_;
  common::metrics::Counter& removed_;
  common::metrics::Counter& forbidden_;
  common::metrics::Counter& leases_;
  common::Time next_round_;  // the epoch: at the start
  int round_tries_ = 0;      // rounds in a row that failed
  Done round_;               // what the round has done so far
  common::executor::Loop loop_;
};

}  // namespace stream::linking
