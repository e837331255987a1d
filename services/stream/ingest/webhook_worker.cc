#include "services/stream/ingest/webhook_worker.h"

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/log/log.h"
#include "services/stream/sentiment/sentiment.h"

namespace stream::ingest {
namespace {

using common::Time;
using common::Uuid;
using platforms::Platform;
using privacy::PlatformUserId;

}  // namespace

TwitchWebhook::TwitchWebhook(common::config::Secret secret, Parts parts,
                             common::metrics::Registry& metrics)
    : secret_(std::move(secret)), parts_(std::move(parts)), outcomes_(Platform::kTwitch, metrics) {}

Answer TwitchWebhook::Handle(const std::optional<TwitchHeaders>& headers, std::string_view body,
                             const std::optional<Uuid>& link_id) {
  return outcomes_.Count(Judge(headers, body, link_id));
}

Answer TwitchWebhook::Judge(const std::optional<TwitchHeaders>& headers, std::string_view body,
                            const std::optional<Uuid>& link_id) {
  if (!headers || !IsSigned(*headers, body)) return {Outcome::kUnsigned};
  const auto sent_at = FreshTime(headers->timestamp, common::Now());
  if (!sent_at) return {Outcome::kStale};
  if (headers->type == kNotification) return {Notify(*headers, body, *sent_at, link_id)};
  if (headers->type == kRevocation) return {Revoked(body, link_id)};
  if (headers->type != kVerification) return {Outcome::kIgnored};
  UnescapeBuffer buffer;
  const auto challenge = DecodeTwitchChallenge(body, buffer);
  if (!challenge) return {Outcome::kMalformed};
  return {Outcome::kChallenged, std::string(*challenge)};
}

bool TwitchWebhook::IsSigned(const TwitchHeaders& headers, std::string_view body) const {
  if (secret_.empty()) return false;
  const std::string expected = "sha256=" + common::crypto::HexEncode(common::crypto::HmacSha256(
                                               secret_, {headers.id, headers.timestamp, body}));
  return common::crypto::ConstantTimeEquals(headers.signature, expected);
}

Outcome TwitchWebhook::Notify(const TwitchHeaders& headers, std::string_view body, Time sent_at,
                              const std::optional<Uuid>& link_id) {
  const TwitchEventType type = TwitchEventTypeOf(headers.subscription_type);
  if (type == TwitchEventType::kUnknown) return Outcome::kIgnored;
  UnescapeBuffer buffer;
  const auto event = DecodeTwitchEvent(type, body, buffer);
  if (!event) return Outcome::kMalformed;
  const bool revoked = type == TwitchEventType::kAuthorizationRevoked;
  const PlatformUserId& user = revoked ? *event->user : *event->broadcaster;
  auto link = LinkOf(user);
  // Linked anew since it was looked up.
  if (link.ok() && *link && link_id && *link_id != **link) {
    links_.Forget(parts_.marks.OfUser(Platform::kTwitch, user));
    link = LinkOf(user);
  }
  if (!link.ok()) return Outcome::kUnavailable;
  if (!*link || (link_id && *link_id != **link)) return Outcome::kIgnored;
  if (revoked) return Suspect(**link);
  if (type == TwitchEventType::kChatMessage) return TakeChat(*event, **link);
  return TakeLifecycle(headers, type, *event, sent_at, **link);
}

// A subscription has ended. It may be wanted all the same, or the whole grant may be gone: whoever
// cares for either looks at the link.
Outcome TwitchWebhook::Revoked(std::string_view body, const std::optional<Uuid>& link_id) {
  const auto status = DecodeTwitchRevocation(body);
  if (!status) return Outcome::kMalformed;
  common::log::Info("subscription.revoked", {{"status", *status}});
  return link_id ? Suspect(*link_id) : Outcome::kIgnored;
}

// Harmless to repeat, so resends need not be told apart.
Outcome TwitchWebhook::Suspect(const Uuid& link_id) {
  if (!parts_.tokens.Suspect(link_id, common::Now()).ok()) return Outcome::kUnavailable;
  parts_.on_suspected();
  return Outcome::kAccepted;
}

absl::StatusOr<std::optional<Uuid>> TwitchWebhook::LinkOf(const PlatformUserId& broadcaster) {
  const Time now = common::Now();
  const std::string mark = parts_.marks.OfUser(Platform::kTwitch, broadcaster);
  if (auto known = links_.Get(mark, now)) return known;
  ASSIGN_OR_RETURN(const auto link, parts_.links.FindByUser(Platform::kTwitch, broadcaster));
  if (!link || !link->is_active) return std::optional<Uuid>();
  links_.Put(mark, link->link_id, now);
  return std::optional(link->link_id);
}

// The words end here: what goes on is a category and a strength.
Outcome TwitchWebhook::TakeChat(const TwitchEvent& event, const Uuid& link_id) {
  // By the line's own id: a resend may come under another message id.
  if (!recent_chat_.Add(event.message_id)) return Outcome::kDuplicate;
  if (event.from_other_channel) return Outcome::kIgnored;
  const auto felt = event.text.Use(sentiment::Classify);
  const bool queued =
      parts_.chat.Offer({link_id, *event.chatter, event.roles, felt, common::Now()});
  return queued ? Outcome::kAccepted : Outcome::kShed;
}

Outcome TwitchWebhook::TakeLifecycle(const TwitchHeaders& headers, TwitchEventType type,
                                     const TwitchEvent& event, Time sent_at, const Uuid& link_id) {
  const std::string mark = parts_.marks.OfMessage(Platform::kTwitch, headers.id);
  const auto seen = parts_.marks_seen.Has(mark);
  if (!seen.ok()) return Outcome::kUnavailable;
  if (*seen) return Outcome::kDuplicate;
  absl::Status status = ApplyLifecycle(type, event, sent_at, link_id);
  status.Update(status.ok() ? parts_.marks_seen.Set(mark) : absl::OkStatus());
  if (status.ok()) return Outcome::kAccepted;
  common::log::Warning("webhook.failed", {{"problem", common::ToStd(status.message())}});
  return Outcome::kUnavailable;
}

absl::Status TwitchWebhook::ApplyLifecycle(TwitchEventType type, const TwitchEvent& event,
                                           Time sent_at, const Uuid& link_id) {
  if (type == TwitchEventType::kStreamOffline) {
    ASSIGN_OR_RETURN(const auto ending, parts_.sessions.EndByPlatform(link_id, sent_at));
    if (!ending) return absl::OkStatus();
  } else {
    ASSIGN_OR_RETURN(const auto session, parts_.sessions.OpenByPlatform(
                                             {.link_id = link_id,
                                              .stream_id = std::string(event.stream_id),
                                              .started_at = std::min(*event.started_at, sent_at),
                                              .in_game_id = {}}));
    if (!session) return absl::OkStatus();
  }
  parts_.live.Forget(link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

}  // namespace stream::ingest
