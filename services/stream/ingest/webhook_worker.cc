#include "services/stream/ingest/webhook_worker.h"

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/log/log.h"

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
  if (!headers) return {Outcome::kUnsigned};
  if (const auto refusal = Refusal(*headers, body)) return {*refusal};
  if (headers->type == kNotification) return {Notify(*headers, body, link_id)};
  if (headers->type == kRevocation) return {Revoked(body, link_id)};
  if (headers->type != kVerification) return {Outcome::kIgnored};
  UnescapeBuffer buffer;
  const auto challenge = DecodeTwitchChallenge(body, buffer);
  if (!challenge) return {Outcome::kMalformed};
  return {Outcome::kChallenged, std::string(*challenge)};
}

std::optional<Answer> TwitchWebhook::HandleQuickly(const std::optional<TwitchHeaders>& headers,
                                                   std::string_view body,
                                                   const std::optional<Uuid>& link_id) {
  const bool is_chat =
      headers && headers->type == kNotification &&
      TwitchEventTypeOf(headers->subscription_type) == TwitchEventType::kChatMessage;
  if (!is_chat || body.size() > kQuickBytes) return std::nullopt;
  if (const auto refusal = Refusal(*headers, body)) return outcomes_.Count({*refusal});
  const auto events = DecodeTwitchEvents(TwitchEventType::kChatMessage, body);
  if (!events) return outcomes_.Count({Outcome::kMalformed});
  if (events->size() != 1) return std::nullopt;
  const TwitchEvent& event = events->front();
  const auto link =
      links_.Get(parts_.marks.OfUser(Platform::kTwitch, *event.broadcaster), common::Now());
  if (!link || (link_id && *link_id != *link)) return std::nullopt;
  return outcomes_.Count({TakeChat(event, *link)});
}

std::optional<Outcome> TwitchWebhook::Refusal(const TwitchHeaders& headers,
                                              std::string_view body) const {
  if (secret_.empty()) return Outcome::kUnsigned;
  const std::string expected = "sha256=" + common::crypto::HexEncode(common::crypto::HmacSha256(
                                               secret_, {headers.id, headers.timestamp, body}));
  if (!common::crypto::ConstantTimeEquals(headers.signature, expected)) return Outcome::kUnsigned;
  if (!FreshTime(headers.timestamp, common::Now())) return Outcome::kStale;
  return std::nullopt;
}

Outcome TwitchWebhook::Notify(const TwitchHeaders& headers, std::string_view body,
                              const std::optional<Uuid>& link_id) {
  const TwitchEventType type = TwitchEventTypeOf(headers.subscription_type);
  if (type == TwitchEventType::kUnknown) return Outcome::kIgnored;
  const auto events = DecodeTwitchEvents(type, body);
  const auto sent_at = common::ParseTime(headers.timestamp);
  if (!events || !sent_at) return Outcome::kMalformed;
  Outcome all = Outcome::kIgnored;
  for (size_t i = 0; i < events->size(); ++i) {
    const TwitchEvent& event = (*events)[i];
    std::string mark = parts_.marks.OfMessage(
        Platform::kTwitch, event.delivery_id.empty() ? headers.id : event.delivery_id);
    const Outcome one = TakeEvent(type, event, {*sent_at, link_id, std::move(mark)});
    // What is sent again finds those that were carried out, and goes on with the others.
    if (one == Outcome::kUnavailable) return one;
    if (i == 0 || one == Outcome::kAccepted) all = one;
  }
  return all;
}

Outcome TwitchWebhook::TakeEvent(TwitchEventType type, const TwitchEvent& event,
                                 const Origin& origin) {
  const bool revoked = type == TwitchEventType::kAuthorizationRevoked;
  const PlatformUserId& user = revoked ? *event.user : *event.broadcaster;
  auto link = LinkOf(user);
  // Linked anew since it was looked up.
  if (link.ok() && *link && origin.link_id && *origin.link_id != **link) {
    links_.Forget(parts_.marks.OfUser(Platform::kTwitch, user));
    link = LinkOf(user);
  }
  if (!link.ok()) return Outcome::kUnavailable;
  if (!*link || (origin.link_id && *origin.link_id != **link)) return Outcome::kIgnored;
  switch (type) {
    case TwitchEventType::kAuthorizationRevoked:
      return Suspect(**link);
    case TwitchEventType::kStreamOnline:
    case TwitchEventType::kStreamOffline:
      return TakeLifecycle(type, event, origin, **link);
    case TwitchEventType::kChatMessage:
      return TakeChat(event, **link);
    default:
      return TakeCrowd(type, event, origin, **link);
  }
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

// What goes on is a category and a strength.
Outcome TwitchWebhook::TakeChat(const TwitchEvent& event, const Uuid& link_id) {
  // By the line's own id: a resend may come under another message id.
  if (!recent_chat_.Add(event.message_id)) return Outcome::kDuplicate;
  UnescapeBuffer buffer;
  auto crowd = CrowdEventOf(TwitchEventType::kChatMessage, event, buffer);
  if (!crowd) return Outcome::kIgnored;
  const bool queued = parts_.chat.Offer({link_id, {*std::move(crowd), common::Now()}});
  return queued ? Outcome::kAccepted : Outcome::kShed;
}

Outcome TwitchWebhook::TakeCrowd(TwitchEventType type, const TwitchEvent& event,
                                 const Origin& origin, const Uuid& link_id) {
  UnescapeBuffer buffer;
  auto crowd = CrowdEventOf(type, event, buffer);
  if (!crowd) return Outcome::kIgnored;
  std::vector<std::string> marks = {origin.mark};
  if (const auto identity = IdentityOf(type, event)) {
    marks.push_back(IdentityMark(*identity, event));
  }
  const Happening happening{*std::move(crowd), common::Now()};
  const auto put = parts_.crowd.Take(link_id, {&happening, 1}, marks);
  return put.ok() ? OutcomeOf(*put) : OutcomeOf(put.status());
}

std::string TwitchWebhook::IdentityMark(const EventIdentity& identity,
                                        const TwitchEvent& event) const {
  const auto mark = [&](std::string_view user) {
    return parts_.marks.OfEvent(Platform::kTwitch, identity.kind, identity.id, user,
                                identity.number);
  };
  return identity.by_user ? event.user->Use(mark) : mark({});
}

Outcome TwitchWebhook::TakeLifecycle(TwitchEventType type, const TwitchEvent& event,
                                     const Origin& origin, const Uuid& link_id) {
  const auto done = parts_.marks_seen.Once(
      origin.mark, [&] { return ApplyLifecycle(type, event, origin.sent_at, link_id); });
  return done.ok() ? OutcomeOf(*done) : OutcomeOf(done.status());
}

absl::Status TwitchWebhook::ApplyLifecycle(TwitchEventType type, const TwitchEvent& event,
                                           Time sent_at, const Uuid& link_id) {
  if (type == TwitchEventType::kStreamOffline) {
    ASSIGN_OR_RETURN(const auto ending, parts_.sessions.EndByPlatform(link_id, sent_at));
    if (!ending) return absl::OkStatus();
  } else {
    ASSIGN_OR_RETURN(const auto session, parts_.sessions.OpenByPlatform(
                                             {.link_id = link_id,
                                              .stream_id = std::string(event.id),
                                              .started_at = std::min(*event.started_at, sent_at),
                                              .in_game_id = {}}));
    if (!session) return absl::OkStatus();
  }
  parts_.live.Forget(link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

}  // namespace stream::ingest
