// The train of a live session: where the state machine (hype_train.h) meets the session's change.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/hype/hype_train.h"

namespace streaming::hype {

// A train's change on its way to the record (Change::hype_pending).
struct PendingTransition {
  common::Uuid session;
  Transition transition;
  common::Time expires_at = {};  // of the train, unless it completed
  float progress = 0;            // toward the next level, 0 to 1
};

// Different transitions never have the same bytes.
std::string EncodePending(const PendingTransition& pending);
// INVALID_ARGUMENT unless EncodePending made the bytes.
absl::StatusOr<PendingTransition> DecodePending(std::string_view bytes);

// LiveSession::hype as a state. No bytes are the state of a session that never had a train.
absl::StatusOr<State> StateOf(std::string_view hype);

// How far a train has come on its way through all its levels, above 0 to 1; 0 without one.
float ProgressThroughLevels(const Settings& settings, const State& state);

// `settings` as they are for this session's streamer.
Settings ForStreamer(Settings settings, const audience::LiveState& state);

// Lets a contribution count, and puts what it did into the change. True when it began a train.
absl::StatusOr<bool> Contribute(const Settings& settings, const common::Uuid& session,
                                const Contribution& contribution, audience::Change& change);

// Lets the hum of a step's audience count for the train that runs, and puts what it did into the
// change. Whose train has ended, or who has none, hums for nothing.
absl::Status Hum(const Settings& settings, const common::Uuid& session, common::Time at,
                 double amount, audience::Change& change);

// Ends the session's train if its time is over. True when it was.
absl::StatusOr<bool> Expire(const Settings& settings, const common::Uuid& session, common::Time now,
                            audience::Change& change);

}  // namespace streaming::hype
