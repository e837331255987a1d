#include "tests/platform_sim/sim.h"

#include <utility>

namespace platform_sim {

using common::http::Request;
using common::http::Response;
using common::http::Route;

namespace {

constexpr size_t kMaxBodyBytes = 64 * 1024;
constexpr int kIoThreads = 2;
// As many requests can hang at once as there are threads; the rest wait their turn.
constexpr size_t kThreads = 32;
constexpr size_t kMaxQueued = 1'000;

}  // namespace

absl::StatusOr<std::unique_ptr<PlatformSim>> PlatformSim::Start(const SimOptions& options) {
  std::unique_ptr<PlatformSim> sim(new PlatformSim(options));
  auto server = common::http::Server::Start(
      {.port = options.port,
       .io_threads = kIoThreads,
       .executor =
           [executor = sim->executor_.get()](std::function<void()> work) {
             return executor->TrySubmit(std::move(work));
           }},
      sim->Routes());
  if (!server.ok()) return server.status();
  sim->server_ = *std::move(server);
  return sim;
}

PlatformSim::PlatformSim(const SimOptions& options)
    : clock_(options.clock),
      settings_(options.settings),
      oauth_(apps_, settings_),
      subscriptions_(options.allow_loopback_http, settings_),
      google_(apps_, settings_),
      delivery_(std::make_unique<Delivery>(options.delivery)),
      executor_(std::make_unique<common::executor::Executor>(kThreads, kMaxQueued)) {}

PlatformSim::~PlatformSim() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopping_changed_.notify_all();
}

std::vector<Route> PlatformSim::Routes() {
  using Sim = PlatformSim;
  constexpr const char* kSubscriptions = "/helix/eventsub/subscriptions";
  return {
      On("GET", "/oauth2/authorize", &Sim::Authorize),
      On("POST", "/oauth2/token", &Sim::IssueToken),
      On("GET", "/oauth2/validate", &Sim::Validate),
      On("POST", "/oauth2/revoke", &Sim::Revoke),
      On("GET", "/helix/users", &Sim::Users),
      On("GET", "/helix/streams", &Sim::Streams),
      On("POST", kSubscriptions, &Sim::CreateSubscription),
      On("GET", kSubscriptions, &Sim::ListSubscriptions),
      On("DELETE", kSubscriptions, &Sim::DeleteSubscription),

      On("GET", "/o/oauth2/v2/auth", &Sim::AuthorizeAtGoogle),
      On("POST", "/token", &Sim::IssueGoogleToken),
      On("POST", "/revoke", &Sim::RevokeGoogleToken),
      On("GET", "/youtube/v3/channels", &Sim::ListChannels),
      On("GET", "/youtube/v3/videos", &Sim::ListVideos),
      On("GET", "/youtube/v3/liveBroadcasts", &Sim::ListBroadcasts),
      On("GET", "/youtube/v3/liveChat/messages", &Sim::ListChatMessages),
      On("POST", "/subscribe", &Sim::TakeHubRequest),

      OnControl("POST", "/sim/apps", &Sim::PutApp),
      OnControl("POST", "/sim/users", &Sim::PutUser),
      OnControl("POST", "/sim/users/{id}/expire", &Sim::ExpireTokens),
      OnControl("POST", "/sim/users/{id}/disconnect", &Sim::Disconnect),
      OnControl("POST", "/sim/channels/{id}/live", &Sim::GoLive),
      OnControl("POST", "/sim/channels/{id}/offline", &Sim::GoOffline),
      OnControl("POST", "/sim/channels/{id}/chat", &Sim::Chat),
      OnControl("POST", "/sim/channels/{id}/crowd", &Sim::Crowd),
      OnControl("POST", "/sim/channels/{id}/events", &Sim::HappenOnChannel),
      OnControl("POST", "/sim/channels/{id}/gifts", &Sim::GiveSubscriptions),
      OnControl("POST", "/sim/channels/{id}/viewers", &Sim::PutViewers),
      OnControl("POST", "/sim/revocations", &Sim::RevokeByHand),
      OnControl("POST", "/sim/videos", &Sim::PutVideo),
      OnControl("POST", "/sim/videos/{id}/live", &Sim::StartVideo),
      OnControl("POST", "/sim/videos/{id}/end", &Sim::EndVideo),
      OnControl("POST", "/sim/videos/{id}/delete", &Sim::DeleteVideo),
      OnControl("GET", "/sim/settings", &Sim::ShowSettings),
      OnControl("POST", "/sim/settings", &Sim::PutSettings),
      OnControl("GET", "/sim/faults", &Sim::ShowFaults),
      OnControl("POST", "/sim/faults", &Sim::PutRouteFault),
      OnControl("POST", "/sim/deliveries", &Sim::PutDeliveryFault),
      OnControl("GET", "/sim/stats", &Sim::Stats),
      OnControl("GET", "/sim/requests", &Sim::ShowRequests),
      OnControl("GET", "/sim/quota", &Sim::ShowQuota),
      OnControl("GET", "/sim/hub", &Sim::ShowHub),
      OnControl("GET", "/sim/eventsub", &Sim::ShowSubscriptions),
  };
}

Route PlatformSim::On(std::string method, std::string pattern, Method handler) {
  Route route{
      .method = std::move(method), .pattern = std::move(pattern), .max_body_bytes = kMaxBodyBytes};
  faultable_.push_back(route.pattern);
  route.handler = [this, handler, route](const Request& request) {
    if (auto failed = TakeFault(route, request)) return *std::move(failed);
    const std::lock_guard lock(mutex_);
    return (this->*handler)(request);
  };
  return route;
}

Route PlatformSim::OnControl(std::string method, std::string pattern, Method handler) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .handler =
              [this, handler](const Request& request) {
                const std::lock_guard lock(mutex_);
                return (this->*handler)(request);
              },
          .max_body_bytes = kMaxBodyBytes,
          .run_inline = true};
}

std::optional<Response> PlatformSim::TakeFault(const Route& route, const Request& request) {
  std::unique_lock lock(mutex_);
  counts_.Count(route.method, route.pattern, request.body);
  const auto fault = route_faults_.Take(route.method, route.pattern);
  if (!fault) return std::nullopt;
  stopping_changed_.wait_for(lock, fault->hang, [this] { return stopping_; });
  return fault->status == 0 ? std::nullopt : std::optional(AnswerOf(*fault));
}

}  // namespace platform_sim
