#include "services/stream/ingest/custom_webhook_worker.h"

#include <algorithm>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"
#include "services/stream/ingest/twitch_event.h"

namespace stream::ingest {
namespace {

using common::Uuid;
using common::config::Secret;
using platforms::Platform;

// A link that is gone by now has nothing to hear.
Outcome Failed(const absl::Status& status) {
  return common::errors::Is(status, kLinkNotFound) ? Outcome::kIgnored : OutcomeOf(status);
}

}  // namespace

CustomWebhook::CustomWebhook(Parts parts, common::metrics::Registry& metrics)
    : parts_(std::move(parts)), outcomes_(Platform::kCustom, metrics) {}

Answer CustomWebhook::Handle(const std::optional<CustomHeaders>& headers, std::string_view body,
                             const Uuid& link_id) {
  return outcomes_.Count(Judge(headers, body, link_id));
}

Answer CustomWebhook::Judge(const std::optional<CustomHeaders>& headers, std::string_view body,
                            const Uuid& link_id) {
  if (!headers) return {Outcome::kUnsigned};
  const auto secret = SecretOf(link_id);
  if (!secret.ok()) return {Outcome::kUnavailable};
  if (secret->empty()) return {Outcome::kUnsigned};
  const std::string expected = "sha256=" + common::crypto::HexEncode(common::crypto::HmacSha256(
                                               *secret, {headers->timestamp, ".", body}));
  if (!common::crypto::ConstantTimeEquals(headers->signature, expected)) {
    return {Outcome::kUnsigned};
  }
  if (!FreshTime(headers->timestamp, common::Now())) return {Outcome::kStale};
  const auto event = DecodeCustomEvent(body);
  // What is still to come would hide what comes after it.
  if (!event || event->at > common::Now() + kFutureSkew) return {Outcome::kMalformed};
  return {Take(*event, link_id)};
}

absl::StatusOr<Secret> CustomWebhook::SecretOf(const Uuid& link_id) {
  const common::Time now = common::Now();
  if (auto known = secrets_.Get(link_id, now)) return *std::move(known);
  auto secret = parts_.links.WebhookSecret(link_id);
  if (common::errors::Is(secret.status(), kLinkNotFound)) return Secret();
  if (secret.ok()) secrets_.Put(link_id, *secret, now);
  return secret;
}

Outcome CustomWebhook::Take(const CustomEvent& event, const Uuid& link_id) {
  if (event.type == CustomEventType::kUnknown) return Outcome::kIgnored;
  // A link has its own ids; ours are of 16 bytes.
  const std::string id = link_id.ToBytes() + event.id;
  UnescapeBuffer buffer;
  if (auto crowd = CrowdEventOf(event, buffer)) {
    return TakeCrowd(event, *std::move(crowd), id, link_id);
  }
  const std::string mark = parts_.marks.OfMessage(Platform::kCustom, id);
  const auto done = parts_.marks_seen.Once(mark, [&] { return Apply(event, link_id); });
  return done.ok() ? OutcomeOf(*done) : Failed(done.status());
}

// A crowd shows that the stream goes on, too.
Outcome CustomWebhook::TakeCrowd(const CustomEvent& event, CrowdEvent crowd, const std::string& id,
                                 const Uuid& link_id) {
  const absl::Status heard = Heard(event, link_id);
  Happening happening{std::move(crowd), common::Now()};
  // The next line of chat will be heard; whatever else happens, happens once.
  if (event.type == CustomEventType::kChat) {
    if (!recent_chat_.Add(id)) return Outcome::kDuplicate;
    const bool queued = parts_.chat.Offer({link_id, std::move(happening)});
    return queued ? Outcome::kAccepted : Outcome::kShed;
  }
  if (!heard.ok()) return Failed(heard);
  const auto put =
      parts_.crowd.Take(link_id, {&happening, 1}, {parts_.marks.OfMessage(Platform::kCustom, id)});
  return put.ok() ? OutcomeOf(*put) : Failed(put.status());
}

absl::Status CustomWebhook::Apply(const CustomEvent& event, const Uuid& link_id) {
  if (event.type == CustomEventType::kOnline) return Open(event, link_id);
  if (event.type == CustomEventType::kViewers) return Heard(event, link_id);
  ASSIGN_OR_RETURN(const auto ending, parts_.sessions.EndByPlatform(link_id, event.at));
  if (ending) Changed(link_id);
  return absl::OkStatus();
}

// One that its owner began by hand just goes on.
absl::Status CustomWebhook::Open(const CustomEvent& event, const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto live, parts_.sessions.FindLive(link_id));
  if (live) return Heard(event, link_id);
  ASSIGN_OR_RETURN(const auto opened,
                   parts_.sessions.OpenByPlatform({.link_id = link_id,
                                                   .stream_id = event.id,
                                                   .started_at = std::min(event.at, common::Now()),
                                                   .viewer_count = event.viewers.value_or(0),
                                                   .in_game_id = {}}));
  if (opened) Changed(link_id);
  return absl::OkStatus();
}

absl::Status CustomWebhook::Heard(const CustomEvent& event, const Uuid& link_id) {
  const common::Time now = common::Now();
  // A crowd makes itself heard all the time.
  const bool counts = event.type != CustomEventType::kRaid && event.viewers;
  if (!counts && heard_.Get(link_id, now)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto live, parts_.sessions.FindLive(link_id));
  if (live)
    RETURN_IF_ERROR(
        parts_.sessions.Saw(live->session_id, counts ? event.viewers : std::nullopt, now));
  heard_.Put(link_id, true, now);
  return absl::OkStatus();
}

void CustomWebhook::Changed(const Uuid& link_id) {
  parts_.live.Forget(link_id);
  parts_.on_changed();
}

}  // namespace stream::ingest
