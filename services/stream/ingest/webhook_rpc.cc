#include "services/stream/ingest/webhook_rpc.h"

#include "services/stream/errors.h"
#include "services/stream/privacy/wipe.h"

namespace stream::ingest {
namespace {

using common::Uuid;
using common::http::FindHeader;
using common::http::Request;
using common::http::Response;
using common::http::TextResponse;

constexpr size_t kMaxBodyBytes = 256 * 1024;

template <class Fields>
std::optional<TwitchHeaders> HeadersOf(const Fields& fields) {
  return ReadTwitchHeaders([&](std::string_view name) { return FindHeader(fields, name); });
}

Response ToHttp(const Answer& answer) {
  switch (answer.outcome) {
    case Outcome::kChallenged:
      return TextResponse(200, answer.challenge);
    case Outcome::kUnsigned:
    case Outcome::kStale:
      return common::http::ErrorResponse(403);
    case Outcome::kMalformed:
      return common::http::ErrorResponse(400);
    case Outcome::kUnavailable:
      return common::http::ErrorResponse(503);
    default:
      return {.status = 204};
  }
}

Response HandleHttp(TwitchWebhook& twitch, const Request& request) {
  std::optional<Uuid> link_id;
  if (!request.path_parameter.empty()) {
    link_id = Uuid::Parse(request.path_parameter);
    if (!link_id) return common::http::ErrorResponse(404);
  }
  return ToHttp(twitch.Handle(HeadersOf(request.headers), request.body, link_id));
}

}  // namespace

absl::Status WebhookRpc::HandleTwitchWebhook(common::rpc::CallContext&,
                                             const v1::TwitchWebhookPayload& request,
                                             v1::HandleTwitchWebhookResponse& response) {
  const auto link_id = request.has_link_id() ? Uuid::Parse(request.link_id()) : std::nullopt;
  const Answer answer = twitch_.Handle(HeadersOf(request.headers()), request.body(), link_id);
  privacy::WipeReceived(request.body());
  switch (answer.outcome) {
    case Outcome::kChallenged:
      response.set_challenge(answer.challenge);
      return absl::OkStatus();
    case Outcome::kUnsigned:
      return common::errors::Make(kWebhookSignatureInvalid,
                                  "the message carries no valid signature");
    case Outcome::kStale:
      return common::errors::Make(kWebhookStale, "the message is too old or from the future");
    case Outcome::kMalformed:
      return common::errors::Make(kWebhookMalformed, "the body is not what its type promises");
    case Outcome::kUnavailable:
      return common::errors::Make(common::errors::kUnavailable, "the message was not stored");
    default:
      return absl::OkStatus();
  }
}

std::vector<common::http::Route> WebhookRoutes(TwitchWebhook& twitch) {
  const auto handler = [&twitch](const Request& request) { return HandleHttp(twitch, request); };
  std::vector<common::http::Route> routes;
  for (const char* pattern : {"/stream/webhook/twitch", "/stream/webhook/twitch/{linkId}"}) {
    routes.push_back({.method = "POST",
                      .pattern = pattern,
                      .handler = handler,
                      .max_body_bytes = kMaxBodyBytes,
                      .sensitive = true});
  }
  return routes;
}

}  // namespace stream::ingest
