// What happens to a platform's message, whichever way it came in: verify, decode, act.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "services/stream/ingest/chat_worker.h"
#include "services/stream/ingest/crowd_store.h"
#include "services/stream/ingest/mark_store.h"
#include "services/stream/ingest/outcome_worker.h"
#include "services/stream/ingest/recent.h"
#include "services/stream/ingest/twitch_crowd.h"
#include "services/stream/ingest/twitch_event.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/token_store.h"
#include "services/stream/sessions/session_store.h"
#include "services/stream/ttl_cache.h"

namespace stream::ingest {

class TwitchWebhook {
 public:
  struct Parts {
    linking::LinkStore& links;
    linking::TokenStore& tokens;
    sessions::SessionStore& sessions;
    sessions::LiveSessions& live;
    MarkStore& marks_seen;
    ChatWorker& chat;
    CrowdStore& crowd;
    const Marks& marks;
    std::function<void()> on_changed;    // told after a session began or began to end
    std::function<void()> on_suspected;  // told when a link's grant may have ended
  };
  TwitchWebhook(common::config::Secret secret, Parts parts, common::metrics::Registry& metrics);

  // `headers`: nullopt when one is missing. `link_id`: the link that the path names, if it names
  // one; a message about somebody else's channel is ignored.
  Answer Handle(const std::optional<TwitchHeaders>& headers, std::string_view body,
                const std::optional<common::Uuid>& link_id);
  // The same for chat, which is nearly all there is, where nothing has to be waited for; nullopt
  // for everything else.
  std::optional<Answer> HandleQuickly(const std::optional<TwitchHeaders>& headers,
                                      std::string_view body,
                                      const std::optional<common::Uuid>& link_id);

 private:
  Answer Judge(const std::optional<TwitchHeaders>& headers, std::string_view body,
               const std::optional<common::Uuid>& link_id);
  // Why it is not believed, if so.
  std::optional<Outcome> Refusal(const TwitchHeaders& headers, std::string_view body) const;
  // Where an event comes from.
  struct Origin {
    common::Time sent_at;
    const std::optional<common::Uuid>& link_id;  // as the path has it
    std::string mark;                            // of the message, and of its place there
  };
  Outcome Notify(const TwitchHeaders& headers, std::string_view body,
                 const std::optional<common::Uuid>& link_id);
  Outcome Revoked(std::string_view body, const std::optional<common::Uuid>& link_id);
  Outcome Suspect(const common::Uuid& link_id);
  absl::StatusOr<std::optional<common::Uuid>> LinkOf(const privacy::PlatformUserId& broadcaster);
  Outcome TakeEvent(TwitchEventType type, const TwitchEvent& event, const Origin& origin);
  Outcome TakeChat(const TwitchEvent& event, const common::Uuid& link_id);
  Outcome TakeCrowd(TwitchEventType type, const TwitchEvent& event, const Origin& origin,
                    const common::Uuid& link_id);
  Outcome TakeLifecycle(TwitchEventType type, const TwitchEvent& event, const Origin& origin,
                        const common::Uuid& link_id);
  absl::Status ApplyLifecycle(TwitchEventType type, const TwitchEvent& event, common::Time sent_at,
                              const common::Uuid& link_id);
  std::string IdentityMark(const EventIdentity& identity, const TwitchEvent& event) const;

  static constexpr std::chrono::seconds kLinkTtl{30};
  static constexpr size_t kLinksMax = 10'000;
  static constexpr size_t kRecentChat = 65'536;
  static constexpr size_t kQuickBytes = 16 * 1024;  // a line of chat has half a KiB to two

  const common::config::Secret secret_;
  const Parts parts_;
  OutcomeCounters outcomes_;
  // By the mark of the broadcaster's id.
  TtlCache<std::string, common::Uuid> links_{kLinkTtl, kLinksMax};
  Recent recent_chat_{kRecentChat};
};

}  // namespace stream::ingest
