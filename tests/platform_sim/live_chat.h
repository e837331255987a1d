// The live chats of YouTube, which clients poll page by page. Not thread-safe: PlatformSim holds
// the lock.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

struct ChatAuthor {
  std::string channel_id;
  std::string display_name;
  bool is_verified = false;
  bool is_owner = false;
  bool is_sponsor = false;
  bool is_moderator = false;
};

struct ChatMessage {
  common::Time at{};  // not shown before
  std::string id = {};
  std::string type;                    // "textMessageEvent", …
  std::optional<ChatAuthor> author;    // a tombstone has none
  std::optional<std::string> display;  // what viewers see
  Json details = nullptr;              // of the type: the value of "…Details"
};

std::string NewMessageId();

class LiveChats {
 public:
  static constexpr size_t kMaxChats = 1'000;
  static constexpr size_t kMaxMessages = 25'000;  // of one chat

  void Open(const std::string& chat_id);
  // Draws an id when it has none. False when there is no such chat, or it has ended or is full.
  bool Add(const std::string& chat_id, ChatMessage message);
  // What was still to come is forgotten. `owner` says the last word.
  void End(const std::string& chat_id, ChatAuthor owner, common::Time now);

  // GET /youtube/v3/liveChat/messages for one token's client and user, `caller`. `polling` is what
  // each answer asks the caller to wait; who comes sooner is refused.
  common::http::Response List(const common::http::Params& query, const std::string& caller,
                              std::chrono::milliseconds polling, common::Time now);

 private:
  struct Chat {
    std::deque<ChatMessage> messages;  // by time
    std::optional<common::Time> ended_at;
    std::map<std::string, common::Time> polled;  // by caller
  };

  // Whether the caller waited long enough; counts as a poll if so.
  static bool TakeTurn(Chat& chat, const std::string& caller, std::chrono::milliseconds polling,
                       common::Time now);

  std::map<std::string, Chat> chats_;
};

}  // namespace platform_sim
