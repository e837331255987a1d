#include "services/streaming/events/watchers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"

namespace streaming::events {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Time;
using common::Uuid;
using common::rpc::ServerStream;

constexpr common::Duration kRetryAfterDrain = std::chrono::milliseconds(100);
constexpr common::Duration kRetryAfterBegin = std::chrono::milliseconds(500);
constexpr common::Duration kRetryAfterCrowd = std::chrono::seconds(5);

Keeping KeepingOf(const v1::ClientEvent& event) {
  if (IsStored(event)) return Keeping::kAlways;
  return event.has_audience_reaction() ? Keeping::kReaction : Keeping::kSnapshot;
}

Train TrainOf(const v1::ClientEvent& event) {
  if (event.has_hype_started()) return Train::kBegins;
  return event.has_hype_completed() ? Train::kEnds : Train::kNone;
}

std::shared_ptr<const Delivery> DeliveryOf(v1::ClientEvent event, uint64_t cursor) {
  event.set_cursor(cursor);
  return std::make_shared<const Delivery>(Delivery{.bytes = grpc::Slice(event.SerializeAsString()),
                                                   .keeping = KeepingOf(event),
                                                   .owners_only = event.has_milestone(),
                                                   .train = TrainOf(event),
                                                   .cursor = cursor});
}

// The event with what differs for this watcher. Messages of protobuf may be put together from
// pieces, so that all watchers share the large one.
grpc::ByteBuffer BytesOf(const WatchQueue::Taken& taken) {
  if (taken.gap == 0 && taken.cursor == taken.delivery->cursor) {
    return grpc::ByteBuffer(&taken.delivery->bytes, 1);
  }
  v1::ClientEvent own;
  own.set_gap(taken.gap);
  own.set_cursor(taken.cursor);
  const grpc::Slice pieces[] = {taken.delivery->bytes, grpc::Slice(own.SerializeAsString())};
  return grpc::ByteBuffer(pieces, std::size(pieces));
}

absl::Status TooMany(std::string_view message) {
  return common::errors::MakeRetryable(kTooManyWatchers, message, kRetryAfterCrowd);
}

}  // namespace

struct Watchers::Watcher {
  Watcher(const Watch& watch, std::shared_ptr<ServerStream> its_stream, size_t queue_max,
          uint64_t start)
      : session(watch.session),
        account(watch.account),
        everything(watch.everything),
        after(start),
        stream(std::move(its_stream)),
        queue(queue_max, start) {}

  const Uuid session;
  const std::optional<Uuid> account;
  const bool everything;
  const uint64_t after;  // what was stored up to here it has seen
  const std::shared_ptr<ServerStream> stream;
  std::atomic<Outcome> outcome = Outcome::kLeft;
  std::mutex mutex;
  WatchQueue queue;  // under the mutex
};

Watchers::Watchers(common::metrics::Registry& metrics, Options options)
    : options_(std::move(options)),
      watching_(metrics.GetGauge("streaming_watchers", "Open calls of WatchStreamSession.")),
      sent_(metrics.GetCounter("streaming_watch_events_total", "Events sent to watchers.")),
      dropped_(metrics.GetCounter("streaming_watch_dropped_total",
                                  "Snapshots and reactions that watchers were too slow for.")),
      history_(options_.history_max) {
  constexpr std::array<const char*, 5> kOutcomes = {"ended", "too_slow", "draining", "reset",
                                                    "left"};
  for (size_t i = 0; i < ends_.size(); ++i) {
    ends_[i] = &metrics.GetCounter("streaming_watch_ends_total",
                                   "Watches that are over, by why they ended.",
                                   {{"outcome", kOutcomes[i]}});
  }
}

absl::Status Watchers::Admit(const Watch& watch) const {
  if (closed_) {
    return common::errors::MakeRetryable(common::errors::kDraining, "the instance is shutting down",
                                         kRetryAfterDrain);
  }
  if (!begun_) {
    return common::errors::MakeRetryable(common::errors::kUnavailable,
                                         "the instance is still reading what happened",
                                         kRetryAfterBegin);
  }
  if (count_ >= options_.max) return TooMany("the instance has as many watchers as it may");
  if (!watch.account) return absl::OkStatus();
  const auto found = accounts_.find(*watch.account);
  if (found == accounts_.end() || found->second < options_.per_account_max) {
    return absl::OkStatus();
  }
  return TooMany("the account watches as often as it may");
}

absl::StatusOr<uint64_t> Watchers::StartOf(const Watch& watch) {
  const uint64_t here = position();
  if (!watch.cursor) return here;
  if (*watch.cursor <= here) return *watch.cursor;
  // Another instance has read more than this one; or the stream began anew, and its numbers too.
  ASSIGN_OR_RETURN(const uint64_t last, options_.last_sequence());
  if (*watch.cursor <= last) return *watch.cursor;
  return common::errors::Make(kCursorExpired, "the cursor is of another stream of events");
}

absl::Status Watchers::Open(const Watch& watch, std::shared_ptr<ServerStream> stream) {
  ASSIGN_OR_RETURN(const uint64_t start, StartOf(watch));
  const auto watcher =
      std::make_shared<Watcher>(watch, std::move(stream), options_.queue_max, start);
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Admit(watch));
    const auto missed = history_.Since(watch.session, start);
    if (watch.cursor && !missed) {
      return common::errors::Make(kCursorExpired, "the cursor is too old; watch without one");
    }
    if (watch.cursor) {
      for (const auto& delivery : *missed) {
        if (watch.everything || !delivery->owners_only) watcher->queue.PutMissed(delivery);
      }
    }
    if (watch.first) {
      watcher->queue.PutMissed(DeliveryOf(*watch.first, std::max(start, history_.position())));
    }
    Room& room = rooms_[watch.session];
    room.watchers.push_back(watcher);
    if (!room.closes_at && (watch.ended || history_.HasEnded(watch.session))) {
      room.closes_at = options_.clock() + options_.end_grace;
    }
    ++count_;
    if (watch.account) ++accounts_[*watch.account];
    watching_.Set(static_cast<double>(count_));
  }
  watcher->stream->Open(
      [this, watcher]() -> std::optional<grpc::ByteBuffer> {
        const std::lock_guard lock(watcher->mutex);
        const auto taken = watcher->queue.Take();
        if (!taken) return std::nullopt;
        sent_.Increment();
        return BytesOf(*taken);
      },
      [this, watcher] { Forget(watcher); });
  return absl::OkStatus();
}

std::vector<Watchers::Pointer> Watchers::Push(const Uuid& session,
                                              const std::shared_ptr<const Delivery>& delivery) {
  const auto room = rooms_.find(session);
  if (room == rooms_.end()) return {};
  const bool stored = delivery->keeping == Keeping::kAlways;
  std::vector<Pointer> told;
  told.reserve(room->second.watchers.size());
  for (const Pointer& watcher : room->second.watchers) {
    if (delivery->owners_only && !watcher->everything) continue;
    if (stored && delivery->cursor <= watcher->after) continue;
    const std::lock_guard lock(watcher->mutex);
    const uint64_t before = watcher->queue.dropped();
    if (!watcher->queue.Put(delivery)) watcher->outcome = Outcome::kTooSlow;
    dropped_.Increment(static_cast<double>(watcher->queue.dropped() - before));
    told.push_back(watcher);
  }
  return told;
}

// Without the lock: gRPC may call back at once.
void Watchers::Send(const std::vector<Pointer>& told) {
  for (const Pointer& watcher : told) {
    if (watcher->outcome == Outcome::kTooSlow) {
      Finish(watcher, Outcome::kTooSlow);
    } else {
      watcher->stream->Wake();
    }
  }
}

void Watchers::Tell(const Uuid& session, const v1::ClientEvent& event) {
  std::vector<Pointer> told;
  {
    const std::lock_guard lock(mutex_);
    if (!rooms_.contains(session)) return;
    told = Push(session, DeliveryOf(event, history_.position()));
  }
  Send(told);
}

void Watchers::TellStored(uint64_t sequence, const Told& told) {
  std::vector<Pointer> watchers;
  {
    const std::lock_guard lock(mutex_);
    if (sequence <= history_.position()) return;
    auto delivery = DeliveryOf(told.event, sequence);
    watchers = Push(told.session, delivery);
    history_.Add(told.session, std::move(delivery));
    const auto room = rooms_.find(told.session);
    if (told.event.has_milestone() && room != rooms_.end() && room->second.closes_at) {
      // The milestones of an end come together.
      room->second.closes_at =
          std::min(*room->second.closes_at, options_.clock() + options_.last_grace);
    }
  }
  Send(watchers);
}

void Watchers::TellEnd(uint64_t sequence, const Uuid& session) {
  const std::lock_guard lock(mutex_);
  if (sequence <= history_.position()) return;
  history_.End(session, sequence);
  const auto room = rooms_.find(session);
  if (room != rooms_.end()) room->second.closes_at = options_.clock() + options_.end_grace;
}

void Watchers::Pass(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  history_.Pass(sequence);
}

void Watchers::Begin(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  history_.Begin(sequence);
  begun_ = true;
}

bool Watchers::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

uint64_t Watchers::position() const {
  const std::lock_guard lock(mutex_);
  return history_.position();
}

void Watchers::Tick() {
  const Time now = options_.clock();
  std::vector<Pointer> ended;
  std::vector<Pointer> stuck;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [session, room] : rooms_) {
      if (!room.closes_at || *room.closes_at > now) continue;
      // A train's completion is announced after the end of its session.
      if (history_.TrainRuns(session) && *room.closes_at + options_.train_grace > now) continue;
      ended.insert(ended.end(), room.watchers.begin(), room.watchers.end());
    }
    for (const auto& [cut_off_at, watcher] : leaving_) {
      if (cut_off_at <= now) stuck.push_back(watcher);
    }
  }
  for (const Pointer& watcher : ended) Finish(watcher, Outcome::kEnded);
  for (const Pointer& watcher : stuck) watcher->stream->Abort();
}

void Watchers::EndNow(const std::vector<Uuid>& sessions) {
  const std::lock_guard lock(mutex_);
  for (const Uuid& session : sessions) {
    const auto room = rooms_.find(session);
    if (room == rooms_.end() || room->second.closes_at) continue;
    room->second.closes_at = options_.clock() + options_.end_grace;
  }
}

std::vector<Uuid> Watchers::Watched() const {
  const std::lock_guard lock(mutex_);
  std::vector<Uuid> sessions;
  sessions.reserve(rooms_.size());
  for (const auto& [session, room] : rooms_) sessions.push_back(session);
  return sessions;
}

bool Watchers::Has(const Uuid& session) const {
  const std::lock_guard lock(mutex_);
  return rooms_.contains(session);
}

void Watchers::Reset() {
  std::vector<Pointer> all;
  {
    const std::lock_guard lock(mutex_);
    history_.Clear();
    all = All();
  }
  for (const Pointer& watcher : all) Finish(watcher, Outcome::kReset);
}

void Watchers::Close() {
  std::vector<Pointer> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    all = All();
  }
  for (const Pointer& watcher : all) Finish(watcher, Outcome::kDraining);
}

std::vector<Watchers::Pointer> Watchers::All() const {
  std::vector<Pointer> all;
  for (const auto& [session, room] : rooms_) {
    all.insert(all.end(), room.watchers.begin(), room.watchers.end());
  }
  return all;
}

absl::Status Watchers::StatusOf(Watcher& watcher, Outcome outcome) {
  switch (outcome) {
    case Outcome::kTooSlow: {
      const std::lock_guard lock(watcher.mutex);
      return common::errors::MakeWith(kWatcherTooSlow, "too much waits for this watcher",
                                      {{"cursor", std::to_string(watcher.queue.cursor())}});
    }
    case Outcome::kReset:
      return common::errors::Make(kCursorExpired, "the stream of events began anew");
    case Outcome::kDraining:
      return common::errors::MakeRetryable(common::errors::kDraining,
                                           "the instance is shutting down", kRetryAfterDrain);
    default:
      return absl::OkStatus();
  }
}

void Watchers::Finish(const Pointer& watcher, Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (!LeaveRoom(watcher)) return;  // it is on its way out already
    // Whose queue was given up must not be told that all was well.
    if (watcher->outcome == Outcome::kTooSlow) outcome = Outcome::kTooSlow;
    const auto grace = outcome == Outcome::kDraining ? options_.drain_grace : options_.leave_grace;
    leaving_.emplace_back(options_.clock() + grace, watcher);
  }
  watcher->outcome = outcome;
  watcher->stream->Close(StatusOf(*watcher, outcome));
}

bool Watchers::LeaveRoom(const Pointer& watcher) {
  const auto room = rooms_.find(watcher->session);
  if (room == rooms_.end()) return false;
  const bool was_there = std::erase(room->second.watchers, watcher) > 0;
  if (room->second.watchers.empty()) rooms_.erase(room);
  return was_there;
}

void Watchers::Forget(const Pointer& watcher) {
  const std::lock_guard lock(mutex_);
  LeaveRoom(watcher);
  std::erase_if(leaving_, [&](const auto& leaving) { return leaving.second == watcher; });
  ends_[static_cast<size_t>(watcher->outcome.load())]->Increment();
  --count_;
  watching_.Set(static_cast<double>(count_));
  if (!watcher->account) return;
  const auto account = accounts_.find(*watcher->account);
  if (--account->second == 0) accounts_.erase(account);
}

}  // namespace streaming::events
