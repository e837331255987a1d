#include "services/streaming/blending/chorus.h"

#include <algorithm>

#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

constexpr float kStrong = 0.2f;  // a level that shows in the faces of those who listen
constexpr uint32_t kDelays = 3;  // 0, 1 and 2 rounds

}  // namespace

Chorus::Chorus(std::vector<Voice> voices) {
  if (voices.empty()) return;
  voices_ = std::make_shared<const std::vector<Voice>>(std::move(voices));
}

size_t Chorus::HeardBy(uint32_t member) const {
  size_t best = 0;
  uint64_t highest = 0;
  for (size_t i = 0; i < voices_->size(); ++i) {
    const uint64_t weight = audience::Extend((*voices_)[i].id, member);
    if (weight < highest) continue;
    highest = weight;
    best = i;
  }
  return best;
}

// Half of what a whole crowd's mood does.
float Chorus::PushOn(uint32_t member, pool::PersonalityMask personality) const {
  if (empty()) return 0;
  return kPushMost / kMoodPushMost * MoodPush((*this)[HeardBy(member)].felt, personality);
}

std::optional<Sentiment> Chorus::FeelingOf(uint32_t member) const {
  if (empty()) return std::nullopt;
  const Mood& felt = (*this)[HeardBy(member)].felt;
  const Sentiment strongest = Dominant(felt);
  if (felt.levels[static_cast<size_t>(strongest)] < kStrong) return std::nullopt;
  return strongest;
}

void StepVoice(Voice& voice, uint32_t round, double decay_rate, double steps) {
  if (voice.heard.empty()) {
    voice.felt = Fade(voice.felt, decay_rate, steps);
    return;
  }
  if (voice.wait == 0) {
    const uint64_t draw = audience::Random(voice.id, audience::Draw::kVoiceDelay, round);
    voice.wait = static_cast<uint8_t>(1 + audience::Below(draw, kDelays));
  }
  if (--voice.wait > 0) return;
  voice.felt = Blend(voice.felt, voice.heard);
  voice.heard = {};
}

bool IsSilent(const Voice& voice) { return voice.heard.empty() && IsFaded(voice.felt); }

void AppendVoice(std::string& out, const Voice& voice) {
  audience::PutLittleEndian(out, voice.id, 8);
  AppendFineMood(out, voice.felt);
  voice.heard.Append(out);
  audience::PutLittleEndian(out, voice.wait, 1);
}

Voice TakeVoice(audience::ByteReader& reader) {
  Voice voice;
  voice.id = reader.Take(8);
  voice.felt = TakeFineMood(reader);
  voice.heard = Heard::Take(reader);
  voice.wait = static_cast<uint8_t>(reader.Take(1));
  return voice;
}

}  // namespace streaming::blending
