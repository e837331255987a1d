// What the observatory shows of the live streams: sums, and nobody in particular.
//
// All of it is bounded: the largest streams one by one, the others together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/audience/flow.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::observatory {

inline constexpr size_t kStreamsMost = 50;
inline constexpr size_t kGamesMost = 20;
inline constexpr size_t kLanesMost = 20;
// Of flows that are shown.
inline constexpr std::chrono::minutes kFlowsWindow{10};
// A number of real viewers below it is not told: it would be about somebody.
inline constexpr uint64_t kRealLeast = 3;

struct Train {
  hype::Level level = hype::Level::kLevel1;
  double progress = 0;  // toward the next level, 0 to 1
  common::Time expires_at;
};

// Of the real crowds that feed a stream.
struct Pulses {
  uint32_t applied = 0;
  common::Time last_at;
  uint32_t lag_millis = 0;  // of the last one, from its publication to its effect
};

// A live stream: what it is, and how its audience is. No streamer, no title, no viewer.
struct Stream {
  common::Uuid session;
  common::Uuid game;
  uint8_t streamer_type = 0;  // bannou.streaming.v1.StreamerEntityType
  pool::InterestMask tags;
  bool paused = false;
  common::Time started_at;
  uint32_t heads = 0;
  uint32_t peak_heads = 0;
  float excitement = 0;  // 0 to 1
  blending::Mood mood;
  std::optional<Train> train;
  std::optional<Pulses> pulses;
  uint32_t seated = 0;  // who stand for real viewers; shown as a sum over streams only
};
Stream StreamOf(const hype::Settings& settings, const audience::LiveSession& session,
                common::Time now);

// A game's pool.
struct Game {
  common::Uuid game;
  uint32_t shards = 1;
  uint64_t members = 0;
  uint64_t taken = 0;    // in somebody's audience
  uint64_t streams = 0;  // live
  uint64_t heads = 0;    // of their audiences, at their last checkpoints
};

// The flows of one kind between two sessions, together.
struct Lane {
  audience::FlowKind kind = audience::FlowKind::kMigration;
  common::Uuid from;
  common::Uuid to;
  uint64_t heads = 0;
  uint32_t times = 0;
  common::Time last;
};
struct Lanes {
  std::vector<Lane> shown;  // the last moved first, at most kLanesMost
  uint64_t other_heads = 0;
};
// What went within kFlowsWindow before `now`.
Lanes LanesOf(const std::vector<audience::Flow>& flows, common::Time now);

// How many of the heads of the streams that are shown stand for real viewers.
struct Truth {
  uint64_t heads = 0;
  std::optional<uint64_t> real;  // absent: some, but fewer than kRealLeast
};

// What the stores say.
struct Records {
  uint64_t live_streams = 0;  // of the record
  uint64_t live_heads = 0;    // of their last checkpoints
  // Of the largest, at most kStreamsMost: those that have an audience now, and what the record has
  // of all that were looked for.
  std::vector<Stream> streams;
  uint64_t looked_for = 0;
  uint64_t looked_for_heads = 0;
  uint64_t games_in_all = 0;
  std::vector<Game> games;  // at most kGamesMost
  std::vector<audience::Flow> flows;
};

struct Picture {
  common::Time at;
  std::vector<Stream> streams;  // the largest first
  uint64_t other_streams = 0;   // beyond those, and their heads at their last checkpoints
  uint64_t other_heads = 0;
  Truth truth;
  std::vector<Game> games;
  uint64_t other_games = 0;
  Lanes lanes;

  uint64_t heads() const { return truth.heads + other_heads; }
};
Picture PictureOf(Records records, common::Time now);

}  // namespace streaming::observatory
