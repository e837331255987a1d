#include "tests/story/story.h"

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
#include "libs/common/testing/eventually.h"

namespace story {
namespace {

namespace stream = bannou::stream::v1;
namespace streaming = bannou::streaming::v1;
using common::Uuid;

// A player's client asks this often, within what an account may.
constexpr std::chrono::milliseconds kPollPause{50};
constexpr const char* kLogin = "emberforge_live";

// The spec's word of an enum value.
template <class Enum>
std::string Word(Enum value) {
  const auto* descriptor =
      google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
  return descriptor == nullptr ? "?" : descriptor->options().GetExtension(bannou::common::v1::word);
}

// What a pulse brought, the most frequent feeling first, and whom it tells apart.
std::string Tally(const stream::SentimentPulse& pulse) {
  std::map<std::string, int> feelings;
  std::set<std::string> types;
  for (const auto& entry : pulse.sentiments()) {
    ++feelings[Word(entry.category())];
    if (entry.has_viewer_type()) types.insert(Word(entry.viewer_type()));
  }
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [word, count] : feelings) sorted.emplace_back(-count, word);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> parts;
  for (const auto& [count, word] : sorted) parts.push_back(absl::StrCat(-count, " ", word));
  const std::string told = absl::StrJoin(types, ", ");
  return absl::StrCat(absl::StrJoin(parts, ", "),
                      told.empty() ? "" : "; with an id for this session: " + told);
}

std::string DominantMood(const streaming::GetAudienceTruthResponse& truth) {
  const auto strongest =
      std::max_element(truth.mood().begin(), truth.mood().end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return strongest == truth.mood().end() ? "none" : strongest->first;
}

}  // namespace

Story::Story(Stack stack, Options options, std::function<void(const std::string&)> say)
    : stack_(std::move(stack)),
      options_(options),
      say_(std::move(say)),
      stubs_(stack_),
      admin_(MakeToken(stack_, Uuid::V4(), {"admin"}, {})),
      player_(""),
      game_server_(MakeToken(stack_, Uuid::V4(), {"service"}, {})) {
  outcome_.game_service_id = Uuid::V4();
  outcome_.account_id = Uuid::V4();
  outcome_.character_id = Uuid::V4();
  player_ = Caller(MakeToken(stack_, outcome_.account_id, {"user"}, {"in_game"}));
}

absl::Status Story::SeedPool() {
  say_("1. An admin seeds the game's audience pool");
  streaming::SeedAudiencePoolRequest request;
  request.set_game_service_id(outcome_.game_service_id.ToString());
  request.set_count(options_.pool_members);
  ASSIGN_OR_RETURN(
      outcome_.pool,
      admin_.Call(stubs_.pools, &streaming::AudiencePoolService::Stub::SeedAudiencePool, request));
  say_(absl::StrFormat("   %d members created, each with a personality and interests",
                       outcome_.pool.created()));
  return absl::OkStatus();
}

absl::Status Story::LinkTwitch() {
  say_("2. A player links a Twitch channel (OAuth code flow against platform_sim)");
  RETURN_IF_ERROR(PostToSim("/sim/users", nlohmann::json{{"login", kLogin}}.dump()));
  stream::LinkPlatformRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  request.set_platform(stream::STREAM_PLATFORM_TWITCH);
  ASSIGN_OR_RETURN(
      const auto pending,
      player_.Call(stubs_.platforms, &stream::PlatformService::Stub::LinkPlatform, request));
  RETURN_IF_ERROR(ApproveAtTwitch(pending.authorization_url()));

  stream::ListPlatformsRequest list;
  list.set_account_id(outcome_.account_id.ToString());
  ASSIGN_OR_RETURN(
      const auto links,
      player_.Call(stubs_.platforms, &stream::PlatformService::Stub::ListPlatforms, list));
  if (links.platforms_size() != 1) return absl::InternalError("the link is not listed");
  outcome_.link = links.platforms(0);
  say_(absl::StrFormat("   linked as %s; the daemon keeps its tokens encrypted",
                       outcome_.link.platform_display_name()));
  return absl::OkStatus();
}

// The browser's part: open the URL, be sent back to the daemon's callback with a code.
absl::Status Story::ApproveAtTwitch(const std::string& authorization_url) {
  common::http::Client browser;
  const std::string url = absl::StrCat(authorization_url, "&login=", kLogin);
  ASSIGN_OR_RETURN(const auto redirect, browser.Send({.method = "GET", .url = url}));
  const auto location = common::http::FindHeader(redirect.headers, "location");
  if (redirect.status != 302 || !location) {
    return absl::InternalError(absl::StrCat("authorize answered ", redirect.status));
  }
  ASSIGN_OR_RETURN(const auto callback,
                   browser.Send({.method = "GET", .url = std::string(*location)}));
  if (callback.status != 200) {
    return absl::InternalError(absl::StrCat("the OAuth callback answered ", callback.status));
  }
  return absl::OkStatus();
}

absl::Status Story::PostToSim(const std::string& path, const std::string& json) {
  common::http::Client client;
  ASSIGN_OR_RETURN(const auto answer,
                   client.Send({.method = "POST",
                                .url = absl::StrCat("http://", stack_.platform_sim, path),
                                .headers = {{"Content-Type", "application/json"}},
                                .body = json}));
  if (answer.status >= 300) {
    return absl::InternalError(absl::StrCat(path, " answered ", answer.status));
  }
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (path == "/sim/users" && body.is_object()) channel_id_ = body.value("id", "");
  return absl::OkStatus();
}

absl::Status Story::StartStream() {
  say_("3. The player's character starts an in-game stream");
  RETURN_IF_ERROR(AgreeWithASponsor());
  streaming::CreateStreamSessionRequest create;
  create.set_game_service_id(outcome_.game_service_id.ToString());
  create.set_streamer_id(outcome_.character_id.ToString());
  create.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_CHARACTER);
  create.add_content_tags(streaming::AUDIENCE_INTEREST_COMBAT);
  create.add_content_tags(streaming::AUDIENCE_INTEREST_EXPLORATION);
  create.add_content_tags(streaming::AUDIENCE_INTEREST_DISCOVERY);
  create.set_sponsorship_id(outcome_.deal.sponsorship_id());
  ASSIGN_OR_RETURN(
      outcome_.created,
      player_.Call(stubs_.sessions, &streaming::StreamSessionService::Stub::CreateStreamSession,
                   create));
  streaming::StartStreamSessionRequest start;
  start.set_session_id(outcome_.created.session_id());
  ASSIGN_OR_RETURN(outcome_.started,
                   player_.Call(stubs_.sessions,
                                &streaming::StreamSessionService::Stub::StartStreamSession, start));
  say_(absl::StrFormat("   %s, with %d viewers checked out of the pool",
                       Word(outcome_.started.status()), outcome_.started.audience_count()));
  front_end_ = std::make_unique<Watching>(
      OwnChannel(stack_.streaming_grpc),
      "Bearer " + MakeToken(stack_, outcome_.account_id, {"user"}, {"in_game"}),
      outcome_.created.session_id());
  say_("   the game's front end watches it (WatchStreamSession)");
  return absl::OkStatus();
}

absl::Status Story::GoLive() {
  say_("4. The real channel goes live and its viewers chat (signed EventSub webhooks)");
  RETURN_IF_ERROR(PostToSim(absl::StrCat("/sim/channels/", channel_id_, "/live"),
                            nlohmann::json{{"title", "Raid night"}, {"viewer_count", 120}}.dump()));
  RETURN_IF_ERROR(AwaitPlatformSession());
  stream::AssociateSessionRequest associate;
  associate.set_platform_session_id(outcome_.platform_session.platform_session_id());
  associate.set_in_game_session_id(outcome_.created.session_id());
  RETURN_IF_ERROR(player_
                      .Call(stubs_.platform_sessions,
                            &stream::PlatformSessionService::Stub::AssociateSession, associate)
                      .status());
  const nlohmann::json crowd{{"chatters", options_.chatters},
                             {"messages_per_second", options_.messages_per_second},
                             {"seconds", options_.chat_seconds},
                             {"mood", "hype"},
                             {"seed", 7}};
  RETURN_IF_ERROR(PostToSim(absl::StrCat("/sim/channels/", channel_id_, "/crowd"), crowd.dump()));
  say_(absl::StrFormat("   %d people chat, %d messages a second", options_.chatters,
                       options_.messages_per_second));
  const std::string channel = absl::StrCat("/sim/channels/", channel_id_);
  RETURN_IF_ERROR(PostToSim(absl::StrCat(channel, "/events"), R"({"type":"channel.raid"})"));
  RETURN_IF_ERROR(PostToSim(absl::StrCat(channel, "/gifts"), R"({"total":5})"));
  say_(
      "   a raid of 437 arrives; somebody gives 5 subscriptions: 12 messages tell of it, one "
      "counts");
  return AwaitBlendedPulse();
}

absl::Status Story::AwaitPlatformSession() {
  stream::ListPlatformSessionsRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  RETURN_IF_ERROR(Await("the platform session", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(
        const auto list,
        player_.Call(stubs_.platform_sessions,
                     &stream::PlatformSessionService::Stub::ListPlatformSessions, request));
    if (list.sessions_size() == 0) return false;
    outcome_.platform_session = list.sessions(0);
    return true;
  }));
  say_("   stream.online arrived: the platform session began by itself");
  return absl::OkStatus();
}

absl::Status Story::AwaitBlendedPulse() {
  stream::LatestPulseRequest latest;
  latest.set_platform_session_id(outcome_.platform_session.platform_session_id());
  RETURN_IF_ERROR(Await("a pulse that names the in-game session", [&]() -> absl::StatusOr<bool> {
    auto pulse =
        admin_.Call(stubs_.stream_admin, &stream::StreamAdminService::Stub::GetLatestPulse, latest);
    if (absl::IsNotFound(pulse.status())) return false;
    if (!pulse.ok()) return pulse.status();
    outcome_.pulse = *std::move(pulse);
    return outcome_.pulse.in_game_session_id() == outcome_.created.session_id();
  }));
  say_(absl::StrFormat("   a pulse left `stream`: %d feelings, not a word and not a name",
                       outcome_.pulse.sentiments_size()));
  say_(absl::StrCat("   ", Tally(outcome_.pulse)));

  streaming::GetAudienceTruthRequest request;
  request.set_session_id(outcome_.created.session_id());
  RETURN_IF_ERROR(Await("the pulse's effect", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(outcome_.truth,
                     admin_.Call(stubs_.audiences,
                                 &streaming::AudienceService::Stub::GetAudienceTruth, request));
    return outcome_.truth.has_last_pulse_at();
  }));
  say_(absl::StrFormat("   `streaming` blended it in: the mood is %s (only admins can see this)",
                       DominantMood(outcome_.truth)));
  return absl::OkStatus();
}

absl::Status Story::React(const Caller& caller, streaming::ReactionEventType type,
                          float significance, const std::string& description) {
  streaming::TriggerReactionRequest request;
  request.set_session_id(outcome_.created.session_id());
  request.set_event_type(type);
  request.set_significance(significance);
  request.set_description(description);
  request.set_request_id(Uuid::V4().ToString());
  ASSIGN_OR_RETURN(
      const auto result,
      caller.Call(stubs_.audiences, &streaming::AudienceService::Stub::TriggerAudienceReaction,
                  request));
  streaming::HypeStatusRequest status;
  status.set_session_id(outcome_.created.session_id());
  ASSIGN_OR_RETURN(const auto hype,
                   player_.Call(stubs_.hype, &streaming::HypeService::Stub::GetHypeStatus, status));
  if (hype.is_active() && hype.current_level() >= outcome_.best_hype.current_level()) {
    outcome_.best_hype = hype;
  }
  outcome_.reactions.push_back(result);
  say_(absl::StrFormat("   %-15s excitement %+.2f, %d came, %d left%s", Word(type),
                       result.excitement_delta(), result.audience_gained(), result.audience_lost(),
                       hype.is_active()
                           ? absl::StrFormat("; hype train at %s, %.0f %% to the next",
                                             Word(hype.current_level()), 100 * hype.progress())
                           : ""));
  return absl::OkStatus();
}

absl::Status Story::PlayMoments() {
  say_("5. The game server reports what happens in the world");
  struct Moment {
    streaming::ReactionEventType type;
    float significance;
    const char* description;
  };
  constexpr Moment kMoments[] = {
      {streaming::REACTION_EVENT_TYPE_COMBAT_KILL, 0.5f, "The gatekeeper falls"},
      {streaming::REACTION_EVENT_TYPE_ACHIEVEMENT, 0.7f, "A clear without a scratch"},
      {streaming::REACTION_EVENT_TYPE_RARE_ITEM, 0.8f, "The ember crown drops"},
      {streaming::REACTION_EVENT_TYPE_DISCOVERY, 0.8f, "A door that no map shows"},
      {streaming::REACTION_EVENT_TYPE_WORLD_FIRST, 0.9f, "Nobody has been here before"},
  };
  for (const Moment& moment : kMoments) {
    RETURN_IF_ERROR(React(game_server_, moment.type, moment.significance, moment.description));
    RETURN_IF_ERROR(WatchTheAudience());
  }
  return absl::OkStatus();
}

// Viewers come and go between two moments; a round in which nobody does is fine as well.
absl::Status Story::WatchTheAudience() {
  ASSIGN_OR_RETURN(const auto before, Status());
  absl::StatusOr<streaming::StreamSessionDetail> now = before;
  const bool moved = common::testing::Eventually(
      [&] {
        now = Status();
        return !now.ok() || now->audience_count() != before.audience_count();
      },
      options_.between_moments, kPollPause);
  RETURN_IF_ERROR(now.status());
  if (moved) say_(absl::StrFormat("   … %d watch now", now->audience_count()));
  return absl::OkStatus();
}

absl::StatusOr<streaming::StreamSessionDetail> Story::Status() {
  streaming::StreamSessionStatusRequest request;
  request.set_session_id(outcome_.created.session_id());
  return player_.Call(stubs_.sessions,
                      &streaming::StreamSessionService::Stub::GetStreamSessionStatus, request);
}

// An actor of the world streams too, like any other streamer, and is sent the audience.
absl::Status Story::RaidAnNpc() {
  using Sessions = streaming::StreamSessionService::Stub;
  streaming::CreateStreamSessionRequest create;
  create.set_game_service_id(outcome_.game_service_id.ToString());
  create.set_streamer_id(Uuid::V4().ToString());
  create.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_ACTOR);
  *create.mutable_content_tags() = outcome_.created.content_tags();  // one's own kind
  ASSIGN_OR_RETURN(const auto npc,
                   game_server_.Call(stubs_.sessions, &Sessions::CreateStreamSession, create));
  streaming::StartStreamSessionRequest start;
  start.set_session_id(npc.session_id());
  ASSIGN_OR_RETURN(const auto live,
                   game_server_.Call(stubs_.sessions, &Sessions::StartStreamSession, start));
  streaming::RaidStreamSessionRequest raid;
  raid.set_from_session_id(outcome_.created.session_id());
  raid.set_to_session_id(npc.session_id());
  ASSIGN_OR_RETURN(outcome_.raid,
                   game_server_.Call(stubs_.sessions, &Sessions::RaidStreamSession, raid));
  say_(absl::StrFormat(
      "   a raid: %d of %d go over to an NPC's stream, which had %d", outcome_.raid.moved_count(),
      outcome_.raid.moved_count() + outcome_.raid.from_audience_count(), live.audience_count()));
  streaming::EndStreamSessionRequest end;
  end.set_session_id(npc.session_id());
  return game_server_.Call(stubs_.sessions, &Sessions::EndStreamSession, end).status();
}

absl::Status Story::EndStream() {
  say_("6. The stream ends");
  ASSIGN_OR_RETURN(outcome_.before_end, Status());
  RETURN_IF_ERROR(RaidAnNpc());
  streaming::EndStreamSessionRequest request;
  request.set_session_id(outcome_.created.session_id());
  ASSIGN_OR_RETURN(outcome_.summary,
                   player_.Call(stubs_.sessions,
                                &streaming::StreamSessionService::Stub::EndStreamSession, request));
  say_(absl::StrFormat("   %d s, %d viewers at the peak, %d on average, %d hype trains",
                       outcome_.summary.duration_seconds(), outcome_.summary.peak_audience_count(),
                       outcome_.summary.average_audience_count(),
                       outcome_.summary.hype_trains_triggered()));
  for (const auto& moment : outcome_.summary.top_moments()) {
    say_(absl::StrFormat("   top moment: %s, \"%s\" (%.2f)", Word(moment.moment_type()),
                         moment.description(), moment.audience_reaction()));
  }
  RETURN_IF_ERROR(AwaitCareer());
  RETURN_IF_ERROR(CountWhatLasts());
  RETURN_IF_ERROR(StopWatching());
  streaming::AudiencePoolStatusRequest pool;
  pool.set_game_service_id(outcome_.game_service_id.ToString());
  ASSIGN_OR_RETURN(outcome_.pool_after,
                   admin_.Call(stubs_.pools,
                               &streaming::AudiencePoolService::Stub::GetAudiencePoolStatus, pool));
  say_(absl::StrFormat("   everyone went home: %d of %d members are free again",
                       outcome_.pool_after.available_members(),
                       outcome_.pool_after.total_members()));
  return absl::OkStatus();
}

absl::Status Story::StopWatching() {
  using Event = streaming::ClientEvent;
  const grpc::Status end = front_end_->End();
  if (!end.ok()) return absl::InternalError("the watch ended with " + end.error_message());
  outcome_.watched = front_end_->Seen();
  say_(absl::StrFormat(
      "   the front end saw %d snapshots, %d reactions, %d hype trains begin, move %d times and %d "
      "end, and %d milestones",
      front_end_->Count(Event::kAudienceUpdate), front_end_->Count(Event::kAudienceReaction),
      front_end_->Count(Event::kHypeStarted), front_end_->Count(Event::kHypeProgress),
      front_end_->Count(Event::kHypeCompleted), front_end_->Count(Event::kMilestone)));
  return absl::OkStatus();
}

absl::Status Story::GoOffline() {
  say_("7. The real channel goes offline");
  RETURN_IF_ERROR(PostToSim(absl::StrCat("/sim/channels/", channel_id_, "/offline"), "{}"));
  stream::PlatformSessionStatusRequest request;
  request.set_platform_session_id(outcome_.platform_session.platform_session_id());
  RETURN_IF_ERROR(Await("the end of the platform session", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(
        outcome_.platform_session_ended,
        player_.Call(stubs_.platform_sessions,
                     &stream::PlatformSessionService::Stub::GetPlatformSessionStatus, request));
    return !outcome_.platform_session_ended.is_active();
  }));
  say_("   stream.offline arrived: the last pulse is out, and who was tracked is forgotten");
  return absl::OkStatus();
}

absl::Status Story::Unlink() {
  say_("8. The player unlinks the channel");
  ASSIGN_OR_RETURN(outcome_.subscriptions, CountSubscriptions());
  stream::UnlinkPlatformRequest request;
  request.set_account_id(outcome_.account_id.ToString());
  request.set_link_id(outcome_.link.link_id());
  RETURN_IF_ERROR(
      player_.Call(stubs_.platforms, &stream::PlatformService::Stub::UnlinkPlatform, request)
          .status());
  RETURN_IF_ERROR(Await("the platform to be told", [&]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(outcome_.subscriptions_unlinked, CountSubscriptions());
    return outcome_.subscriptions_unlinked == 0;
  }));
  say_(absl::StrFormat(
      "   the link is gone; Twitch was told: tokens revoked, %d subscriptions deleted",
      outcome_.subscriptions));
  return absl::OkStatus();
}

absl::StatusOr<int> Story::CountSubscriptions() {
  ASSIGN_OR_RETURN(const auto answer,
                   common::http::Client().Send(
                       {.url = absl::StrCat("http://", stack_.platform_sim, "/sim/eventsub")}));
  const auto listed = nlohmann::json::parse(answer.body, nullptr, false);
  if (!listed.is_object() || !listed.contains("subscriptions")) {
    return absl::InternalError("platform_sim does not list its subscriptions");
  }
  int count = 0;
  for (const auto& subscription : listed["subscriptions"]) {
    const std::string callback = subscription["transport"]["callback"];
    count += callback.ends_with(outcome_.link.link_id());
  }
  return count;
}

absl::Status Story::AwaitCareer() {
  streaming::CareerStatusRequest request;
  request.set_streamer_id(outcome_.character_id.ToString());
  request.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_CHARACTER);
  RETURN_IF_ERROR(Await("the career", [&]() -> absl::StatusOr<bool> {
    auto career =
        player_.Call(stubs_.careers, &streaming::CareerService::Stub::GetCareerStatus, request);
    if (absl::IsNotFound(career.status())) return false;
    if (!career.ok()) return career.status();
    outcome_.career = *std::move(career);
    return outcome_.career.total_stream_sessions() > 0;
  }));
  streaming::ListFollowersRequest list;
  list.set_streamer_id(outcome_.character_id.ToString());
  list.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_CHARACTER);
  ASSIGN_OR_RETURN(
      outcome_.followers,
      player_.Call(stubs_.follows, &streaming::FollowService::Stub::ListFollowers, list));
  say_(absl::StrFormat("   followers: %d new; career: %s, %d session, %d world first",
                       outcome_.followers.total(), Word(outcome_.career.phase()),
                       outcome_.career.total_stream_sessions(),
                       outcome_.career.world_first_count()));
  return absl::OkStatus();
}

absl::Status Story::Await(std::string_view what,
                          const std::function<absl::StatusOr<bool>()>& condition) {
  absl::Status failure;
  const bool met = common::testing::Eventually(
      [&] {
        const auto result = condition();
        failure = result.status();
        return !result.ok() || *result;
      },
      options_.patience, kPollPause);
  if (met) return failure;
  return absl::DeadlineExceededError(absl::StrCat("waited in vain for ", common::ToAbsl(what)));
}

absl::Status Tell(Story& story, const Stack& stack) {
  const bool platform_side = !stack.stream_grpc.empty();
  RETURN_IF_ERROR(story.SeedPool());
  if (platform_side) RETURN_IF_ERROR(story.LinkTwitch());
  RETURN_IF_ERROR(story.StartStream());
  if (platform_side) RETURN_IF_ERROR(story.GoLive());
  RETURN_IF_ERROR(story.PlayMoments());
  RETURN_IF_ERROR(story.EndStream());
  if (!platform_side) return absl::OkStatus();
  RETURN_IF_ERROR(story.GoOffline());
  return story.Unlink();
}

}  // namespace story
