#include "services/stream/sessions/cleanup_worker.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/lock.h"
#include "services/stream/privacy/tombstone_store.h"

namespace stream::sessions {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::NamedLock;
using platforms::LiveStream;
using platforms::Platform;
using platforms::PlatformClient;
using std::chrono::seconds;

constexpr seconds kRetryPause{10};
constexpr seconds kPageTime{30};  // for a page of channels at its platform
// YouTube has a daily budget of calls, and takes one or two for each channel.
constexpr int kYouTubeScansLess = 36;
// When an announced broadcast is looked for, around its time.
constexpr std::chrono::minutes kExpectedBefore{5};
constexpr std::chrono::hours kExpectedSoon{1};  // until then at every poll, later less often
constexpr std::chrono::hours kExpectedAfter{6};
constexpr std::chrono::minutes kLateBroadcasts{10};
constexpr int kFailuresMax = 3;  // in a row: then a platform is left alone for a while

}  // namespace

SessionCleanupWorker::SessionCleanupWorker(Options options, Parts parts,
                                           common::metrics::Registry& metrics)
    : options_(options),
      parts_(std::move(parts)),
      orphans_(metrics.GetCounter("stream_sessions_orphaned_total",
                                  "Platform sessions ended since their stream was over, though "
                                  "nobody had said so.")),
      found_(metrics.GetCounter("stream_sessions_found_total",
                                "Platform sessions begun since a stream was live, though nobody "
                                "had said so.")),
      loop_("session_cleanup", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome SessionCleanupWorker::Step() {
  absl::Status status = Purge();
  const auto lock = NamedLock::Acquire(parts_.locks, "session_cleanup", seconds(0));
  if (!lock.ok()) {
    status.Update(lock.status());
  } else if (*lock) {
    status.Update(PollIfDue());
  }
  return {status.ok() ? options_.interval : std::min(options_.interval, kRetryPause), status};
}

// A batch at a time, so that no statement holds many rows.
absl::Status SessionCleanupWorker::Purge() {
  int64_t total = 0;
  for (int64_t deleted = SessionStore::kPurgeBatch; deleted == SessionStore::kPurgeBatch;) {
    ASSIGN_OR_RETURN(deleted, parts_.sessions.PurgeEnded(common::Now() - options_.retention));
    total += deleted;
  }
  if (total > 0) common::log::Info("sessions.purged", {{"count", total}});
  return privacy::PurgeTombstones(parts_.sessions.pool(), common::Now()).status();
}

absl::Status SessionCleanupWorker::PollIfDue() {
  // Whoever comes a little early is not sent away for another interval.
  absl::Status result =
      IfDue("poll", options_.interval - options_.interval / 10, [this] { return Poll(); });
  const Time now = common::Now();
  result.Update(IfDue("late_broadcasts", kLateBroadcasts,
                      [&] { return PollExpected(now - kExpectedAfter, now - kExpectedSoon); }));
  result.Update(IfDue("scan_twitch", options_.scan, [this] { return Scan(Platform::kTwitch); }));
  result.Update(IfDue("scan_youtube", options_.scan * kYouTubeScansLess,
                      [this] { return Scan(Platform::kYouTube); }));
  return result;
}

absl::Status SessionCleanupWorker::IfDue(std::string_view name, common::Duration every,
                                         const std::function<absl::Status()>& work) {
  ASSIGN_OR_RETURN(const bool due, parts_.schedule.IsDue(name, common::Now()));
  if (!due || common::Stopping()) return absl::OkStatus();
  const absl::Status done = work();
  // Cut short, it is for the next one who comes.
  if (common::Stopping()) return done;
  // What failed is not given up until the next time, nor tried without end.
  const common::Duration pause = done.ok() ? every : std::min<common::Duration>(every, kRetryPause);
  RETURN_IF_ERROR(parts_.schedule.SetDue(name, common::Now() + pause));
  return done;
}

absl::Status SessionCleanupWorker::Poll() {
  absl::Status result;
  std::set<Uuid> missed;
  Uuid after;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto watched, parts_.sessions.Watched(after));
    if (common::Stopping()) return result;
    result.Update(PollSessions(watched, missed));
    more = watched.size() == SessionStore::kMaxWatched;
    if (more) after = watched.back().session.session_id;
  }
  missed_ = std::move(missed);
  const Time now = common::Now();
  RETURN_IF_ERROR(parts_.expected.Purge(now - kExpectedAfter));
  result.Update(PollExpected(now - kExpectedSoon, now + kExpectedBefore));
  return result;
}

absl::Status SessionCleanupWorker::PollSessions(std::span<const WatchedSession> watched,
                                                std::set<Uuid>& missed) {
  absl::Status result;
  for (const Platform platform : {Platform::kTwitch, Platform::kYouTube, Platform::kCustom}) {
    std::vector<WatchedSession> of_platform;
    for (const WatchedSession& session : watched) {
      if (session.session.platform == platform) of_platform.push_back(session);
    }
    PlatformClient* const client = parts_.platforms.Find(platform);
    if (client != nullptr && !of_platform.empty()) {
      result.Update(PollPlatform(*client, of_platform, missed));
    }
    // Nobody can be asked about these.
    if (platform != Platform::kCustom) continue;
    for (const WatchedSession& session : of_platform) {
      if (IsSilent(session.seen_at, common::Now(), options_.custom_silence)) {
        result.Update(EndOrphan(session));
      }
    }
  }
  return result;
}

absl::Status SessionCleanupWorker::PollPlatform(PlatformClient& client,
                                                std::span<const WatchedSession> watched,
                                                std::set<Uuid>& missed) {
  const common::DeadlineScope deadline(kPageTime);
  absl::Status result;
  std::vector<platforms::LiveQuery> queries;
  std::vector<const WatchedSession*> asked;
  for (const WatchedSession& session : watched) {
    auto query = parts_.tokens.LiveQueryOf(
        {.link_id = session.session.link_id,
         .account_id = session.session.account_id,
         .platform = session.session.platform,
         .linked_at = {}},
        session.stream_id.empty() ? std::nullopt : std::optional(session.stream_id));
    // One whose tokens are gone does not keep the others waiting.
    result.Update(query.status());
    if (!query.ok()) continue;
    queries.push_back(*std::move(query));
    asked.push_back(&session);
  }
  ASSIGN_OR_RETURN(const auto found, client.FindLive(queries));
  for (size_t i = 0; i < found.size(); ++i) result.Update(Judge(*asked[i], found[i], missed));
  return result;
}

absl::Status SessionCleanupWorker::Judge(const WatchedSession& watched,
                                         const std::optional<LiveStream>& stream,
                                         std::set<Uuid>& missed) {
  const Session& session = watched.session;
  if (!stream) {
    const bool missed_before = missed_.contains(session.session_id);
    if (IsOrphan(missed_before, watched.seen_at, common::Now(), options_.orphan_grace)) {
      return EndOrphan(watched);
    }
    missed.insert(session.session_id);
    return absl::OkStatus();
  }
  if (!watched.stream_id.empty() && stream->stream_id != watched.stream_id) {
    return Open(session.link_id, *stream);
  }
  return parts_.sessions.Saw(session.session_id, stream->viewer_count, common::Now());
}

absl::Status SessionCleanupWorker::EndOrphan(const WatchedSession& watched) {
  ASSIGN_OR_RETURN(const bool ended,
                   parts_.sessions.End(watched.session.session_id, watched.seen_at));
  if (!ended) return absl::OkStatus();
  orphans_.Increment();
  common::log::Info("session.orphaned",
                    {{"platform", platforms::WordOf(watched.session.platform)}});
  parts_.live.Forget(watched.session.link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

absl::Status SessionCleanupWorker::Open(const Uuid& link_id, const LiveStream& stream) {
  ASSIGN_OR_RETURN(const auto opened,
                   parts_.sessions.OpenByPlatform({.link_id = link_id,
                                                   .stream_id = stream.stream_id,
                                                   .started_at = stream.started_at,
                                                   .viewer_count = stream.viewer_count.value_or(0),
                                                   .in_game_id = {},
                                                   .asked = options_.orphan_grace}));
  if (!opened) return absl::OkStatus();
  found_.Increment();
  common::log::Info("session.found", {{"platform", platforms::WordOf(opened->platform)}});
  parts_.live.Forget(link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

absl::Status SessionCleanupWorker::PollExpected(Time from, Time until) {
  PlatformClient* const client = parts_.platforms.Find(Platform::kYouTube);
  if (client == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto expecting, parts_.expected.Between(from, until));
  const common::DeadlineScope deadline(kPageTime);
  absl::Status result;
  std::vector<platforms::LiveQuery> queries;
  std::vector<const linking::ExpectedStore::Expecting*> asked;
  for (const auto& one : expecting) {
    auto query = parts_.tokens.LiveQueryOf(one.link, one.stream.stream_id);
    result.Update(query.status());
    if (!query.ok()) continue;
    queries.push_back(*std::move(query));
    asked.push_back(&one);
  }
  if (queries.empty()) return result;
  ASSIGN_OR_RETURN(const auto found, client->FindLive(queries));
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) continue;
    result.Update(Open(asked[i]->link.link_id, *found[i]));
    result.Update(parts_.expected.Forget(asked[i]->link.link_id, asked[i]->stream.stream_id));
  }
  return result;
}

absl::Status SessionCleanupWorker::Scan(Platform platform) {
  PlatformClient* const client = parts_.platforms.Find(platform);
  if (client == nullptr) return absl::OkStatus();
  // One that cannot be asked does not keep the others waiting, where they are asked one by one.
  const size_t at_once = platform == Platform::kTwitch ? linking::LinkStore::kMaxListed : 1;
  absl::Status result;
  int failures = 0;
  Uuid after;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto links, parts_.links.Active(platform, after));
    for (size_t begin = 0; begin < links.size(); begin += at_once) {
      if (common::Stopping()) return result;
      const size_t count = std::min(at_once, links.size() - begin);
      const absl::Status status = ScanSome(*client, std::span(links).subspan(begin, count));
      result.Update(status);
      failures = status.ok() ? 0 : failures + 1;
      if (failures == kFailuresMax) return result;
    }
    more = links.size() == linking::LinkStore::kMaxListed;
    if (more) after = links.back().link_id;
  }
  return result;
}

absl::Status SessionCleanupWorker::ScanSome(PlatformClient& client,
                                            std::span<const linking::Link> links) {
  const common::DeadlineScope deadline(kPageTime);
  absl::Status result;
  std::vector<platforms::LiveQuery> queries;
  std::vector<Uuid> asked;
  for (const linking::Link& link : links) {
    auto query = parts_.tokens.LiveQueryOf(link, std::nullopt);
    result.Update(query.status());
    if (!query.ok()) continue;
    queries.push_back(*std::move(query));
    asked.push_back(link.link_id);
  }
  if (queries.empty()) return result;
  ASSIGN_OR_RETURN(const auto found, client.FindLive(queries));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) result.Update(Open(asked[i], *found[i]));
  }
  return result;
}

}  // namespace stream::sessions
