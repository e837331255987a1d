#include "tests/platform_sim/sim.h"

#include <utility>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

using common::http::Response;

namespace {

using common::http::FindParam;

constexpr size_t kMaxBodyBytes = 64 * 1024;
constexpr size_t kMaxLines = 100;  // of one chat call
constexpr size_t kMaxBadges = 10;
constexpr size_t kMaxRedirects = 10;
constexpr int kIoThreads = 2;
constexpr int64_t kFirstStreamId = 318'701'440'000;

Response NotFound() { return common::http::ErrorResponse(404); }
Response Malformed() { return common::http::ErrorResponse(400); }

// The texts of a member that is a list of at most `max`; nullopt when it is anything else.
std::optional<std::vector<std::string>> TextsOf(const Json& object, const char* key, size_t max) {
  const auto found = object.find(key);
  std::vector<std::string> texts;
  if (found == object.end()) return texts;
  if (!found->is_array() || found->size() > max) return std::nullopt;
  for (const Json& text : *found) {
    if (!text.is_string()) return std::nullopt;
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Response Queued(size_t count) { return Answer(202, {{"queued", count}}); }

}  // namespace

absl::StatusOr<std::unique_ptr<PlatformSim>> PlatformSim::Start(SimOptions options) {
  std::unique_ptr<PlatformSim> sim(new PlatformSim(options));
  auto server =
      common::http::Server::Start({.port = options.port, .io_threads = kIoThreads}, sim->Routes());
  if (!server.ok()) return server.status();
  sim->server_ = *std::move(server);
  return sim;
}

PlatformSim::PlatformSim(const SimOptions& options)
    : subscriptions_(options.allow_loopback_http, options.subscription_page_size),
      delivery_(std::make_unique<Delivery>(options.delivery, [this](const std::string& id) {
        const std::lock_guard lock(mutex_);
        const Subscription* const subscription = subscriptions_.Find(id);
        return subscription != nullptr && subscription->status == "enabled";
      })) {}

std::vector<common::http::Route> PlatformSim::Routes() {
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
      On("POST", "/sim/apps", &Sim::PutApp),
      On("POST", "/sim/users", &Sim::PutUser),
      On("POST", "/sim/users/{id}/disconnect", &Sim::Disconnect),
      On("POST", "/sim/channels/{id}/live", &Sim::GoLive),
      On("POST", "/sim/channels/{id}/offline", &Sim::GoOffline),
      On("POST", "/sim/channels/{id}/chat", &Sim::Chat),
      On("POST", "/sim/channels/{id}/crowd", &Sim::Crowd),
      On("GET", "/sim/stats", &Sim::Stats),
  };
}

common::http::Route PlatformSim::On(std::string method, std::string pattern,
                                    Response (PlatformSim::*handler)(const Request&)) {
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

Response PlatformSim::Authorize(const Request& request) {
  const auto login = FindParam(request.query, "login");
  const User* const user = login ? world_.FindByLogin(*login) : world_.NextUser();
  return oauth_.Authorize(request.query, user, common::Now());
}

Response PlatformSim::IssueToken(const Request& request) {
  // The platform takes the parameters from either place.
  auto form = common::http::FormDecode(request.body);
  if (!form) return Malformed();
  form->insert(form->end(), request.query.begin(), request.query.end());
  std::optional<std::pair<std::string, std::string>> killed;
  Response response = oauth_.IssueToken(*form, common::Now(), killed);
  if (killed) AnnounceRevocations(killed->first, killed->second);
  return response;
}

Response PlatformSim::Validate(const Request& request) {
  return oauth_.Validate(request.Header("Authorization"), common::Now());
}

Response PlatformSim::Revoke(const Request& request) {
  const auto form = common::http::FormDecode(request.body);
  return form ? oauth_.Revoke(*form, common::Now()) : Malformed();
}

Response PlatformSim::Users(const Request& request) {
  Response error;
  const Token* const token = Caller(request, error);
  return token == nullptr ? error : world_.Users(request.query, token->user_id);
}

Response PlatformSim::Streams(const Request& request) {
  Response error;
  return Caller(request, error) == nullptr ? error : world_.Streams(request.query);
}

Response PlatformSim::CreateSubscription(const Request& request) {
  Response error;
  const Token* const token = Caller(request, error);
  if (token == nullptr) return error;
  const auto body = ParseObject(request.body);
  if (!body) return HelixError(400, "invalid body");
  std::string created;
  Response response =
      subscriptions_.Create(*token, *body, oauth_, std::chrono::system_clock::now(), created);
  if (!created.empty()) Challenge(*subscriptions_.Find(created));
  return response;
}

Response PlatformSim::ListSubscriptions(const Request& request) {
  Response error;
  const Token* const token = Caller(request, error);
  return token == nullptr ? error : subscriptions_.List(*token, request.query);
}

Response PlatformSim::DeleteSubscription(const Request& request) {
  Response error;
  const Token* const token = Caller(request, error);
  if (token == nullptr) return error;
  return subscriptions_.Delete(*token, FindParam(request.query, "id").value_or(""));
}

Response PlatformSim::PutApp(const Request& request) {
  const auto body = ParseObject(request.body);
  auto redirects = body ? TextsOf(*body, "redirects", kMaxRedirects) : std::nullopt;
  if (!redirects || TextOf(*body, "client_id").empty() || TextOf(*body, "client_secret").empty()) {
    return Malformed();
  }
  const bool put =
      oauth_.PutApp({.client_id = TextOf(*body, "client_id"),
                     .client_secret = common::config::Secret(TextOf(*body, "client_secret")),
                     .redirects = *std::move(redirects)});
  return put ? Answer(201, {{"client_id", TextOf(*body, "client_id")}}) : Malformed();
}

Response PlatformSim::PutUser(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  const User* const user = world_.AddUser(TextOf(*body, "id"), TextOf(*body, "login"),
                                          TextOf(*body, "display_name"), common::Now());
  if (user == nullptr) return Answer(409, {{"error", "no login, or a login or id that is taken"}});
  return Answer(201,
                {{"id", user->id}, {"login", user->login}, {"display_name", user->display_name}});
}

Response PlatformSim::GoLive(const Request& request) {
  User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  if (user->live) return Answer(409, {{"error", "already live"}});
  const common::Time now = common::Now();
  user->live = {.id = std::to_string(kFirstStreamId + common::ToMicros(now) % 1'000'000'000),
                .title = TextOf(*body, "title"),
                .viewer_count = NumberOf(*body, "viewer_count", 0, 0, 10'000'000),
                .started_at = now};
  const size_t queued = Notify("stream.online", user->id, OnlineEvent(*user));
  return Answer(202, {{"stream_id", user->live->id}, {"queued", queued}});
}

Response PlatformSim::GoOffline(const Request& request) {
  User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  if (!user->live) return Answer(409, {{"error", "not live"}});
  user->live.reset();
  return Queued(Notify("stream.offline", user->id, OfflineEvent(*user)));
}

Response PlatformSim::Chat(const Request& request) {
  const User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  const auto body = ParseObject(request.body);
  const auto lines = body ? TextsOf(*body, "lines", kMaxLines) : std::nullopt;
  auto badges = body ? TextsOf(*body, "badges", kMaxBadges) : std::nullopt;
  if (!lines || !badges || TextOf(*body, "login").empty()) return Malformed();
  Chatter chatter{.user_id = TextOf(*body, "user_id"),
                  .login = TextOf(*body, "login"),
                  .display_name = TextOf(*body, "display_name"),
                  .badges = *std::move(badges)};
  if (chatter.display_name.empty()) chatter.display_name = chatter.login;
  if (chatter.user_id.empty()) {
    // The same login must be the same person in every call.
    chatter.user_id =
        std::to_string(800'000'000 + std::hash<std::string>()(chatter.login) % 99'999'999);
  }
  const int64_t bits = NumberOf(*body, "bits", 0, 0, 1'000'000);
  size_t queued = 0;
  for (const std::string& line : *lines) {
    queued += Notify("channel.chat.message", user->id,
                     ChatEvent(*user, chatter, line, bits, common::Uuid::V4().ToString()));
  }
  return Queued(queued);
}

Response PlatformSim::Crowd(const Request& request) {
  const User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  const auto body = ParseObject(request.body);
  const auto mood = body ? ParseMood(TextOf(*body, "mood")) : std::nullopt;
  if (!mood) return Malformed();
  const CrowdScript script{
      .chatters = NumberOf(*body, "chatters", 50, 1, kMaxChatters),
      .messages_per_second = NumberOf(*body, "messages_per_second", 5, 1, kMaxMessagesPerSecond),
      .seconds = NumberOf(*body, "seconds", 10, 1, kMaxCrowdSeconds),
      .mood = *mood,
      .seed = static_cast<uint64_t>(NumberOf(*body, "seed", 1, 0, INT64_MAX))};
  if (script.messages_per_second * script.seconds > kMaxCrowdMessages) return Malformed();
  size_t queued = 0;
  for (const CrowdLine& line : WriteCrowd(script)) {
    queued += Notify(
        "channel.chat.message", user->id,
        ChatEvent(*user, CrowdChatter(line.chatter), line.text, 0, common::Uuid::V4().ToString()),
        line.at);
  }
  return Queued(queued);
}

Response PlatformSim::Disconnect(const Request& request) {
  const auto body = ParseObject(request.body);
  const std::string client_id = body ? TextOf(*body, "client_id") : "";
  if (!oauth_.EndGrant(client_id, request.path_parameter)) return NotFound();
  AnnounceRevocations(client_id, request.path_parameter);
  return Answer(202, Json::object());
}

Response PlatformSim::Stats(const Request&) {
  const DeliveryStats stats = delivery_->stats();
  return Answer(200, {{"sent", stats.sent},
                      {"accepted", stats.accepted},
                      {"rejected", stats.rejected},
                      {"retried", stats.retried},
                      {"dropped", stats.dropped},
                      {"pending", stats.pending}});
}

const Token* PlatformSim::Caller(const Request& request, Response& error) const {
  const auto client_id = request.Header("Client-Id");
  if (!client_id) {
    error = HelixError(401, "Client ID is missing");
    return nullptr;
  }
  const Token* const token = oauth_.Find(request.Header("Authorization"), common::Now());
  if (token == nullptr) {
    error = HelixError(401, "Invalid OAuth token");
  } else if (token->client_id != *client_id) {
    error = HelixError(401, "Client ID and OAuth token do not match");
    return nullptr;
  }
  return token;
}

void PlatformSim::Challenge(const Subscription& subscription) {
  const std::string challenge = RandomToken(32);
  Message message = MessageTo(subscription, "webhook_callback_verification",
                              ChallengeBody(subscription, challenge));
  message.done = [this, challenge, id = subscription.id](const absl::StatusOr<Response>& answer) {
    Verified(id, answer.ok() && answer->status == 200 && answer->body == challenge);
  };
  delivery_->Enqueue(std::move(message), {});
}

void PlatformSim::Verified(const std::string& subscription_id, bool passed) {
  const std::lock_guard lock(mutex_);
  Subscription* const subscription = subscriptions_.Find(subscription_id);
  if (subscription == nullptr) return;  // deleted in the meantime
  subscription->status = passed ? "enabled" : "webhook_callback_verification_failed";
}

void PlatformSim::AnnounceRevocations(const std::string& client_id, const std::string& user_id) {
  for (const Subscription* subscription : subscriptions_.RevokeUser(client_id, user_id)) {
    delivery_->Enqueue(MessageTo(*subscription, "revocation", RevocationBody(*subscription)), {});
  }
}

size_t PlatformSim::Notify(const char* type, const std::string& broadcaster_id, const Json& event,
                           std::chrono::milliseconds delay) {
  size_t queued = 0;
  for (const Subscription* subscription : subscriptions_.Wanting(type, broadcaster_id)) {
    queued += delivery_->Enqueue(
        MessageTo(*subscription, "notification", NotificationBody(*subscription, event)), delay);
  }
  return queued;
}

}  // namespace platform_sim
