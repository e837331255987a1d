// What Twitch's events mean for a channel's crowd. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "services/stream/ingest/crowd_event.h"
#include "services/stream/ingest/twitch_event.h"

namespace stream::ingest {

// nullopt: the event says nothing of the crowd, what it says comes from elsewhere (a chat of
// another channel, bits that channel.cheer tells of, one sub of a community gift), or the channel's
// owner did it.
//
//   chat, announcements, resubs, redeemed requests  the words' feeling
//   follows, subs, gifts, bits, badges, donations   Supportive, stronger the larger
//   raids, trains, locked predictions               Excited
//   polls, open predictions, another title          Curious
//   how a prediction ends                           Surprised, or Critical when it is called off
//   moderators and VIPs, ends of subs               only roles
std::optional<CrowdEvent> CrowdEventOf(TwitchEventType type, const TwitchEvent& event,
                                       UnescapeBuffer& buffer);

// What tells an event from another that happened, whatever message brings it and under whichever
// type: a sub is told by channel.subscribe and by a chat notification. nullopt when there is
// nothing but the message's own id.
struct EventIdentity {
  std::string_view kind;
  std::string_view id;   // at Twitch, if it has one
  bool by_user = false;  // the event's user is a part of it
  int64_t number = 0;    // tells its stages apart
};
std::optional<EventIdentity> IdentityOf(TwitchEventType type, const TwitchEvent& event);

}  // namespace stream::ingest
