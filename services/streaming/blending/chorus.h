// The voices of a real crowd, and who in an audience listens to whom.
//
// A viewer whom the stream daemon tells apart is a voice. Everybody in the audience listens to one
// of them and feels with it. Who stands for real viewers (audience/seats.h) is drawn apart from
// that: a seat that felt what its person says would be found by whoever speaks to a rhythm and
// watches, and one among the listeners by how few they are (docs/adr/0022).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::blending {

struct Voice {
  uint64_t id = 0;   // drawn anew for each session; tells nothing of the person
  Mood felt;         // by those who listen
  Heard heard;       // not felt yet
  uint8_t wait = 0;  // rounds until it is, drawn at the first step; 0 before
  bool operator==(const Voice&) const = default;
};

// A round goes by: what was heard is felt after 0 to 2 rounds, by chance, and what nobody says any
// more fades (as Fade).
void StepVoice(Voice& voice, uint32_t round, double decay_rate, double steps);

// Nothing is felt or waits to be.
bool IsSilent(const Voice& voice);

// 26 bytes, and 40 more when something was heard: id, 8; felt, 16; wait, 1; whether it was heard,
// 1; what, 40.
void AppendVoice(std::string& out, const Voice& voice);
Voice TakeVoice(audience::ByteReader& reader);

// The voices of one session. Cheap to copy.
class Chorus {
 public:
  Chorus() = default;
  // `secret` is the session's own.
  Chorus(std::vector<Voice> voices, uint64_t secret);

  bool empty() const { return voices_ == nullptr; }

  // What a member of this personality feels with its voice: adds to its interest, -kPushMost to
  // kPushMost. 0 without voices.
  float PushOn(uint32_t member, pool::PersonalityMask personality) const;
  static constexpr float kPushMost = 0.1f;
  // No member's push is farther from 0.
  float MostPush() const { return empty() ? 0 : kPushMost; }
  // The sentiment that its voice lends to the member; nullopt while there is none strong enough.
  std::optional<Sentiment> FeelingOf(uint32_t member) const;

 private:
  const Mood& FeltBy(uint32_t member) const;

  std::shared_ptr<const std::vector<Voice>> voices_;  // null for none
  uint64_t secret_ = 0;
};

// The bucket of a key, 0 to buckets - 1: all are equally likely, and one bucket more takes its
// share from each of the others and changes nothing else. `buckets` above 0. Lamping and Veach, "A
// fast, minimal memory, consistent hash algorithm", 2014.
uint32_t JumpHash(uint64_t key, uint32_t buckets);

}  // namespace streaming::blending
