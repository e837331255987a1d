// How buffered sentiments become an anonymous pulse.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/sentiment/sentiment.h"

namespace stream::pulses {

// A sentiment that waits for its pulse.
struct Entry {
  sentiment::Sentiment sentiment;
  std::optional<privacy::Tracked> tracked;
  uint64_t contributor = 0;  // random tag that counts heads; 0 counts as no head
  common::Time received;

  static Entry Of(sentiment::Sentiment felt, const privacy::Viewer& viewer, common::Time now) {
    return {felt, viewer.tracked, viewer.contributor, now};
  }
};

// The buffer's form: fixed size, nothing but numbers.
inline constexpr size_t kRecordBytes = 38;
std::string Encode(const Entry& entry);
std::optional<Entry> Decode(std::string_view record);

struct BatchRules {
  int min_batch = 5;
  int max_batch = 200;
  int min_contributors = 3;
  int max_per_contributor = 5;
  common::Duration max_hold = std::chrono::seconds(120);
};

struct Batch {
  std::vector<Entry> publish;  // shuffled, in steps; empty: nothing to publish now
  std::vector<Entry> hold;     // wait for more; in their old order
  int expired = 0;             // waited too long
  int overflow = 0;            // over a contributor's or the pulse's limit
  int below_bounds = 0;        // of a last flush that was too small to publish
};

// `last`: the session has ended, so that nothing can wait. `random` gives uniform bits.
Batch Assemble(std::vector<Entry> entries, const BatchRules& rules, common::Time now, bool last,
               const privacy::RandomBits& random);

// The nearest step of 0.05: what is published of an intensity.
float InSteps(float intensity);

// The start of the interval that `time` lies in.
common::Time CutToInterval(common::Time time, std::chrono::seconds interval);

}  // namespace stream::pulses
