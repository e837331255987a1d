#include "services/streaming/hype/hum.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "services/streaming/audience/arrival.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::hype {
namespace {

constexpr uint32_t kTemperRounds = 64;  // from one extreme of a crowd's temper to the other

// When the step that made the change happens: cohorts are spread over the round.
common::Time TimeOfStep(const audience::RoundSettings& round, const audience::View& view,
                        const audience::Audience& audience) {
  const double length = 1e6 * round.interval_seconds * view.stretch;
  const uint32_t cohort = (audience.steps - 1) / 2;
  return view.at + common::Duration(std::llround(length * cohort / view.cohorts));
}

}  // namespace

// Up and down at one pace from a place drawn for the session: in any round all tempers are equally
// likely, as among real crowds, which jumps from draw to draw with a way between would not give.
double Temper(uint64_t seed, const common::Uuid& session, uint32_t round) {
  const double place =
      2 * audience::Uniform(audience::SessionKey(seed, audience::Draw::kTemper, 0, session));
  const double way = std::fmod(place + static_cast<double>(round) / kTemperRounds, 2.0);
  return way <= 1 ? way : 2 - way;
}

double Buzz(float excitement, const blending::Mood& mood, double temper) {
  const double strength =
      std::min(1.0, std::accumulate(mood.levels.begin(), mood.levels.end(), 0.0));
  const double stirred = (1 - strength) * temper + strength * blending::Thrill(mood);
  return std::clamp(excitement + kTemperMost * stirred, 0.0, 1.0);
}

double HumOf(double buzz, double share) {
  return kHumMost * std::max(0.0, (buzz - kMurmur) / (1 - kMurmur)) * share;
}

absl::Status HumAtStep(const Settings& settings, const audience::RoundSettings& round,
                       const audience::View& view, uint32_t self, audience::Change& change) {
  if (change.state.hype_progress == 0 || change.state.paused) return absl::OkStatus();
  const audience::SessionView& session = view.sessions[self];
  const double buzz = Buzz(change.audience.excitement, session.mood,
                           Temper(round.seed, session.session_id, view.round));
  return Hum(ForStreamer(settings, change.state), session.session_id,
             TimeOfStep(round, view, change.audience), HumOf(buzz, view.stretch / view.cohorts),
             change);
}

}  // namespace streaming::hype
