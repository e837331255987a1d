// A round of a pool shard: everybody in an audience decides whether to stay, everybody outside
// whether to come.
//
// All steps of a round look at one View, taken when it begins and stored. A session's step is a
// function of that view, the session's own record and the round, so any instance can take a round
// over in the middle and comes to the same result.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/audience/random.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// Settings that shape a round. Times in seconds.
struct RoundSettings {
  AttractionWeights weights = {};
  double decay_rate = 0.05;        // interest lost in an ordinary round without excitement
  uint32_t interval_seconds = 60;  // an ordinary round
  uint32_t capacity_heads = 5000;  // of one session
  uint64_t seed = 0;               // of the shard's randomness
};

// What the streamer's past lets one expect: heads that this session should draw. Shrinks the mean
// audience of recent sessions toward what a newcomer gets, the more so the fewer they were.
struct StreamerPast {
  uint32_t recent_sessions = 0;
  float recent_mean_audience = 0;  // heads
  uint32_t followers = 0;          // heads
};
float ExpectedDraw(const StreamerPast& past);

// One live session as others see it during a round.
struct SessionView {
  common::Uuid session_id;
  pool::PerArchetype<uint8_t> attraction = {};  // 1/255
  float draw = 0;                               // ExpectedDraw
  uint32_t crowd = 0;                           // heads
  float age_minutes = 0;                        // since it went live, 0 at its start
  blending::Mood mood = {};
  bool paused = false;  // nobody comes, those who are there stay as they like
};

struct View {
  uint32_t round = 0;  // below kRoundLimit
  float stretch = 1;   // of an ordinary interval that this round takes; 5 under load
  pool::PerArchetype<uint32_t> free_heads = {};  // in nobody's audience
  uint32_t pool_heads = 0;
  std::vector<SessionView> sessions;
};

inline constexpr size_t kMaxSessionsInView = 100000;

// About 300 bytes a session.
std::string EncodeView(const View& view);
// INVALID_ARGUMENT when the bytes are not a view of this version.
absl::StatusOr<View> DecodeView(std::string_view bytes);

// What a session keeps of its audience besides the parties.
struct Audience {
  uint32_t last_round = 0;
  float excitement = 0;                     // 0 to 1
  pool::PerArchetype<float> interest = {};  // 0 to 1 each
  pool::PerArchetype<uint32_t> sums = {};   // running totals of interest, see Joining; they wrap
};

// 7 + 256·2 + 256·3 bytes: version 1; last round 4; excitement 2 in 1/65535; interests 2 each in
// 1/65535; sums 3 each. A step begins from decoded values, so that what was stored decides.
std::string EncodeAudience(const Audience& audience);
absl::StatusOr<Audience> DecodeAudience(std::string_view bytes);

// The audience of a session that begins: interest is what the session's attraction promises.
Audience NewAudience(const SessionView& session, uint32_t round);

// What all sessions' steps need of the view, worked out once a round.
struct Field {
  pool::PerArchetype<double> total_weight = {};  // of all streams in the newcomers' choice
  // The most attractive streams: positions in View::sessions, kNobody when there are fewer.
  static constexpr uint32_t kNobody = UINT32_MAX;
  pool::PerArchetype<uint32_t> best = {};
  pool::PerArchetype<uint32_t> second = {};
};
Field Survey(const View& view);

// Members of one party who leave.
struct Leaver {
  Leave leave = {};      // all of them
  RunMask competed = 0;  // those of them whom another stream won (Competed); the rest is Bored
  uint32_t destination = Field::kNobody;  // the winner's position in View::sessions
};

struct Step {
  std::vector<Leaver> leavers;  // by position
  uint32_t leaving_heads = 0;
  pool::PerArchetype<uint32_t> wanted_heads = {};  // newcomers
  Audience audience;                               // as it is after the step
};

// Members of a session step in cohorts spread over the interval, so that nothing jumps once a
// round: cohort c of n has the members with index mod n = c, and an n-th of the newcomers. Interest
// moves with cohort 0.
struct Cohort {
  uint32_t number = 0;
  uint32_t of = 1;  // 1 to 64
};

// The step of session view.sessions[self], whose parties are in Redis' order.
Step StepSession(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                 const Field& field, uint32_t self, const Audience& audience,
                 std::span<const Party> parties, Cohort cohort = {});

// What the Function `apply` takes for these leavers: leaves, and the departures that belong to
// them.
struct LeaveRecords {
  std::string leaves;
  std::string departures;
};
LeaveRecords EncodeLeavers(const pool::Pool& pool, const Audience& audience,
                           std::span<const Party> parties, std::span<const Leaver> leavers);

// Heads of each archetype that come to the session on their own, looking around for `minutes`
// (one value an archetype). Used for rounds, for the start (one minute at age 0) and for the word
// that a great moment spreads. At most `room_heads` in all; `key` decides the draws.
pool::PerArchetype<uint32_t> Newcomers(const View& view, const Field& field, uint32_t self,
                                       const pool::PerArchetype<float>& minutes,
                                       uint32_t room_heads, uint64_t key);

// The first audience of a session that goes live.
pool::PerArchetype<uint32_t> StartDraw(const RoundSettings& settings, const View& view,
                                       const Field& field, uint32_t self);

// The key of a session's draws in a round.
uint64_t SessionKey(uint64_t seed, Draw draw, uint32_t round, const common::Uuid& session_id);

// The interest of a member: its archetype's, its own engagement, what it came with (fading with the
// rounds since), and the bond of a follower. 0 to 1.
float MemberInterest(const AttractionWeights& weights, float archetype_interest,
                     const Joining& joining, float engagement_offset, uint32_t round);

// The mean interest of an archetype since these joined; the interest now if no round has passed.
float MeanInterest(const Audience& audience, uint8_t archetype, const Joining& joining);

// The same for a member of it, from what its archetype's mean was until `round`.
float MeanMemberInterest(const AttractionWeights& weights, float archetype_mean,
                         const Joining& joining, float engagement_offset, uint32_t round);

// The chance, 0 to 1, that a member of this interest leaves within `minutes`, bored, after watching
// for `dwell_minutes`.
double BoredChance(float interest, double dwell_minutes, double minutes);

// The chance that one member of a party leaves, bored, in a round, given its archetype's interest.
double MemberBoredChance(const RoundSettings& settings, const pool::Pool& pool, const Party& party,
                         uint32_t member, float archetype_interest, uint32_t round, double minutes);

// The draw that decides whether a member leaves in a round, in [0, 1): below its chance, it does.
double LeaveDraw(uint64_t seed, uint32_t round, uint32_t member);

// What those who join now have in common, by archetype.
pool::PerArchetype<Joining> JoiningNow(const Audience& audience, uint8_t flags);

}  // namespace streaming::audience
