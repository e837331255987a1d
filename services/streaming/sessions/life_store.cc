#include "services/streaming/sessions/life_store.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/sessions/beginning.h"

namespace streaming::sessions {
namespace {

using audience::LiveState;
using common::Time;

careers::StreamerKey StreamerOf(const Session& session) {
  return {.type = static_cast<careers::v1::StreamerEntityType>(session.streamer_type),
          .id = session.streamer,
          .game_service_id = session.key.game};
}

void SetCounters(LiveState& state, const Counters& counters) {
  state.peak_heads = counters.peak_heads;
  state.viewer_seconds = counters.viewer_seconds;
  state.interest_seconds = counters.interest_seconds;
  state.live_seconds = counters.live_seconds;
  state.world_firsts = counters.world_firsts;
  state.hype_trains = counters.hype_trains;
  state.peak_hype_level = counters.peak_hype_level;
}

std::vector<follows::Attendee> ToFollows(const std::vector<audience::Attendee>& attendees) {
  std::vector<follows::Attendee> result;
  result.reserve(attendees.size());
  for (const audience::Attendee& attendee : attendees) {
    result.push_back({.member = attendee.member,
                      .mean_interest = attendee.mean_interest,
                      .real_derived = attendee.seated});
  }
  return result;
}

}  // namespace

absl::StatusOr<LiveState> SessionLife::StateOf(const Session& session, Time now) {
  LiveState state;
  state.streamer_type = static_cast<uint8_t>(session.streamer_type);
  state.streamer = session.streamer;
  state.owner = session.owner;
  state.viewer_secret = common::crypto::RandomBits();
  state.started_at = session.started_at.value_or(now);
  state.tags = session.tags;
  state.caller_score = static_cast<float>(session.context_score);
  state.paused = session.paused;
  audience::NoteCall(state, now);
  state.accrued_until = now;
  SetCounters(state, session.counters);
  ASSIGN_OR_RETURN(const auto streamer, careers::FindStreamer(parts_.mysql, StreamerOf(session)));
  const careers::Streamer past = streamer.value_or(careers::Streamer{});
  SetPast(state, past.stats, past.usual_audience);
  return state;
}

absl::StatusOr<audience::Change> SessionLife::FirstAudience(const Session& session,
                                                            const pool::Pool& pool,
                                                            const audience::Followers& followers,
                                                            Time now) {
  const audience::RoundSettings settings = audience::SettingsOf(settings_, pool, session.key.shard);
  ASSIGN_OR_RETURN(LiveState state, StateOf(session, now));
  audience::LiveSession begins = {.key = session.key, .state = state};
  ASSIGN_OR_RETURN(audience::View view,
                   parts_.rounds.Recent({session.key.game, session.key.shard}, now));
  return sessions::FirstAudience(settings, pool, std::move(view), followers, std::move(begins),
                                 now);
}

absl::StatusOr<audience::Followers> SessionLife::FollowersOf(const Session& session) {
  ASSIGN_OR_RETURN(const auto members,
                   parts_.follows.Following(StreamerOf(session), audience::kFollowersMax));
  return audience::Followers(members);
}

absl::StatusOr<Session> SessionLife::Start(const Session& session, Time now) {
  if (!MayBecome(session.status, Status::kLive)) {
    return common::errors::Make(kSessionNotPending, "the session is not Pending");
  }
  ASSIGN_OR_RETURN(const auto pool, parts_.pools.Get(session.key.game));
  ASSIGN_OR_RETURN(const audience::Followers followers, FollowersOf(session));
  ASSIGN_OR_RETURN(const audience::Change first, FirstAudience(session, *pool, followers, now));
  ASSIGN_OR_RETURN(const audience::LiveSession live,
                   parts_.live.Open(session.key, now, first, followers));
  // An earlier attempt may have been cut off in between: its audience has watched since then.
  ASSIGN_OR_RETURN(const bool made,
                   parts_.sessions.MakeLive(session, live.heads, live.state.started_at));
  const absl::StatusOr<Session> stored = parts_.sessions.Get(session.key.session);
  if (made && stored.ok()) return stored;
  // Somebody else started it, and has the audience; or cancelled or erased it, and nobody has.
  const bool is_over = stored.ok() ? stored->status == Status::kEnded
                                   : common::errors::Is(stored.status(), kSessionNotFound);
  if (is_over) RETURN_IF_ERROR(parts_.live.Release(session.key).status());
  RETURN_IF_ERROR(stored.status());
  return common::errors::Make(kSessionNotPending, "the session is not Pending any more");
}

absl::StatusOr<Session> SessionLife::End(const common::Uuid& id, EndReason reason, Time now) {
  ASSIGN_OR_RETURN(Session session, parts_.sessions.Get(id));
  if (session.status == Status::kPending) {
    RETURN_IF_ERROR(Cancel(session.key, reason, now).status());
    ASSIGN_OR_RETURN(session, parts_.sessions.Get(id));
  }
  if (session.status == Status::kLive) {
    RETURN_IF_ERROR(parts_.sessions.MakeEnding(id, reason, now).status());
    ASSIGN_OR_RETURN(session, parts_.sessions.Get(id));
  }
  if (session.status == Status::kEnded) return session;
  RETURN_IF_ERROR(Finish(session));
  return parts_.sessions.Get(id);
}

absl::StatusOr<bool> SessionLife::Cancel(const audience::LiveKey& key, EndReason reason, Time now) {
  ASSIGN_OR_RETURN(const bool cancelled, parts_.sessions.Cancel(key.session, reason, now));
  // A start that was cut off may have drawn an audience already.
  if (cancelled) RETURN_IF_ERROR(parts_.live.Release(key).status());
  return cancelled;
}

absl::Status SessionLife::Finish(const Session& session) {
  ASSIGN_OR_RETURN(const auto sealed,
                   parts_.live.Seal(session.key, session.ended_at.value_or(session.created_at)));
  RETURN_IF_ERROR(Record(session, sealed));
  if (!sealed) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint32_t freed, parts_.live.Release(session.key));
  if (freed > 0) TellOfEnd(sealed->session);
  return absl::OkStatus();
}

absl::Status SessionLife::Record(const Session& session,
                                 const std::optional<audience::Sealed>& sealed) {
  std::vector<follows::Attendee> attendees;
  if (sealed) {
    attendees = ToFollows(audience::AttendeesOf(settings_.weights, *sealed->session.pool,
                                                sealed->session, sealed->departed));
  }
  ASSIGN_OR_RETURN(const auto pool,
                   parts_.pools.Get(session.key.game, sealed ? sealed->session.pool->runs() : 0));
  return common::mysql::RunTransaction(
      parts_.mysql, [&](common::mysql::Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(auto ending, SessionStore::LockEnding(transaction, session.key.session));
        if (!ending) return absl::OkStatus();  // somebody else was here first
        if (sealed) ending->counters = CountersOf(sealed->session);
        ASSIGN_OR_RETURN(
            const follows::Outcome outcome,
            parts_.follows.RecordSession(transaction, {.streamer = StreamerOf(*ending),
                                                       .session_id = ending->key.session,
                                                       .ordinal = ending->ordinal,
                                                       .now = *ending->ended_at,
                                                       .attendees = attendees,
                                                       .pool = *pool}));
        return SessionStore::MakeEnded(
            transaction, *ending, outcome,
            sealed ? sealed->session.moments : std::vector<audience::Moment>());
      });
}

void SessionLife::TellOfEnd(const audience::LiveSession& session) {
  parts_.news.Push(
      audience::TellOf(*session.pool, session,
                       {{.left = audience::LeftReason::kSessionEnd, .parties = session.parties}},
                       audience::kIndividualNewsPerRound));
}

absl::Status SessionLife::Touch(const audience::LiveKey& key, Time now) {
  const absl::Status touched =
      parts_.live
          .Update(key, now,
                  [now](const audience::LiveSession& current) -> absl::StatusOr<audience::Change> {
                    audience::Change change(current);
                    audience::NoteCall(change.state, now);
                    return change;
                  })
          .status();
  return common::errors::Is(touched, kSessionNotLive) ? absl::OkStatus() : touched;
}

absl::Status SessionLife::Reopen(const Session& session, Time now) {
  ASSIGN_OR_RETURN(const auto pool, parts_.pools.Get(session.key.game));
  ASSIGN_OR_RETURN(const audience::Followers followers, FollowersOf(session));
  ASSIGN_OR_RETURN(audience::Change first, FirstAudience(session, *pool, {}, now));
  first.wanted_heads = {};
  return parts_.live.Open(session.key, now, first, followers).status();
}

}  // namespace streaming::sessions
