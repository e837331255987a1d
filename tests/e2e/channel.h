// A Twitch channel of platform_sim, linked through a stream daemon: what its owner and its viewers
// do. Whatever is refused on the way throws.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/http/client.h"
#include "libs/common/testing/eventually.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {

class Channel {
 public:
  // Linked already only if `account` has linked it through another daemon on the same database.
  explicit Channel(const PlatformSide& side, const common::Uuid& account = common::Uuid::V4())
      : account_(account),
        side_(side),
        stack_{.stream_grpc = side.daemon.grpc_address(),
               .streaming_grpc = side.daemon.grpc_address(),  // not called
               .auth_key = common::config::Secret(kAuthKey)},
        stubs_(stack_),
        owner_(MakeToken(stack_, account_, {"user"}, {})) {}

  const common::Uuid& account() const { return account_; }  // of its owner
  const std::string& user_id() const { return user_id_; }   // at the platform, once linked

  absl::StatusOr<bannou::stream::v1::LinkPlatformResponse> BeginLink(
      const std::string& callback_url = "") {
    bannou::stream::v1::LinkPlatformRequest request;
    request.set_account_id(account_.ToString());
    request.set_platform(bannou::stream::v1::STREAM_PLATFORM_TWITCH);
    if (!callback_url.empty()) request.set_callback_url(callback_url);
    return owner_.Call(stubs_.platforms, &Platforms::LinkPlatform, request);
  }
  // Links it and waits until its events arrive.
  void Link() {
    user_id_ = nlohmann::json::parse(Post("/sim/users", {{"login", login_}}))["id"];
    const auto begun = BeginLink();
    if (!begun.ok()) throw std::runtime_error("no link begins");
    if (Get(side_.Approve(begun->authorization_url(), login_)).status != 200) {
      throw std::runtime_error("the channel was not linked");
    }
    link_id_ = Links().value().platforms(0).link_id();
    Await([&] { return side_.HearsOf(link_id_); });
  }
  // In place of Link: a platform of the owner's own, and where it tells of its stream.
  bannou::stream::v1::LinkPlatformResponse LinkCustom() {
    bannou::stream::v1::LinkPlatformRequest request;
    request.set_account_id(account_.ToString());
    request.set_platform(bannou::stream::v1::STREAM_PLATFORM_CUSTOM);
    request.set_custom_rtmp_endpoint("rtmp://live.example.com/app/key");
    auto linked = owner_.Call(stubs_.platforms, &Platforms::LinkPlatform, request).value();
    link_id_ = linked.link_id();
    return linked;
  }
  absl::StatusOr<bannou::stream::v1::ListPlatformsResponse> Links() const {
    bannou::stream::v1::ListPlatformsRequest request;
    request.set_account_id(account_.ToString());
    return owner_.Call(stubs_.platforms, &Platforms::ListPlatforms, request);
  }

  // Returns the platform session's id.
  std::string GoLive() {
    PostToChannel("/live", nlohmann::json::object());
    Await([&] { return Sessions().sessions_size() == 1; });
    return Sessions().sessions(0).platform_session_id();
  }
  void GoOffline() {
    PostToChannel("/offline", nlohmann::json::object());
    Await([&] { return Sessions().sessions_size() == 0; });
  }
  bannou::stream::v1::ListPlatformSessionsResponse Sessions(bool ended = false, int limit = 100,
                                                            int offset = 0) const {
    bannou::stream::v1::ListPlatformSessionsRequest request;
    request.set_account_id(account_.ToString());
    request.set_include_ended(ended);
    request.set_limit(limit);
    request.set_offset(offset);
    return owner_.Call(stubs_.platform_sessions, &PlatformSessions::ListPlatformSessions, request)
        .value();
  }
  // By hand, though the platform did not announce it.
  absl::Status StartSession() const {
    bannou::stream::v1::StartPlatformSessionRequest request;
    request.set_link_id(link_id_);
    return owner_.Call(stubs_.platform_sessions, &PlatformSessions::StartPlatformSession, request)
        .status();
  }

  // What the pulses of a platform session name from now on: an in-game session, or none ("").
  absl::Status Associate(const std::string& session, const std::string& in_game_session) const {
    bannou::stream::v1::AssociateSessionRequest request;
    request.set_platform_session_id(session);
    if (!in_game_session.empty()) request.set_in_game_session_id(in_game_session);
    return owner_.Call(stubs_.platform_sessions, &PlatformSessions::AssociateSession, request)
        .status();
  }

  // Nothing is on its way to the daemon any more.
  void AwaitQuiet() const {
    Await([&] { return side_.IsQuiet(link_id_); });
  }

  // An event of any type at the channel, as POST /sim/channels/{id}/events takes it.
  void Happen(const std::string& type, nlohmann::json event = nlohmann::json::object()) const {
    event["type"] = type;
    PostToChannel("/events", event);
  }
  // Subscriptions are given, which Twitch tells of in a multitude of messages.
  void Gift(int total) const { PostToChannel("/gifts", {{"total", total}}); }

  // "/live" or "/offline", without waiting for what comes of it.
  void Do(const std::string& action) const { PostToChannel(action, nlohmann::json::object()); }

  // One person says one thing. A badge is subscriber, moderator or vip.
  void Chat(const std::string& login, const std::vector<std::string>& badges = {}) {
    PostToChannel("/chat", {{"login", login}, {"lines", {"love this"}}, {"badges", badges}});
  }

 private:
  using Platforms = bannou::stream::v1::PlatformService::Stub;
  using PlatformSessions = bannou::stream::v1::PlatformSessionService::Stub;

  static common::http::Response Get(const std::string& url) {
    return common::http::Client().Send({.url = url}).value();
  }
  std::string Post(const std::string& path, const nlohmann::json& body) const {
    const auto answer = side_.Sim(path, body);
    if (answer.status >= 300) throw std::runtime_error("platform_sim refuses " + path);
    return answer.body;
  }
  void PostToChannel(const std::string& action, const nlohmann::json& body) const {
    Post("/sim/channels/" + user_id_ + action, body);
  }
  static void Await(const std::function<bool()>& condition) {
    if (!common::testing::Eventually(condition)) throw std::runtime_error("waited in vain");
  }

  const common::Uuid account_;
  const PlatformSide& side_;
  const Stack stack_;
  const Stubs stubs_;
  const std::string login_ = "user_" + account_.ToString().substr(0, 8);
  const Caller owner_;
  std::string user_id_;
  std::string link_id_;
};

}  // namespace story
