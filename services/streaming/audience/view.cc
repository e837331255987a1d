#include "services/streaming/audience/view.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {
namespace {

constexpr uint8_t kViewVersion = 2;
constexpr uint8_t kAudienceVersion = 2;

float Unit(float value) { return std::clamp(value, 0.0f, 1.0f); }
uint64_t Quantise(float value, uint32_t steps) {
  return static_cast<uint64_t>(std::lround(Unit(value) * static_cast<float>(steps)));
}
void PutFloat(std::string& out, float value) {
  PutLittleEndian(out, std::bit_cast<uint32_t>(value), 4);
}
float TakeFloat(ByteReader& reader) {
  return std::bit_cast<float>(static_cast<uint32_t>(reader.Take(4)));
}

}  // namespace

Audience NewAudience(const SessionView& session, uint32_t round) {
  Audience audience;
  audience.last_round = round;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    audience.interest[a] = static_cast<float>(session.attraction[a]) / 255;
  }
  return audience;
}

uint32_t NextCohort(const Audience& audience, const View& view) {
  if (audience.last_round < view.round) return 0;
  return audience.last_round > view.round ? view.cohorts : (audience.steps + 1) / 2;
}

bool MayMove(const Audience& audience, const View& view, uint32_t cohort) {
  return audience.last_round == view.round && audience.steps == 2 * cohort + 1;
}

float MeanInterest(const Audience& audience, uint8_t archetype, const Joining& joining) {
  const uint32_t rounds = audience.last_round - std::min(audience.last_round, joining.round);
  if (rounds == 0) return audience.interest[archetype];
  const uint32_t sum = (audience.sums[archetype] - joining.interest_sum) % kSumModulus;
  return Unit(static_cast<float>(sum) * kSumUnit / static_cast<float>(rounds));
}

Joining JoiningNow(const Audience& audience, uint8_t archetype, uint8_t flags) {
  return {.round = audience.last_round, .flags = flags, .interest_sum = audience.sums[archetype]};
}

pool::PerArchetype<Joining> JoiningNow(const Audience& audience, uint8_t flags) {
  pool::PerArchetype<Joining> joining;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    joining[a] = JoiningNow(audience, static_cast<uint8_t>(a), flags);
  }
  return joining;
}

std::string EncodeView(const View& view) {
  std::string out;
  PutLittleEndian(out, kViewVersion, 1);
  PutLittleEndian(out, view.round, 4);
  PutFloat(out, view.stretch);
  PutLittleEndian(out, static_cast<uint64_t>(common::ToMicros(view.at)), 8);
  PutLittleEndian(out, view.pool_heads, 4);
  PutLittleEndian(out, view.pool_members, 4);
  for (const uint32_t heads : view.free_heads) PutLittleEndian(out, heads, 4);
  PutLittleEndian(out, view.cohorts, 1);
  PutLittleEndian(out, view.sessions.size(), 4);
  for (const SessionView& session : view.sessions) {
    out += session.session_id.ToBytes();
    out.append(reinterpret_cast<const char*>(session.attraction.data()), pool::kArchetypes);
    PutFloat(out, session.draw);
    PutLittleEndian(out, session.crowd, 4);
    PutFloat(out, session.age_minutes);
    blending::AppendMood(out, session.mood);
    PutLittleEndian(out, session.paused, 1);
  }
  return out;
}

absl::StatusOr<View> DecodeView(std::string_view bytes) {
  const auto malformed = [] { return absl::InvalidArgumentError("the view is malformed"); };
  ByteReader reader(bytes);
  if (reader.Take(1) != kViewVersion) return malformed();
  View view;
  view.round = static_cast<uint32_t>(reader.Take(4));
  view.stretch = TakeFloat(reader);
  view.at = common::FromMicros(static_cast<int64_t>(reader.Take(8)));
  view.pool_heads = static_cast<uint32_t>(reader.Take(4));
  view.pool_members = static_cast<uint32_t>(reader.Take(4));
  for (uint32_t& heads : view.free_heads) heads = static_cast<uint32_t>(reader.Take(4));
  view.cohorts = static_cast<uint32_t>(reader.Take(1));
  const uint64_t sessions = reader.Take(4);
  if (!reader.ok() || view.cohorts < 1 || view.cohorts > pool::kRunLength ||
      sessions > kMaxSessionsInView)
    return malformed();
  for (uint64_t i = 0; i < sessions && reader.ok(); ++i) {
    SessionView& session = view.sessions.emplace_back();
    const std::string_view id = reader.TakeBytes(16);
    const std::string_view attraction = reader.TakeBytes(pool::kArchetypes);
    session.draw = TakeFloat(reader);
    session.crowd = static_cast<uint32_t>(reader.Take(4));
    session.age_minutes = TakeFloat(reader);
    const std::string_view mood = reader.TakeBytes(blending::kMoodBytes);
    session.paused = reader.Take(1) != 0;
    if (!reader.ok()) return malformed();
    session.session_id = *common::Uuid::FromBytes(id);
    std::copy(attraction.begin(), attraction.end(), session.attraction.begin());
    session.mood = blending::ReadMood(mood.data());
  }
  if (!reader.Complete()) return malformed();
  return view;
}

std::string EncodeAudience(const Audience& audience) {
  std::string out;
  PutLittleEndian(out, kAudienceVersion, 1);
  PutLittleEndian(out, audience.last_round, 4);
  PutLittleEndian(out, audience.steps, 1);
  PutLittleEndian(out, Quantise(audience.excitement, 65535), 2);
  for (const float interest : audience.interest) PutLittleEndian(out, Quantise(interest, 65535), 2);
  for (const uint32_t sum : audience.sums) PutLittleEndian(out, sum, 3);
  return out;
}

absl::StatusOr<Audience> DecodeAudience(std::string_view bytes) {
  ByteReader reader(bytes);
  Audience audience;
  const uint64_t version = reader.Take(1);
  audience.last_round = static_cast<uint32_t>(reader.Take(4));
  audience.steps = static_cast<uint8_t>(reader.Take(1));
  audience.excitement = static_cast<float>(reader.Take(2)) / 65535;
  for (float& interest : audience.interest) interest = static_cast<float>(reader.Take(2)) / 65535;
  for (uint32_t& sum : audience.sums) sum = static_cast<uint32_t>(reader.Take(3));
  if (version != kAudienceVersion || !reader.Complete()) {
    return absl::InvalidArgumentError("the audience is malformed");
  }
  return audience;
}

Audience AsStored(const Audience& audience) {
  const auto stored = [](float value) {
    return static_cast<float>(Quantise(value, 65535)) / 65535;
  };
  Audience copy = audience;
  copy.excitement = stored(copy.excitement);
  for (float& interest : copy.interest) interest = stored(interest);
  return copy;
}

}  // namespace streaming::audience
