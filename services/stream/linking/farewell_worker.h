// Says good-bye to platforms for links that are gone: deletes their subscriptions and revokes their
// tokens, again and again until it works, for at most a week.
#pragma once
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/linking/farewell_store.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/platforms/platforms_client.h"

namespace stream::linking {

class FarewellWorker {
 public:
  struct Parts {
    const platforms::Platforms& platforms;
    LinkStore& links;
    FarewellStore& farewells;
    common::mysql::Pool& locks;  // connections for nothing but locks
  };
  // `public_url` has no final slash.
  FarewellWorker(std::string public_url, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  // To be called when a link was taken away.
  void Wake() { loop_.Wake(); }

 private:
  common::executor::Loop::Outcome Step();
  absl::Status SayAllThatAreDue();
  absl::Status Say(const Farewell& farewell);
  absl::Status Revoke(platforms::PlatformClient& client, const Farewell& farewell);
  absl::Status SayToTwitch(const Farewell& farewell);
  absl::Status SayToYouTube(const Farewell& farewell);

  const std::string public_url_;
  const Parts parts_;
  common::metrics::Counter& done_;
  common::metrics::Counter& given_up_;
  common::executor::Loop loop_;
};

}  // namespace stream::linking
