// What an occurrence in the game does to a live session, as one change.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "services/streaming/audience/arrival.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/reactions/reaction.h"

namespace streaming::reactions {

// Who may be drawn, and by what. A round's view with the session in it.
struct Scene {
  std::shared_ptr<const audience::SurveyedView> seen;
  uint32_t self = 0;  // the session's position in the view
};
// The session is added, to a copy, as it is now when it went live later than the view was made.
Scene SceneOf(const audience::RoundSettings& settings,
              std::shared_ptr<const audience::SurveyedView> seen,
              const audience::LiveSession& session, common::Time now);

struct Happening {
  Occurrence occurrence;
  std::string description;  // for the session's moments, may be empty
  common::Time at;
};

// What the caller is told beside the newcomers, whom only Redis knows.
struct Answer {
  float excitement_delta = 0;
  uint32_t retained_heads = 0;
  uint32_t lost_heads = 0;
  float hype_contribution = 0;
  bool triggered_hype_train = false;
};

struct Outcome {
  audience::Change change;
  Answer answer;
};

// `settings` with the seed of the session's shard.
absl::StatusOr<Outcome> ReactIn(const audience::RoundSettings& settings,
                                const hype::Settings& hype_settings, const Scene& scene,
                                const audience::LiveSession& session, const Happening& happening);

}  // namespace streaming::reactions
