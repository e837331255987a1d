// SentimentBatchPublisher: at every interval it turns what a session's buffer holds into a pulse;
// and it takes sessions that ended out of the world: last pulse, deleted buffer, news.
#pragma once
#include <functional>

#include <bannou/stream/v1/sentiment.pb.h>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/outbox/outbox.h"
#include "services/stream/privacy/returner_store.h"
#include "services/stream/pulses/buffer_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::pulses {

struct PublisherOptions {
  BatchRules rules;
  std::chrono::seconds interval{15};
};

class PublisherWorker {
 public:
  // Stores the event in JetStream under its id.
  using Publish = std::function<absl::Status(const common::outbox::Event&)>;

  struct Parts {
    sessions::SessionStore& sessions;
    BufferStore& buffer;
    privacy::ReturnerStore* returners = nullptr;  // null: nobody is recognised
    privacy::RandomBits random;
    Publish publish;
    std::function<void()> on_ended;  // told after a session's end was stored
  };
  PublisherWorker(PublisherOptions options, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  // To be called when a session began to end.
  void Wake() { loop_.Wake(); }

 private:
  common::executor::Loop::Outcome Step();
  absl::Status StepSession(const sessions::Session& session);
  absl::Status End(const sessions::Session& session);
  // One flush; false when none was due or another holds the claim, UNAVAILABLE while a pulse could
  // not be published.
  absl::StatusOr<bool> Flush(const sessions::Session& session, bool last);
  absl::Status PublishPending(const sessions::Session& session, const Claimed::Pending& pending);
  void Count(const Batch& batch);

  const PublisherOptions options_;
  const Parts parts_;
  common::metrics::Counter& published_;
  common::metrics::Counter& unconfirmed_;
  common::metrics::Counter& expired_;
  common::metrics::Counter& overflow_;
  common::metrics::Counter& below_bounds_;
  common::metrics::Counter& gave_way_;
  common::metrics::Gauge& live_;
  common::executor::Loop loop_;
};

// The published form: no contributor tags, no times of single sentiments.
bannou::stream::v1::SentimentPulse MakePulse(const sessions::Session& session,
                                             const common::Uuid& pulse_id,
                                             const std::vector<Entry>& entries, common::Time now,
                                             std::chrono::seconds interval);

}  // namespace stream::pulses
