// Twitch's side of PlatformSim: what its clients call, and what it tells them.
#include <utility>

#include "tests/platform_sim/envelopes.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"

namespace platform_sim {

using common::http::FindParam;
using common::http::Request;
using common::http::Response;

namespace {

// The platform takes the parameters of a form from the query, too.
std::optional<common::http::Params> FormOf(const Request& request) {
  auto form = common::http::FormDecode(request.body);
  if (form) form->insert(form->end(), request.query.begin(), request.query.end());
  return form;
}

}  // namespace

Response PlatformSim::Authorize(const Request& request) {
  const auto login = FindParam(request.query, "login");
  const User* const user = login ? world_.FindByLogin(*login) : world_.NextUser();
  return oauth_.Authorize(request.query, user, Now());
}

Response PlatformSim::IssueToken(const Request& request) {
  const auto form = FormOf(request);
  if (!form) return OAuthError(400, "invalid request");
  std::optional<std::pair<std::string, std::string>> killed;
  Response response = oauth_.IssueToken(*form, Now(), killed);
  if (killed) RevokeSubscriptions(killed->first, killed->second, /*silently=*/false);
  return response;
}

Response PlatformSim::Validate(const Request& request) {
  return oauth_.Validate(request.Header("Authorization"), Now());
}

Response PlatformSim::Revoke(const Request& request) {
  const auto form = FormOf(request);
  return form ? oauth_.Revoke(*form, Now()) : OAuthError(400, "invalid request");
}

Response PlatformSim::Users(const Request& request) {
  Response error;
  const Token* const token = TwitchCaller(request, error);
  return token == nullptr ? error : world_.Users(request.query, token->user_id);
}

Response PlatformSim::Streams(const Request& request) {
  Response error;
  return TwitchCaller(request, error) == nullptr ? error : world_.Streams(request.query);
}

Response PlatformSim::CreateSubscription(const Request& request) {
  Response error;
  const Token* const token = TwitchCaller(request, error);
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
  const Token* const token = TwitchCaller(request, error);
  return token == nullptr ? error : subscriptions_.List(*token, request.query);
}

Response PlatformSim::DeleteSubscription(const Request& request) {
  Response error;
  const Token* const token = TwitchCaller(request, error);
  if (token == nullptr) return error;
  return subscriptions_.Delete(*token, FindParam(request.query, "id").value_or(""));
}

const Token* PlatformSim::TwitchCaller(const Request& request, Response& error) const {
  const auto client_id = request.Header("Client-Id");
  if (!client_id) {
    error = HelixError(401, "Client ID is missing");
    return nullptr;
  }
  const Token* const token = oauth_.Find(request.Header("Authorization"), Now());
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
  Message message = MessageIn(
      std::make_shared<Envelope>(EnvelopeTo(subscription, "webhook_callback_verification")),
      subscription.callback, ChallengeBody(subscription, challenge));
  message.retried = false;
  message.done = [this, challenge, fails = eventsub_faults_.TakeFailedChallenge(),
                  id = subscription.id](const absl::StatusOr<Response>& answer) {
    Verified(id, !fails && answer.ok() && answer->status == 200 && answer->body == challenge);
  };
  delivery_->Enqueue(std::move(message), {});
}

void PlatformSim::Verified(const std::string& subscription_id, bool passed) {
  const std::lock_guard lock(mutex_);
  Subscription* const subscription = subscriptions_.Find(subscription_id);
  if (subscription == nullptr) return;  // deleted in the meantime
  subscription->status = passed ? "enabled" : "webhook_callback_verification_failed";
}

void PlatformSim::RevokeSubscriptions(const std::string& client_id, const std::string& user_id,
                                      bool silently) {
  for (const Subscription* subscription : subscriptions_.RevokeUser(client_id, user_id)) {
    if (!silently) SendRevocation(*subscription);
  }
}

bool PlatformSim::SendRevocation(const Subscription& subscription) {
  return delivery_->Enqueue(
      MessageIn(std::make_shared<Envelope>(EnvelopeTo(subscription, "revocation")),
                subscription.callback, RevocationBody(subscription)),
      {});
}

bool PlatformSim::Send(const Subscription& subscription, const Json& event,
                       std::chrono::milliseconds delay) {
  const DeliveryFaults::Plan plan = eventsub_faults_.Next();
  if (plan.drop) return false;
  Envelope envelope = EnvelopeTo(subscription, "notification");
  envelope.skew = plan.skew;
  if (plan.bad_signature) envelope.secret = common::config::Secret("another secret");
  const std::string body = NotificationBody(subscription, event);
  const auto message_in = [&, id = subscription.id](const std::shared_ptr<Envelope>& shared) {
    Message message = MessageIn(shared, subscription.callback, body);
    message.wanted = [this, id] {
      const std::lock_guard lock(mutex_);
      const Subscription* const found = subscriptions_.Find(id);
      return found != nullptr && found->status == "enabled";
    };
    return message;
  };
  const auto shared = std::make_shared<Envelope>(envelope);
  Message message = message_in(shared);
  if (plan.repeat) message.then.push_back(message_in(shared));
  if (plan.duplicate) message.then.push_back(message_in(std::make_shared<Envelope>(envelope)));
  if (!plan.hold) return delivery_->Enqueue(std::move(message), delay);
  auto released = eventsub_faults_.Hold(std::move(message));
  return !released || delivery_->Enqueue(*std::move(released), delay);
}

size_t PlatformSim::Notify(std::string_view type, const Json& event,
                           std::chrono::milliseconds delay) {
  size_t queued = 0;
  for (const Subscription* subscription : subscriptions_.Wanting(type, event)) {
    queued += Send(*subscription, event, delay);
  }
  return queued;
}

}  // namespace platform_sim
