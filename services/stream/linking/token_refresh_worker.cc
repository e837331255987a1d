#include "services/stream/linking/token_refresh_worker.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/lock.h"
#include "services/stream/errors.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::errors::Is;
using common::errors::Make;
using common::mysql::NamedLock;
using platforms::Platform;
using platforms::PlatformClient;
using platforms::Tokens;
using std::chrono::seconds;

constexpr seconds kLongestPause{30 * 60};  // a platform wants to be asked every hour
constexpr seconds kRetryPause{30};         // after a failure
constexpr seconds kUnsavedPause{1};        // while there are tokens that nobody else can know
constexpr seconds kMargin{60};             // for what a look takes
constexpr seconds kLinkTime{20};           // for all that one link takes at its platform
constexpr seconds kLeastLife{10};          // of a token that is handed out
constexpr seconds kLockWait{1};            // for another writer of the same link
constexpr int kFailuresMax = 3;            // in a row: then the platform is left alone for a while

}  // namespace

TokenRefreshWorker::TokenRefreshWorker(seconds interval, Parts parts,
                                       common::metrics::Registry& metrics)
    : interval_(std::min(interval, kLongestPause)),
      parts_(std::move(parts)),
      deactivated_(metrics.GetCounter("stream_links_deactivated_total",
                                      "Links whose grant the platform had ended.")),
      loop_("token_refresh", metrics, [this] { return Step(); }) {
  for (const Platform platform : {Platform::kTwitch, Platform::kYouTube}) {
    const auto counter = [&](const char* name, const char* help, const char* outcome) -> auto& {
      return metrics.GetCounter(
          name, help,
          {{"platform", std::string(platforms::WordOf(platform))}, {"outcome", outcome}});
    };
    constexpr const char* kRefreshes = "stream_token_refreshes_total";
    constexpr const char* kRefreshesHelp = "Refresh tokens shown to a platform, by its answer.";
    constexpr const char* kValidations = "stream_token_validations_total";
    constexpr const char* kValidationsHelp = "Access tokens validated, by the platform's answer.";
    counters_.emplace(static_cast<int>(platform),
                      Counters{.refreshed = counter(kRefreshes, kRefreshesHelp, "refreshed"),
                               .refused = counter(kRefreshes, kRefreshesHelp, "refused"),
                               .failed = counter(kRefreshes, kRefreshesHelp, "failed"),
                               .valid = counter(kValidations, kValidationsHelp, "valid"),
                               .invalid = counter(kValidations, kValidationsHelp, "invalid")});
  }
}

TokenRefreshWorker::Counters& TokenRefreshWorker::CountersOf(Platform platform) {
  return counters_.at(static_cast<int>(platform));
}

common::executor::Loop::Outcome TokenRefreshWorker::Step() {
  absl::Status result = SaveAllUnsaved();
  if (!result.ok()) return {kUnsavedPause, result};
  for (const Platform platform : {Platform::kTwitch, Platform::kYouTube}) {
    const PlatformClient* const client = parts_.platforms.Find(platform);
    if (client != nullptr) result.Update(CareFor(*client, common::Now()));
  }
  return {result.ok() ? interval_ : std::min(interval_, kRetryPause), result};
}

absl::Status TokenRefreshWorker::CareFor(const PlatformClient& client, Time now) {
  // What would be due before the next look is due now.
  const Time ends_before = now + interval_ + std::min(interval_, kMargin);
  std::optional<Time> validated_before;
  if (const auto every = client.validation_interval()) {
    validated_before = now - std::max<common::Duration>(*every - interval_, seconds(1));
  }
  absl::Status result;
  int failures = 0;
  // Where the last look gave up, so that those behind get their turn.
  Uuid& after = resume_[static_cast<int>(client.platform())];
  const bool resumed = after != Uuid();
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto due, parts_.tokens.FindDue(client.platform(), ends_before,
                                                           validated_before, after));
    for (const TokenStore::Due& link : due) {
      if (common::Stopping()) return result;
      const absl::Status status = Mind(link.link_id, ends_before);
      after = link.link_id;
      result.Update(status);
      failures = Is(status, kPlatformUnavailable) ? failures + 1 : 0;
      if (failures == kFailuresMax) return result;
    }
    more = due.size() == TokenStore::kMaxDue;
  }
  after = Uuid();
  // Those before where it began are looked at soon.
  if (resumed) result.Update(absl::UnavailableError("a look began in the middle"));
  return result;
}

absl::Status TokenRefreshWorker::Mind(const Uuid& link_id, Time ends_before) {
  const common::DeadlineScope deadline(kLinkTime);
  ASSIGN_OR_RETURN(const auto lock,
                   NamedLock::Acquire(parts_.locks, TokenLockOf(link_id), seconds(0)));
  if (!lock) return absl::OkStatus();
  RETURN_IF_ERROR(SaveUnsaved(link_id));
  ASSIGN_OR_RETURN(auto stored, parts_.tokens.Read(link_id));
  if (!stored || !stored->link.is_active) return absl::OkStatus();
  if (stored->tokens.expires_at >= ends_before) return Validate(*stored);
  const absl::Status renewed = Renew(*std::move(stored), ends_before).status();
  return Is(renewed, kLinkInactive) ? absl::OkStatus() : renewed;
}

absl::StatusOr<Secret> TokenRefreshWorker::AccessToken(const Uuid& link_id, const Secret& refused) {
  const auto is_refused = [&refused](const Tokens& tokens) {
    return !refused.empty() && tokens.access.Reveal() == refused.Reveal();
  };
  ASSIGN_OR_RETURN(auto stored, parts_.tokens.Read(link_id));
  if (!stored) return Make(kLinkNotFound, "no such link");
  if (!stored->link.is_active) return Make(kLinkInactive, "the platform ended the grant");
  if (stored->tokens.expires_at > common::Now() + kLeastLife && !is_refused(stored->tokens)) {
    return stored->tokens.access;
  }
  ASSIGN_OR_RETURN(const auto lock,
                   NamedLock::Acquire(parts_.locks, TokenLockOf(link_id), kLockWait));
  if (!lock) return Make(kPlatformUnavailable, "the link's tokens are being renewed");
  RETURN_IF_ERROR(SaveUnsaved(link_id));
  ASSIGN_OR_RETURN(stored, parts_.tokens.Read(link_id));
  if (!stored) return Make(kLinkNotFound, "no such link");
  if (!stored->link.is_active) return Make(kLinkInactive, "the platform ended the grant");
  const Time needed_until = is_refused(stored->tokens) ? Time::max() : common::Now() + kLeastLife;
  ASSIGN_OR_RETURN(const Tokens tokens, Renew(*std::move(stored), needed_until));
  return tokens.access;
}

absl::StatusOr<platforms::LiveQuery> TokenRefreshWorker::LiveQueryOf(
    const Link& link, std::optional<std::string> stream_id) {
  ASSIGN_OR_RETURN(const auto user, parts_.links.UserId(link.link_id));
  platforms::LiveQuery query{
      .channel = user, .access_token = {}, .stream_id = std::move(stream_id)};
  // Twitch is asked by the application.
  if (link.platform == Platform::kYouTube) {
    ASSIGN_OR_RETURN(query.access_token, AccessToken(link.link_id));
  }
  return query;
}

absl::StatusOr<Tokens> TokenRefreshWorker::Renew(StoredTokens stored, Time needed_until) {
  // Another writer was here before us.
  if (stored.tokens.expires_at > needed_until) return std::move(stored.tokens);
  // The old tokens are spent when the answer is on its way: it must not be lost.
  const common::StopScope uninterrupted(nullptr);
  ASSIGN_OR_RETURN(const Tokens tokens, Refresh(stored));
  const Link& link = stored.link;
  const absl::Status kept = Store(link.link_id, stored.version, link.platform, tokens);
  if (kept.ok()) return tokens;
  common::log::Warning("tokens.not_stored", {{"code", absl::StatusCodeToString(kept.code())}});
  {
    const std::lock_guard lock(mutex_);
    unsaved_.insert_or_assign(link.link_id, Unsaved{link.platform, stored.version, tokens});
  }
  loop_.Wake();
  return tokens;
}

absl::Status TokenRefreshWorker::Store(const Uuid& link_id, const std::string& version,
                                       Platform platform, const Tokens& tokens) {
  ASSIGN_OR_RETURN(const bool replaced,
                   parts_.tokens.Replace(link_id, version, tokens, common::Now()));
  if (replaced) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool rescued,
                   parts_.tokens.ReplaceInFarewell(link_id, version, tokens, common::Now()));
  if (rescued || platform != Platform::kTwitch) return absl::OkStatus();
  // The link is gone and its farewell is said, or it was linked anew: these are nobody's.
  PlatformClient* const client = parts_.platforms.Find(platform);
  return client == nullptr ? absl::OkStatus() : client->Revoke(tokens);
}

absl::StatusOr<Tokens> TokenRefreshWorker::Refresh(const StoredTokens& stored) {
  PlatformClient* const client = parts_.platforms.Find(stored.link.platform);
  if (client == nullptr) {
    return Make(kPlatformNotConfigured, "the operator has not configured this platform");
  }
  Counters& counters = CountersOf(stored.link.platform);
  auto tokens = client->Refresh(stored.tokens.refresh);
  if (Is(tokens.status(), kLinkInactive)) {
    counters.refused.Increment();
    RETURN_IF_ERROR(GiveUp(stored));
    return tokens.status();
  }
  (tokens.ok() ? counters.refreshed : counters.failed).Increment();
  return tokens;
}

absl::Status TokenRefreshWorker::Validate(const StoredTokens& stored) {
  PlatformClient* const client = parts_.platforms.Find(stored.link.platform);
  ASSIGN_OR_RETURN(const bool valid, client->Validate(stored.tokens.access));
  Counters& counters = CountersOf(stored.link.platform);
  (valid ? counters.valid : counters.invalid).Increment();
  if (valid) return parts_.tokens.MarkValidated(stored.link.link_id, common::Now());
  // The access token alone may have ended: whether the grant has, the refresh token will tell.
  const absl::Status renewed = Renew(stored, Time::max()).status();
  return Is(renewed, kLinkInactive) ? absl::OkStatus() : renewed;
}

absl::Status TokenRefreshWorker::SaveUnsaved(const Uuid& link_id) {
  Unsaved unsaved;
  {
    const std::lock_guard lock(mutex_);
    const auto found = unsaved_.find(link_id);
    if (found == unsaved_.end()) return absl::OkStatus();
    unsaved = found->second;
  }
  RETURN_IF_ERROR(Store(link_id, unsaved.version, unsaved.platform, unsaved.tokens));
  const std::lock_guard lock(mutex_);
  unsaved_.erase(link_id);
  return absl::OkStatus();
}

absl::Status TokenRefreshWorker::SaveAllUnsaved() {
  std::vector<Uuid> link_ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [link_id, unsaved] : unsaved_) link_ids.push_back(link_id);
  }
  absl::Status result;
  for (const Uuid& link_id : link_ids) {
    ASSIGN_OR_RETURN(const auto lock,
                     NamedLock::Acquire(parts_.locks, TokenLockOf(link_id), seconds(0)));
    // Whoever holds it stores them before all else.
    if (lock) result.Update(SaveUnsaved(link_id));
  }
  return result;
}

absl::Status TokenRefreshWorker::GiveUp(const StoredTokens& stored) {
  ASSIGN_OR_RETURN(const bool done,
                   parts_.tokens.Deactivate(stored.link.link_id, stored.version, common::Now()));
  if (!done) return absl::OkStatus();
  deactivated_.Increment();
  common::log::Info("link.deactivated", {{"platform", platforms::WordOf(stored.link.platform)}});
  parts_.on_deactivated();
  return absl::OkStatus();
}

}  // namespace stream::linking
