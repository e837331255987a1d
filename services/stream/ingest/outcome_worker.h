// What became of a platform's message: the answer to the platform, and a metric.
#pragma once
#include <array>
#include <string>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/ingest/crowd_store.h"
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

// Of something that was to be stored, and could not be.
inline Outcome OutcomeOf(const absl::Status& status) {
  common::log::Warning("webhook.failed", {{"problem", common::ToStd(status.message())}});
  return Outcome::kUnavailable;
}
// Of something that happens once: whether this was the time.
inline Outcome OutcomeOf(bool first) { return first ? Outcome::kAccepted : Outcome::kDuplicate; }
inline Outcome OutcomeOf(CrowdStore::Put put) {
  if (put == CrowdStore::Put::kDone) return Outcome::kAccepted;
  return put == CrowdStore::Put::kDuplicate ? Outcome::kDuplicate : Outcome::kIgnored;
}

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
