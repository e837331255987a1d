// Looks after who may call while a daemon runs: takes over new token keys when their file changes,
// and keeps saying so when nobody has to show a token at all.
#pragma once
#include <optional>

#include "libs/common/base/time.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/key_file.h"
#include "libs/common/rpc/token.h"
#include "libs/common/runtime/settings.h"

namespace common::runtime {

class Auth {
 public:
  // Reads the key file. `metrics` outlives it.
  Auth(const ServerSettings& settings, metrics::Registry& metrics);

  const rpc::TokenVerifier& verifier() const { return verifier_; }

  // To be called about once a second, by one thread.
  void Tick(Time now);

 private:
  void ReadKeys();
  void WarnIfInsecure(Time now);

  const bool insecure_;
  rpc::TokenVerifier verifier_;
  std::optional<rpc::KeyFile> file_;
  Time next_warning_{};
  metrics::Gauge& keys_;
  metrics::Counter& used_;
  metrics::Counter& refused_;
};

}  // namespace common::runtime
