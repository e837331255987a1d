#include "services/streaming/hype/hype_worker.h"

#include "libs/common/base/status.h"
#include "services/streaming/audience/shards_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::hype {
namespace {

common::Uuid IdOf(const audience::LiveKey& session, const Train& train) {
  return HypeId(session.session, train.ordinal, train.started_at);
}

}  // namespace

HypeWorker::HypeWorker(audience::LiveStore& live, HypeStore& store, pool::PoolStore& pools,
                       common::metrics::Registry& metrics, Options options)
    : live_(live),
      store_(store),
      pools_(pools),
      options_(std::move(options)),
      running_(metrics.GetGauge("streaming_hype_trains",
                                "Hype trains that run by the record, of all instances.")),
      loop_("hype", metrics, [this]() -> common::executor::Loop::Outcome {
        return {options_.interval, RunOnce()};
      }) {}

absl::Status HypeWorker::RunOnce() {
  // The order matters. A train that the record holds to be running and that Redis does not know any
  // more has either completed, and then its transition waits in a list and is relayed here, or was
  // lost with its session, and then nothing waits.
  ASSIGN_OR_RETURN(const std::vector<OpenTrain> open, store_.ListOpen());
  running_.Set(static_cast<double>(open.size()));
  const common::Time now = options_.clock();
  std::vector<OpenTrain> unknown;
  absl::Status first_error;
  for (const OpenTrain& train : open) {
    const absl::StatusOr<bool> known = Look(train, now);
    first_error.Update(known.status());
    if (known.ok() && !*known) unknown.push_back(train);
  }
  ASSIGN_OR_RETURN(const std::vector<audience::Shard> shards, audience::ShardsOf(pools_));
  ASSIGN_OR_RETURN(const int relayed, store_.Relay(shards));
  for (const OpenTrain& train : unknown) RETURN_IF_ERROR(store_.CompleteLost(train, now));
  if (relayed > 0 || !unknown.empty()) options_.announce();
  return first_error;
}

absl::StatusOr<bool> HypeWorker::Look(const OpenTrain& train, common::Time now) {
  const absl::StatusOr<audience::LiveSession> session = live_.Load(train.session);
  if (common::errors::Is(session.status(), kSessionNotLive)) return false;
  RETURN_IF_ERROR(session.status());
  ASSIGN_OR_RETURN(const State state, StateOf(session->hype));
  if (!state.train || IdOf(train.session, *state.train) != train.id) return false;
  if (state.train->expires_at > now) return true;
  const auto expired =
      live_.Update(train.session, now,
                   [&](const audience::LiveSession& current) -> absl::StatusOr<audience::Change> {
                     audience::Change change(current);
                     change.command = "hype expires";
                     RETURN_IF_ERROR(Expire(ForStreamer(options_.settings, current.state),
                                            current.key.session, now, change)
                                         .status());
                     return change;
                   });
  // A sealed session is ending and takes its train with it; the next look sees it gone.
  if (common::errors::Is(expired.status(), kSessionNotLive)) return true;
  RETURN_IF_ERROR(expired.status());
  return true;
}

}  // namespace streaming::hype
