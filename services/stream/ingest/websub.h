// WebSub as YouTube's hub speaks it: which verifications we confirm, and what a notification says,
// decoded from the bytes as received. Pure; nothing is kept.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/stream/privacy/personal.h"

namespace stream::ingest {

// The feed of a channel's videos, as the hub knows it.
std::string TopicOf(const privacy::PlatformUserId& channel);
// The channel of a feed, under either of its two addresses; nullopt for any other text.
std::optional<privacy::PlatformUserId> ChannelOfTopic(std::string_view topic);

// The lease that we ask for, and the longest that we believe. What the hub grants is what counts.
inline constexpr std::chrono::seconds kLeaseWanted = std::chrono::days(10);
inline constexpr std::chrono::seconds kLeaseMax = std::chrono::days(30);
// When the hub names none: short, so that it is renewed too early rather than too late.
inline constexpr std::chrono::seconds kLeaseUnnamed = std::chrono::days(1);

// What the hub asks at our callback before it begins or ends to tell of a topic. Views of the
// caller's, decoded.
struct HubQuestion {
  std::string_view mode;  // subscribe, unsubscribe or denied
  std::string_view topic;
  std::string_view challenge;
  std::optional<std::string_view> verify_token;
  std::chrono::seconds lease{};  // granted
};

// nullopt when a part that its mode must have is missing, malformed or longer than any real one.
std::optional<HubQuestion> CheckHubQuestion(HubQuestion question,
                                            std::optional<std::string_view> lease_seconds);
// The same of a query: `find(name)` gives the value of a parameter.
template <class Find>
std::optional<HubQuestion> ReadHubQuestion(Find&& find) {
  const auto text = [&](std::string_view name) -> std::string_view {
    const std::optional<std::string_view> found = find(name);
    return found.value_or(std::string_view());
  };
  return CheckHubQuestion({.mode = text("hub.mode"),
                           .topic = text("hub.topic"),
                           .challenge = text("hub.challenge"),
                           .verify_token = find("hub.verify_token")},
                          find("hub.lease_seconds"));
}

// What we know of the link that the callback names.
struct HubLink {
  // The channel whose videos we want to hear of; nullopt when there is no such link, or it is not
  // active: then we want nothing.
  std::optional<privacy::PlatformUserId> channel;
  bool token_matches = false;  // the question's verify token is ours
};

enum class HubAnswer {
  kConfirm,  // answer with the challenge
  kHeard,    // nothing to confirm
  kRefuse,
};
// `denied` is heard and changes nothing: anybody can send it.
HubAnswer AnswerHub(const HubQuestion& question, const HubLink& link);

// A video that the feed tells of. Views point into the body. The id and the time together tell this
// news from other news; of a deletion, channel and time may be missing.
struct FeedEntry {
  std::string_view video_id;
  std::optional<privacy::PlatformUserId> channel;
  std::string_view updated;
  bool deleted = false;
};

// More in one notification is malformed: the hub sends one or a few.
inline constexpr size_t kMaxFeedEntries = 50;

// nullopt when the body is no Atom feed, or an entry lacks a part that it must have. Elements that
// mean nothing to us are skipped.
std::optional<std::vector<FeedEntry>> DecodeFeed(std::string_view body);

}  // namespace stream::ingest
