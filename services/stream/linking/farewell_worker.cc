#include "services/stream/linking/farewell_worker.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/lock.h"
#include "services/stream/errors.h"

namespace stream::linking {
namespace {

using common::Time;
using common::mysql::NamedLock;
using platforms::Platform;
using std::chrono::seconds;

constexpr seconds kIdlePause{60};    // also finds what another instance left undone
constexpr seconds kStandByPause{5};  // while another instance works
constexpr seconds kFirstRetry{1};    // doubled by each further one
constexpr seconds kLongestRetry{3600};
constexpr seconds kLinkTime{30};  // for all that one link takes at its platform
constexpr int kFailuresMax = 3;   // in a row: then the rest waits as well
constexpr int kPagesMax = 100;    // of one channel's subscriptions
constexpr int kDoublingsMax = 12;

common::metrics::Counter& OutcomeCounter(common::metrics::Registry& metrics, const char* outcome) {
  return metrics.GetCounter("stream_farewells_total",
                            "Links that are gone and were revoked at their platform, or not.",
                            {{"outcome", outcome}});
}

}  // namespace

FarewellWorker::FarewellWorker(std::string public_url, Parts parts,
                               common::metrics::Registry& metrics)
    : public_url_(std::move(public_url)),
      parts_(parts),
      done_(OutcomeCounter(metrics, "done")),
      given_up_(OutcomeCounter(metrics, "given_up")),
      loop_("farewells", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome FarewellWorker::Step() {
  const auto lock = NamedLock::Acquire(parts_.locks, "farewells", seconds(0));
  if (!lock.ok()) return {kStandByPause, lock.status()};
  if (!*lock) return {kStandByPause};
  const auto given_up = parts_.farewells.GiveUp(common::Now());
  if (!given_up.ok()) return {kStandByPause, given_up.status()};
  if (*given_up > 0) {
    given_up_.Increment(static_cast<double>(*given_up));
    common::log::Warning("farewells.given_up", {{"count", *given_up}});
  }
  const absl::Status status = SayAllThatAreDue();
  const auto next = parts_.farewells.NextDue();
  if (!next.ok()) return {kStandByPause, next.status()};
  const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(
      next->value_or(Time::max()) - common::Now());
  return {std::clamp<std::chrono::microseconds>(pause, kFirstRetry, kIdlePause), status};
}

absl::Status FarewellWorker::SayAllThatAreDue() {
  const Time now = common::Now();
  absl::Status result;
  int failures = 0;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto due, parts_.farewells.Due(now));
    for (const Farewell& farewell : due) {
      if (common::Stopping()) return result;
      const absl::Status said = Say(farewell);
      if (said.ok()) {
        RETURN_IF_ERROR(parts_.farewells.Done(farewell.link_id));
        done_.Increment();
        failures = 0;
        continue;
      }
      result.Update(said);
      const auto pause =
          std::min(kFirstRetry * (1 << std::min(farewell.tries, kDoublingsMax)), kLongestRetry);
      RETURN_IF_ERROR(parts_.farewells.Postpone(farewell.link_id, common::Now() + pause));
      if (++failures == kFailuresMax) return result;
    }
    more = due.size() == FarewellStore::kMaxListed;
  }
  return result;
}

absl::Status FarewellWorker::Say(const Farewell& farewell) {
  const common::DeadlineScope deadline(kLinkTime);
  platforms::PlatformClient* const client = parts_.platforms.Find(farewell.platform);
  if (client == nullptr) {
    return common::errors::Make(kPlatformNotConfigured, "nobody to say good-bye to");
  }
  // The grant first: it is what the user expects to be gone. But Google ends all grants of a user
  // at once, so that who has linked again meanwhile would lose the new one.
  ASSIGN_OR_RETURN(const auto again, parts_.links.FindByUser(farewell.platform, farewell.user));
  if (!again || farewell.platform != Platform::kYouTube) {
    RETURN_IF_ERROR(Revoke(*client, farewell));
  }
  return farewell.platform == Platform::kTwitch ? SayToTwitch(farewell) : SayToYouTube(farewell);
}

// An access token that has ended is renewed first, so that the refresh token does not outlive the
// link; what that brings is stored before anything else can go wrong.
absl::Status FarewellWorker::Revoke(platforms::PlatformClient& client, const Farewell& farewell) {
  if (farewell.tokens.expires_at > common::Now() || client.platform() == Platform::kYouTube) {
    return client.Revoke(farewell.tokens);
  }
  const common::StopScope uninterrupted(nullptr);
  auto fresh = client.Refresh(farewell.tokens.refresh);
  if (common::errors::Is(fresh.status(), kLinkInactive)) return absl::OkStatus();
  RETURN_IF_ERROR(fresh.status());
  if (fresh->refresh.empty()) fresh->refresh = farewell.tokens.refresh;
  RETURN_IF_ERROR(parts_.farewells.Replace(farewell.link_id, *fresh));
  return client.Revoke(*fresh);
}

// The end of the grant ends only those subscriptions that needed it.
absl::Status FarewellWorker::SayToTwitch(const Farewell& farewell) {
  platforms::TwitchClient& twitch = *parts_.platforms.twitch();
  const std::string callback = WebhookUrl(public_url_, farewell.platform, farewell.link_id);
  std::vector<std::string> ids;
  std::string cursor;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    ASSIGN_OR_RETURN(const auto page, twitch.ListSubscriptions(farewell.user, cursor));
    for (const platforms::Subscription& subscription : page.subscriptions) {
      if (subscription.callback == callback) ids.push_back(subscription.id);
    }
    if (page.next.empty()) break;
    cursor = page.next;
  }
  for (const std::string& id : ids) RETURN_IF_ERROR(twitch.DeleteSubscription(id));
  return absl::OkStatus();
}

absl::Status FarewellWorker::SayToYouTube(const Farewell& farewell) {
  return parts_.platforms.youtube()->Unsubscribe(
      farewell.user, WebhookUrl(public_url_, farewell.platform, farewell.link_id));
}

}  // namespace stream::linking
