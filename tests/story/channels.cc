// The real channels of the story: linked, live beside the in-game stream, over and unlinked.
#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/http/client.h"
#include "libs/common/http/url.h"
#include "tests/story/story.h"

namespace story {
namespace {

namespace stream = bannou::stream::v1;
namespace streaming = bannou::streaming::v1;
using nlohmann::json;
using Platforms = stream::PlatformService::Stub;
using PlatformSessions = stream::PlatformSessionService::Stub;

constexpr const char* kLogin = "emberforge_live";
constexpr const char* kChatRoute = "GET /youtube/v3/liveChat/messages";

// What a pulse brought, the most frequent feeling first.
std::string FeelingsOf(const stream::SentimentPulse& pulse) {
  std::map<std::string, int> feelings;
  for (const auto& entry : pulse.sentiments()) ++feelings[Word(entry.category())];
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [word, count] : feelings) sorted.emplace_back(-count, word);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> parts;
  for (const auto& [count, word] : sorted) parts.push_back(absl::StrCat(-count, " ", word));
  return absl::StrJoin(parts, ", ");
}

// Whom a pulse tells apart.
std::string TypesOf(const stream::SentimentPulse& pulse) {
  std::set<std::string> types;
  for (const auto& entry : pulse.sentiments()) {
    if (entry.has_viewer_type()) types.insert(Word(entry.viewer_type()));
  }
  return absl::StrJoin(types, ", ");
}

std::string DominantMood(const streaming::GetAudienceTruthResponse& truth) {
  const auto strongest =
      std::max_element(truth.mood().begin(), truth.mood().end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return strongest == truth.mood().end() ? "none" : strongest->first;
}

bool IsYouTube(const Channel& channel) {
  return channel.platform == stream::STREAM_PLATFORM_YOUTUBE;
}

}  // namespace

std::vector<Channel*> Story::Channels() {
  std::vector<Channel*> channels = {&outcome_.twitch};
  if (options_.youtube) channels.push_back(&outcome_.youtube);
  return channels;
}

// --- Linking. ------------------------------------------------------------------------------------

absl::Status Story::LinkTwitch() {
  say_(absl::StrCat("2. A player links a ", options_.youtube ? "Twitch and a YouTube" : "Twitch",
                    " channel (OAuth against platform_sim)"));
  outcome_.twitch.platform = stream::STREAM_PLATFORM_TWITCH;
  RETURN_IF_ERROR(Link(outcome_.twitch, {{"login", kLogin}}));
  say_(absl::StrFormat("   Twitch: linked as %s; EventSub will call back, its challenges are met",
                       outcome_.twitch.link.platform_display_name()));
  return absl::OkStatus();
}

absl::Status Story::LinkYouTube() {
  outcome_.youtube.platform = stream::STREAM_PLATFORM_YOUTUBE;
  // The simulator's defaults are YouTube's; demo.env tells of these.
  RETURN_IF_ERROR(PostToSim("/sim/settings",
                            {{"chat_polling_millis", 1000}, {"youtube_daily_quota", 1'000'000}})
                      .status());
  RETURN_IF_ERROR(Link(outcome_.youtube, {{"login", absl::StrCat(kLogin, "_tube")},
                                          {"display_name", "Emberforge Live"},
                                          {"youtube", true}}));
  say_(absl::StrFormat("   YouTube: linked as %s; its hub (WebSub) will tell when a stream begins",
                       outcome_.youtube.link.platform_display_name()));
  say_("   the daemon keeps the tokens of both encrypted");
  return absl::OkStatus();
}

absl::Status Story::Link(Channel& channel, const json& user) {
  ASSIGN_OR_RETURN(const json added, PostToSim("/sim/users", user));
  channel.id = added.value(IsYouTube(channel) ? "youtube_channel_id" : "id", "");
  stream::LinkPlatformRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  request.set_platform(channel.platform);
  ASSIGN_OR_RETURN(const auto pending,
                   player_.Call(stubs_.platforms, &Platforms::LinkPlatform, request));
  RETURN_IF_ERROR(ApproveAtPlatform(
      absl::StrCat(pending.authorization_url(), "&login=", user.value("login", ""))));

  stream::ListPlatformsRequest list;
  list.set_account_id(outcome_.account_id.ToString());
  ASSIGN_OR_RETURN(const auto links,
                   player_.Call(stubs_.platforms, &Platforms::ListPlatforms, list));
  for (const auto& link : links.platforms()) {
    if (link.platform() == channel.platform) channel.link = link;
  }
  if (channel.link.link_id().empty()) return absl::InternalError("the link is not listed");
  return AwaitSubscriptions(channel);
}

// The browser's part: open the URL, be sent back to the daemon's callback with a code.
absl::Status Story::ApproveAtPlatform(const std::string& authorization_url) {
  common::http::Client browser;
  ASSIGN_OR_RETURN(const auto redirect, browser.Send({.url = authorization_url}));
  const auto location = common::http::FindHeader(redirect.headers, "location");
  if (redirect.status != 302 || !location) {
    return absl::InternalError(absl::StrCat("authorize answered ", redirect.status));
  }
  ASSIGN_OR_RETURN(const auto callback, browser.Send({.url = std::string(*location)}));
  if (callback.status != 200) {
    return absl::InternalError(absl::StrCat("the OAuth callback answered ", callback.status));
  }
  return absl::OkStatus();
}

absl::Status Story::AwaitSubscriptions(const Channel& channel) {
  const std::string what = Word(channel.platform) + " to confirm that it will call back";
  return Await(what, [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const Callbacks callbacks, CallbacksOf(channel));
    return callbacks.complete;
  });
}

absl::StatusOr<Story::Callbacks> Story::CallbacksOf(const Channel& channel) {
  ASSIGN_OR_RETURN(const json listed, AskSim(IsYouTube(channel) ? "/sim/hub" : "/sim/eventsub"));
  Callbacks callbacks;
  int confirmed = 0;
  for (const json& subscription : listed.value("subscriptions", json::array())) {
    const json& transport = IsYouTube(channel) ? subscription : subscription["transport"];
    if (!transport.value("callback", "").ends_with(channel.link.link_id())) continue;
    ++callbacks.count;
    const std::string type = subscription.value("type", "");
    confirmed += subscription.value("state", "") == "verified";
    confirmed +=
        subscription.value("status", "") == "enabled" &&
        (type == "stream.online" || type == "stream.offline" || type == "channel.chat.message");
  }
  callbacks.complete = confirmed >= (IsYouTube(channel) ? 1 : 3);
  return callbacks;
}

// --- Live. ---------------------------------------------------------------------------------------

absl::Status Story::GoLive() {
  say_(options_.youtube ? "4. Both real channels go live beside the in-game stream; people chat"
                        : "4. The real channel goes live beside the in-game stream; people chat");
  RETURN_IF_ERROR(StartAtTwitch());
  if (options_.youtube) RETURN_IF_ERROR(StartAtYouTube());
  for (const Channel* channel : Channels()) RETURN_IF_ERROR(Associate(*channel));
  say_(options_.youtube ? "   both feed the one in-game session (AssociateSession)"
                        : "   it feeds the in-game session (AssociateSession)");
  RETURN_IF_ERROR(ChatAtTwitch());
  if (options_.youtube) RETURN_IF_ERROR(ChatAtYouTube());
  for (Channel* channel : Channels()) RETURN_IF_ERROR(AwaitPulse(*channel));
  RETURN_IF_ERROR(AwaitBlending());
  return RefusePlayersTheTruth();
}

absl::Status Story::StartAtTwitch() {
  RETURN_IF_ERROR(PostToSim(absl::StrCat("/sim/channels/", outcome_.twitch.id, "/live"),
                            {{"title", "Raid night"}, {"viewer_count", 120}})
                      .status());
  RETURN_IF_ERROR(AwaitPlatformSession(outcome_.twitch));
  say_("   Twitch sent stream.online, signed: a platform session began by itself");
  return absl::OkStatus();
}

absl::Status Story::StartAtYouTube() {
  Channel& youtube = outcome_.youtube;
  ASSIGN_OR_RETURN(const json video, PostToSim("/sim/videos", {{"channel_id", youtube.id},
                                                               {"kind", "live"},
                                                               {"title", "Raid night"},
                                                               {"viewer_count", 80}}));
  youtube.broadcast_id = video.value("video_id", "");
  RETURN_IF_ERROR(AwaitPlatformSession(youtube));
  say_("   YouTube's hub posted its feed, signed: a second platform session began");
  // What was said before the first question is history, and not told.
  return Await("YouTube to be asked for its chat", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const int requests, RequestsOf(kChatRoute));
    return requests > 0;
  });
}

absl::Status Story::AwaitPlatformSession(Channel& channel) {
  stream::ListPlatformSessionsRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  const std::string what = "the platform session of " + Word(channel.platform);
  return Await(what, [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(
        const auto list,
        player_.Call(stubs_.platform_sessions, &PlatformSessions::ListPlatformSessions, request));
    for (const auto& session : list.sessions()) {
      if (session.link_id() == channel.link.link_id()) channel.session = session;
    }
    return channel.session.is_active();
  });
}

absl::Status Story::Associate(const Channel& channel) {
  stream::AssociateSessionRequest request;
  request.set_platform_session_id(channel.session.platform_session_id());
  request.set_in_game_session_id(outcome_.created.session_id());
  return player_.Call(stubs_.platform_sessions, &PlatformSessions::AssociateSession, request)
      .status();
}

absl::Status Story::ChatAtTwitch() {
  RETURN_IF_ERROR(SendCrowd(outcome_.twitch, options_.chatters, 7));
  const std::string channel = absl::StrCat("/sim/channels/", outcome_.twitch.id);
  RETURN_IF_ERROR(PostToSim(channel + "/events", {{"type", "channel.raid"}}).status());
  RETURN_IF_ERROR(PostToSim(channel + "/gifts", {{"total", 5}}).status());
  say_(absl::StrFormat(
      "   Twitch: up to %d people chat, %d messages a second, each a signed webhook",
      options_.chatters, options_.messages_per_second));
  say_(
      "   a raid of 437 arrives; somebody gives 5 subscriptions: told in 12 messages, it "
      "counts once");
  return absl::OkStatus();
}

absl::Status Story::ChatAtYouTube() {
  RETURN_IF_ERROR(SendCrowd(outcome_.youtube, options_.chatters, 11));
  RETURN_IF_ERROR(PostToSim(absl::StrCat("/sim/channels/", outcome_.youtube.id, "/events"),
                            {{"type", "superChatEvent"}, {"text", "what a run"}})
                      .status());
  say_(
      "   YouTube: as many chat there, and one pays for a Super Chat; the daemon asks every "
      "second");
  return absl::OkStatus();
}

absl::Status Story::SendCrowd(const Channel& channel, int chatters, int seed) {
  return PostToSim(absl::StrCat("/sim/channels/", channel.id, "/crowd"),
                   {{"chatters", chatters},
                    {"messages_per_second", options_.messages_per_second},
                    {"seconds", options_.chat_seconds},
                    {"mood", "hype"},
                    {"seed", seed}})
      .status();
}

absl::Status Story::AwaitPulse(Channel& channel) {
  stream::LatestPulseRequest latest;
  latest.set_platform_session_id(channel.session.platform_session_id());
  const std::string platform = Word(channel.platform);
  RETURN_IF_ERROR(Await(
      "a pulse of " + platform + " that names the in-game session", [&]() -> absl::StatusOr<bool> {
        auto pulse = admin_.Call(stubs_.stream_admin,
                                 &stream::StreamAdminService::Stub::GetLatestPulse, latest);
        if (absl::IsNotFound(pulse.status())) return false;
        if (!pulse.ok()) return pulse.status();
        channel.pulse = *std::move(pulse);
        return channel.pulse.in_game_session_id() == outcome_.created.session_id();
      }));
  say_(absl::StrFormat("   a pulse of %s left `stream`: %d feelings, not a word and not a name",
                       platform, channel.pulse.sentiments_size()));
  say_("     " + FeelingsOf(channel.pulse));
  const std::string types = TypesOf(channel.pulse);
  if (!types.empty()) say_("     told apart by an id that dies with the session: " + types);
  return absl::OkStatus();
}

absl::Status Story::AwaitBlending() {
  streaming::GetAudienceTruthRequest request;
  request.set_session_id(outcome_.created.session_id());
  const auto feeds = static_cast<int>(Channels().size());
  RETURN_IF_ERROR(Await("real people to stand in the audience", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(outcome_.truth,
                     admin_.Call(stubs_.audiences,
                                 &streaming::AudienceService::Stub::GetAudienceTruth, request));
    return outcome_.truth.platform_session_ids_size() == feeds &&
           outcome_.truth.real_derived_count() > 0;
  }));
  say_(absl::StrFormat("   `streaming` blended %d pulses in: the crowd's mood is %s",
                       outcome_.truth.pulses_applied(), DominantMood(outcome_.truth)));
  say_(absl::StrFormat(
      "   admins see: %d of %d viewers stand for real people; %d platform session%s",
      outcome_.truth.real_derived_count(), outcome_.truth.total_count(), feeds,
      feeds == 1 ? " feeds them" : "s feed them"));
  return absl::OkStatus();
}

absl::Status Story::RefusePlayersTheTruth() {
  streaming::GetAudienceTruthRequest request;
  request.set_session_id(outcome_.created.session_id());
  const auto asked =
      player_.Call(stubs_.audiences, &streaming::AudienceService::Stub::GetAudienceTruth, request);
  if (!absl::IsPermissionDenied(asked.status())) {
    return absl::InternalError("a player was told who is real");
  }
  say_("   players cannot tell: who asks is refused, and real viewers look like all the others");
  return absl::OkStatus();
}

// --- Over. ---------------------------------------------------------------------------------------

absl::Status Story::GoOffline() {
  say_(options_.youtube ? "9. The real channels go offline" : "9. The real channel goes offline");
  const json nothing = json::object();
  RETURN_IF_ERROR(
      PostToSim(absl::StrCat("/sim/channels/", outcome_.twitch.id, "/offline"), nothing).status());
  if (options_.youtube) {
    RETURN_IF_ERROR(
        PostToSim(absl::StrCat("/sim/videos/", outcome_.youtube.broadcast_id, "/end"), nothing)
            .status());
  }
  for (Channel* channel : Channels()) RETURN_IF_ERROR(AwaitEnd(*channel));
  say_("   heard of it: the last pulses are out, and who was told apart is forgotten");
  return absl::OkStatus();
}

absl::Status Story::AwaitEnd(Channel& channel) {
  stream::PlatformSessionStatusRequest request;
  request.set_platform_session_id(channel.session.platform_session_id());
  const std::string what = "the end of the platform session of " + Word(channel.platform);
  return Await(what, [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(channel.ended,
                     player_.Call(stubs_.platform_sessions,
                                  &PlatformSessions::GetPlatformSessionStatus, request));
    return !channel.ended.is_active();
  });
}

absl::Status Story::Unlink() {
  say_(options_.youtube ? "10. The player unlinks both channels" : "10. The player unlinks it");
  for (Channel* channel : Channels()) RETURN_IF_ERROR(UnlinkChannel(*channel));
  say_(absl::StrFormat("   Twitch was told: tokens revoked, %d subscriptions deleted",
                       outcome_.twitch.subscriptions));
  if (options_.youtube)
    say_("   YouTube was told: the grant revoked, the feed no longer subscribed");
  return absl::OkStatus();
}

absl::Status Story::UnlinkChannel(Channel& channel) {
  const std::string route = IsYouTube(channel) ? "POST /revoke" : "POST /oauth2/revoke";
  ASSIGN_OR_RETURN(const int revoked_before, RequestsOf(route));
  ASSIGN_OR_RETURN(const Callbacks before, CallbacksOf(channel));
  channel.subscriptions = before.count;
  stream::UnlinkPlatformRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  request.set_link_id(channel.link.link_id());
  RETURN_IF_ERROR(player_.Call(stubs_.platforms, &Platforms::UnlinkPlatform, request).status());
  const std::string what = Word(channel.platform) + " to be told of the unlinking";
  return Await(what, [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const Callbacks left, CallbacksOf(channel));
    ASSIGN_OR_RETURN(const int revoked, RequestsOf(route));
    channel.subscriptions_unlinked = left.count;
    return left.count == 0 && revoked > revoked_before;
  });
}

// --- The platforms' control API. -----------------------------------------------------------------

absl::StatusOr<json> Story::PostToSim(const std::string& path, const json& body) {
  ASSIGN_OR_RETURN(
      const auto answer,
      common::http::Client().Send({.method = "POST",
                                   .url = absl::StrCat("http://", stack_.platform_sim, path),
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = body.dump()}));
  if (answer.status >= 300) {
    return absl::InternalError(absl::StrCat(path, " answered ", answer.status));
  }
  return json::parse(answer.body, nullptr, false);
}

absl::StatusOr<json> Story::AskSim(const std::string& path) {
  ASSIGN_OR_RETURN(
      const auto answer,
      common::http::Client().Send({.url = absl::StrCat("http://", stack_.platform_sim, path)}));
  json told = json::parse(answer.body, nullptr, false);
  if (!told.is_object()) return absl::InternalError("platform_sim does not answer " + path);
  return told;
}

absl::StatusOr<int> Story::RequestsOf(const std::string& route) {
  ASSIGN_OR_RETURN(const json requests, AskSim("/sim/requests"));
  return requests.value(route, 0);
}

}  // namespace story
