// What a page of YouTube's live chat says, read where it was received. Pure.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "services/stream/ingest/crowd_event.h"

namespace stream::ingest {

enum class ChatItemKind : uint8_t {
  kText,
  kSuperChat,
  kSuperSticker,
  kNewMember,
  kMilestone,
  kMembershipGift,
  kMembershipReceived,
  kGift,
  kPoll,
  kIgnored,  // the broadcaster's own lines, moderation, modes of the chat, and what is new
};
inline constexpr size_t kChatItemKinds = 10;
std::string_view WordOf(ChatItemKind kind);

struct ChatItem {
  ChatItemKind kind = ChatItemKind::kIgnored;
  std::string_view id;  // points into the page
  int64_t combo = 0;    // a gift that is repeated keeps its id, and counts
  // nullopt: it says nothing of the crowd.
  std::optional<CrowdEvent> event;
};

struct ChatPage {
  static constexpr size_t kMaxItems = 2000;  // the most that a page may have; the rest is dropped

  std::string next_page_token;
  std::chrono::milliseconds polling_interval{};  // to wait before the next one is asked for
  bool has_ended = false;                        // the chat, with this page
  std::optional<common::Time> offline_at;        // when its stream ended, if that is told
  std::vector<ChatItem> items;
};

// nullopt when the body is no page. Any bytes will do.
//
//   lines, words with a super chat or a milestone   the words' feeling
//   super chats and stickers                        Supportive, by tier: amounts have currencies
//   new members, milestones                         Supportive, by months
//   given memberships                               as Twitch's gift subscriptions
//   received memberships                            only a role
//   gifts                                           Supportive, each repetition once more
//   polls                                           Curious
std::optional<ChatPage> ReadChatPage(std::string_view body, UnescapeBuffer& buffer);

}  // namespace stream::ingest
