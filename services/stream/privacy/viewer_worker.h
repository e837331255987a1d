// Forgets the viewers of sessions that are over, wherever they were ended. Looks at the database
// each second, on its own thread: no flush that waits for NATS keeps anybody remembered.
#pragma once
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/sessions/session_store.h"

namespace stream::privacy {

class ViewerWorker {
 public:
  // Both outlive it.
  ViewerWorker(sessions::SessionStore& sessions, ViewerRegistry& viewers,
               common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  // To be called when a session began to end.
  void Wake() { loop_.Wake(); }

 private:
  common::executor::Loop::Outcome Step();
  absl::Status ForgetEnded();

  sessions::SessionStore& sessions_;
  ViewerRegistry& viewers_;
  common::metrics::Gauge& remembered_;
  common::executor::Loop loop_;
};

}  // namespace stream::privacy
