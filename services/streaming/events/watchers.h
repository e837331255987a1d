// Who watches which session through this instance. What happens is told here once and goes to every
// watcher's queue; each reads at his own pace.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/server_stream.h"
#include "services/streaming/events/client_event.h"
#include "services/streaming/events/watch_history.h"
#include "services/streaming/events/watch_queue.h"

namespace streaming::events {

// What somebody wants to see.
struct Watch {
  common::Uuid session;
  std::optional<common::Uuid> account;  // counts toward its limit; absent = none
  bool everything = false;              // milestones too, which are the streamer's own
  bool ended = false;                   // the session has, so that only the rest is to come
  std::optional<uint64_t> cursor;       // absent = from now on
  std::optional<bannou::streaming::v1::ClientEvent> first;  // told before all others
};

// Thread-safe. `metrics` outlives it.
class Watchers {
 public:
  struct Options {
    size_t max = 5000;
    size_t per_account_max = 20;
    size_t queue_max = 64;       // events that wait for one watcher
    size_t history_max = 16384;  // hype events and milestones kept for those who resume
    common::Duration end_grace = std::chrono::seconds(5);  // for the milestones of an end
    common::Duration last_grace =
        std::chrono::seconds(2);  // after the first of these, for the rest
    common::Duration train_grace = std::chrono::seconds(25);  // longer, for a train to complete
    // For one who is out to hear of it before he is cut off; in a drain all others wait for him.
    common::Duration leave_grace = std::chrono::seconds(10);
    common::Duration drain_grace = std::chrono::seconds(1);
    common::Clock clock = common::Now;
    // The last sequence of STREAMING, asked of the server.
    std::function<absl::StatusOr<uint64_t>()> last_sequence;
  };

  Watchers(common::metrics::Registry& metrics, Options options);

  // Registers the watcher of an open call. TOO_MANY_WATCHERS, CURSOR_EXPIRED; UNAVAILABLE before
  // Begin and after Close.
  absl::Status Open(const Watch& watch, std::shared_ptr<common::rpc::ServerStream> stream);

  // What is told once: lost on those who are too slow.
  void Tell(const common::Uuid& session, const bannou::streaming::v1::ClientEvent& event);
  // The messages of STREAMING in their order, each of them once, by one of these three.
  void TellStored(uint64_t sequence, const Told& told);
  void TellEnd(uint64_t sequence, const common::Uuid& session);
  void Pass(uint64_t sequence);
  // All that STREAMING had in store has been told; it was empty up to `sequence` if that was
  // nothing.
  void Begin(uint64_t sequence);
  bool begun() const;
  // The stream began anew: nothing told so far means anything, and all watches end.
  void Reset();
  // The last message told.
  uint64_t position() const;

  // Ends the watches whose time has come. Every second or so.
  void Tick();
  // These sessions are over, whether or not their end was told.
  void EndNow(const std::vector<common::Uuid>& sessions);
  // The sessions that are watched, in no order.
  std::vector<common::Uuid> Watched() const;
  bool Has(const common::Uuid& session) const;
  // Ends all of them, and refuses new ones.
  void Close();

 private:
  struct Watcher;
  using Pointer = std::shared_ptr<Watcher>;
  struct Room {
    std::vector<Pointer> watchers;
    std::optional<common::Time> closes_at;  // its session has ended
  };
  enum class Outcome : uint8_t { kEnded, kTooSlow, kDraining, kReset, kLeft };

  absl::Status Admit(const Watch& watch) const;
  absl::StatusOr<uint64_t> StartOf(const Watch& watch);
  std::vector<Pointer> Push(const common::Uuid& session,
                            const std::shared_ptr<const Delivery>& delivery);
  std::vector<Pointer> All() const;
  void Send(const std::vector<Pointer>& told);
  static absl::Status StatusOf(Watcher& watcher, Outcome outcome);
  void Finish(const Pointer& watcher, Outcome outcome);
  bool LeaveRoom(const Pointer& watcher);
  void Forget(const Pointer& watcher);

  const Options options_;
  common::metrics::Gauge& watching_;
  common::metrics::Counter& sent_;
  common::metrics::Counter& dropped_;
  std::array<common::metrics::Counter*, 5> ends_;
  mutable std::mutex mutex_;
  bool begun_ = false;
  bool closed_ = false;
  size_t count_ = 0;
  std::unordered_map<common::Uuid, Room> rooms_;
  std::unordered_map<common::Uuid, size_t> accounts_;
  std::vector<std::pair<common::Time, Pointer>> leaving_;  // when they are cut off
  WatchHistory history_;
};

}  // namespace streaming::events
