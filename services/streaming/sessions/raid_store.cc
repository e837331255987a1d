#include "services/streaming/sessions/raid_store.h"

#include <utility>

#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/passage.h"
#include "services/streaming/audience/raid.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"

namespace streaming::sessions {
namespace {

namespace v1 = bannou::streaming::v1;
using audience::Change;
using audience::Leave;
using audience::LiveSession;
using audience::LiveStore;
using audience::Request;
using common::Time;
using common::Uuid;

// What is kept of an answer: moved, from_heads and to_heads, 4 bytes each.
std::string Encode(const Raided& raided) {
  std::string bytes;
  for (const uint32_t heads : {raided.moved, raided.from_heads, raided.to_heads}) {
    audience::PutLittleEndian(bytes, heads, 4);
  }
  return bytes;
}

absl::StatusOr<Raided> Decode(std::string_view bytes) {
  audience::ByteReader reader(bytes);
  Raided raided;
  for (uint32_t* heads : {&raided.moved, &raided.from_heads, &raided.to_heads}) {
    *heads = static_cast<uint32_t>(reader.Take(4));
  }
  if (!reader.Complete()) return absl::InternalError("a kept answer is malformed");
  return raided;
}

// Those who were sent home for a raid to another shard.
struct Dismissed {
  uint32_t heads_after = 0;                 // of the session they left
  pool::PerArchetype<uint32_t> kinds = {};  // heads
};

std::string Encode(const Dismissed& dismissed) {
  std::string bytes;
  audience::PutLittleEndian(bytes, dismissed.heads_after, 4);
  for (const uint32_t heads : dismissed.kinds) audience::PutLittleEndian(bytes, heads, 4);
  return bytes;
}

absl::StatusOr<Dismissed> DecodeDismissed(std::string_view bytes) {
  audience::ByteReader reader(bytes);
  Dismissed dismissed{.heads_after = static_cast<uint32_t>(reader.Take(4))};
  for (uint32_t& heads : dismissed.kinds) heads = static_cast<uint32_t>(reader.Take(4));
  if (!reader.Complete()) return absl::InternalError("a kept answer is malformed");
  return dismissed;
}

std::string CommandOf(const Session& to, uint64_t key) {
  return "raid to=" + to.key.session.ToString() + " key=" + std::to_string(key);
}

// The session as it is now, its counters up to date. SESSION_NOT_LIVE.
absl::StatusOr<LiveSession> Current(LiveStore& live, const Session& session, Time now) {
  ASSIGN_OR_RETURN(LiveSession current, live.Load(session.key));
  if (current.sealed) {
    return common::errors::Make(kSessionNotLive, "the session is ending");
  }
  Accrue(current, *current.pool, now);
  return current;
}

}  // namespace

SessionRaid::SessionRaid(common::mysql::Pool& mysql, LiveStore& live,
                         common::metrics::Registry& metrics, const Options& options)
    : mysql_(mysql),
      live_(live),
      options_(options),
      raids_(metrics.GetCounter("streaming_raids_total", "Raids from one session to another.")),
      moved_(metrics.GetCounter("streaming_raid_heads_total",
                                "Heads that raids brought to another session.")) {}

absl::StatusOr<Raided> SessionRaid::Send(const Session& from, const Session& to, Time now,
                                         const std::optional<Request>& request) {
  if (from.key.session == to.key.session || from.key.game != to.key.game) {
    return common::errors::Make(kRaidTargetInvalid,
                                "the other session is the same one or of another game");
  }
  Raided raided;
  if (from.key.shard == to.key.shard) {
    ASSIGN_OR_RETURN(raided, Cross(from, to, now, request));
  } else {
    // What comes there has to know the raid again when it is repeated after a crash in between.
    const Request known =
        request.value_or(Request{.id = Uuid::V4(), .digest = common::crypto::Sha256("")});
    ASSIGN_OR_RETURN(raided, SendHomeAndCall(from, to, now, known));
  }
  RETURN_IF_ERROR(Tell(from, to, raided, now, request));
  return raided;
}

absl::Status SessionRaid::MayRaid(const LiveSession& from, const LiveSession& to, Time now) const {
  if (to.state.paused) {
    return common::errors::Make(kRaidTargetPaused, "the other session is paused");
  }
  if (now - from.state.last_raid < options_.cool_down) {
    return common::errors::Make(kRaidCooldown, "the session's last raid is too recent");
  }
  return absl::OkStatus();
}

std::vector<Leave> SessionRaid::Raiders(const LiveSession& from, const LiveSession& to,
                                        uint64_t key, Time now) const {
  const auto settings = audience::SettingsOf(options_.round, *to.pool, to.key.shard);
  return audience::Raiders(*from.pool, from.audience, from.parties,
                           audience::ViewOf(settings, *to.pool, to, now), key);
}

absl::StatusOr<Raided> SessionRaid::Cross(const Session& from, const Session& to, Time now,
                                          const std::optional<Request>& request) {
  for (int attempt = 0; attempt < LiveStore::kAttempts; ++attempt) {
    if (request) {
      ASSIGN_OR_RETURN(const auto replay, live_.FindReplay(from.key, *request));
      if (replay) return Decode(replay->answer);
    }
    ASSIGN_OR_RETURN(LiveSession source, Current(live_, from, now));
    ASSIGN_OR_RETURN(LiveSession target, Current(live_, to, now));
    RETURN_IF_ERROR(MayRaid(source, target, now));
    const uint64_t key = common::crypto::RandomBits();
    audience::Crossing crossing(source);
    for (const Leave& leave : Raiders(source, target, key, now)) {
      crossing.movers.push_back({.leave = leave, .destination = 0});
    }
    const uint32_t moved = audience::PassageOf(*source.pool, source.parties, crossing.movers,
                                               {live_.Room(target.heads)})
                               .heads;
    const Raided raided = {
        .moved = moved, .from_heads = source.heads - moved, .to_heads = target.heads + moved};
    crossing.change.state.last_raid = now;
    audience::NoteCall(crossing.change.state, now);
    crossing.change.command = CommandOf(to, key);
    crossing.change.answer = Encode(raided);
    LiveSession* const targets[] = {&target};
    const auto crossed = live_.Cross(source, targets, std::move(crossing), now, request);
    if (crossed.ok()) {
      raids_.Increment();
      Count(from, to, moved, now);
      return raided;
    }
    if (!LiveStore::IsOvertaken(crossed.status())) return crossed.status();
  }
  return common::errors::Make(common::errors::kConflict, "the sessions change too quickly");
}

absl::StatusOr<Raided> SessionRaid::SendHomeAndCall(const Session& from, const Session& to,
                                                    Time now, const Request& request) {
  ASSIGN_OR_RETURN(auto left, live_.FindReplay(from.key, request));
  if (!left) {
    ASSIGN_OR_RETURN(const LiveSession target, Current(live_, to, now));
    ASSIGN_OR_RETURN(left, SendHome(from, to, target, now, request));
    raids_.Increment();
  }
  ASSIGN_OR_RETURN(const Dismissed dismissed, DecodeDismissed(left->answer));
  Raided raided = {.from_heads = dismissed.heads_after};
  const auto come = live_.Update(
      to.key, now,
      [&](const LiveSession& current) -> absl::StatusOr<Change> {
        Change change(current);
        change.wanted_heads = audience::KindsThere(*current.pool, to.key.shard, dismissed.kinds);
        // As if there were no others, so that enough runs are looked through.
        change.free_heads = change.wanted_heads;
        change.command = "raided from=" + from.key.session.ToString();
        audience::PutLittleEndian(change.answer, current.heads, 4);
        return change;
      },
      Request{.id = Uuid::V5(request.id, from.key.session.ToString()), .digest = request.digest});
  // It ended just now: they have gone home, and nobody came.
  if (common::errors::Is(come.status(), kSessionNotLive)) return raided;
  RETURN_IF_ERROR(come.status());
  raided.moved = come->joined_heads;
  raided.to_heads = come->session.heads;
  if (come->replayed) {
    audience::ByteReader reader(come->answer);
    raided.to_heads = static_cast<uint32_t>(reader.Take(4)) + raided.moved;
  } else {
    Count(from, to, raided.moved, now);
  }
  return raided;
}

absl::StatusOr<audience::Applied> SessionRaid::SendHome(const Session& from, const Session& to,
                                                        const LiveSession& target, Time now,
                                                        const Request& request) {
  const uint64_t key = common::crypto::RandomBits();
  return live_.Update(
      from.key, now,
      [&](const LiveSession& source) -> absl::StatusOr<Change> {
        RETURN_IF_ERROR(MayRaid(source, target, now));
        Change change(source);
        change.leavers = Raiders(source, target, key, now);
        change.reason = audience::LeftReason::kCompeted;
        change.state.last_raid = now;
        audience::NoteCall(change.state, now);
        change.command = CommandOf(to, key);
        Dismissed dismissed{.heads_after = source.heads};
        for (const Leave& leave : change.leavers) {
          const uint32_t run = source.parties[leave.position].run;
          const uint32_t heads = audience::CountOf(leave.members) * source.pool->WeightOfRun(run);
          dismissed.kinds[source.pool->ArchetypeOfRun(run)] += heads;
          dismissed.heads_after -= heads;
        }
        change.answer = Encode(dismissed);
        return change;
      },
      request);
}

void SessionRaid::Count(const Session& from, const Session& to, uint32_t heads, Time now) {
  moved_.Increment(heads);
  if (heads == 0 || !options_.moved) return;
  options_.moved({.game_service_id = to.key.game, .number = to.key.shard},
                 {.kind = audience::FlowKind::kRaid,
                  .from = from.key.session,
                  .to = to.key.session,
                  .heads = heads,
                  .at = now});
}

absl::Status SessionRaid::Tell(const Session& from, const Session& to, const Raided& raided,
                               Time now, const std::optional<Request>& request) {
  v1::StreamingSessionRaidedEvent event;
  event.set_from_session_id(from.key.session.ToString());
  event.set_to_session_id(to.key.session.ToString());
  event.set_moved_count(static_cast<int32_t>(raided.moved));
  // A request that is repeated tells again what a crash may have kept from being told; the id makes
  // it one event.
  const Uuid id =
      request ? Uuid::V5(from.key.session, "raided " + request->id.ToString()) : Uuid::V4();
  const absl::Status told =
      common::mysql::RunTransaction(mysql_, [&](common::mysql::Transaction& transaction) {
        return common::outbox::Append(transaction, events::MakeEvent(event, now, id));
      });
  return absl::IsAlreadyExists(told) ? absl::OkStatus() : told;
}

}  // namespace streaming::sessions
