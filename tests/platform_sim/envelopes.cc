#include "tests/platform_sim/envelopes.h"

#include "libs/common/base/uuid.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {

using common::http::Headers;

Envelope EnvelopeTo(const Subscription& subscription, std::string kind) {
  return {.kind = std::move(kind),
          .type = subscription.type,
          .version = subscription.version,
          .secret = subscription.secret};
}

Headers SignedHeaders(const Envelope& envelope, std::string_view body, int attempt) {
  const std::string mac =
      common::crypto::HmacSha256(envelope.secret, {envelope.id, envelope.timestamp, body});
  return {{"Content-Type", "application/json"},
          {"Twitch-Eventsub-Message-Id", envelope.id},
          {"Twitch-Eventsub-Message-Timestamp", envelope.timestamp},
          {"Twitch-Eventsub-Message-Signature", "sha256=" + common::crypto::HexEncode(mac)},
          {"Twitch-Eventsub-Message-Type", envelope.kind},
          {"Twitch-Eventsub-Message-Retry", std::to_string(attempt)},
          {"Twitch-Eventsub-Subscription-Type", envelope.type},
          {"Twitch-Eventsub-Subscription-Version", envelope.version}};
}

Message MessageIn(const std::shared_ptr<Envelope>& envelope, std::string callback,
                  std::string body) {
  Message message{.url = std::move(callback), .body = std::move(body)};
  message.headers = [envelope](const std::string& sent, int attempt) {
    if (envelope->id.empty()) {
      envelope->id = common::Uuid::V4().ToString();
      envelope->timestamp = FormatNanos(std::chrono::system_clock::now() + envelope->skew);
    }
    return SignedHeaders(*envelope, sent, attempt);
  };
  return message;
}

}  // namespace platform_sim
