#include "tests/story/story.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/str_format.h>

#include "libs/common/base/status.h"
#include "libs/common/testing/eventually.h"

namespace story {
namespace {

namespace streaming = bannou::streaming::v1;
using common::Uuid;

// A player's client asks this often, within what an account may.
constexpr std::chrono::milliseconds kPollPause{50};
// What most followers like best.
std::string FavouriteOf(const streaming::ListFollowersResponse& list) {
  std::map<std::string, int> counts;
  for (const auto& follower : list.followers()) ++counts[Word(follower.dominant_interest())];
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? "nothing" : most->first;
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
  say_("6. The stream is nearly over: a raid sends its viewers on to an NPC who streams too");
  using Sessions = streaming::StreamSessionService::Stub;
  ASSIGN_OR_RETURN(outcome_.before_end, Status());
  streaming::CreateStreamSessionRequest create;
  create.set_game_service_id(outcome_.game_service_id.ToString());
  create.set_streamer_id(Uuid::V4().ToString());
  create.set_streamer_type(streaming::STREAMER_ENTITY_TYPE_ACTOR);
  *create.mutable_content_tags() = outcome_.created.content_tags();  // one's own kind
  ASSIGN_OR_RETURN(const auto npc,
                   game_server_.Call(stubs_.sessions, &Sessions::CreateStreamSession, create));
  streaming::StartStreamSessionRequest start;
  start.set_session_id(npc.session_id());
  ASSIGN_OR_RETURN(outcome_.raided,
                   game_server_.Call(stubs_.sessions, &Sessions::StartStreamSession, start));
  streaming::RaidStreamSessionRequest raid;
  raid.set_from_session_id(outcome_.created.session_id());
  raid.set_to_session_id(npc.session_id());
  ASSIGN_OR_RETURN(outcome_.raid,
                   game_server_.Call(stubs_.sessions, &Sessions::RaidStreamSession, raid));
  say_(absl::StrFormat("   %d of %d viewers go along; the NPC's audience grows from %d to %d",
                       outcome_.raid.moved_count(),
                       outcome_.raid.moved_count() + outcome_.raid.from_audience_count(),
                       outcome_.raided.audience_count(), outcome_.raid.to_audience_count()));
  streaming::EndStreamSessionRequest end;
  end.set_session_id(npc.session_id());
  return game_server_.Call(stubs_.sessions, &Sessions::EndStreamSession, end).status();
}

absl::Status Story::EndStream() {
  RETURN_IF_ERROR(RaidAnNpc());
  say_("7. The in-game stream ends, and enters the character's career");
  streaming::EndStreamSessionRequest request;
  request.set_session_id(outcome_.created.session_id());
  ASSIGN_OR_RETURN(outcome_.summary,
                   player_.Call(stubs_.sessions,
                                &streaming::StreamSessionService::Stub::EndStreamSession, request));
  say_(absl::StrFormat("   %d s, %d viewers at the peak, %d on average, %d hype train%s",
                       outcome_.summary.duration_seconds(), outcome_.summary.peak_audience_count(),
                       outcome_.summary.average_audience_count(),
                       outcome_.summary.hype_trains_triggered(),
                       outcome_.summary.hype_trains_triggered() == 1 ? "" : "s"));
  TellTopMoments();
  RETURN_IF_ERROR(StopWatching());
  RETURN_IF_ERROR(AwaitCareer());
  streaming::AudiencePoolStatusRequest pool;
  pool.set_game_service_id(outcome_.game_service_id.ToString());
  ASSIGN_OR_RETURN(outcome_.pool_after,
                   admin_.Call(stubs_.pools,
                               &streaming::AudiencePoolService::Stub::GetAudiencePoolStatus, pool));
  say_(absl::StrFormat("   everyone went home: %d of %d members of the pool are free again",
                       outcome_.pool_after.available_members(),
                       outcome_.pool_after.total_members()));
  return CountWhatLasts();
}

void Story::TellTopMoments() {
  constexpr int kTold = 3;
  const auto& moments = outcome_.summary.top_moments();
  for (int i = 0; i < std::min(kTold, moments.size()); ++i) {
    const std::string& description = moments[i].description();
    say_(absl::StrFormat("   top moment %d: %s%s (%.2f)", i + 1, Word(moments[i].moment_type()),
                         description.empty() ? "" : ", \"" + description + "\"",
                         moments[i].audience_reaction()));
  }
}

absl::Status Story::StopWatching() {
  using Event = streaming::ClientEvent;
  size_t told = 0;
  std::set<std::string> milestones;  // one may come twice
  RETURN_IF_ERROR(Await("the front end to see the end", [&]() -> absl::StatusOr<bool> {
    const bool ended = front_end_->HasEnded();  // before looking: nothing comes after it
    outcome_.watched = front_end_->Seen();
    for (; told < outcome_.watched.size(); ++told) {
      const Event& event = outcome_.watched[told];
      if (!event.has_milestone()) continue;
      if (!milestones.insert(event.milestone().event_id()).second) continue;
      say_(absl::StrFormat("   a milestone reaches the front end: %s %d",
                           Word(event.milestone().milestone_type()),
                           event.milestone().milestone_value()));
    }
    return ended;
  }));
  const grpc::Status end = front_end_->End();
  if (!end.ok()) return absl::InternalError("the watch ended with " + end.error_message());
  say_(absl::StrFormat(
      "   it has seen %d snapshots, %d reactions, and a hype train begin, move on %d times and end",
      front_end_->Count(Event::kAudienceUpdate), front_end_->Count(Event::kAudienceReaction),
      front_end_->Count(Event::kHypeProgress)));
  return absl::OkStatus();
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
  say_(absl::StrFormat("   followers gained: %d; most of them like %s best",
                       outcome_.followers.total(), FavouriteOf(outcome_.followers)));
  say_(absl::StrFormat("   career phase: %s, number %d of %d; %d session, %d world first",
                       Word(outcome_.career.phase()), outcome_.career.phase(),
                       streaming::StreamerCareerPhase_MAX, outcome_.career.total_stream_sessions(),
                       outcome_.career.world_first_count()));
  return absl::OkStatus();
}

absl::Status Story::Await(std::string_view what,
                          const std::function<absl::StatusOr<bool>()>& condition) {
  using std::chrono::steady_clock;
  const auto begun = steady_clock::now();
  const auto left = std::chrono::duration_cast<common::Duration>(begun_ + options_.whole - begun);
  const common::Duration patience = std::clamp<common::Duration>(left, {}, options_.patience);
  absl::Status failure;
  const bool met = common::testing::Eventually(
      [&] {
        const auto result = condition();
        failure = result.status();
        return !result.ok() || *result;
      },
      patience, kPollPause);
  if (met) return failure;
  const std::chrono::duration<double> waited = steady_clock::now() - begun;
  return absl::DeadlineExceededError(
      absl::StrFormat("waited %.0f s in vain for %s", waited.count(), what));
}

absl::Status Tell(Story& story, const Stack& stack) {
  const bool platform_side = !stack.stream_grpc.empty();
  RETURN_IF_ERROR(story.SeedPool());
  if (platform_side) RETURN_IF_ERROR(story.LinkTwitch());
  if (platform_side && story.options().youtube) RETURN_IF_ERROR(story.LinkYouTube());
  RETURN_IF_ERROR(story.StartStream());
  if (platform_side) RETURN_IF_ERROR(story.GoLive());
  RETURN_IF_ERROR(story.PlayMoments());
  RETURN_IF_ERROR(story.EndStream());
  if (!platform_side) return absl::OkStatus();
  RETURN_IF_ERROR(story.GoOffline());
  return story.Unlink();
}

}  // namespace story
