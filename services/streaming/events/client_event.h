// What a game's front end is told of a session: the six client events, as JSON on
// client.streaming.<sessionId> and as the same objects through WatchStreamSession.
//
// Hype and milestones are stored in STREAMING first and told from there, each exactly as stored;
// snapshots, reactions and the progress within a level are told once, to whoever listens.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <bannou/streaming/v1/client_events.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/events/event.h"

namespace streaming::events {

// The event of a message, with its name, id and time filled in.
bannou::streaming::v1::ClientEvent MakeClientEvent(
    bannou::streaming::v1::StreamingAudienceUpdateClientEvent message, common::Time at);
bannou::streaming::v1::ClientEvent MakeClientEvent(
    bannou::streaming::v1::StreamingAudienceReactionClientEvent message, common::Time at);
bannou::streaming::v1::ClientEvent MakeClientEvent(
    bannou::streaming::v1::StreamingHypeProgressClientEvent message, common::Time at);

// What the front ends of one session are told, and whom it is about.
struct Told {
  common::Uuid session;
  bannou::streaming::v1::ClientEvent event;
};

// What a message of STREAMING means to them; nullopt for one that means nothing to them, or cannot
// be read.
std::optional<Told> ToldBy(std::string_view subject, std::string_view payload);
// The session that such a message says has ended; nullopt for all others.
std::optional<common::Uuid> EndToldBy(std::string_view subject, std::string_view payload);

// The subject of a session's events, and back; nullopt for any other subject.
std::string ClientSubject(const common::Uuid& session);
inline constexpr char kAllClientSubjects[] = "client.streaming.*";
std::optional<common::Uuid> SessionOfClientSubject(std::string_view subject);

// The event as the specification has it: its own names and words, no member left out. Cursor and
// gap are not part of it.
std::string ToJson(const bannou::streaming::v1::ClientEvent& event);
// What ToJson made; nullopt for anything else.
std::optional<bannou::streaming::v1::ClientEvent> FromJson(std::string_view json);

// Whether the event came from STREAMING. Of the others only progress looks like one of these, and
// it has an id of its own making.
bool IsStored(const bannou::streaming::v1::ClientEvent& event);

}  // namespace streaming::events
