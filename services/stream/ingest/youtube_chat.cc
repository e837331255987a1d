#include "services/stream/ingest/youtube_chat.h"

#include <algorithm>
#include <utility>

namespace stream::ingest {
namespace {

using privacy::PlatformUserId;
using Kind = ChatItemKind;
using std::chrono::milliseconds;

constexpr size_t kTokenBytesMax = 1024;
// What is not said or makes no sense: as often as YouTube asks to be asked on most days.
constexpr int64_t kUsualMillis = 5'000;
constexpr int64_t kLeastMillis = 100;
constexpr int64_t kMostMillis = 10 * 60 * 1000;
constexpr int64_t kTopTier = 11;
constexpr int64_t kJewelsUnit = 10;

// An item before it is known what it is: members come in any order.
struct Parts {
  std::string_view id;
  std::string_view type;
  std::optional<PlatformUserId> author;
  privacy::RoleNews roles;
  bool by_owner = false;
  bool has_text = false;
  privacy::PersonalText text;
  std::optional<int64_t> tier;
  std::optional<int64_t> months;
  std::optional<int64_t> memberships;
  std::optional<int64_t> jewels;
  std::optional<int64_t> combo;
};

// Those of all types have different names, so that one reader does.
void ReadDetails(JsonReader& json, Parts& parts) {
  json.Object([&](std::string_view key) {
    if (key == "messageText" || key == "userComment") {
      const auto raw = json.StringIf();
      parts.has_text = raw.has_value();
      parts.text = privacy::PersonalText(raw.value_or(std::string_view()));
    } else if (key == "tier") {
      parts.tier = json.IntIf();
    } else if (key == "memberMonth") {
      parts.months = json.IntIf();
    } else if (key == "giftMembershipsCount") {
      parts.memberships = json.IntIf();
    } else if (key == "jewelsAmount") {
      parts.jewels = json.IntIf();
    } else if (key == "comboCount") {
      parts.combo = json.IntIf();
    } else {
      json.Skip();
    }
  });
}

void ReadSnippet(JsonReader& json, Parts& parts) {
  json.Object([&](std::string_view key) {
    if (key == "type") {
      parts.type = json.StringIf().value_or(std::string_view());
    } else if (key.ends_with("Details") && json.Peek() == '{') {
      ReadDetails(json, parts);
    } else {
      json.Skip();
    }
  });
}

void ReadAuthor(JsonReader& json, Parts& parts) {
  json.Object([&](std::string_view key) {
    if (key == "channelId") {
      if (const auto id = json.StringIf()) parts.author = PlatformUserId::From(*id);
    } else if (key == "isChatOwner") {
      parts.by_owner = json.BoolIf().value_or(false);
    } else if (key == "isChatSponsor") {
      parts.roles.subscriber = json.BoolIf();
    } else if (key == "isChatModerator") {
      parts.roles.moderator = json.BoolIf();
    } else {
      json.Skip();
    }
  });
}

Parts ReadItem(JsonReader& json) {
  Parts parts;
  json.Object([&](std::string_view key) {
    if (key == "id") {
      parts.id = json.StringIf().value_or(std::string_view());
    } else if (key == "snippet" && json.Peek() == '{') {
      ReadSnippet(json, parts);
    } else if (key == "authorDetails" && json.Peek() == '{') {
      ReadAuthor(json, parts);
    } else {
      json.Skip();
    }
  });
  return parts;
}

Kind KindOf(std::string_view type) {
  constexpr std::pair<std::string_view, Kind> kTypes[] = {
      {"textMessageEvent", Kind::kText},
      {"superChatEvent", Kind::kSuperChat},
      {"superStickerEvent", Kind::kSuperSticker},
      {"newSponsorEvent", Kind::kNewMember},
      {"memberMilestoneChatEvent", Kind::kMilestone},
      {"membershipGiftingEvent", Kind::kMembershipGift},
      {"giftMembershipReceivedEvent", Kind::kMembershipReceived},
      {"giftEvent", Kind::kGift},
      {"pollEvent", Kind::kPoll},
  };
  for (const auto& [name, kind] : kTypes) {
    if (type == name) return kind;
  }
  return Kind::kIgnored;
}

CrowdEvent By(const Parts& parts, Act act, std::optional<sentiment::Sentiment> felt) {
  return {.author = parts.author, .roles = parts.roles, .act = act, .felt = felt};
}

// An act that may have come with words.
CrowdEvent Supported(const Parts& parts, sentiment::Sentiment act, UnescapeBuffer& buffer) {
  return By(parts, Act::kSupport,
            parts.has_text ? Stronger(FeltOfWords(parts.text, buffer), act) : act);
}

CrowdEvent Joined(const Parts& parts, UnescapeBuffer& buffer) {
  CrowdEvent out = Supported(parts, FeltOfSubscription(parts.months.value_or(1)), buffer);
  out.roles.subscriber = true;
  return out;
}

// An amount means little without its currency, and each tier stands for about twice the one before.
sentiment::Sentiment FeltOfTier(std::optional<int64_t> tier) {
  return FeltOfMoney(int64_t{1} << (std::clamp<int64_t>(tier.value_or(1), 1, kTopTier) - 1));
}

std::optional<CrowdEvent> EventOf(Kind kind, const Parts& parts, UnescapeBuffer& buffer) {
  switch (kind) {
    case Kind::kText:
      return By(parts, Act::kChat, FeltOfWords(parts.text, buffer));
    case Kind::kSuperChat:
    case Kind::kSuperSticker:
      return Supported(parts, FeltOfTier(parts.tier), buffer);
    case Kind::kNewMember:
    case Kind::kMilestone:
      return Joined(parts, buffer);
    case Kind::kMembershipGift:
      return By(parts, Act::kSupport, FeltOfGifts(parts.memberships.value_or(1)));
    case Kind::kMembershipReceived: {
      // The giver's message counts.
      CrowdEvent out = By(parts, Act::kNone, std::nullopt);
      out.roles.subscriber = true;
      return out;
    }
    case Kind::kGift:
      return By(parts, Act::kSupport, FeltOfMoney(parts.jewels.value_or(0) / kJewelsUnit));
    case Kind::kPoll:
      return Ambient(kVoting);
    case Kind::kIgnored:
      return std::nullopt;
  }
  return std::nullopt;
}

ChatItem ToItem(const Parts& parts, UnescapeBuffer& buffer) {
  ChatItem item{.kind = KindOf(parts.type), .id = parts.id, .combo = 0, .event = {}};
  // The broadcaster is nobody's crowd; the poll that they opened is everybody's.
  const bool wordless = item.kind == Kind::kText && !parts.has_text;
  if (wordless || (parts.by_owner && item.kind != Kind::kPoll)) item.kind = Kind::kIgnored;
  if (item.kind == Kind::kGift) item.combo = parts.combo.value_or(0);
  item.event = EventOf(item.kind, parts, buffer);
  return item;
}

milliseconds IntervalOf(std::optional<int64_t> millis) {
  return milliseconds(std::clamp(millis.value_or(kUsualMillis), kLeastMillis, kMostMillis));
}

}  // namespace

std::string_view WordOf(ChatItemKind kind) {
  constexpr std::string_view kWords[kChatItemKinds] = {
      "text",      "super_chat",      "super_sticker",       "new_member",
      "milestone", "membership_gift", "membership_received", "gift",
      "poll",      "ignored"};
  return kWords[static_cast<size_t>(kind)];
}

std::optional<ChatPage> ReadChatPage(std::string_view body, UnescapeBuffer& buffer) {
  ChatPage page;
  std::optional<int64_t> millis;
  JsonReader json(body);
  const auto read_item = [&] {
    if (json.Peek() != '{' || page.items.size() >= ChatPage::kMaxItems) {
      json.Skip();
      return;
    }
    const Parts parts = ReadItem(json);
    page.has_ended = page.has_ended || parts.type == "chatEndedEvent";
    if (!json.failed()) page.items.push_back(ToItem(parts, buffer));
  };
  json.Object([&](std::string_view key) {
    if (key == "nextPageToken") {
      const auto token = buffer.Unescape(json.StringIf().value_or(std::string_view()));
      if (token && token->size() <= kTokenBytesMax) page.next_page_token = *token;
    } else if (key == "pollingIntervalMillis") {
      millis = json.IntIf();
    } else if (key == "offlineAt") {
      const auto at = json.StringIf();
      page.has_ended = page.has_ended || at.has_value();
      if (at) page.offline_at = common::ParseTime(*at);
    } else if (key == "items" && json.Peek() == '[') {
      json.Array(read_item);
    } else {
      json.Skip();
    }
  });
  // Each page but a chat's last names the next one.
  if (!json.Finish() || (page.next_page_token.empty() && !page.has_ended)) return std::nullopt;
  page.polling_interval = IntervalOf(millis);
  return page;
}

}  // namespace stream::ingest
