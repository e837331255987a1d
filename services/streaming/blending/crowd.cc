#include "services/streaming/blending/crowd.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::blending {
namespace {

using audience::ByteReader;
using audience::PutLittleEndian;

constexpr uint64_t kVersion = 1;
// A level has two bytes: with one alone, a mood that fades by a tenth would stop at 5/255 for ever.
// The high ones come first, all eight together, which is what ReadMood reads.
constexpr float kLevelUnit = 1.0f / 65535;
constexpr size_t kIdBytes = 16;
constexpr int64_t kNever = 0;

absl::Status Malformed() { return absl::InvalidArgumentError("a session's crowd is malformed"); }

// Moves the feeder to the end; the one heard of longest ago gives way.
void Note(std::vector<common::Uuid>& feeders, const common::Uuid& feeder) {
  std::erase(feeders, feeder);
  if (feeders.size() == kFeedersMax) feeders.erase(feeders.begin());
  feeders.push_back(feeder);
}

}  // namespace

absl::StatusOr<Crowd> DecodeCrowd(std::string_view bytes) {
  Crowd crowd;
  if (bytes.empty()) return crowd;
  ByteReader reader(bytes);
  const std::string_view coarse = reader.TakeBytes(kMoodBytes);
  if (!reader.ok()) return Malformed();
  const uint64_t version = reader.Take(1);
  for (size_t i = 0; i < kSentiments; ++i) {
    const uint64_t steps = static_cast<uint8_t>(coarse[i]) << 8 | reader.Take(1);
    crowd.mood.levels[i] = static_cast<float>(steps) * kLevelUnit;
  }
  const auto micros = static_cast<int64_t>(reader.Take(8));
  if (micros != kNever) crowd.last_pulse_at = common::FromMicros(micros);
  const size_t feeders = reader.Take(1);
  if (version != kVersion || feeders > kFeedersMax) return Malformed();
  for (size_t i = 0; i < feeders; ++i) {
    const auto feeder = common::Uuid::FromBytes(reader.TakeBytes(kIdBytes));
    if (!feeder) return Malformed();
    crowd.feeders.push_back(*feeder);
  }
  if (!reader.ok()) return Malformed();
  constexpr size_t kFixedBytes = 2 * kMoodBytes + 1 + 8 + 1;
  auto recent = RecentPulses::Decode(bytes.substr(kFixedBytes + feeders * kIdBytes));
  if (!recent.ok()) return recent.status();
  crowd.recent = *std::move(recent);
  return crowd;
}

std::string EncodeCrowd(const Crowd& crowd) {
  std::string bytes;
  std::string fine;
  for (const float level : crowd.mood.levels) {
    const auto steps =
        static_cast<uint64_t>(std::lround(std::clamp(level, 0.0f, 1.0f) / kLevelUnit));
    PutLittleEndian(bytes, steps >> 8, 1);
    PutLittleEndian(fine, steps, 1);
  }
  PutLittleEndian(bytes, kVersion, 1);
  bytes += fine;
  const int64_t micros = crowd.last_pulse_at ? common::ToMicros(*crowd.last_pulse_at) : kNever;
  PutLittleEndian(bytes, static_cast<uint64_t>(micros), 8);
  PutLittleEndian(bytes, crowd.feeders.size(), 1);
  for (const common::Uuid& feeder : crowd.feeders) bytes += feeder.ToBytes();
  return bytes + crowd.recent.Encode();
}

bool ApplyPulse(Crowd& crowd, const Pulse& pulse, common::Time now) {
  if (!crowd.recent.Remember(pulse.id)) return false;
  crowd.mood = Blend(crowd.mood, pulse.samples);
  crowd.last_pulse_at = now;
  Note(crowd.feeders, pulse.platform_session);
  return true;
}

std::string FadeCrowd(std::string_view bytes, common::Time quiet_since, double decay_rate,
                      double steps) {
  auto crowd = DecodeCrowd(bytes);
  if (!crowd.ok()) return {};
  if (!crowd->last_pulse_at || *crowd->last_pulse_at > quiet_since) return std::string(bytes);
  crowd->mood = Fade(crowd->mood, decay_rate, steps);
  return EncodeCrowd(*crowd);
}

}  // namespace streaming::blending
