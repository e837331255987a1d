#include "tests/platform_sim/live_chat.h"

#include <algorithm>
#include <charconv>

#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/youtube_bodies.h"

namespace platform_sim {
namespace {

using common::Time;
using common::http::FindParam;
using common::http::Params;
using common::http::Response;

constexpr size_t kDefaultResults = 500;
constexpr size_t kMinResults = 200;
constexpr size_t kMaxResults = 2'000;
constexpr size_t kMaxCallers = 1'000;

Response ChatError(int status, std::string_view reason, std::string_view message) {
  return GoogleError(status, "youtube.liveChat", reason, message);
}

std::optional<size_t> ToNumber(std::string_view text) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Opaque to clients, the number of messages before the page to us.
std::string ToPageToken(size_t position) {
  return common::crypto::Base64UrlEncode("page:" + std::to_string(position));
}

std::optional<size_t> FromPageToken(std::string_view token) {
  const std::string text = common::crypto::Base64UrlDecode(token).value_or("");
  return text.starts_with("page:") ? ToNumber(std::string_view(text).substr(5)) : std::nullopt;
}

bool IsLater(Time time, const ChatMessage& message) { return time < message.at; }

}  // namespace

std::string NewMessageId() { return "LCC." + RandomId(34); }

void LiveChats::Open(const std::string& chat_id) {
  if (chats_.size() < kMaxChats) chats_[chat_id];
}

bool LiveChats::Add(const std::string& chat_id, ChatMessage message) {
  const auto chat = chats_.find(chat_id);
  if (chat == chats_.end() || chat->second.ended_at) return false;
  auto& messages = chat->second.messages;
  if (messages.size() >= kMaxMessages) return false;
  if (message.id.empty()) message.id = NewMessageId();
  // After everything of the same instant, so that no page token loses its place.
  const auto place = std::upper_bound(messages.begin(), messages.end(), message.at, IsLater);
  messages.insert(place, std::move(message));
  return true;
}

void LiveChats::End(const std::string& chat_id, ChatAuthor owner, Time now) {
  const auto chat = chats_.find(chat_id);
  if (chat == chats_.end() || chat->second.ended_at) return;
  auto& messages = chat->second.messages;
  messages.erase(std::upper_bound(messages.begin(), messages.end(), now, IsLater), messages.end());
  messages.push_back({.at = now,
                      .id = NewMessageId(),
                      .type = "chatEndedEvent",
                      .author = std::move(owner),
                      .display = std::nullopt});
  chat->second.ended_at = now;
}

Response LiveChats::List(const Params& query, const std::string& caller,
                         std::chrono::milliseconds polling, Time now) {
  const auto found = chats_.find(std::string(FindParam(query, "liveChatId").value_or("")));
  if (found == chats_.end()) {
    return ChatError(404, "liveChatNotFound",
                     "The live chat that you are trying to retrieve "
                     "cannot be found.");
  }
  Chat& chat = found->second;
  const auto limit = FindParam(query, "maxResults") ? ToNumber(*FindParam(query, "maxResults"))
                                                    : std::optional<size_t>(kDefaultResults);
  const auto token = FindParam(query, "pageToken");
  const auto position = token ? FromPageToken(*token) : std::nullopt;
  if (!limit || *limit < kMinResults || *limit > kMaxResults) {
    return ChatError(400, "invalidParameter", "Invalid value for maxResults.");
  }
  if (token && (!position || *position > chat.messages.size())) {
    return ChatError(400, "pageTokenInvalid", "The page token is not valid.");
  }
  if (!TakeTurn(chat, caller, polling, now)) {
    return ChatError(403, "rateLimitExceeded",
                     "The request was sent too soon after the previous request.");
  }
  const auto visible = std::upper_bound(chat.messages.begin(), chat.messages.end(), now, IsLater);
  const auto shown = static_cast<size_t>(visible - chat.messages.begin());
  // The first page is history: the latest of what has been said.
  const size_t begin = position ? std::min(*position, shown) : shown - std::min(shown, *limit);
  if (chat.ended_at && (!position || begin == shown)) {
    return ChatError(403, "liveChatEnded", "The specified live chat is no longer live.");
  }
  const size_t end = std::min(shown, begin + *limit);
  Json items = Json::array();
  for (size_t i = begin; i < end; ++i) {
    items.push_back(ChatMessageJson(chat.messages[i], found->first, PartsOf(query)));
  }
  return Answer(200, ChatPageJson({.items = std::move(items),
                                   .next_page_token = ToPageToken(end),
                                   .polling = polling,
                                   .offline_at = chat.ended_at}));
}

bool LiveChats::TakeTurn(Chat& chat, const std::string& caller, std::chrono::milliseconds polling,
                         Time now) {
  const auto last = chat.polled.find(caller);
  if (last != chat.polled.end() && now - last->second < polling) return false;
  if (chat.polled.size() >= kMaxCallers) chat.polled.clear();
  chat.polled[caller] = now;
  return true;
}

}  // namespace platform_sim
