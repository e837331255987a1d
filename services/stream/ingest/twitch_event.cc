#include "services/stream/ingest/twitch_event.h"

#include <array>
#include <utility>

namespace stream::ingest {
namespace {

using common::Time;
using privacy::PersonalText;
using privacy::PlatformUserId;

// Ids of messages and streams, which have no escapes and are short.
bool ReadId(JsonReader& json, std::string_view& out) {
  constexpr size_t kLongest = 64;
  return json.String(out) && out.size() <= kLongest;
}

void ReadUser(JsonReader& json, std::optional<PlatformUserId>& out) {
  if (json.Null()) return;
  std::string_view id;
  if (json.String(id)) out = PlatformUserId::From(id);
}

void ReadTime(JsonReader& json, std::optional<Time>& out) {
  std::string_view text;
  if (json.String(text)) out = common::ParseTime(text);
}

// The name of a chat message's badge says what its owner is.
void ReadBadge(JsonReader& json, privacy::Roles& roles) {
  json.Object([&](std::string_view key) {
    std::string_view name;
    if (key != "set_id") {
      json.Skip();
    } else if (json.String(name)) {
      roles.subscriber |= name == "subscriber" || name == "founder";
      roles.moderator |= name == "moderator";
      roles.vip |= name == "vip";
    }
  });
}

// `message` holds the text, and fragments that repeat it.
void ReadMessage(JsonReader& json, std::string_view& raw_text) {
  json.Object([&](std::string_view key) {
    if (key == "text") {
      json.String(raw_text);
    } else {
      json.Skip();
    }
  });
}

class EventReader {
 public:
  EventReader(JsonReader& json, UnescapeBuffer& buffer) : json_(json), buffer_(buffer) {}

  bool Read() {
    json_.Object([this](std::string_view key) { ReadMember(key); });
    event_.from_other_channel = source_ && source_ != event_.broadcaster;
    if (json_.failed() || !raw_text_.data()) return !json_.failed();
    const auto text = buffer_.Unescape(raw_text_);
    if (text) event_.text = PersonalText(*text);
    return text.has_value();
  }

  bool has_text() const { return raw_text_.data() != nullptr; }
  TwitchEvent& event() { return event_; }

 private:
  void ReadMember(std::string_view key) {
    if (key == "broadcaster_user_id") {
      ReadUser(json_, event_.broadcaster);
    } else if (key == "source_broadcaster_user_id") {
      ReadUser(json_, source_);
    } else if (key == "user_id") {
      ReadUser(json_, event_.user);
    } else if (key == "chatter_user_id") {
      ReadUser(json_, event_.chatter);
    } else if (key == "id") {
      ReadId(json_, event_.stream_id);
    } else if (key == "message_id") {
      ReadId(json_, event_.message_id);
    } else if (key == "started_at") {
      ReadTime(json_, event_.started_at);
    } else if (key == "message") {
      ReadMessage(json_, raw_text_);
    } else if (key == "badges") {
      json_.Array([this] { ReadBadge(json_, event_.roles); });
    } else {
      json_.Skip();
    }
  }

  JsonReader& json_;
  UnescapeBuffer& buffer_;
  TwitchEvent event_;
  std::optional<PlatformUserId> source_;
  std::string_view raw_text_;
};

bool IsComplete(TwitchEventType type, const TwitchEvent& event, bool has_text) {
  if (type == TwitchEventType::kAuthorizationRevoked) return event.user.has_value();
  if (!event.broadcaster) return false;
  switch (type) {
    case TwitchEventType::kStreamOnline:
      return !event.stream_id.empty() && event.started_at;
    case TwitchEventType::kChatMessage:
      return has_text && event.chatter && !event.message_id.empty();
    default:
      return true;
  }
}

}  // namespace

std::optional<Time> FreshTime(std::string_view timestamp, Time now) {
  const auto sent = common::ParseTime(timestamp);
  if (!sent || *sent < now - kFreshness || *sent > now + kFreshness) return std::nullopt;
  return sent;
}

TwitchEventType TwitchEventTypeOf(std::string_view subscription_type) {
  constexpr std::array<std::pair<std::string_view, TwitchEventType>, 4> kTypes{{
      {"stream.online", TwitchEventType::kStreamOnline},
      {"stream.offline", TwitchEventType::kStreamOffline},
      {"channel.chat.message", TwitchEventType::kChatMessage},
      {"user.authorization.revoke", TwitchEventType::kAuthorizationRevoked},
  }};
  for (const auto& [name, type] : kTypes) {
    if (subscription_type == name) return type;
  }
  return TwitchEventType::kUnknown;
}

std::optional<TwitchEvent> DecodeTwitchEvent(TwitchEventType type, std::string_view body,
                                             UnescapeBuffer& buffer) {
  JsonReader json(body);
  EventReader reader(json, buffer);
  bool found = false;
  json.Object([&](std::string_view key) {
    if (key == "event" && !found) {
      found = reader.Read();
    } else {
      json.Skip();
    }
  });
  if (!found || !json.Finish() || !IsComplete(type, reader.event(), reader.has_text())) {
    return std::nullopt;
  }
  return std::move(reader.event());
}

std::optional<std::string_view> DecodeTwitchRevocation(std::string_view body) {
  constexpr std::string_view kStatuses[] = {
      "user_removed",    "authorization_revoked", "notification_failures_exceeded",
      "version_removed", "moderator_removed",     "chat_user_banned"};
  std::string_view status;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key != "subscription") {
      json.Skip();
      return;
    }
    json.Object([&](std::string_view member) {
      if (member == "status") {
        json.String(status);
      } else {
        json.Skip();
      }
    });
  });
  if (!json.Finish() || status.empty()) return std::nullopt;
  for (const std::string_view known : kStatuses) {
    if (status == known) return known;
  }
  return "other";
}

std::optional<std::string_view> DecodeTwitchChallenge(std::string_view body,
                                                      UnescapeBuffer& buffer) {
  JsonReader json(body);
  std::string_view raw;
  json.Object([&](std::string_view key) {
    if (key == "challenge") {
      json.String(raw);
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || raw.empty()) return std::nullopt;
  return buffer.Unescape(raw);
}

}  // namespace stream::ingest
