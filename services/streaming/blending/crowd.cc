#include "services/streaming/blending/crowd.h"

#include <algorithm>
#include <functional>
#include <set>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

using audience::ByteReader;
using audience::PutLittleEndian;

constexpr uint64_t kVersion = 2;
constexpr size_t kIdBytes = 16;
constexpr int64_t kNever = 0;

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

// The voice with this id, if it is one of those who are heard, or may become one; else null. The
// `room` lowest ids of those that come in a round may, in whatever order they come.
Voice* Admit(Crowd& crowd, uint64_t id, size_t room) {
  const auto known = std::ranges::find(crowd.voices, id, &Voice::id);
  if (known != crowd.voices.end()) return &*known;
  auto& newcomers = crowd.newcomers;
  const auto at = std::ranges::lower_bound(newcomers, id, {}, &Voice::id);
  if (at != newcomers.end() && at->id == id) return &*at;
  const auto position = at - newcomers.begin();
  if (static_cast<size_t>(position) >= room) return nullptr;
  newcomers.insert(at, {.id = id});
  newcomers.resize(std::min(newcomers.size(), room));
  return &newcomers[static_cast<size_t>(position)];
}

void HearVoices(Crowd& crowd, const Pulse& pulse, const Reception& reception) {
  const size_t taken = std::min<size_t>(crowd.voices.size(), reception.voices_most);
  std::set<uint64_t> speaking;
  for (const SentimentSample& sample : pulse.samples) {
    if (!sample.tracking_id) continue;
    const uint64_t id = VoiceId(*sample.tracking_id, reception.secret);
    const bool first = speaking.insert(id).second;
    Voice* voice = Admit(crowd, id, reception.voices_most - taken);
    if (voice == nullptr) continue;
    voice->heard.Add(sample.sentiment, sample.intensity);
    if (first) voice->heard.EndPulse();
  }
  for (const std::vector<Voice>* voices : {&crowd.voices, &crowd.newcomers}) {
    for (const Voice& voice : *voices) speaking.erase(voice.id);
  }
  crowd.voices_beyond = static_cast<uint32_t>(speaking.size());
}

void StepVoices(Crowd& crowd, const Passing& passing) {
  auto& voices = crowd.voices;
  voices.insert(voices.end(), crowd.newcomers.begin(), crowd.newcomers.end());
  crowd.newcomers.clear();
  // The setting may have been lowered.
  voices.resize(std::min<size_t>(voices.size(), passing.voices_most));
  for (Voice& voice : voices) {
    StepVoice(voice, passing.round, passing.decay_rate, passing.steps);
  }
  if (voices.size() == passing.voices_most) std::erase_if(voices, IsSilent);
}

void AppendVoices(std::string& bytes, const std::vector<Voice>& voices) {
  PutLittleEndian(bytes, voices.size(), 2);
  for (const Voice& voice : voices) AppendVoice(bytes, voice);
}

std::vector<Voice> TakeVoices(ByteReader& reader) {
  std::vector<Voice> voices;
  const size_t count = reader.Take(2);
  for (size_t i = 0; i < count && reader.ok(); ++i) voices.push_back(TakeVoice(reader));
  return voices;
}

template <typename T>
void TakeNumber(ByteReader& reader, T& number) {
  number = static_cast<T>(reader.Take(sizeof(T)));
}

}  // namespace

Crowd DecodeCrowd(std::string_view bytes) {
  Crowd crowd;
  ByteReader reader(bytes);
  reader.TakeBytes(kMoodBytes);
  if (reader.Take(1) != kVersion) return {};
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
  auto remembered = RecentPulses::Decode(reader.TakeBytes(recent * kIdBytes));
  crowd.voices = TakeVoices(reader);
  crowd.newcomers = TakeVoices(reader);
  if (feeders > kFeedersMax || !remembered.ok() || !reader.Complete()) return {};
  crowd.recent = *std::move(remembered);
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
  AppendVoices(bytes, crowd.voices);
  AppendVoices(bytes, crowd.newcomers);
  return bytes;
}

Mood MoodNow(const Crowd& crowd) { return Blend(crowd.mood, crowd.heard); }

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

std::string StepCrowd(std::string_view bytes, const Passing& passing) {
  if (bytes.empty()) return {};
  Crowd crowd = DecodeCrowd(bytes);
  if (crowd.heard.empty()) {
    crowd.mood = Fade(crowd.mood, passing.decay_rate, passing.steps);
    crowd.voices_beyond = 0;
  } else {
    crowd.mood = MoodNow(crowd);
  }
  crowd.heard = {};
  StepVoices(crowd, passing);
  return EncodeCrowd(crowd);
}

}  // namespace streaming::blending
