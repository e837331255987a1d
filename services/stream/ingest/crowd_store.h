// Puts what the crowd does into the buffer of its session. Who did it is told apart here, in the
// memory of the one instance that owns the session, and goes no further.
#pragma once
#include <set>
#include <span>
#include <string>
#include <vector>

#include "services/stream/ingest/crowd_event.h"
#include "services/stream/privacy/returner_store.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/pulses/buffer_store.h"
#include "services/stream/sessions/live_sessions_store.h"

namespace stream::ingest {

// Something the crowd did, and when it came here.
struct Happening {
  CrowdEvent event;
  common::Time received;
};

class CrowdStore {
 public:
  struct Parts {
    sessions::LiveSessions& live;
    pulses::BufferStore& buffer;
    privacy::ViewerRegistry& viewers;
    privacy::ReturnerStore* returners = nullptr;  // null: nobody is recognised
  };
  explicit CrowdStore(const Parts& parts) : parts_(parts) {}

  enum class Put { kDone, kDuplicate, kNoSession };
  // Of one link. With `marks` all of it happens, and is remembered for kSeenLife, or nothing.
  absl::StatusOr<Put> Take(const common::Uuid& link_id, std::span<const Happening> happenings,
                           const std::vector<std::string>& marks = {});

 private:
  using Appended = pulses::BufferStore::Appended;

  // By what is remembered of the link, which may be a moment old.
  absl::StatusOr<Put> TakeOnce(const common::Uuid& link_id, std::span<const Happening> happenings,
                               const std::vector<std::string>& marks);

  // Who of the authors was there in an earlier session: by their places.
  absl::StatusOr<std::set<size_t>> FindReturners(const common::Uuid& link_id,
                                                 const common::Uuid& session,
                                                 std::span<const Happening> happenings);
  absl::StatusOr<pulses::Appending> Tell(const common::Uuid& link_id, const common::Uuid& session,
                                         std::span<const Happening> happenings);
  absl::StatusOr<Appended> Append(const common::Uuid& session, pulses::Appending appending);

  const Parts parts_;
};

}  // namespace stream::ingest
