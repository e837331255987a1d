// The resources of the YouTube Data API, key for key as the platform writes them. Pure.
#pragma once
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/live_chat.h"
#include "tests/platform_sim/videos.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

// The values of `part`, which name the members that a resource shall have beside id and kind.
using Parts = std::set<std::string, std::less<>>;
Parts PartsOf(const common::http::Params& query);

Json ChannelJson(const User& owner, const Parts& parts);
Json VideoJson(const Video& video, const Parts& parts);
Json BroadcastJson(const Video& video, const Parts& parts);
Json ChatMessageJson(const ChatMessage& message, const std::string& chat_id, const Parts& parts);

// {"kind":…,"etag":…,"items":[…],"pageInfo":{…}}
Json ListJson(std::string_view kind, Json items);

struct ChatPage {
  Json items;
  std::string next_page_token;
  std::chrono::milliseconds polling{};
  std::optional<common::Time> offline_at;
};
Json ChatPageJson(ChatPage page);

// The channel of `owner` itself when the chatter wears the badge "broadcaster", else one that is
// the same for the same login in every call.
ChatAuthor AuthorOf(const Chatter& chatter, const std::string& owner);
ChatAuthor OwnerOf(const Video& video);
ChatMessage TextMessage(ChatAuthor author, std::string_view text, common::Time at);

}  // namespace platform_sim
