// The hype and milestones of a while, for watchers who resume: a window of the stream STREAMING.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "libs/common/base/uuid.h"
#include "services/streaming/events/watch_queue.h"

namespace streaming::events {

// Positions are sequences of the stream. Not thread-safe.
class WatchHistory {
 public:
  // `limit`: events kept, the oldest give way.
  explicit WatchHistory(size_t limit) : limit_(limit) {}

  // The window begins after this, if nothing was told yet.
  void Begin(uint64_t sequence);
  // Forgets everything: the stream began anew.
  void Clear();
  // In the order of the stream.
  void Pass(uint64_t sequence);
  void Add(const common::Uuid& session, std::shared_ptr<const Delivery> delivery);
  void End(const common::Uuid& session, uint64_t sequence);

  // The stream has been read up to here; 0 = nothing yet.
  uint64_t position() const { return position_; }
  // Whether the session's end is in the window.
  bool HasEnded(const common::Uuid& session) const;
  // Whether the last train of the session in the window goes on.
  bool TrainRuns(const common::Uuid& session) const;
  // The session's events after `cursor`, in order; nullopt when the window does not reach back that
  // far.
  std::optional<std::vector<std::shared_ptr<const Delivery>>> Since(const common::Uuid& session,
                                                                    uint64_t cursor) const;

 private:
  struct Kept {
    uint64_t sequence = 0;
    std::shared_ptr<const Delivery> delivery;  // null: the session's end
  };
  void Keep(const common::Uuid& session, Kept kept);
  const std::deque<Kept>* Find(const common::Uuid& session) const;

  const size_t limit_;
  uint64_t begin_ = 0;  // the window holds all after this
  uint64_t position_ = 0;
  std::unordered_map<common::Uuid, std::deque<Kept>> sessions_;
  std::deque<common::Uuid> order_;  // of all that is kept: whose it is, the oldest first
};

}  // namespace streaming::events
