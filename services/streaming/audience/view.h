// What a round looks at, and what a session keeps between rounds, with the form in which Redis
// keeps both.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/blending/chorus.h"
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

// A round is stepped in so many parts, see Cohort in round.h.
inline constexpr uint32_t kCohorts = 4;

struct View {
  uint32_t round = 0;  // below kRoundLimit
  float stretch = 1;   // of an ordinary interval that this round takes; 5 under load
  common::Time at;     // when it was taken
  pool::PerArchetype<uint32_t> free_heads = {};  // in nobody's audience
  uint32_t pool_heads = 0;                       // of the shard
  uint32_t pool_members = 0;                     // of the whole pool
  uint32_t cohorts = kCohorts;                   // that the round is stepped in, 1 to kRunLength
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
  // How far it came in that round: 2c + 1 once cohort c has stepped, 2c + 2 once those of it who
  // were won over have gone.
  uint8_t steps = 0;
  float excitement = 0;                     // 0 to 1
  pool::PerArchetype<float> interest = {};  // 0 to 1 each
  pool::PerArchetype<uint32_t> sums = {};   // running totals of interest, see Joining; they wrap
  // The voices that it listens to, as the last round left them. They are kept with the session's
  // crowd (LiveSession::mood) and are no part of the bytes below.
  blending::Chorus chorus;
};

// 8 + 256·2 + 256·3 bytes: version 1; last round 4; steps 1; excitement 2 in 1/65535; interests 2
// each in 1/65535; sums 3 each. A step begins from decoded values, so that what was stored decides.
std::string EncodeAudience(const Audience& audience);
absl::StatusOr<Audience> DecodeAudience(std::string_view bytes);
// What DecodeAudience makes of EncodeAudience's bytes, without them.
Audience AsStored(const Audience& audience);

// The audience of a session that begins: interest is what the session's attraction promises.
Audience NewAudience(const SessionView& session, uint32_t round);

// The cohort that the audience has to step next in a round; as many as there are when it has come
// through, or lives in a later round already.
uint32_t NextCohort(const Audience& audience, const View& view);

// Whether those of a cohort who are won over can go: all have stepped, and none has gone yet.
bool MayMove(const Audience& audience, const View& view, uint32_t cohort);

// The mean interest of an archetype since these joined; the interest now if no round has passed.
float MeanInterest(const Audience& audience, uint8_t archetype, const Joining& joining);

// What those who join now have in common, of one archetype or of each.
Joining JoiningNow(const Audience& audience, uint8_t archetype, uint8_t flags);
pool::PerArchetype<Joining> JoiningNow(const Audience& audience, uint8_t flags);

}  // namespace streaming::audience
