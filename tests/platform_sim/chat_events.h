// Messages of YouTube's live chats, of every type, with the details that the platform gives them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tests/platform_sim/live_chat.h"

namespace platform_sim {

// An ordinary message of that type; `text` is what the author adds, where the type has such a
// thing. nullopt when this knows no such type.
std::optional<ChatMessage> MakeChatMessage(std::string_view type, ChatAuthor author,
                                           const std::string& text);

}  // namespace platform_sim
