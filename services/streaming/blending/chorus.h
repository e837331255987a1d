// The voices of a real crowd, and who in an audience listens to whom.
//
// A viewer whom the stream daemon tells apart is a voice. Everybody in the audience listens to one
// of them and feels with it. One of the listeners stands for the voice (audience/seats.h), and
// nothing about that one is different: a seat that alone felt what its person feels would be found
// by whoever speaks to a rhythm and watches (docs/adr/0022).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::blending {

struct Voice {
  uint64_t id = 0;   // drawn anew for each session; tells nothing of the person
  Mood felt;         // by those who listen
  Heard heard;       // not felt yet
  uint8_t wait = 0;  // rounds until it is, once that is decided; 0 before
  bool operator==(const Voice&) const = default;
};

// Of one session, by ascending id. Cheap to copy.
class Chorus {
 public:
  Chorus() = default;
  explicit Chorus(std::vector<Voice> voices);

  bool empty() const { return voices_ == nullptr; }
  size_t size() const { return empty() ? 0 : voices_->size(); }
  const Voice& operator[](size_t i) const { return (*voices_)[i]; }

  // The position of the voice to which a member of the pool listens; there must be one. When a
  // voice comes, its listeners are all that change: the highest random weight decides (Thaler and
  // Ravishankar, "Using name-based mappings to increase hit rates", 1998). Takes a nanosecond or
  // two for each voice.
  size_t HeardBy(uint32_t member) const;

  // What a member of this personality feels with its voice: adds to its interest, -kPushMost to
  // kPushMost. 0 without voices.
  float PushOn(uint32_t member, pool::PersonalityMask personality) const;
  static constexpr float kPushMost = 0.1f;
  // No member's push is farther from 0.
  float MostPush() const { return empty() ? 0 : kPushMost; }
  // The sentiment that its voice lends to the member; nullopt while there is none strong enough.
  std::optional<Sentiment> FeelingOf(uint32_t member) const;

 private:
  std::shared_ptr<const std::vector<Voice>> voices_;  // null for none
};

// A round goes by: what was heard is felt after 0 to 2 rounds, by chance, and what nobody says any
// more fades (as Fade).
void StepVoice(Voice& voice, uint32_t round, double decay_rate, double steps);

// Nothing is felt or waits to be.
bool IsSilent(const Voice& voice);

// 65 bytes: id, 8; felt, 16; heard, 40; wait, 1.
void AppendVoice(std::string& out, const Voice& voice);
Voice TakeVoice(audience::ByteReader& reader);

}  // namespace streaming::blending
