// What waits to be sent to one watcher, and what is given up when he reads too slowly.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include <grpcpp/support/slice.h>

namespace streaming::events {

// What a slow watcher loses first.
enum class Keeping : uint8_t {
  kSnapshot,  // the next one says it all again
  kReaction,  // for effects and sound
  kAlways,    // hype and milestones
};

// What an event says of its session's hype train.
enum class Train : uint8_t { kNone, kBegins, kEnds };

// An event on its way to watchers, serialized once for all of them.
struct Delivery {
  grpc::Slice bytes;  // a ClientEvent without its gap
  Keeping keeping = Keeping::kAlways;
  bool owners_only = false;
  Train train = Train::kNone;
  uint64_t cursor = 0;  // where to resume after it
};

// Not thread-safe.
class WatchQueue {
 public:
  // `cursor`: where to resume when nothing was taken yet.
  WatchQueue(size_t limit, uint64_t cursor) : limit_(limit), cursor_(cursor) {}

  // Makes room by dropping what waits and is of the least Keeping, the oldest of it first. False
  // when it found nothing to drop: the queue is then empty, and stays so.
  bool Put(std::shared_ptr<const Delivery> delivery);
  // What a watcher missed who resumes: before all others, and beyond the limit.
  void PutMissed(std::shared_ptr<const Delivery> delivery);

  struct Taken {
    std::shared_ptr<const Delivery> delivery;
    uint32_t gap = 0;     // events dropped since the one before
    uint64_t cursor = 0;  // where to resume after it; never goes back
  };
  std::optional<Taken> Take();

  // Where to resume after what was taken last.
  uint64_t cursor() const { return cursor_; }
  uint64_t dropped() const { return dropped_; }  // in all
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::shared_ptr<const Delivery> delivery;
    uint32_t gap = 0;  // dropped before it, since the one before
  };
  bool DropOne(Keeping at_most);
  void Append(std::shared_ptr<const Delivery> delivery);

  const size_t limit_;
  std::deque<Waiting> waiting_;
  size_t missed_ = 0;  // of these, at the front, do not count
  uint64_t cursor_;
  uint64_t dropped_ = 0;
  uint32_t gap_ = 0;  // dropped after the last one that waits
  bool over_ = false;
};

}  // namespace streaming::events
