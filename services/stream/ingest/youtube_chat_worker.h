// YouTubeChatWorker: asks for what is said in the live chats of YouTube, which tells nobody.
//
// Each live session is read by the one instance that owns it (its lease is that of the buffer);
// another one takes it over when that falls silent, and begins after what was said until then. All
// instances share the day's allowance of calls: chats are polled as often as it lasts until the
// next day, and YouTube's own intervals allow. A poll takes a fraction of a second and costs 5
// units, so that one thread could spend a million units a day.
#pragma once
#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/ingest/crowd_store.h"
#include "services/stream/ingest/recent.h"
#include "services/stream/ingest/youtube_chat.h"
#include "services/stream/ingest/youtube_quota_store.h"
#include "services/stream/linking/token_refresh_worker.h"
#include "services/stream/platforms/youtube_client.h"
#include "services/stream/sessions/session_store.h"

namespace stream::ingest {

class YouTubeChatWorker {
 public:
  struct Options {
    int64_t daily_quota = 10'000;               // units
    size_t max_chats = 200;                     // that one instance reads
    std::chrono::seconds quota_pause{10 * 60};  // when YouTube says that they are used up; doubled
    std::chrono::seconds quota_pause_max{3600};
  };
  struct Parts {
    platforms::YouTubeClient* youtube;  // null when it is not configured: then nothing is polled
    linking::TokenRefreshWorker& tokens;
    sessions::SessionStore& sessions;
    sessions::LiveSessions& live;
    pulses::BufferStore& buffer;
    privacy::ViewerRegistry& viewers;
    CrowdStore& crowd;
    YouTubeQuotaStore& quota;
    std::function<void()> on_changed;  // told after a session began to end
  };
  YouTubeChatWorker(Options options, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

 private:
  // The chat of a session that this instance owns.
  struct Chat {
    common::Uuid link_id;
    std::string video_id;
    std::string chat_id = {};     // empty: it has to be found
    std::string page_token = {};  // empty: the next page is history
    common::Time due_at = {};     // not before
    common::Time polled_at = {};
    common::Duration interval{};  // that YouTube wants between two polls
    int failures = 0;             // in a row
    int searches = 0;             // in a row that led to no page
    std::optional<common::Time> ended_at = {};
    common::config::Secret refused_token = {};
    Recent seen{ChatPage::kMaxItems};
  };
  using Chats = std::map<common::Uuid, Chat>;  // by session

  common::executor::Loop::Outcome Step();
  // Which sessions there are, and which of them are ours; what is left of today.
  absl::Status Look();
  absl::Status Renew();
  absl::Status PollDue();
  common::Time DueAt(const Chat& chat) const;
  common::Duration Pace() const;
  void Lose(const common::Uuid& session);
  // How many sessions it left alone that it had no place for.
  absl::StatusOr<size_t> Adopt(std::span<const sessions::WatchedSession> page);

  absl::Status Poll(const common::Uuid& session, Chat& chat);
  absl::Status Ask(Chat& chat, std::vector<Happening>& news);
  absl::Status Spend(int64_t units);
  absl::Status Search(Chat& chat, const common::config::Secret& token);
  absl::Status ReadPage(Chat& chat, const common::config::Secret& token,
                        std::vector<Happening>& news);
  std::vector<Happening> News(Chat& chat, ChatPage& page);
  // Puts it into the session's buffer, unless the session is another's by now.
  absl::Status Take(const common::Uuid& session, common::Uuid link_id,
                    const std::vector<Happening>& news);

  absl::Status Judge(platforms::ChatOutcome outcome, Chat& chat,
                     const common::config::Secret& token);
  absl::Status Fail(size_t outcome, Chat& chat);
  void BackOff(Chat& chat);
  void PauseForQuota();
  static void ForgetChat(Chat& chat);
  static void EndChat(Chat& chat, std::optional<common::Time> at);
  absl::Status EndSession(Chat& chat);

  const Options options_;
  const Parts parts_;
  Chats chats_;
  size_t live_ = 0;    // chats of all instances, when last looked
  int64_t spent_ = 0;  // today, by all instances, when last heard
  common::Time look_at_;
  common::Time renewed_at_;
  common::Time paused_until_;
  int quota_refusals_ = 0;  // in a row

  std::array<common::metrics::Counter*, 8> polls_{};
  std::array<common::metrics::Counter*, kChatItemKinds + 3> items_{};
  common::metrics::Gauge& read_;
  common::metrics::Gauge& skipped_;
  common::metrics::Gauge& spent_gauge_;
  common::executor::Loop loop_;
};

}  // namespace stream::ingest
