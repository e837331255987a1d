#include "services/streaming/careers/career_worker.h"

#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/trace/trace.h"

namespace streaming::careers {
namespace {

common::metrics::Counter& CounterOf(common::metrics::Registry& metrics, const char* result) {
  return metrics.GetCounter("streaming_career_sessions_total",
                            "Ended sessions put into their streamer's career, by result.",
                            {{"result", result}});
}

}  // namespace

CareerProgressionWorker::CareerProgressionWorker(CareerStore& store,
                                                 common::metrics::Registry& metrics,
                                                 Options options)
    : store_(store),
      applied_(CounterOf(metrics, "applied")),
      failed_(CounterOf(metrics, "failed")),
      options_(std::move(options)),
      loop_("careers", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome CareerProgressionWorker::Step() {
  const auto page = store_.ListUnapplied(cursor_, kPageMax);
  if (!page.ok()) return {kInterval, page.status()};
  absl::Status result;
  bool news = false;
  for (const common::Uuid& session : *page) {
    const common::trace::Scope scope(common::trace::NewRoot());
    const absl::StatusOr<int> applied = store_.ApplySession(session, options_.clock());
    if (applied.ok()) {
      applied_.Increment(*applied);
      news = news || *applied > 0;
      continue;
    }
    failed_.Increment();
    common::log::Warning("career.not_applied",
                         {{"session_id", session.ToString()},
                          {"problem", common::ToStd(applied.status().message())}});
    result.Update(applied.status());
  }
  if (news) options_.announce();
  const bool more = page->size() == static_cast<size_t>(kPageMax);
  cursor_ = more ? page->back() : common::Uuid();
  return {more ? common::Duration::zero() : kInterval, result};
}

}  // namespace streaming::careers
