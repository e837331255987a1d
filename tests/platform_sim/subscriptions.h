// EventSub subscriptions: what exists, who may create it, and in which state it is. Not
// thread-safe: PlatformSim holds the lock.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/config/secret.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/oauth.h"
#include "tests/platform_sim/settings.h"

namespace platform_sim {

struct Subscription {
  std::string id;
  std::string status;
  std::string type;
  std::string version;
  Json condition;
  std::string callback;
  common::config::Secret secret;
  std::string created_at;
  int cost = 0;
  std::string client_id;
};

// The object of API answers and message bodies. The two order their keys differently.
enum class KeyOrder { kApi, kMessage };
Json ToJson(const Subscription& subscription, KeyOrder order);

class Subscriptions {
 public:
  static constexpr size_t kMaxSubscriptions = 10'000;
  static constexpr size_t kMaxPerCondition = 3;  // of one type and condition

  // `allow_loopback_http`: callbacks may be plain HTTP to this machine on any port; otherwise only
  // HTTPS on port 443, as in reality.
  Subscriptions(bool allow_loopback_http, const Settings& settings)
      : allow_loopback_http_(allow_loopback_http), settings_(settings) {}

  // POST /helix/eventsub/subscriptions. `created` becomes the id of the new, pending subscription,
  // which now needs its challenge, and stays empty when the answer is an error.
  common::http::Response Create(const Token& token, const Json& request, const OAuth& oauth,
                                std::chrono::system_clock::time_point now, std::string& created);
  // GET, by `status`, `type`, `user_id` and `after`.
  common::http::Response List(const Token& token, const common::http::Params& query) const;
  // DELETE, by `id`.
  common::http::Response Delete(const Token& token, std::string_view id);

  Subscription* Find(std::string_view id);
  // All of all clients, each with its client_id.
  Json ToJson() const;
  // The enabled ones of the event's type, about whom it is.
  std::vector<const Subscription*> Wanting(std::string_view type, const Json& event) const;
  // Gives the status to the enabled ones that have the `id`, `type`, `client_id` and (somewhere in
  // their condition) `user_id` of `wanted`, as far as it has them; returns them.
  std::vector<const Subscription*> RevokeWhere(const Json& wanted, const std::string& status);
  // Marks what a user's withdrawn grant ends, and returns it: everything that names the user in its
  // condition and needs a scope.
  std::vector<const Subscription*> RevokeUser(const std::string& client_id,
                                              const std::string& user_id);

 private:
  bool IsCallbackAllowed(const std::string& callback) const;
  int TotalCost(const std::string& client_id) const;

  const bool allow_loopback_http_;
  const Settings& settings_;
  std::vector<Subscription> all_;  // in the order of creation
};

}  // namespace platform_sim
