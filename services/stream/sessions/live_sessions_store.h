// Which session a link's chat belongs to, remembered for a moment: chat asks for each line.
#pragma once
#include "services/stream/sessions/session_store.h"
#include "services/stream/ttl_cache.h"

namespace stream::sessions {

class LiveSessions {
 public:
  explicit LiveSessions(SessionStore& store) : store_(store) {}

  // The link's live session; nullopt when there is none.
  absl::StatusOr<std::optional<common::Uuid>> Find(const common::Uuid& link_id) {
    const common::Time now = common::Now();
    if (const auto known = cache_.Get(link_id, now)) return *known;
    const auto session = store_.FindLive(link_id);
    if (!session.ok()) return session.status();
    std::optional<common::Uuid> id;
    if (*session) id = (*session)->session_id;
    cache_.Put(link_id, id, now);
    return id;
  }

  // To be told when a session of the link began or turned out to be over.
  void Forget(const common::Uuid& link_id) { cache_.Forget(link_id); }

 private:
  static constexpr std::chrono::seconds kTtl{2};
  static constexpr size_t kCapacity = 10'000;

  SessionStore& store_;
  TtlCache<common::Uuid, std::optional<common::Uuid>> cache_{kTtl, kCapacity};
};

}  // namespace stream::sessions
