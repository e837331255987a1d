// Messages of Twitch, signed as Twitch signs them, for what platform_sim does not say.
#pragma once
#include <string>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/config/secret.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/message.h"
#include "tests/story/processes.h"

namespace story {

struct EventSubMessage {
  std::string subscription_type;
  std::string id = common::Uuid::V4().ToString();
  std::string timestamp = common::FormatTime(common::Now());
  std::string type = "notification";
  std::string secret = PlatformSide::kWebhookSecret;

  common::http::Headers Headers(const std::string& body) const {
    const std::string signature = common::crypto::HexEncode(
        common::crypto::HmacSha256(common::config::Secret(secret), {id, timestamp, body}));
    return {{"Content-Type", "application/json"},
            {"Twitch-Eventsub-Message-Id", id},
            {"Twitch-Eventsub-Message-Timestamp", timestamp},
            {"Twitch-Eventsub-Message-Type", type},
            {"Twitch-Eventsub-Subscription-Type", subscription_type},
            {"Twitch-Eventsub-Message-Signature", "sha256=" + signature}};
  }
};

// A message of a Custom platform, signed as docs/custom_webhooks.md says.
inline common::http::Headers CustomHeaders(
    const std::string& secret, const std::string& body,
    const std::string& timestamp = common::FormatTime(common::Now())) {
  const std::string signature = common::crypto::HexEncode(
      common::crypto::HmacSha256(common::config::Secret(secret), {timestamp, ".", body}));
  return {{"Content-Type", "application/json"},
          {"Bannou-Webhook-Timestamp", timestamp},
          {"Bannou-Webhook-Signature", "sha256=" + signature}};
}

}  // namespace story
