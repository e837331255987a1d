#include "services/stream/linking/webhook_subscription_worker.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/lock.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::NamedLock;
using platforms::Platform;
using platforms::Subscription;
using platforms::SubscriptionPlan;
using platforms::TwitchClient;
using std::chrono::seconds;

constexpr seconds kIdlePause{60};          // also finds what another instance left undone
constexpr seconds kStandByPause{5};        // while another instance works
constexpr seconds kRoundRetry{2};          // after a round that failed; doubled by each further one
constexpr seconds kFirstRetry{1};          // of a link; doubled by each further one
constexpr seconds kFirstConfirmation{30};  // to see what became of new ones; likewise
constexpr seconds kAskHubAgain{300};       // when the hub has not asked back; likewise
constexpr seconds kLongestRetry{3600};
constexpr seconds kLinkTime{60};   // for all that one link takes at its platform
constexpr int kFailuresMax = 3;    // in a row: then the platform is left alone for a while
constexpr int kPagesMax = 10'000;  // of a list

seconds Doubled(seconds first, int times) {
  return std::min(first * (int64_t{1} << std::min(times, 12)), kLongestRetry);
}

common::metrics::Counter& ChangeCounter(common::metrics::Registry& metrics, const char* change) {
  return metrics.GetCounter("stream_subscription_changes_total",
                            "Subscriptions at platforms that we changed, by how.",
                            {{"change", change}});
}

// Whether to go on with other links after what became of one.
class Patience {
 public:
  bool Ends(const absl::Status& status) {
    failures_ = status.ok() ? 0 : failures_ + 1;
    // With a limit reached, the next one would only be told the same.
    return failures_ == kFailuresMax || absl::IsResourceExhausted(status);
  }

 private:
  int failures_ = 0;
};

}  // namespace

WebhookSubscriptionManager::WebhookSubscriptionManager(Options options, Parts parts,
                                                       common::metrics::Registry& metrics)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      created_(ChangeCounter(metrics, "created")),
      removed_(ChangeCounter(metrics, "removed")),
      forbidden_(ChangeCounter(metrics, "forbidden")),
      leases_(ChangeCounter(metrics, "lease_requested")),
      loop_("webhook_subscriptions", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome WebhookSubscriptionManager::Step() {
  const auto lock = NamedLock::Acquire(parts_.locks, "subscriptions", seconds(0));
  if (!lock.ok()) return {kStandByPause, lock.status()};
  if (!*lock) return {kStandByPause};
  absl::Status result;
  if (common::Now() >= next_round_) {
    result = Round();
    round_tries_ = result.ok() ? 0 : round_tries_ + 1;
    next_round_ =
        common::Now() + (result.ok() ? options_.interval : Doubled(kRoundRetry, round_tries_ - 1));
  }
  result.Update(LookAtDue());
  const auto next = parts_.subscriptions.NextDue();
  if (!next.ok()) return {kStandByPause, next.status()};
  const Time wanted = std::min(next_round_, next->value_or(Time::max()));
  // A link that is due already could not be served now.
  const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(wanted - common::Now());
  return {std::clamp<std::chrono::microseconds>(pause, result.ok() ? kFirstRetry : kStandByPause,
                                                kIdlePause),
          result};
}

absl::Status WebhookSubscriptionManager::Round() {
  round_ = {};
  absl::Status result;
  if (parts_.platforms.twitch() != nullptr) {
    result = LookAtAllOfTwitch();
    Tell("subscriptions.reconciled", Platform::kTwitch, round_);
  }
  if (parts_.platforms.youtube() != nullptr) result.Update(LookAtAllOfYouTube());
  return result;
}

absl::Status WebhookSubscriptionManager::LookAtAllOfTwitch() {
  const Time listed_at = common::Now();
  ByLink by_link;
  std::vector<Subscription> general;
  RETURN_IF_ERROR(ListTwitch(by_link, general));
  // First, since they may take the room of those that are wanted.
  absl::Status result = RemoveStrays(by_link);
  Patience patience;
  bool renewed = false;
  std::optional<Uuid> after = Uuid();
  while (after) {
    ASSIGN_OR_RETURN(const auto page, parts_.subscriptions.All(Platform::kTwitch, *after));
    for (const SubscribedLink& link : page.links) {
      if (common::Stopping()) return result;
      const auto actual = by_link.find(link.link.link_id);
      const common::DeadlineScope deadline(kLinkTime);
      const absl::Status status = LookAtTwitch(
          link, actual == by_link.end() ? std::vector<Subscription>() : actual->second, listed_at);
      renewed = renewed || (!link.mark.empty() && link.mark != MarkOf(Platform::kTwitch));
      result.Update(status);
      if (patience.Ends(status)) return result;
    }
    after = page.next;
  }
  result.Update(CareForGeneral(general, renewed));
  return result;
}

absl::Status WebhookSubscriptionManager::ListTwitch(ByLink& by_link,
                                                    std::vector<Subscription>& general) {
  const std::string base = options_.public_url + "/stream/webhook/twitch";
  std::string cursor;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    ASSIGN_OR_RETURN(TwitchClient::Page page,
                     parts_.platforms.twitch()->ListSubscriptions(std::nullopt, cursor));
    for (Subscription& subscription : page.subscriptions) {
      const std::string_view callback = subscription.callback;
      // What calls somebody else is somebody else's.
      if (!callback.starts_with(base)) continue;
      const std::string_view rest = callback.substr(base.size());
      const auto link_id = rest.starts_with('/') ? Uuid::Parse(rest.substr(1)) : std::nullopt;
      if (link_id) {
        by_link[*link_id].push_back(std::move(subscription));
      } else if (rest.empty()) {
        general.push_back(std::move(subscription));
      }
    }
    if (page.next.empty()) return absl::OkStatus();
    cursor = std::move(page.next);
  }
  return absl::ResourceExhaustedError("Twitch lists more subscriptions than there can be");
}

absl::StatusOr<std::vector<Subscription>> WebhookSubscriptionManager::ListTwitch(
    const SubscribedLink& link) {
  const std::string callback =
      WebhookUrl(options_.public_url, link.link.platform, link.link.link_id);
  std::vector<Subscription> found;
  std::string cursor;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    ASSIGN_OR_RETURN(TwitchClient::Page page,
                     parts_.platforms.twitch()->ListSubscriptions(link.user, cursor));
    for (Subscription& subscription : page.subscriptions) {
      if (subscription.callback == callback) found.push_back(std::move(subscription));
    }
    if (page.next.empty()) return found;
    cursor = std::move(page.next);
  }
  return absl::ResourceExhaustedError("Twitch lists more subscriptions than there can be");
}

// One for the whole application: users who withdraw their grant.
absl::Status WebhookSubscriptionManager::CareForGeneral(const std::vector<Subscription>& general,
                                                        bool renew) {
  std::vector<Subscription> useless;
  bool found = false;
  for (const Subscription& subscription : general) {
    const bool good = !found && !renew && IsAlive(subscription) &&
                      subscription.type == platforms::kUserRevoked.name;
    found = found || good;
    if (!good) useless.push_back(subscription);
  }
  RETURN_IF_ERROR(RemoveAll(useless));
  if (found) return absl::OkStatus();
  RETURN_IF_ERROR(parts_.platforms.twitch()->CreateRevocationSubscription(
      options_.public_url + "/stream/webhook/twitch"));
  created_.Increment();
  ++round_.created;
  return absl::OkStatus();
}

absl::Status WebhookSubscriptionManager::RemoveAll(const std::vector<Subscription>& subscriptions) {
  for (const Subscription& subscription : subscriptions) {
    RETURN_IF_ERROR(parts_.platforms.twitch()->DeleteSubscription(subscription.id));
    removed_.Increment();
    ++round_.removed;
  }
  return absl::OkStatus();
}

absl::Status WebhookSubscriptionManager::RemoveStrays(ByLink& by_link) {
  for (auto at = by_link.begin(); at != by_link.end();) {
    if (common::Stopping()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool exists, parts_.subscriptions.Exists(at->first));
    if (exists) {
      ++at;
      continue;
    }
    RETURN_IF_ERROR(RemoveAll(at->second));
    at = by_link.erase(at);
  }
  return absl::OkStatus();
}

absl::Status WebhookSubscriptionManager::LookAtAllOfYouTube() {
  absl::Status result;
  Patience patience;
  std::optional<Uuid> after = Uuid();
  while (after) {
    ASSIGN_OR_RETURN(const auto page, parts_.subscriptions.All(Platform::kYouTube, *after));
    for (const SubscribedLink& link : page.links) {
      if (common::Stopping()) return result;
      // What was asked for with another token or callback is of no use.
      if (!link.link.is_active || link.mark == MarkOf(Platform::kYouTube)) continue;
      const absl::Status status = Look(link);
      result.Update(status);
      if (patience.Ends(status)) return result;
    }
    after = page.next;
  }
  return result;
}

// Those that are due are settled for later one by one, so that each is looked at once.
absl::Status WebhookSubscriptionManager::LookAtDue() {
  absl::Status result;
  Patience patience;
  const Time begun = common::Now();
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto links, parts_.subscriptions.Due(begun));
    for (const SubscribedLink& link : links) {
      if (common::Stopping()) return result;
      const absl::Status status = Look(link);
      result.Update(status);
      if (patience.Ends(status)) return result;
    }
    more = links.size() == SubscriptionStore::kMaxListed;
  }
  return result;
}

absl::Status WebhookSubscriptionManager::Look(const SubscribedLink& link) {
  const common::DeadlineScope deadline(kLinkTime);
  const Time looked_at = common::Now();
  absl::Status status;
  if (parts_.platforms.Find(link.link.platform) == nullptr) {
    // Nobody to ask until the operator configures it, which takes a new start and so a new round.
  } else if (link.link.platform == Platform::kYouTube) {
    return LookAtYouTube(link);
  } else {
    const auto actual = ListTwitch(link);
    if (actual.ok()) return LookAtTwitch(link, *actual, looked_at);
    status = actual.status();
  }
  SubscriptionStore::Look look{.mark = link.mark, .tries = link.tries + 1};
  if (!status.ok()) look.next = looked_at + Doubled(kFirstRetry, link.tries);
  status.Update(parts_.subscriptions.Settle(link.link.link_id, looked_at, look));
  return status;
}

absl::Status WebhookSubscriptionManager::LookAtTwitch(const SubscribedLink& link,
                                                      const std::vector<Subscription>& actual,
                                                      Time listed_at) {
  const bool renew = !link.mark.empty() && link.mark != MarkOf(Platform::kTwitch);
  const SubscriptionPlan plan = link.link.is_active
                                    ? platforms::PlanSubscriptions(link.scopes, actual, renew)
                                    : platforms::PlanFarewell(actual);
  Done done = Carry(plan, link);
  if (done.created + done.removed > 0) Tell("link.subscriptions_changed", Platform::kTwitch, done);
  // Also when it confirms what was created: until then nothing was told.
  if (done.created > 0 || link.mark.empty() || link.tries > 0) {
    done.status.Update(OpenIfLive(link));
  }
  done.status.Update(SettleTwitch(link, listed_at, done));
  return done.status;
}

WebhookSubscriptionManager::Done WebhookSubscriptionManager::Carry(const SubscriptionPlan& plan,
                                                                   const SubscribedLink& link) {
  TwitchClient& twitch = *parts_.platforms.twitch();
  const std::string callback =
      WebhookUrl(options_.public_url, link.link.platform, link.link.link_id);
  Done done{.kept = plan.kept};
  for (const std::string& id : plan.remove) {
    const absl::Status status = twitch.DeleteSubscription(id);
    done.status.Update(status);
    if (status.ok()) ++done.removed;
  }
  for (const platforms::EventType* type : plan.create) {
    const absl::Status status = twitch.CreateSubscription(*type, link.user, callback);
    // This type only: the user did not allow it, or Twitch does not offer it any more.
    if (absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status)) {
      ++done.forbidden;
      continue;
    }
    done.status.Update(status);
    if (status.ok()) ++done.created;
    if (absl::IsResourceExhausted(status) || absl::IsUnavailable(status)) break;
  }
  created_.Increment(static_cast<double>(done.created));
  removed_.Increment(static_cast<double>(done.removed));
  forbidden_.Increment(static_cast<double>(done.forbidden));
  round_.kept += done.kept;
  round_.created += done.created;
  round_.removed += done.removed;
  round_.forbidden += done.forbidden;
  round_.status.Update(done.status);
  return done;
}

// New ones are looked at again soon: whether their challenge was met shows only then.
absl::Status WebhookSubscriptionManager::SettleTwitch(const SubscribedLink& link, Time listed_at,
                                                      const Done& done) {
  SubscriptionStore::Look look{.mark = MarkOf(Platform::kTwitch)};
  if (!link.link.is_active) look.mark.clear();
  if (!done.status.ok()) {
    // What could not be removed may still carry another secret.
    if (!link.mark.empty()) look.mark = link.mark;
    look.next = common::Now() + Doubled(kFirstRetry, link.tries);
    look.tries = link.tries + 1;
  } else if (done.created > 0) {
    look.next = common::Now() + Doubled(kFirstConfirmation, link.tries);
    look.tries = link.tries + 1;
  }
  RETURN_IF_ERROR(parts_.subscriptions.Settle(link.link.link_id, listed_at, look));
  if (done.created == 0) return absl::OkStatus();
  // The link may have gone meanwhile, with a farewell that did not see what was just made.
  ASSIGN_OR_RETURN(const bool exists, parts_.subscriptions.Exists(link.link.link_id));
  if (exists) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto useless, ListTwitch(link));
  return RemoveAll(useless);
}

absl::Status WebhookSubscriptionManager::LookAtYouTube(const SubscribedLink& link) {
  const Time looked_at = common::Now();
  platforms::YouTubeClient& youtube = *parts_.platforms.youtube();
  const std::string callback =
      WebhookUrl(options_.public_url, link.link.platform, link.link.link_id);
  SubscriptionStore::Look look{.mark = MarkOf(Platform::kYouTube), .tries = link.tries + 1};
  absl::Status status;
  if (link.link.is_active) {
    status = youtube.Subscribe(link.user, callback);
    if (status.ok()) leases_.Increment();
    look.next = looked_at + Doubled(status.ok() ? kAskHubAgain : kFirstRetry, link.tries);
    if (status.ok()) status.Update(OpenIfLive(link));
  } else {
    status = youtube.Unsubscribe(link.user, callback);
    look.mark.clear();
    if (!status.ok()) look.next = looked_at + Doubled(kFirstRetry, link.tries);
  }
  status.Update(parts_.subscriptions.Settle(link.link.link_id, looked_at, look));
  return status;
}

absl::Status WebhookSubscriptionManager::OpenIfLive(const SubscribedLink& link) {
  if (!link.link.is_active) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto query, parts_.tokens.LiveQueryOf(link.link, std::nullopt));
  ASSIGN_OR_RETURN(const auto found,
                   parts_.platforms.Find(link.link.platform)->FindLive(std::span(&query, 1)));
  if (!found.at(0)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto opened, parts_.sessions.OpenByPlatform(
                                          {.link_id = link.link.link_id,
                                           .stream_id = found[0]->stream_id,
                                           .started_at = found[0]->started_at,
                                           .viewer_count = found[0]->viewer_count.value_or(0),
                                           .in_game_id = {},
                                           .asked = options_.lag}));
  if (opened) parts_.on_opened();
  return absl::OkStatus();
}

std::string WebhookSubscriptionManager::MarkOf(Platform platform) const {
  const auto& secret =
      platform == Platform::kYouTube ? options_.youtube_token : options_.twitch_secret;
  return parts_.marks.OfSecret(common::config::Secret(secret.Reveal() + options_.public_url));
}

void WebhookSubscriptionManager::Tell(const char* event, Platform platform, const Done& done) {
  common::log::Info(event, {{"platform", platforms::WordOf(platform)},
                            {"kept", done.kept},
                            {"created", done.created},
                            {"removed", done.removed},
                            {"forbidden", done.forbidden},
                            {"complete", done.status.ok()}});
}

}  // namespace stream::linking
