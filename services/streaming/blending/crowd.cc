#include "services/streaming/blending/crowd.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "libs/common/base/status.h"
#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

using audience::ByteReader;
using audience::PutLittleEndian;

constexpr uint64_t kVersion = 2;
constexpr size_t kIdBytes = 16;
constexpr int64_t kNever = 0;

absl::Status Malformed() { return absl::InvalidArgumentError("a session's crowd is malformed"); }

// Moves the feeder to the end; the one heard of longest ago gives way.
void Note(std::vector<common::Uuid>& feeders, const common::Uuid& feeder) {
  std::erase(feeders, feeder);
  if (feeders.size() == kFeedersMax) feeders.erase(feeders.begin());
  feeders.push_back(feeder);
}

// Whose voice a tracking id is in this session: the id itself is kept nowhere.
uint64_t VoiceId(const common::Uuid& tracking_id, uint64_t secret) {
  return audience::Random(secret, audience::Draw::kVoice, std::hash<common::Uuid>()(tracking_id));
}

// The voice with this id, which takes the place of a silent one when there are enough; null when
// nobody is silent.
Voice* Admit(std::vector<Voice>& voices, uint64_t id, uint32_t most) {
  const auto at = [&] { return std::ranges::lower_bound(voices, id, {}, &Voice::id); };
  if (const auto known = at(); known != voices.end() && known->id == id) return &*known;
  if (voices.size() >= most) {
    const auto silent = std::ranges::find_if(voices, IsSilent);
    if (silent == voices.end()) return nullptr;
    voices.erase(silent);
  }
  return &*voices.insert(at(), {.id = id});
}

void HearVoices(Crowd& crowd, const Pulse& pulse, const Reception& reception) {
  std::set<uint64_t> heard;
  std::set<uint64_t> beyond;
  for (const SentimentSample& sample : pulse.samples) {
    if (!sample.tracking_id) continue;
    const uint64_t id = VoiceId(*sample.tracking_id, reception.secret);
    Voice* voice = Admit(crowd.voices, id, reception.voices_most);
    if (voice == nullptr) {
      beyond.insert(id);
      continue;
    }
    voice->heard.Add(sample.sentiment, sample.intensity);
    // At once, so that no other voice of the pulse takes the place of this one.
    if (heard.insert(id).second) voice->heard.EndPulse();
  }
  crowd.voices_beyond = static_cast<uint32_t>(beyond.size());
}

template <typename T>
void TakeNumber(ByteReader& reader, T& number) {
  number = static_cast<T>(reader.Take(sizeof(T)));
}

}  // namespace

absl::StatusOr<Crowd> DecodeCrowd(std::string_view bytes) {
  Crowd crowd;
  if (bytes.empty()) return crowd;
  ByteReader reader(bytes);
  reader.TakeBytes(kMoodBytes);
  if (reader.Take(1) != kVersion) return Malformed();
  crowd.mood = TakeFineMood(reader);
  crowd.heard = Heard::Take(reader);
  int64_t micros = kNever;
  TakeNumber(reader, micros);
  if (micros != kNever) crowd.last_pulse_at = common::FromMicros(micros);
  TakeNumber(reader, crowd.lag_millis);
  TakeNumber(reader, crowd.pulses);
  TakeNumber(reader, crowd.pulses_stale);
  TakeNumber(reader, crowd.voices_beyond);
  const size_t feeders = reader.Take(1);
  for (size_t i = 0; i < feeders && reader.ok(); ++i) {
    const auto feeder = common::Uuid::FromBytes(reader.TakeBytes(kIdBytes));
    if (feeder) crowd.feeders.push_back(*feeder);
  }
  const size_t recent = reader.Take(1);
  ASSIGN_OR_RETURN(crowd.recent, RecentPulses::Decode(reader.TakeBytes(recent * kIdBytes)));
  const size_t voices = reader.Take(2);
  for (size_t i = 0; i < voices && reader.ok(); ++i) crowd.voices.push_back(TakeVoice(reader));
  if (feeders > kFeedersMax || !reader.Complete()) return Malformed();
  return crowd;
}

std::string EncodeCrowd(const Crowd& crowd) {
  std::string bytes;
  AppendMood(bytes, MoodNow(crowd));
  PutLittleEndian(bytes, kVersion, 1);
  AppendFineMood(bytes, crowd.mood);
  crowd.heard.Append(bytes);
  const int64_t micros = crowd.last_pulse_at ? common::ToMicros(*crowd.last_pulse_at) : kNever;
  PutLittleEndian(bytes, static_cast<uint64_t>(micros), sizeof(micros));
  for (const uint32_t number :
       {crowd.lag_millis, crowd.pulses, crowd.pulses_stale, crowd.voices_beyond}) {
    PutLittleEndian(bytes, number, sizeof(number));
  }
  PutLittleEndian(bytes, crowd.feeders.size(), 1);
  for (const common::Uuid& feeder : crowd.feeders) bytes += feeder.ToBytes();
  const std::string recent = crowd.recent.Encode();
  PutLittleEndian(bytes, recent.size() / kIdBytes, 1);
  bytes += recent;
  PutLittleEndian(bytes, crowd.voices.size(), 2);
  for (const Voice& voice : crowd.voices) AppendVoice(bytes, voice);
  return bytes;
}

Mood MoodNow(const Crowd& crowd) { return Blend(crowd.mood, crowd.heard); }

Chorus ChorusOf(std::string_view bytes) {
  auto crowd = DecodeCrowd(bytes);
  return crowd.ok() ? Chorus(std::move(crowd->voices)) : Chorus();
}

bool ApplyPulse(Crowd& crowd, const Pulse& pulse, const Reception& reception) {
  if (!crowd.recent.Remember(pulse.id)) return false;
  for (const SentimentSample& sample : pulse.samples) {
    crowd.heard.Add(sample.sentiment, sample.intensity);
  }
  if (!pulse.samples.empty()) crowd.heard.EndPulse();
  HearVoices(crowd, pulse, reception);
  crowd.last_pulse_at = reception.now;
  // The two clocks may differ.
  const auto lag = std::max(common::Duration::zero(), reception.now - pulse.published);
  crowd.lag_millis = static_cast<uint32_t>(lag / std::chrono::milliseconds(1));
  ++crowd.pulses;
  Note(crowd.feeders, pulse.platform_session);
  return true;
}

bool CountStale(Crowd& crowd, const Pulse& pulse) {
  if (!crowd.recent.Remember(pulse.id)) return false;
  ++crowd.pulses_stale;
  return true;
}

std::string StepCrowd(std::string_view bytes, uint32_t round, double decay_rate, double steps) {
  auto crowd = DecodeCrowd(bytes);
  if (!crowd.ok() || bytes.empty()) return {};
  crowd->mood = crowd->heard.empty() ? Fade(crowd->mood, decay_rate, steps) : MoodNow(*crowd);
  crowd->heard = {};
  for (Voice& voice : crowd->voices) StepVoice(voice, round, decay_rate, steps);
  return EncodeCrowd(*crowd);
}

}  // namespace streaming::blending
