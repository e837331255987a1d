// A Twitch and a YouTube in one process, and a control API to make things happen; see
// docs/platform_sim.md. All state is in memory and bounded.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/http/server.h"
#include "tests/platform_sim/apps.h"
#include "tests/platform_sim/crowd.h"
#include "tests/platform_sim/delivery.h"
#include "tests/platform_sim/faults.h"
#include "tests/platform_sim/google_oauth.h"
#include "tests/platform_sim/hub.h"
#include "tests/platform_sim/live_chat.h"
#include "tests/platform_sim/oauth.h"
#include "tests/platform_sim/quota.h"
#include "tests/platform_sim/settings.h"
#include "tests/platform_sim/subscriptions.h"
#include "tests/platform_sim/videos.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

struct SimOptions {
  uint16_t port = 0;
  bool allow_loopback_http = false;  // EventSub callbacks to this machine by plain HTTP, any port
  Settings settings = {};
  DeliveryOptions delivery = {};
  common::Clock clock = common::Now;  // for leases, tokens, quotas and chats
};

class PlatformSim {
 public:
  // Serves on 127.0.0.1. UNAVAILABLE when the port is taken.
  static absl::StatusOr<std::unique_ptr<PlatformSim>> Start(const SimOptions& options);
  ~PlatformSim();  // requests that hang are answered

  uint16_t port() const { return server_->port(); }
  DeliveryStats stats() const { return delivery_->stats(); }

 private:
  using Request = common::http::Request;
  using Response = common::http::Response;
  using Method = Response (PlatformSim::*)(const Request&);

  explicit PlatformSim(const SimOptions& options);
  std::vector<common::http::Route> Routes();
  // A route of a platform, which may be told to fail; its handler runs under the lock.
  common::http::Route On(std::string method, std::string pattern, Method handler);
  // A route of the control API, which answers though every request of the platforms hangs.
  common::http::Route OnControl(std::string method, std::string pattern, Method handler);
  // Counts the request. The answer of a fault, or nothing when the request is to be handled.
  std::optional<Response> TakeFault(const common::http::Route& route, const Request& request);

  // Twitch, in twitch_api.cc.
  Response Authorize(const Request& request);
  Response IssueToken(const Request& request);
  Response Validate(const Request& request);
  Response Revoke(const Request& request);
  Response Users(const Request& request);
  Response Streams(const Request& request);
  Response CreateSubscription(const Request& request);
  Response ListSubscriptions(const Request& request);
  Response DeleteSubscription(const Request& request);

  // Google and YouTube, in youtube_api.cc.
  Response AuthorizeAtGoogle(const Request& request);
  Response IssueGoogleToken(const Request& request);
  Response RevokeGoogleToken(const Request& request);
  Response ListChannels(const Request& request);
  Response ListVideos(const Request& request);
  Response ListBroadcasts(const Request& request);
  Response ListChatMessages(const Request& request);
  Response TakeHubRequest(const Request& request);

  // The control API: people and Twitch's channels, in control_api.cc;
  Response PutApp(const Request& request);
  Response PutUser(const Request& request);
  Response ExpireTokens(const Request& request);
  Response Disconnect(const Request& request);
  Response GoLive(const Request& request);
  Response GoOffline(const Request& request);
  Response Chat(const Request& request);
  Response Crowd(const Request& request);
  // everything else that happens on channels, in control_events.cc;
  Response HappenOnChannel(const Request& request);
  Response HappenAtTwitch(const User& broadcaster, Chatter actor, const Json& body);
  Response HappenInLiveChat(const Video& video, const Chatter& actor, const Json& body);
  Response GiveSubscriptions(const Request& request);
  Response PutViewers(const Request& request);
  Response RevokeByHand(const Request& request);
  // YouTube's videos, in control_videos.cc;
  Response PutVideo(const Request& request);
  Response StartVideo(const Request& request);
  Response EndVideo(const Request& request);
  Response DeleteVideo(const Request& request);
  // what goes wrong, and what can be seen, in control_faults.cc.
  Response Stats(const Request& request);
  Response PutSettings(const Request& request);
  Response ShowSettings(const Request& request);
  Response PutRouteFault(const Request& request);
  Response PutDeliveryFault(const Request& request);
  Response ShowFaults(const Request& request);
  Response ShowRequests(const Request& request);
  Response ShowQuota(const Request& request);
  Response ShowHub(const Request& request);
  Response ShowSubscriptions(const Request& request);

  common::Time Now() const { return clock_(); }

  // Lets a chatter say a text (with bits, at Twitch) after some time; returns the messages queued.
  using Speaker =
      std::function<size_t(const Chatter&, std::string_view, int64_t, std::chrono::milliseconds)>;
  // In the chat of a Twitch user, or of what a YouTube channel has live; empty when there is none.
  Speaker SpeakerOn(const std::string& channel);

  // The caller's token when it and the Client-Id header agree; else null and the answer in `error`.
  const Token* TwitchCaller(const Request& request, Response& error) const;
  // The caller's token when it may read YouTube and its client has the units left; else the same.
  const Token* YoutubeCaller(const Request& request, int64_t units, Response& error);

  void Challenge(const Subscription& subscription);
  void Verified(const std::string& subscription_id, bool passed);
  // Revokes what needed the grant; silently, when the client is not to hear of it.
  void RevokeSubscriptions(const std::string& client_id, const std::string& user_id, bool silently);
  // To one subscription, subject to the faults. True when it was queued.
  bool Send(const Subscription& subscription, const Json& event, std::chrono::milliseconds delay);
  bool SendRevocation(const Subscription& subscription);
  // To every subscription of the type about whom the event is. Returns how many were queued.
  size_t Notify(std::string_view type, const Json& event, std::chrono::milliseconds delay = {});

  void Verify(const HubRequest& request);
  void SettleHubRequest(const HubRequest& request, bool confirmed);
  // The feed of a video to everybody who wants its channel's. Returns how many were queued.
  size_t Publish(Video& video, bool deleted = false);

  const common::Clock clock_;
  std::mutex mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  Settings settings_;
  Apps apps_;
  World world_;
  OAuth oauth_;
  Subscriptions subscriptions_;
  GoogleOAuth google_;
  Quota quota_;
  Videos videos_;
  LiveChats chats_;
  Hub hub_;
  std::vector<std::string> faultable_;  // the patterns of the platforms' routes
  RouteFaults route_faults_;
  RequestCounts counts_;
  DeliveryFaults eventsub_faults_;
  DeliveryFaults websub_faults_;
  // They call into the above from their threads: started last, stopped first.
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<common::executor::Executor> executor_;
  std::unique_ptr<common::http::Server> server_;
};

}  // namespace platform_sim
