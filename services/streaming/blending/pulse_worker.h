// RealAudienceBlender: lets the pulses of real crowds move the mood of the sessions they belong to.
//
// Nothing here depends on the order of pulses or on how often one is delivered: the mood changes in
// the same step in which the pulse's id is remembered, and only then is the pulse acknowledged.
#pragma once
#include <array>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/blending/platform_session_store.h"

namespace streaming::blending {

// What became of a pulse.
enum class PulseOutcome : uint8_t {
  kApplied,
  kDuplicate,  // applied before
  kStale,      // older than kPulseAgeMax; a session counts its own
  kUnknown,    // of a platform session that nobody announced in time
  kForeign,    // of somebody who does not own the session
  kNoSession,  // feeds no session that is live
  kMalformed,
};
inline constexpr size_t kPulseOutcomes = 7;

inline constexpr std::chrono::minutes kPulseAgeMax{2};
// A platform session may be announced after its first pulse: so often and so late is one tried
// again before it counts as unknown. A minute in all.
inline constexpr std::chrono::seconds kUnknownPause{5};
inline constexpr uint64_t kUnknownDeliveriesMax = 12;

class PulseWorker {
 public:
  // Keeps the references. `voices_most`: MaxRealDerivedViewers.
  PulseWorker(audience::LiveStore& live, PlatformSessionStore& platform_sessions,
              common::metrics::Registry& metrics, uint32_t voices_most,
              common::Clock clock = common::Now);

  // Begins to read the consumer `streaming_blending` of the stream PULSES; as ConsumerLoop's.
  absl::Status Start(common::nats::JetStream& jetstream) { return consumer_.Start(jetstream); }
  void Stop() { consumer_.Stop(); }

  // What a pulse does that was published at this time; its `delivered`-th delivery. nullopt: try
  // again after kUnknownPause. An error is one of the stores, and the pulse should come again.
  absl::StatusOr<std::optional<PulseOutcome>> Handle(std::string_view payload,
                                                     common::Time published, uint64_t delivered);

 private:
  absl::Status Process(common::nats::Message& message);
  // Applies the pulse, or counts one that is stale.
  absl::StatusOr<PulseOutcome> Blend(const audience::LiveKey& key, const Pulse& pulse, bool stale,
                                     common::Time now);

  audience::LiveStore& live_;
  PlatformSessionStore& platform_sessions_;
  const uint32_t voices_most_;
  const common::Clock clock_;
  std::array<common::metrics::Counter*, kPulseOutcomes> outcomes_{};
  common::metrics::Histogram& lag_;
  common::metrics::Counter& voices_beyond_;
  common::nats::ConsumerLoop consumer_;
};

}  // namespace streaming::blending
