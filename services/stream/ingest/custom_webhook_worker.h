// What happens to the messages of Custom platforms, whichever way they came in: verify, decode,
// act. Each link has a secret of its own.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "services/stream/ingest/chat_worker.h"
#include "services/stream/ingest/crowd_store.h"
#include "services/stream/ingest/custom_event.h"
#include "services/stream/ingest/mark_store.h"
#include "services/stream/ingest/outcome_worker.h"
#include "services/stream/ingest/recent.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/sessions/live_sessions_store.h"
#include "services/stream/sessions/session_store.h"
#include "services/stream/ttl_cache.h"

namespace stream::ingest {

class CustomWebhook {
 public:
  struct Parts {
    linking::LinkStore& links;
    sessions::SessionStore& sessions;
    sessions::LiveSessions& live;
    MarkStore& marks_seen;
    ChatWorker& chat;
    CrowdStore& crowd;
    const Marks& marks;
    std::function<void()> on_changed;  // told after a session began or began to end
  };
  CustomWebhook(Parts parts, common::metrics::Registry& metrics);

  // `headers`: nullopt when one is missing. A link that is not there is one whose signature is
  // wrong.
  Answer Handle(const std::optional<CustomHeaders>& headers, std::string_view body,
                const common::Uuid& link_id);

 private:
  Answer Judge(const std::optional<CustomHeaders>& headers, std::string_view body,
               const common::Uuid& link_id);
  // An empty one when there is no such link.
  absl::StatusOr<common::config::Secret> SecretOf(const common::Uuid& link_id);
  Outcome Take(const CustomEvent& event, const common::Uuid& link_id);
  Outcome TakeCrowd(const CustomEvent& event, CrowdEvent crowd, const std::string& id,
                    const common::Uuid& link_id);
  absl::Status Apply(const CustomEvent& event, const common::Uuid& link_id);
  absl::Status Open(const CustomEvent& event, const common::Uuid& link_id);
  // Whatever the platform sends shows that its stream goes on.
  absl::Status Heard(const CustomEvent& event, const common::Uuid& link_id);
  void Changed(const common::Uuid& link_id);

  static constexpr std::chrono::seconds kSecretTtl{30};
  static constexpr std::chrono::seconds kHeardTtl{10};
  static constexpr size_t kLinksMax = 10'000;
  static constexpr size_t kRecentChat = 65'536;

  const Parts parts_;
  OutcomeCounters outcomes_;
  TtlCache<common::Uuid, common::config::Secret> secrets_{kSecretTtl, kLinksMax};
  TtlCache<common::Uuid, bool> heard_{kHeardTtl, kLinksMax};
  Recent recent_chat_{kRecentChat};
};

}  // namespace stream::ingest
