#include "services/streaming/audience/arrival.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/check_out.h"

namespace streaming::audience {
namespace {

constexpr double kLookRate = 0.05;        // a minute: a free member looks around every 20 minutes
constexpr double kTemperature = 0.18;     // of attraction in the choice
constexpr double kPlainAttraction = 0.5;  // neither adds to nor takes from the draw
constexpr double kCrowdShare = 0.05;      // of those who are there, in the draw
constexpr double kDiscovery = 0.003;      // heads for each of the pool, see DrawOf
// For a head in the pool. With the look rate and the mean dwell a stream to everybody's taste then
// settles at about what it is expected to draw, whatever the size of the pool.
constexpr double kOfflineWeight = 7.5;
// Who was waiting for a start comes at once: as many as otherwise in so many minutes. Then arrivals
// are so many times more, and fade: a new audience turns over faster than one that has settled, and
// would shrink to half of it first.
constexpr double kFirstMinutes = 90;
constexpr double kStartBoost = 7;
constexpr double kStartFadeMinutes = 30;
constexpr float kNewcomerDraw = 3;          // heads that a streamer without a past draws
constexpr float kNewcomerSessions = 2;      // sessions after which the past counts for half
constexpr float kFollowersWatching = 0.1f;  // of a streamer's followers at any time
constexpr float kStrangersLeast = 0.25f;    // of an expected audience, however many follow
// A minute: a free follower to whom the stream is plain then watches kFollowersWatching of the
// time, staying some 40 minutes and coming three times as readily as on average: starts draw it.
constexpr double kFollowerRate = kFollowersWatching / (3 * 40.0);

// exp(attraction / temperature) relative to a plain one, by attraction in 1/255.
const std::array<double, 256>& Appeal() {
  static const auto table = [] {
    std::array<double, 256> appeal;
    for (size_t i = 0; i < appeal.size(); ++i) {
      appeal[i] = std::exp((static_cast<double>(i) / 255 - kPlainAttraction) / kTemperature);
    }
    return appeal;
  }();
  return table;
}

// What weighs for the session in everybody's choice: its own draw, those who are there, and its
// part of those who look around with nothing in mind, of whom every stream has as many.
double DrawOf(const View& view, const SessionView& session) {
  if (session.paused) return 0;
  const double discovered =
      kDiscovery * view.pool_heads / (1 + static_cast<double>(view.sessions.size()));
  return session.draw + kCrowdShare * session.crowd + discovered;
}

// A Poisson number of this mean, which is how people arrive. Beyond kNormalFrom the normal
// approximation is closer than the counts matter.
uint32_t Poisson(double mean, uint64_t bits) {
  constexpr double kNormalFrom = 30;
  if (mean <= 0) return 0;
  if (mean < kNormalFrom) {
    double left = Uniform(bits);
    double chance = std::exp(-mean);
    uint32_t count = 0;
    constexpr uint32_t kMost = 200;  // its chance is below 1e-80
    while (left >= chance && count < kMost) {
      left -= chance;
      chance *= mean / ++count;
    }
    return count;
  }
  // Box and Muller's method for one normal number.
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(bits)));
  const double angle = 2 * 3.14159265358979323846 * Uniform(Mix64(bits));
  return static_cast<uint32_t>(
      std::max(0.0, std::round(mean + std::sqrt(mean) * radius * std::cos(angle))));
}

}  // namespace

float ExpectedDraw(const StreamerPast& past) {
  const auto sessions = static_cast<float>(past.recent_sessions);
  const float mean = (kNewcomerSessions * kNewcomerDraw + sessions * past.recent_mean_audience) /
                     (kNewcomerSessions + sessions);
  // Followers come by name; the recent audiences had them among their heads.
  return std::max(kStrangersLeast * mean,
                  mean - kFollowersWatching * static_cast<float>(past.followers));
}

double StartBoost(double age_minutes) {
  return 1 + kStartBoost / (1 + age_minutes / kStartFadeMinutes);
}

Field Survey(const View& view) {
  Field field;
  field.best.fill(Field::kNobody);
  field.second.fill(Field::kNobody);
  const auto attraction = [&](uint32_t s, size_t a) {
    return s == Field::kNobody ? -1 : static_cast<int>(view.sessions[s].attraction[a]);
  };
  for (uint32_t s = 0; s < view.sessions.size(); ++s) {
    const SessionView& session = view.sessions[s];
    if (session.paused) continue;
    const double draw = DrawOf(view, session);
    for (size_t a = 0; a < pool::kArchetypes; ++a) {
      field.total_weight[a] += draw * Appeal()[session.attraction[a]];
      if (attraction(s, a) > attraction(field.best[a], a)) {
        field.second[a] = field.best[a];
        field.best[a] = s;
      } else if (attraction(s, a) > attraction(field.second[a], a)) {
        field.second[a] = s;
      }
    }
  }
  return field;
}

std::shared_ptr<const SurveyedView> Surveyed(View view) {
  auto surveyed = std::make_shared<SurveyedView>();
  surveyed->field = Survey(view);
  surveyed->view = std::move(view);
  return surveyed;
}

pool::PerArchetype<uint32_t> Newcomers(const View& view, const Field& field, uint32_t self,
                                       const pool::PerArchetype<float>& minutes,
                                       uint32_t room_heads, uint64_t key) {
  pool::PerArchetype<uint32_t> wanted = {};
  const SessionView& session = view.sessions[self];
  const double draw = DrawOf(view, session);
  if (draw == 0) return wanted;
  const double offline = kOfflineWeight * std::max(1u, view.pool_heads);
  const uint32_t first = Below(key, pool::kArchetypes);
  for (uint32_t i = 0; i < pool::kArchetypes && room_heads > 0; ++i) {
    const uint32_t a = (first + i) % pool::kArchetypes;
    const double share = draw * Appeal()[session.attraction[a]] / (offline + field.total_weight[a]);
    const double looks = kLookRate * std::max(0.0f, minutes[a]);
    const uint64_t bits = Extend(key, a);
    // 1 - exp(-x) is at most x and exp(-x) at least 1 - x: a draw below this one brings nobody.
    if (Uniform(bits) < 1 - view.free_heads[a] * looks * share) continue;
    // However long one looks, one comes once.
    const double mean = view.free_heads[a] * (1 - std::exp(-looks * share));
    wanted[a] = std::min({Poisson(mean, bits), view.free_heads[a], room_heads});
    room_heads -= wanted[a];
  }
  return wanted;
}

std::vector<Demand> FollowersComing(const RoundSettings& settings, const pool::Pool& pool,
                                    const View& view, uint32_t self, const Followers& followers,
                                    const pool::PerArchetype<Joining>& joining, float minutes,
                                    Cohort cohort) {
  std::vector<Demand> coming;
  const SessionView& session = view.sessions[self];
  if (session.paused || followers.runs().empty()) return coming;
  pool::PerArchetype<double> chance;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    const double beyond_plain =
        AsFollower(settings.weights, static_cast<float>(session.attraction[a]) / 255) -
        AsFollower(settings.weights, static_cast<float>(kPlainAttraction));
    chance[a] = 1 - std::exp(-kFollowerRate * minutes * std::exp(beyond_plain / kTemperature));
  }
  const uint64_t key =
      SessionKey(settings.seed, Draw::kFollowerComes, view.round, session.session_id);
  for (const Followers::OfRun& of : followers.runs()) {
    if (of.run >= pool.runs()) break;
    const uint8_t a = pool.ArchetypeOfRun(of.run);
    RunMask come = 0;
    ForEachPlace(of.members & CohortMask(of.run, cohort), [&](uint32_t place) {
      const uint32_t member = of.run * pool::kRunLength + place;
      if (Uniform(Extend(key, member)) < chance[a]) come |= BitOf(place);
    });
    if (come != 0) coming.push_back(DemandFor(of.run, come, joining[a]));
  }
  return coming;
}

Draft StartDraw(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                const Field& field, uint32_t self, const Followers& followers) {
  const auto minutes = static_cast<float>(kFirstMinutes);
  pool::PerArchetype<float> looking;
  looking.fill(minutes);
  const SessionView& session = view.sessions[self];
  const Audience audience = NewAudience(session, view.round);
  return {.wanted_heads = Newcomers(
              view, field, self, looking, settings.capacity_heads,
              SessionKey(settings.seed, Draw::kNewcomers, view.round, session.session_id)),
          .followers = FollowersComing(settings, pool, view, self, followers,
                                       JoiningNow(audience, kFollows), minutes)};
}

uint64_t SessionKey(uint64_t seed, Draw draw, uint32_t round, const common::Uuid& session_id) {
  const auto* id = reinterpret_cast<const char*>(session_id.bytes().data());
  return Random(seed, draw, round, GetLittleEndian(id, 8), GetLittleEndian(id + 8, 8));
}

}  // namespace streaming::audience
