// A Twitch in one process: OAuth, Helix and EventSub over webhooks, and a control API to make
// things happen. All state is in memory and bounded.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <absl/status/statusor.h>

#include "libs/common/http/server.h"
#include "tests/platform_sim/crowd.h"
#include "tests/platform_sim/delivery.h"
#include "tests/platform_sim/oauth.h"
#include "tests/platform_sim/subscriptions.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

struct SimOptions {
  uint16_t port = 0;
  bool allow_loopback_http = false;     // callbacks over plain HTTP to this machine
  size_t subscription_page_size = 100;  // as the platform's
  DeliveryOptions delivery = {};
};

class PlatformSim {
 public:
  // Serves on 127.0.0.1. UNAVAILABLE when the port is taken.
  static absl::StatusOr<std::unique_ptr<PlatformSim>> Start(SimOptions options);

  uint16_t port() const { return server_->port(); }
  DeliveryStats stats() const { return delivery_->stats(); }

 private:
  using Request = common::http::Request;
  using Response = common::http::Response;
  using Form = common::http::Params;

  explicit PlatformSim(const SimOptions& options);
  std::vector<common::http::Route> Routes();
  // A route whose handler runs under the lock.
  common::http::Route On(std::string method, std::string pattern,
                         Response (PlatformSim::*handler)(const Request&));

  Response Authorize(const Request& request);
  Response IssueToken(const Request& request);
  Response Validate(const Request& request);
  Response Revoke(const Request& request);
  Response Users(const Request& request);
  Response Streams(const Request& request);
  Response CreateSubscription(const Request& request);
  Response ListSubscriptions(const Request& request);
  Response DeleteSubscription(const Request& request);

  Response PutApp(const Request& request);
  Response PutUser(const Request& request);
  Response GoLive(const Request& request);
  Response GoOffline(const Request& request);
  Response Chat(const Request& request);
  Response Crowd(const Request& request);
  Response Disconnect(const Request& request);
  Response Stats(const Request& request);

  // The caller's token when it and the Client-Id header agree; else null and the answer in `error`.
  const Token* Caller(const Request& request, Response& error) const;
  void Challenge(const Subscription& subscription);
  void Verified(const std::string& subscription_id, bool passed);
  void AnnounceRevocations(const std::string& client_id, const std::string& user_id);
  // To every subscription of the type about the broadcaster. Returns how many were queued.
  size_t Notify(const char* type, const std::string& broadcaster_id, const Json& event,
                std::chrono::milliseconds delay = {});

  std::mutex mutex_;
  World world_;
  OAuth oauth_;
  Subscriptions subscriptions_;
  // They call into the above from their threads: started last, stopped first.
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<common::http::Server> server_;
};

}  // namespace platform_sim
