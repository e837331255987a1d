// How a session begins: with what its streamer's past promises, and those whom that draws.
#pragma once
#include "libs/common/base/time.h"
#include "services/streaming/audience/followers.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/pool/pool.h"

namespace streaming::sessions {

// Sets what LiveState says of the past. `usual_audience` in heads, as careers/usual_audience.h has
// it.
void SetPast(audience::LiveState& state, const careers::Stats& stats, double usual_audience);

// The change that opens the session `begins`, of which only the key and the state are read.
// `settings` with the seed of its shard; `view` of the present round, without the session.
audience::Change FirstAudience(const audience::RoundSettings& settings, const pool::Pool& pool,
                               audience::View view, const audience::Followers& followers,
                               audience::LiveSession begins, common::Time now);

}  // namespace streaming::sessions
