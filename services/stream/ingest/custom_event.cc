#include "services/stream/ingest/custom_event.h"

#include <algorithm>
#include <utility>

namespace stream::ingest {
namespace {

constexpr size_t kIdBytesMax = 128;
constexpr int64_t kViewersMax = 100'000'000;

CustomEventType TypeOf(std::string_view word) {
  constexpr std::pair<std::string_view, CustomEventType> kTypes[] = {
      {"online", CustomEventType::kOnline},       {"offline", CustomEventType::kOffline},
      {"viewers", CustomEventType::kViewers},     {"chat", CustomEventType::kChat},
      {"subscribe", CustomEventType::kSubscribe}, {"raid", CustomEventType::kRaid},
      {"follow", CustomEventType::kFollow},
  };
  for (const auto& [name, type] : kTypes) {
    if (word == name) return type;
  }
  return CustomEventType::kUnknown;
}

void ReadRoles(JsonReader& json, privacy::RoleNews& roles) {
  roles = {.subscriber = false, .moderator = false, .vip = false};
  json.Array([&] {
    const auto role = json.StringIf();
    if (role == "subscriber") roles.subscriber = true;
    if (role == "moderator") roles.moderator = true;
    if (role == "vip") roles.vip = true;
  });
}

// Ids are what they say, however a sender escapes them. Empty when it is no text.
std::string_view ReadText(JsonReader& json, UnescapeBuffer& buffer) {
  const auto raw = json.StringIf();
  return raw ? buffer.Unescape(*raw).value_or(std::string_view()) : std::string_view();
}

// False when there is one, and it is none of ours.
bool ReadUser(JsonReader& json, CustomEvent& event) {
  if (json.Null()) return true;
  if (json.Peek() != '{') return json.Skip() && false;
  UnescapeBuffer buffer;
  json.Object([&](std::string_view key) {
    if (key == "id") {
      event.user = privacy::PlatformUserId::From(ReadText(json, buffer));
    } else if (key == "roles" && json.Peek() == '[') {
      ReadRoles(json, event.roles);
    } else {
      json.Skip();
    }
  });
  return event.user.has_value();
}

bool ReadData(JsonReader& json, CustomEvent& event) {
  bool valid = true;
  json.Object([&](std::string_view key) {
    if (key == "viewers") {
      int64_t viewers = 0;
      if (!json.Int(viewers)) return;
      event.viewers = static_cast<int>(std::clamp<int64_t>(viewers, 0, kViewersMax));
    } else if (key == "months") {
      event.months = json.IntIf();
    } else if (key == "gifts") {
      event.gifts = json.IntIf();
    } else if (key == "user") {
      valid = ReadUser(json, event) && valid;
    } else if (key == "text") {
      const auto raw = json.StringIf();
      event.has_text = raw.has_value();
      event.text = privacy::PersonalText(raw.value_or(std::string_view()));
    } else {
      json.Skip();
    }
  });
  return valid;
}

bool IsComplete(const CustomEvent& event) {
  if (event.id.empty() || event.id.size() > kIdBytesMax) return false;
  if (event.type == CustomEventType::kChat) return event.has_text;
  const bool counts =
      event.type == CustomEventType::kViewers || event.type == CustomEventType::kRaid;
  return !counts || event.viewers;
}

}  // namespace

std::optional<CustomEvent> DecodeCustomEvent(std::string_view body) {
  CustomEvent event;
  std::string_view type;
  std::string_view at;
  bool valid = true;
  UnescapeBuffer buffer;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key == "id") {
      event.id = ReadText(json, buffer);
    } else if (key == "type") {
      json.String(type);
    } else if (key == "at") {
      json.String(at);
    } else if (key == "data" && json.Peek() == '{') {
      valid = ReadData(json, event);
    } else {
      json.Skip();
    }
  });
  const auto time = common::ParseTime(at);
  event.type = TypeOf(type);
  if (!json.Finish() || !valid || type.empty() || !time || !IsComplete(event)) return std::nullopt;
  event.at = *time;
  return event;
}

std::optional<CrowdEvent> CrowdEventOf(const CustomEvent& event, UnescapeBuffer& buffer) {
  CrowdEvent out{.author = event.user, .roles = event.roles};
  const auto did = [&](Act act, sentiment::Sentiment felt) {
    out.act = act;
    out.felt = event.has_text ? Stronger(FeltOfWords(event.text, buffer), felt) : felt;
    return out;
  };
  switch (event.type) {
    case CustomEventType::kChat:
      out.act = Act::kChat;
      out.felt = FeltOfWords(event.text, buffer);
      return out;
    case CustomEventType::kFollow:
      return did(Act::kFollow, kFollowed);
    case CustomEventType::kRaid:
      out.roles.raid_leader = true;
      return did(Act::kRaid, FeltOfRaid(*event.viewers));
    case CustomEventType::kSubscribe:
      if (event.gifts) return did(Act::kSupport, FeltOfGifts(*event.gifts));
      out.roles.subscriber = true;
      return did(Act::kSupport, FeltOfSubscription(event.months.value_or(1)));
    default:
      return std::nullopt;
  }
}

}  // namespace stream::ingest
