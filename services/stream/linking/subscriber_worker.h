// Asks the platforms for the events of links that have none yet: after linking, and after a failure
// until it works. A channel that is live already gets its session at once, because the news of it
// came before we listened.
#pragma once
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/platforms/platform_client.h"
#include "services/stream/sessions/session_store.h"

namespace stream::linking {

class SubscriberWorker {
 public:
  struct Parts {
    const platforms::Platforms& platforms;
    LinkStore& links;
    sessions::SessionStore& sessions;
    const Marks& marks;
    std::function<void()> on_opened;  // told after a session began
  };
  // `public_url` has no final slash.
  SubscriberWorker(std::string public_url, Parts parts, common::metrics::Registry& metrics)
      : public_url_(std::move(public_url)),
        parts_(std::move(parts)),
        loop_("subscriber", metrics, [this] { return Step(); }) {}

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  void Wake() { loop_.Wake(); }

 private:
  common::executor::Loop::Outcome Step();
  absl::Status SubscribePage();
  absl::Status Subscribe(const Link& link);
  absl::Status OpenIfLive(const Link& link, platforms::PlatformClient& client,
                          const privacy::PlatformUserId& user);

  const std::string public_url_;
  const Parts parts_;
  std::optional<common::Uuid> after_;  // the last link of a full page
  absl::Status problem_;               // the first one of this round
  std::chrono::seconds pause_{0};
  common::executor::Loop loop_;
};

}  // namespace stream::linking
