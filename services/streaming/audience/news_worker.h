// Publishes the news of who joined and left. Nobody waits for it and nothing repeats it: a message
// that the server did not get is gone.
#pragma once
#include <chrono>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/outbox/bus.h"
#include "services/streaming/audience/news_store.h"

namespace streaming::audience {

class NewsWorker {
 public:
  // Keeps the references. To be started after the bus.
  NewsWorker(NewsQueue& news, common::outbox::Bus& bus, common::metrics::Registry& metrics,
             common::Clock clock);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // Publishes what waits, at most kBatch. Returns how many.
  size_t RunOnce();

  static constexpr size_t kBatch = 500;

 private:
  NewsQueue& news_;
  common::outbox::Bus& bus_;
  const common::Clock clock_;
  common::executor::Loop loop_;
};

}  // namespace streaming::audience
