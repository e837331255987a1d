#include "tests/platform_sim/chat_events.h"

#include <algorithm>
#include <utility>

namespace platform_sim {
namespace {

struct Kind {
  std::string_view type;
  // After the author's name; null: the text alone; "": nothing is displayed.
  const char* display;
  const char* details;  // JSON
  const char* comment;  // the member of the details that holds the text; null: none
};

constexpr Kind kKinds[] = {
    {"textMessageEvent", nullptr, R"({"messageText":""})", "messageText"},
    {"superChatEvent", " sent $5.00",
     R"({"amountMicros":"5000000","currency":"USD","amountDisplayString":"$5.00",)"
     R"("userComment":"","tier":3})",
     "userComment"},
    {"superStickerEvent", " sent a sticker for €1.99",
     R"({"superStickerMetadata":{"stickerId":"heart_fox_v2","altText":"Fox holding a heart",)"
     R"("altTextLanguage":"en"},"amountMicros":"1990000","currency":"EUR",)"
     R"("amountDisplayString":"€1.99","tier":2})",
     nullptr},
    {"newSponsorEvent", " joined Anvil", R"({"memberLevelName":"Anvil","isUpgrade":false})",
     nullptr},
    {"memberMilestoneChatEvent", nullptr,
     R"({"userComment":"","memberMonth":12,"memberLevelName":"Anvil"})", "userComment"},
    {"membershipGiftingEvent", " gifted 5 Anvil memberships",
     R"({"giftMembershipsCount":5,"giftMembershipsLevelName":"Anvil"})", nullptr},
    {"giftMembershipReceivedEvent", " received a gift membership",
     R"({"memberLevelName":"Anvil","gifterChannelId":"UCv2ViewerBBBBBBBBBBBB02",)"
     R"("associatedMembershipGiftingMessageId":"LCC.none"})",
     nullptr},
    {"pollEvent", " asks: Which dungeon next?",
     R"({"metadata":{"questionText":"Which dungeon next?","options":[{"optionText":"Ice",)"
     R"("tally":"12"},{"optionText":"Fire","tally":"40"}]},"status":"active"})",
     nullptr},
    {"userBannedEvent", " hid somebody",
     R"({"bannedUserDetails":{"channelId":"UCbadBADbadBADbadBADbad5","channelUrl":)"
     R"("http://www.youtube.com/channel/UCbadBADbadBADbadBADbad5","displayName":"@spammer",)"
     R"("profileImageUrl":"https://yt3.example/x"},"banType":"temporary",)"
     R"("banDurationSeconds":"300"})",
     nullptr},
    {"messageDeletedEvent", "", R"({"deletedMessageId":"LCC.none"})", nullptr},
    {"messageRetractedEvent", "", R"({"retractedMessageId":"LCC.none"})", nullptr},
    {"sponsorOnlyModeStartedEvent", " turned members-only mode on", "null", nullptr},
    {"sponsorOnlyModeEndedEvent", " turned members-only mode off", "null", nullptr},
    {"giftEvent", " sent Spark",
     R"({"giftName":"Spark","jewelsAmount":10,"comboCount":3,"hasVisualEffect":false,)"
     R"("giftDuration":"3s","altText":"Spark","language":"en",)"
     R"("giftUrl":"https://yt3.example/gift"})",
     nullptr},
    {"tombstone", "", "null", nullptr},
};

}  // namespace

std::optional<ChatMessage> MakeChatMessage(std::string_view type, ChatAuthor author,
                                           const std::string& text) {
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](const Kind& other) { return other.type == type; });
  if (kind == std::end(kKinds)) return std::nullopt;
  ChatMessage message{.type = std::string(type),
                      .author = std::move(author),
                      .display = std::nullopt,
                      .details = Json::parse(kind->details)};
  if (kind->display == nullptr) {
    message.display = text;
  } else if (*kind->display != '\0') {
    message.display = message.author->display_name.substr(1) + kind->display;
  }
  if (kind->comment != nullptr) message.details[kind->comment] = text;
  if (type == "tombstone") message.author.reset();
  return message;
}

}  // namespace platform_sim
