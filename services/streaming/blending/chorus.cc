#include "services/streaming/blending/chorus.h"

#include <algorithm>

#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

constexpr float kStrong = 0.2f;  // a level that shows in the faces of those who listen
constexpr uint32_t kDelays = 3;  // 0, 1 and 2 rounds

}  // namespace

uint32_t JumpHash(uint64_t key, uint32_t buckets) {
  int64_t bucket = -1;
  for (int64_t next = 0; next < buckets;) {
    bucket = next;
    key = key * 2862933555777941757ull + 1;
    next = static_cast<int64_t>(static_cast<double>(bucket + 1) * 0x1.0p31 /
                                static_cast<double>((key >> 33) + 1));
  }
  return static_cast<uint32_t>(bucket);
}

Chorus::Chorus(std::vector<Voice> voices, uint64_t secret) : secret_(secret) {
  if (voices.empty()) return;
  voices_ = std::make_shared<const std::vector<Voice>>(std::move(voices));
}

const Mood& Chorus::FeltBy(uint32_t member) const {
  const uint64_t key = audience::Random(secret_, audience::Draw::kListening, member);
  return (*voices_)[JumpHash(key, static_cast<uint32_t>(voices_->size()))].felt;
}

// At most half of what a whole crowd's mood does.
float Chorus::PushOn(uint32_t member, pool::PersonalityMask personality) const {
  if (empty()) return 0;
  return kPushMost / kMoodPushMost * MoodPush(FeltBy(member), personality);
}

std::optional<Sentiment> Chorus::FeelingOf(uint32_t member) const {
  if (empty()) return std::nullopt;
  const Mood& felt = FeltBy(member);
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
  audience::PutLittleEndian(out, voice.wait, 1);
  audience::PutLittleEndian(out, !voice.heard.empty(), 1);
  if (!voice.heard.empty()) voice.heard.Append(out);
}

Voice TakeVoice(audience::ByteReader& reader) {
  Voice voice;
  voice.id = reader.Take(8);
  voice.felt = TakeFineMood(reader);
  voice.wait = static_cast<uint8_t>(reader.Take(1));
  if (reader.Take(1) != 0) voice.heard = Heard::Take(reader);
  return voice;
}

}  // namespace streaming::blending
