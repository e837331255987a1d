#include "services/stream/ingest/youtube_chat_worker.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "services/stream/errors.h"
#include "services/stream/ingest/youtube_quota.h"

namespace stream::ingest {
namespace {

using common::Duration;
using common::Time;
using common::Uuid;
using common::config::Secret;
using common::errors::Is;
using common::errors::Make;
using platforms::ChatOutcome;
using platforms::Platform;
using sessions::WatchedSession;
using std::chrono::seconds;

constexpr seconds kLookEvery{2};
constexpr seconds kRenewEvery{1};  // while chats are polled
constexpr seconds kCallTime{3};    // for one chat, its tokens included
// So that a platform that hangs costs no session its owner.
static_assert(kRenewEvery + kCallTime < pulses::kOwnerLease && kLookEvery < pulses::kOwnerLease);
constexpr seconds kOffPause{3600};
// Doubled with each failure in a row.
constexpr seconds kRetryPause{1};
constexpr seconds kRetryPauseMax{60};
constexpr seconds kSearchPause{60};  // a chat that is not there may be switched on yet
constexpr seconds kSearchPauseMax{10 * 60};
constexpr int kLostPageFailures = 6;  // then the page is given up, and what was said meanwhile
constexpr seconds kClocksDiffer{60};
constexpr std::chrono::milliseconds kLeastPause{10};
constexpr std::chrono::milliseconds kFailurePause{200};

constexpr const char* kPollWords[] = {"answered", "ended",   "unauthorized", "quota_exceeded",
                                      "too_soon", "refused", "unavailable",  "malformed"};
constexpr size_t kMalformed = 7;
// Behind the kinds of items.
constexpr size_t kHistory = kChatItemKinds;
constexpr size_t kRepeated = kChatItemKinds + 1;
constexpr size_t kLost = kChatItemKinds + 2;
constexpr const char* kMoreItemWords[] = {"history", "repeated", "lost"};

Duration Doubled(Duration pause, int times, Duration most) {
  constexpr int kTimesMax = 16;
  return std::min(pause * (1 << std::clamp(times, 0, kTimesMax)), most);
}

// A repeated gift is told under one id.
bool IsNew(const ChatItem& item, Recent& seen) {
  if (item.combo == 0) return seen.Add(item.id);
  return seen.Add(std::string(item.id).append(" ").append(std::to_string(item.combo)));
}

}  // namespace

YouTubeChatWorker::YouTubeChatWorker(Options options, Parts parts,
                                     common::metrics::Registry& metrics)
    : options_(options),
      parts_(std::move(parts)),
      read_(metrics.GetGauge("stream_youtube_chats", "Live chats that this instance reads.")),
      skipped_(metrics.GetGauge("stream_youtube_chats_skipped",
                                "Live chats that this instance leaves to others: it reads as many "
                                "as it may.")),
      spent_gauge_(metrics.GetGauge("stream_youtube_quota_spent_units",
                                    "Units of YouTube's quota that reading chats has spent today, "
                                    "all instances together.")),
      loop_("youtube_chat", metrics, [this] { return Step(); }) {
  for (size_t i = 0; i < polls_.size(); ++i) {
    polls_[i] = &metrics.GetCounter("stream_youtube_chat_polls_total",
                                    "Questions about live chats of YouTube, by the answer.",
                                    {{"outcome", kPollWords[i]}});
  }
  for (size_t i = 0; i < items_.size(); ++i) {
    const std::string word = i < kChatItemKinds ? std::string(WordOf(static_cast<ChatItemKind>(i)))
                                                : kMoreItemWords[i - kChatItemKinds];
    items_[i] =
        &metrics.GetCounter("stream_youtube_chat_items_total",
                            "Items of live chats of YouTube, by what they are.", {{"kind", word}});
  }
  metrics
      .GetGauge("stream_youtube_quota_chat_units",
                "Units of YouTube's quota that reading chats may spend a day.")
      .Set(static_cast<double>(ChatUnitsOf(options_.daily_quota)));
}

common::executor::Loop::Outcome YouTubeChatWorker::Step() {
  if (parts_.youtube == nullptr) return {kOffPause};
  absl::Status status;
  if (common::Now() >= look_at_) status.Update(Look());
  status.Update(PollDue());
  Time next = look_at_;
  for (const auto& [session, chat] : chats_) next = std::min(next, DueAt(chat));
  const Duration least = status.ok() ? kLeastPause : kFailurePause;
  return {std::max(next - common::Now(), least), status};
}

// --- Whose chats are ours. -----------------------------------------------------------------------

absl::Status YouTubeChatWorker::Look() {
  look_at_ = common::Now() + kLookEvery;
  RETURN_IF_ERROR(Renew());
  ASSIGN_OR_RETURN(spent_, parts_.quota.Spent(QuotaDayOf(common::Now())));
  std::set<Uuid> live;
  size_t skipped = 0;
  Uuid after;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto page, parts_.sessions.Watched(after, Platform::kYouTube));
    for (const WatchedSession& watched : page) live.insert(watched.session.session_id);
    ASSIGN_OR_RETURN(const size_t left, Adopt(page));
    skipped += left;
    more = page.size() == sessions::SessionStore::kMaxWatched;
    if (more) after = page.back().session.session_id;
  }
  live_ = live.size();
  std::erase_if(chats_, [&](const auto& chat) { return !live.contains(chat.first); });
  read_.Set(static_cast<double>(chats_.size()));
  skipped_.Set(static_cast<double>(skipped));
  spent_gauge_.Set(static_cast<double>(spent_));
  return absl::OkStatus();
}

absl::StatusOr<size_t> YouTubeChatWorker::Adopt(std::span<const WatchedSession> page) {
  size_t skipped = 0;
  for (const WatchedSession& watched : page) {
    const Uuid& session = watched.session.session_id;
    // Without the video's id there is nothing to ask for.
    if (chats_.contains(session) || watched.stream_id.empty()) continue;
    if (chats_.size() >= options_.max_chats) {
      ++skipped;
      continue;
    }
    // A session without a buffer has no owner either.
    RETURN_IF_ERROR(parts_.buffer.Open(session));
    ASSIGN_OR_RETURN(const bool ours, parts_.buffer.TakeOver(session));
    if (!ours) continue;
    Chat& chat = chats_[session];
    chat.link_id = watched.session.link_id;
    chat.video_id = watched.stream_id;
  }
  return skipped;
}

absl::Status YouTubeChatWorker::Renew() {
  renewed_at_ = common::Now();
  std::vector<Uuid> lost;
  for (const auto& [session, chat] : chats_) {
    ASSIGN_OR_RETURN(const bool ours, parts_.buffer.TakeOver(session));
    if (!ours) lost.push_back(session);
  }
  for (const Uuid& session : lost) Lose(session);
  return absl::OkStatus();
}

// Another instance tells its viewers apart by now.
void YouTubeChatWorker::Lose(const Uuid& session) {
  parts_.viewers.Destroy(session);
  chats_.erase(session);
}

// --- When to ask. --------------------------------------------------------------------------------

Duration YouTubeChatWorker::Pace() const {
  const Time now = common::Now();
  return PaceOf({.units = ChatUnitsOf(options_.daily_quota) - spent_,
                 .chats = static_cast<int64_t>(std::max(live_, chats_.size())),
                 .until_reset = QuotaResetAfter(now) - now});
}

Time YouTubeChatWorker::DueAt(const Chat& chat) const {
  const Time due = std::max(chat.due_at, paused_until_);
  if (ChatUnitsOf(options_.daily_quota) - spent_ < kChatPollUnits) {
    return std::max(due, QuotaResetAfter(common::Now()));
  }
  return chat.chat_id.empty() ? due : std::max(due, chat.polled_at + Pace());
}

absl::Status YouTubeChatWorker::PollDue() {
  const Time now = common::Now();
  std::vector<std::pair<Time, Uuid>> due;
  for (const auto& [session, chat] : chats_) {
    const Time at = DueAt(chat);
    if (at <= now) due.emplace_back(at, session);
  }
  std::sort(due.begin(), due.end());
  absl::Status result;
  for (const auto& [at, session] : due) {
    // Sessions begin and end meanwhile, however long the platform takes.
    if (common::Stopping() || common::Now() >= look_at_) break;
    if (common::Now() - renewed_at_ >= kRenewEvery) RETURN_IF_ERROR(Renew());
    const auto chat = chats_.find(session);
    if (chat == chats_.end() || DueAt(chat->second) > common::Now()) continue;
    result.Update(Poll(session, chat->second));
  }
  return result;
}

absl::Status YouTubeChatWorker::Spend(int64_t units) {
  ASSIGN_OR_RETURN(spent_, parts_.quota.Spend(QuotaDayOf(common::Now()), units));
  spent_gauge_.Set(static_cast<double>(spent_));
  return absl::OkStatus();
}

// --- Asking. -------------------------------------------------------------------------------------

absl::Status YouTubeChatWorker::Poll(const Uuid& session, Chat& chat) {
  std::vector<Happening> news;
  RETURN_IF_ERROR(Ask(chat, news));
  return news.empty() ? absl::OkStatus() : Take(session, chat.link_id, news);
}

absl::Status YouTubeChatWorker::Ask(Chat& chat, std::vector<Happening>& news) {
  const common::DeadlineScope deadline(kCallTime);
  chat.due_at = common::Now() + kRetryPause;  // if nothing else comes of it
  const auto token = parts_.tokens.AccessToken(chat.link_id, chat.refused_token);
  if (!token.ok()) {
    BackOff(chat);
    // Its session is about to end.
    const bool gone = Is(token.status(), kLinkInactive) || Is(token.status(), kLinkNotFound);
    return gone ? absl::OkStatus() : token.status();
  }
  return chat.chat_id.empty() ? Search(chat, *token) : ReadPage(chat, *token, news);
}

absl::Status YouTubeChatWorker::Search(Chat& chat, const Secret& token) {
  RETURN_IF_ERROR(Spend(kVideosUnits));
  auto found = parts_.youtube->FindLiveChat(token, chat.video_id);
  RETURN_IF_ERROR(Judge(found.outcome, chat, token));
  if (found.outcome != ChatOutcome::kDone) return absl::OkStatus();
  // That a chat is over does not say that its stream is.
  if (chat.ended_at && !found.is_live) return EndSession(chat);
  // The first chat that is found is read at once.
  const bool wait = found.live_chat_id.empty() || chat.searches > 0;
  const Duration pause = Doubled(kSearchPause, chat.searches, kSearchPauseMax);
  chat.due_at = common::Now() + (wait ? pause : Duration(0));
  ++chat.searches;
  chat.chat_id = std::move(found.live_chat_id);
  return absl::OkStatus();
}

absl::Status YouTubeChatWorker::ReadPage(Chat& chat, const Secret& token,
                                         std::vector<Happening>& news) {
  RETURN_IF_ERROR(Spend(kChatPollUnits));
  std::optional<ChatPage> page;
  const auto read = [&](std::string_view body) {
    UnescapeBuffer buffer;
    page = ReadChatPage(body, buffer);
    if (page) news = News(chat, *page);
  };
  const ChatOutcome outcome =
      parts_.youtube->ReadLiveChat(token, chat.chat_id, chat.page_token, read);
  chat.polled_at = common::Now();
  if (outcome == ChatOutcome::kDone && !page) return Fail(kMalformed, chat);
  RETURN_IF_ERROR(Judge(outcome, chat, token));
  if (!page) return absl::OkStatus();
  chat.page_token = page->next_page_token;
  chat.interval = page->polling_interval;
  chat.due_at = chat.polled_at + chat.interval;
  if (page->has_ended) {
    EndChat(chat, page->offline_at);
  } else {
    chat.searches = 0;
    chat.ended_at.reset();
  }
  return absl::OkStatus();
}

// What was said before we came is not heard: another instance may have told of it.
std::vector<Happening> YouTubeChatWorker::News(Chat& chat, ChatPage& page) {
  const Time now = common::Now();
  const bool is_history = chat.page_token.empty();
  std::vector<Happening> news;
  for (ChatItem& item : page.items) {
    const bool is_new = IsNew(item, chat.seen);
    const size_t kind = !is_new      ? kRepeated
                        : is_history ? kHistory
                                     : static_cast<size_t>(item.kind);
    items_[kind]->Increment();
    if (is_new && !is_history && item.event) news.push_back({*std::move(item.event), now});
  }
  page.items.clear();  // their ids end with the body
  return news;
}

absl::Status YouTubeChatWorker::Take(const Uuid& session, Uuid link_id,
                                     const std::vector<Happening>& news) {
  ASSIGN_OR_RETURN(const bool ours, parts_.buffer.TakeOver(session));
  const auto taken = ours ? parts_.crowd.Take(link_id, news) : CrowdStore::Put::kNoSession;
  if (!taken.ok() || *taken == CrowdStore::Put::kNoSession) {
    items_[kLost]->Increment(static_cast<double>(news.size()));
  }
  if (!ours) Lose(session);
  return taken.status();
}

// --- What answers mean. --------------------------------------------------------------------------

absl::Status YouTubeChatWorker::Judge(ChatOutcome outcome, Chat& chat, const Secret& token) {
  switch (outcome) {
    case ChatOutcome::kDone:
      chat.failures = 0;
      chat.refused_token = {};
      quota_refusals_ = 0;
      break;
    case ChatOutcome::kEnded:
      EndChat(chat, std::nullopt);
      break;
    case ChatOutcome::kUnauthorized:
      chat.refused_token = token;
      BackOff(chat);
      break;
    case ChatOutcome::kQuotaExceeded:
      PauseForQuota();
      break;
    case ChatOutcome::kRateLimited:
      BackOff(chat);
      break;
    case ChatOutcome::kRefused:
      BackOff(chat);
      ForgetChat(chat);
      break;
    case ChatOutcome::kUnavailable:
      return Fail(static_cast<size_t>(outcome), chat);
  }
  polls_[static_cast<size_t>(outcome)]->Increment();
  return absl::OkStatus();
}

absl::Status YouTubeChatWorker::Fail(size_t outcome, Chat& chat) {
  polls_[outcome]->Increment();
  BackOff(chat);
  // It may be the page that cannot be answered.
  if (chat.failures >= kLostPageFailures) chat.page_token.clear();
  return Make(kPlatformUnavailable, "YouTube did not answer as expected");
}

void YouTubeChatWorker::BackOff(Chat& chat) {
  const Duration pause = Doubled(kRetryPause, chat.failures, kRetryPauseMax);
  ++chat.failures;
  chat.due_at = common::Now() + std::max<Duration>(pause, chat.interval);
}

// The application has used up its day, whatever we counted: others may share it.
void YouTubeChatWorker::PauseForQuota() {
  const Time now = common::Now();
  const Duration pause = Doubled(options_.quota_pause, quota_refusals_, options_.quota_pause_max);
  ++quota_refusals_;
  paused_until_ = std::min(now + pause, QuotaResetAfter(now) + kClocksDiffer);
}

void YouTubeChatWorker::ForgetChat(Chat& chat) {
  chat.chat_id.clear();
  chat.page_token.clear();
}

void YouTubeChatWorker::EndChat(Chat& chat, std::optional<Time> at) {
  chat.ended_at = std::min(at.value_or(common::Now()), common::Now());
  chat.due_at = common::Now();
  ForgetChat(chat);
}

absl::Status YouTubeChatWorker::EndSession(Chat& chat) {
  ASSIGN_OR_RETURN(const auto ending,
                   parts_.sessions.EndStream(chat.link_id, chat.video_id, *chat.ended_at));
  chat.due_at = common::Now() + kSearchPause;  // by then nobody lists it
  if (!ending) return absl::OkStatus();
  parts_.live.Forget(chat.link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

}  // namespace stream::ingest
