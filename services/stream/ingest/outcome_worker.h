// What became of a platform's message: the answer to the platform, and a metric.
#pragma once
#include <array>
#include <string>

#include "libs/common/metrics/metrics.h"
#include "services/stream/platforms/platform.h"

namespace stream::ingest {

enum class Outcome {
  kAccepted,     // carried out, or queued
  kChallenged,   // answer with the challenge
  kIgnored,      // nobody's channel, or a type that means nothing to us yet: accepted
  kDuplicate,    // accepted
  kShed,         // too much chat: accepted
  kUnsigned,     // a header is missing, the signature is wrong, or we have no secret
  kStale,        // sent too far from now
  kMalformed,    // signed, but not what its type promises
  kUnavailable,  // not stored: send it again
};
inline constexpr int kOutcomes = 9;
inline constexpr const char* kOutcomeWords[kOutcomes] = {
    "accepted", "challenged", "ignored",   "duplicate",   "shed",
    "unsigned", "stale",      "malformed", "unavailable",
};

struct Answer {
  Outcome outcome = Outcome::kAccepted;
  std::string challenge = {};
};

// One platform's, by outcome.
class OutcomeCounters {
 public:
  OutcomeCounters(platforms::Platform platform, common::metrics::Registry& metrics) {
    for (int i = 0; i < kOutcomes; ++i) {
      counters_[static_cast<size_t>(i)] = &metrics.GetCounter(
          "stream_webhooks_total", "Platform messages, by what became of them.",
          {{"platform", std::string(WordOf(platform))}, {"outcome", kOutcomeWords[i]}});
    }
  }

  Answer Count(Answer answer) {
    counters_[static_cast<size_t>(answer.outcome)]->Increment();
    return answer;
  }

 private:
  std::array<common::metrics::Counter*, kOutcomes> counters_{};
};

}  // namespace stream::ingest
