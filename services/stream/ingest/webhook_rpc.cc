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
constexpr std::string_view kHubSignature = "X-Hub-Signature";

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

// The hub is not told which of its messages we believe: what is not signed is dropped.
Response ToHub(const Answer& answer) {
  if (answer.outcome == Outcome::kUnsigned) return {.status = 204};
  return ToHttp(answer);
}

// On a question, nothing but the challenge means yes.
Response ToAskingHub(const Answer& answer) {
  if (answer.outcome == Outcome::kIgnored) return common::http::ErrorResponse(404);
  return ToHttp(answer);
}

template <class Fields>
std::optional<HubQuestion> QuestionOf(const Fields& query) {
  return ReadHubQuestion([&](std::string_view name) { return FindHeader(query, name); });
}

Response HandleHttp(YouTubeWebhook& youtube, const Request& request) {
  const auto link_id = Uuid::Parse(request.path_parameter);
  if (!link_id) return common::http::ErrorResponse(404);
  if (request.method == "GET") {
    return ToAskingHub(youtube.Verify(QuestionOf(request.query), link_id));
  }
  return ToHub(youtube.Handle(request.Header(kHubSignature), request.body, link_id));
}

// The link that the path names, if it names one. False when what it names can be none.
bool ReadLinkId(const Request& request, std::optional<Uuid>& link_id) {
  link_id = Uuid::Parse(request.path_parameter);
  return link_id || request.path_parameter.empty();
}

Response HandleHttp(TwitchWebhook& twitch, const Request& request) {
  std::optional<Uuid> link_id;
  if (!ReadLinkId(request, link_id)) return common::http::ErrorResponse(404);
  return ToHttp(twitch.Handle(HeadersOf(request.headers), request.body, link_id));
}

std::optional<Response> HandleQuickly(TwitchWebhook& twitch, const Request& request) {
  std::optional<Uuid> link_id;
  if (!ReadLinkId(request, link_id)) return std::nullopt;
  const auto answer = twitch.HandleQuickly(HeadersOf(request.headers), request.body, link_id);
  return answer ? std::optional(ToHttp(*answer)) : std::nullopt;
}

template <class Fields>
std::optional<CustomHeaders> CustomHeadersOf(const Fields& fields) {
  return ReadCustomHeaders([&](std::string_view name) { return FindHeader(fields, name); });
}

Response HandleHttp(CustomWebhook& custom, const Request& request) {
  const auto link_id = Uuid::Parse(request.path_parameter);
  if (!link_id) return common::http::ErrorResponse(404);
  return ToHttp(custom.Handle(CustomHeadersOf(request.headers), request.body, *link_id));
}

absl::Status ToStatus(Outcome outcome) {
  switch (outcome) {
    case Outcome::kUnsigned:
      return common::errors::Make(kWebhookSignatureInvalid,
                                  "the message carries no valid signature");
    case Outcome::kStale:
      return common::errors::Make(kWebhookStale, "the message is too old or from the future");
    case Outcome::kMalformed:
      return common::errors::Make(kWebhookMalformed, "the body is not what its type promises");
    case Outcome::kUnavailable:
      return common::errors::Make(common::errors::kUnavailable, "the message was not carried out");
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::Status WebhookRpc::HandleTwitchWebhook(common::rpc::CallContext&,
                                             const v1::TwitchWebhookPayload& request,
                                             v1::HandleTwitchWebhookResponse& response) {
  const auto link_id = request.has_link_id() ? Uuid::Parse(request.link_id()) : std::nullopt;
  const Answer answer =
      webhooks_.twitch.Handle(HeadersOf(request.headers()), request.body(), link_id);
  privacy::WipeReceived(request.body());
  if (answer.outcome == Outcome::kChallenged) response.set_challenge(answer.challenge);
  return ToStatus(answer.outcome);
}

absl::Status WebhookRpc::HandleCustomWebhook(common::rpc::CallContext&,
                                             const v1::CustomWebhookPayload& request,
                                             v1::HandleCustomWebhookResponse&) {
  const Answer answer = webhooks_.custom.Handle(CustomHeadersOf(request.headers()), request.body(),
                                                *Uuid::Parse(request.link_id()));
  privacy::WipeReceived(request.body());
  return ToStatus(answer.outcome);
}

// What is not signed, or not wanted, is ignored with OK, as over HTTP.
absl::Status WebhookRpc::HandleYouTubeWebhook(common::rpc::CallContext&,
                                              const v1::YouTubeWebhookPayload& request,
                                              v1::HandleYouTubeWebhookResponse& response) {
  const auto link_id = request.has_link_id() ? Uuid::Parse(request.link_id()) : std::nullopt;
  YouTubeWebhook& youtube = webhooks_.youtube;
  const Answer answer =
      request.query().empty()
          ? youtube.Handle(FindHeader(request.headers(), kHubSignature), request.body(), link_id)
          : youtube.Verify(QuestionOf(request.query()), link_id);
  privacy::WipeReceived(request.body());
  if (answer.outcome == Outcome::kChallenged) response.set_challenge(answer.challenge);
  return answer.outcome == Outcome::kUnsigned ? absl::OkStatus() : ToStatus(answer.outcome);
}

std::vector<common::http::Route> WebhookRoutes(const Webhooks& webhooks) {
  std::vector<common::http::Route> routes;
  const auto add = [&](const char* method, const char* pattern, common::http::Handler handler) {
    routes.push_back({.method = method,
                      .pattern = pattern,
                      .handler = std::move(handler),
                      .max_body_bytes = kMaxBodyBytes,
                      .sensitive = true});
  };
  const auto to_twitch = [&twitch = webhooks.twitch](const Request& request) {
    return HandleHttp(twitch, request);
  };
  const auto to_youtube = [&youtube = webhooks.youtube](const Request& request) {
    return HandleHttp(youtube, request);
  };
  const auto to_custom = [&custom = webhooks.custom](const Request& request) {
    return HandleHttp(custom, request);
  };
  for (const char* pattern : {"/stream/webhook/twitch", "/stream/webhook/twitch/{linkId}"}) {
    add("POST", pattern, to_twitch);
    routes.back().quick = [&twitch = webhooks.twitch](const Request& request) {
      return HandleQuickly(twitch, request);
    };
  }
  add("GET", "/stream/webhook/youtube/{linkId}", to_youtube);
  add("POST", "/stream/webhook/youtube/{linkId}", to_youtube);
  add("POST", "/stream/webhook/custom/{linkId}", to_custom);
  return routes;
}

}  // namespace stream::ingest
