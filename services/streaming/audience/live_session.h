// The one form that a live session has in memory, and what one change of it may be. Rules take a
// LiveSession and give a Change; LiveStore (live_store.h) loads the one and carries out the other.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/audience/followers.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/pool/archetype.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// Where a session lives: its game's shard is the Redis slot of everything that it has.
struct LiveKey {
  common::Uuid game;
  uint32_t shard = 0;
  common::Uuid session;
  bool operator==(const LiveKey&) const = default;
};

// A moment worth telling at the end.
struct Moment {
  common::Time at;
  uint8_t type = 0;         // bannou.streaming.v1.StreamMomentType
  std::string description;  // at most 500 code points, may be empty
  float reaction = 0;       // how excited the audience was, 0 to 1
  bool operator==(const Moment&) const = default;
};
inline constexpr size_t kMaxMoments = 10;

// Adds a moment; beyond kMaxMoments the weakest gives way, of equals the latest.
void AddMoment(std::vector<Moment>& moments, Moment moment);

// What a session keeps that is neither its audience nor another capability's.
struct LiveState {
  // Who streams. Set at the start and never changed.
  uint8_t streamer_type = 0;  // bannou.streaming.v1.StreamerEntityType
  common::Uuid streamer;
  std::optional<common::Uuid> owner;  // the account that may act on it; absent: role service only
  uint64_t viewer_secret = 0;         // of pool::ViewerId, for this session's pseudonyms
  common::Time started_at;
  // What the streamer's past promises. Set at the start and never changed.
  float reputation = 0;           // 0 to 1
  float history = 0;              // 0 to 1; 1 = a streamer of many sessions
  float draw = 0;                 // ExpectedDraw, heads
  bool legendary_trains = false;  // has the capability legendary_hype_trains

  // What callers said last.
  pool::InterestMask tags;
  float caller_score = 0.5f;  // 0 to 1, 0.5 = no opinion
  bool paused = false;
  common::Time last_raid;  // that it sent out; the epoch when there was none
  common::Time last_call;  // by its owner or a service; without any for long it is ended
  // Hype, which sets them: how far the running train has come (0 = none, 1 = all the way), trains
  // so far, and the highest level that one reached (bannou.streaming.v1.HypeTrainLevel).
  float hype_progress = 0;
  uint32_t hype_trains = 0;
  uint8_t peak_hype_level = 0;

  // Counters; heads where people are counted.
  uint32_t world_firsts = 0;
  uint32_t peak_heads = 0;
  uint64_t left_heads = 0;  // in all; with those who are there, all who ever came
  uint32_t news_round = 0;  // the round in which `news_told` individual joined and left events were
  uint32_t news_told = 0;   // published, see news.h
  common::Time accrued_until;
  double viewer_seconds = 0;
  double interest_seconds = 0;  // viewer-seconds times interest: their ratio is the mean interest
  double live_seconds = 0;      // without pauses

  bool operator==(const LiveState&) const = default;
};

struct LiveSession {
  LiveKey key;
  std::shared_ptr<const pool::Pool> pool;  // has every run of the parties
  std::string nonce;                       // 8 random bytes, redrawn at every change
  std::vector<Party> parties;
  uint32_t heads = 0;   // of all parties
  bool sealed = false;  // it is ending: nothing changes it any more
  // Of the streamer, at the start. Null where nobody asked: only changes do.
  std::shared_ptr<const Followers> followers;
  Audience audience;  // interest, excitement, last round
  LiveState state;
  std::vector<Moment> moments;  // the strongest, in no order
  std::string hype;             // opaque, owned by hype/; "" at the start
  // Owned by blending/; "" at the start, else its first bytes are the mood (blending::ReadMood).
  std::string mood;
};

// Why somebody left, with the numbers of bannou.streaming.v1.AudienceLeftReason.
enum class LeftReason : uint8_t { kBored = 1, kCompeted = 2, kSessionEnd = 3, kUnavailable = 4 };

// What a rule wants done to a session: all of it happens at once, or nothing. It begins as no
// change at all; a rule alters what it has to.
struct Change {
  Change() = default;  // of a session that does not exist yet
  explicit Change(const LiveSession& session)
      : audience(session.audience),
        state(session.state),
        moments(session.moments),
        hype(session.hype),
        mood(session.mood) {}

  std::vector<Leave> leavers;              // by ascending position
  LeftReason reason = LeftReason::kBored;  // why they leave
  // Newcomers, whoever is free; fewer come when fewer are free or the session is full.
  pool::PerArchetype<uint32_t> wanted_heads = {};
  // Believed to be free, as in View. Too few cost time, too many cost newcomers.
  pool::PerArchetype<uint32_t> free_heads = {};
  // What newcomers come with; absent: JoiningNow of `audience`.
  std::optional<pool::PerArchetype<Joining>> joining;
  // Before them certain members, see DemandFor in check_out.h, while there is room.
  std::vector<Demand> named;
  Audience audience;
  LiveState state;  // left_heads, peak_heads and news_* are LiveStore's and are not read here
  std::vector<Moment> moments;
  std::string hype;
  std::string mood;
  // Hype transitions for the relay, opaque. When the list of the game's shard has no room for them,
  // the change is refused with UNAVAILABLE.
  std::vector<std::string> hype_pending;
  // What happened, for the shard's log: readable, short; "" = nothing but time.
  std::string command;
  // What the request was answered, but for the newcomers: see LiveStore::Update. Opaque.
  std::string answer;
};

// Members who go over to other sessions of the shard: all that have room there, at once.
struct Crossing {
  explicit Crossing(const LiveSession& from) : change(from) {}

  std::vector<Mover> movers;  // by ascending position; destination = position in the caller's list
  Change change;              // of the session they leave, without leavers and newcomers
};

// The mood that the real crowd lends it; none = all zeros.
blending::Mood MoodOf(const LiveSession& session);
// The voices to which its audience listens.
blending::Chorus ChorusOf(const LiveSession& session);

// Somebody acts on the session. Calls may be noted in another order than they came.
void NoteCall(LiveState& state, common::Time now);

// Brings the counters up to date: adds the time since `accrued_until` (a time before it adds
// nothing), and notes a new peak.
void Accrue(LiveSession& session, const pool::Pool& pool, common::Time now);

// The packed forms that Redis keeps. INTERNAL for bytes that no version of this wrote.
std::string EncodeState(const LiveState& state);
absl::StatusOr<LiveState> DecodeState(std::string_view bytes);
std::string EncodeMoments(const std::vector<Moment>& moments);
absl::StatusOr<std::vector<Moment>> DecodeMoments(std::string_view bytes);

}  // namespace streaming::audience
