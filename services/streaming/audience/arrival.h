// Who comes to a stream: a choice among all live streams and staying offline.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/followers.h"
#include "services/streaming/audience/random.h"
#include "services/streaming/audience/view.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::audience {

// What the streamer's past lets one expect: heads that this session should draw. Shrinks the mean
// audience of recent sessions toward what a newcomer gets, the more so the fewer they were.
struct StreamerPast {
  uint32_t recent_sessions = 0;
  float recent_mean_audience = 0;  // heads
  uint32_t followers = 0;          // members
};
float ExpectedDraw(const StreamerPast& past);

// What all sessions' steps need of the view, worked out once a round.
struct Field {
  pool::PerArchetype<double> total_weight = {};  // of all streams in the newcomers' choice
  // The most attractive streams: positions in View::sessions, kNobody when there are fewer.
  static constexpr uint32_t kNobody = UINT32_MAX;
  pool::PerArchetype<uint32_t> best = {};
  pool::PerArchetype<uint32_t> second = {};
};
Field Survey(const View& view);

// Both, for many to look at.
struct SurveyedView {
  View view;
  Field field;
};
std::shared_ptr<const SurveyedView> Surveyed(View view);

// Heads of each archetype that come to the session on their own, looking around for `minutes`
// (one value an archetype). Used for rounds, for the start and for the word that a great moment
// spreads. At most `room_heads` in all; `key` decides the draws.
pool::PerArchetype<uint32_t> Newcomers(const View& view, const Field& field, uint32_t self,
                                       const pool::PerArchetype<float>& minutes,
                                       uint32_t room_heads, uint64_t key);

// The first audience of a session that goes live: strangers, and followers by name.
struct Draft {
  pool::PerArchetype<uint32_t> wanted_heads = {};
  std::vector<Demand> followers;
};
Draft StartDraw(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                const Field& field, uint32_t self, const Followers& followers);

// Followers who come to the session, looking for `minutes`, of one cohort. They are asked for by
// name, whether or not they sit somewhere: only the free ones will come.
std::vector<Demand> FollowersComing(const RoundSettings& settings, const pool::Pool& pool,
                                    const View& view, uint32_t self, const Followers& followers,
                                    const pool::PerArchetype<Joining>& joining, float minutes,
                                    Cohort cohort = {});

// The key of a session's draws in a round.
uint64_t SessionKey(uint64_t seed, Draw draw, uint32_t round, const common::Uuid& session_id);

// How many times the ordinary arrivals come to a stream of this age: its followers are told.
double StartBoost(double age_minutes);

}  // namespace streaming::audience
