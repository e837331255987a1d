// What carries a body to a Twitch callback: id, timestamp and signature in headers. Pure but for
// the id and the timestamp, which are drawn at the first attempt and then kept.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "libs/common/config/secret.h"
#include "libs/common/http/message.h"
#include "tests/platform_sim/delivery.h"
#include "tests/platform_sim/subscriptions.h"

namespace platform_sim {

struct Envelope {
  std::string kind;  // "notification", "webhook_callback_verification" or "revocation"
  std::string type;
  std::string version;
  common::config::Secret secret;
  std::chrono::seconds skew{};  // of the timestamp
  std::string id = {};
  std::string timestamp = {};
};

Envelope EnvelopeTo(const Subscription& subscription, std::string kind);

// The headers of an attempt, counted from 0.
common::http::Headers SignedHeaders(const Envelope& envelope, std::string_view body, int attempt);

// Two messages of one envelope have one id, but may not be under way at once.
Message MessageIn(const std::shared_ptr<Envelope>& envelope, std::string callback,
                  std::string body);

}  // namespace platform_sim
