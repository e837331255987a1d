// SessionCleanupWorker: asks the platforms what is true. Counts viewers, ends sessions whose end
// nobody told us, begins those whose beginning was missed, and deletes old history.
#pragma once
#include <functional>
#include <set>
#include <span>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/linking/expected_store.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/token_refresh_worker.h"
#include "services/stream/platforms/platforms_client.h"
#include "services/stream/sessions/live_sessions_store.h"
#include "services/stream/sessions/schedule_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::sessions {

class SessionCleanupWorker {
 public:
  struct Options {
    std::chrono::seconds interval{60};             // between two polls
    std::chrono::seconds orphan_grace{120};        // by which a platform's answers may lag
    std::chrono::seconds custom_silence{30 * 60};  // likewise, of Custom
    std::chrono::seconds scan{600};                // between two looks at all channels of Twitch
    std::chrono::hours retention{168};             // of ended sessions
  };
  struct Parts {
    SessionStore& sessions;
    LiveSessions& live;
    linking::LinkStore& links;
    linking::ExpectedStore& expected;
    linking::TokenRefreshWorker& tokens;
    const platforms::Platforms& platforms;
    ScheduleStore& schedule;
    common::mysql::Pool& locks;        // connections for nothing but locks
    std::function<void()> on_changed;  // told after a session began or began to end
  };
  SessionCleanupWorker(Options options, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

 private:
  common::executor::Loop::Outcome Step();
  absl::Status Purge();
  absl::Status PollIfDue();
  absl::Status Poll();
  absl::Status PollSessions(std::span<const WatchedSession> watched,
                            std::set<common::Uuid>& missed);
  absl::Status PollPlatform(platforms::PlatformClient& client,
                            std::span<const WatchedSession> watched,
                            std::set<common::Uuid>& missed);
  absl::Status Judge(const WatchedSession& watched,
                     const std::optional<platforms::LiveStream>& stream,
                     std::set<common::Uuid>& missed);
  absl::Status PollExpected(common::Time from, common::Time until);
  // Asks for all channels of a platform.
  absl::Status Scan(platforms::Platform platform);
  absl::Status ScanSome(platforms::PlatformClient& client, std::span<const linking::Link> links);
  // Does it when it is due by the clock that all instances share.
  absl::Status IfDue(std::string_view name, common::Duration every,
                     const std::function<absl::Status()>& work);
  absl::Status Open(const common::Uuid& link_id, const platforms::LiveStream& stream);
  absl::Status EndOrphan(const WatchedSession& watched);

  const Options options_;
  const Parts parts_;
  common::metrics::Counter& orphans_;
  common::metrics::Counter& found_;
  // Sessions that were not live at the last poll of this instance.
  std::set<common::Uuid> missed_;
  common::executor::Loop loop_;
};

}  // namespace stream::sessions
