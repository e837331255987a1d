#include "services/stream/ingest/youtube_webhook_worker.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"

namespace stream::ingest {
namespace {

using common::Uuid;
using common::config::Secret;
using common::crypto::ConstantTimeEquals;
using platforms::Platform;
using platforms::Video;
using privacy::PlatformUserId;

// Which news of which video: no id of a message is signed.
std::string NewsOf(const Uuid& link_id, const FeedEntry& entry) {
  std::string news = link_id.ToBytes();
  return news.append(entry.video_id).append(" ").append(entry.updated);
}

bool IsGone(const absl::Status& status) {
  return common::errors::Is(status, kLinkInactive) || common::errors::Is(status, kLinkNotFound);
}

}  // namespace

YouTubeWebhook::YouTubeWebhook(Secret token, Parts parts, common::metrics::Registry& metrics)
    : token_(std::move(token)), parts_(std::move(parts)), outcomes_(Platform::kYouTube, metrics) {}

Answer YouTubeWebhook::Verify(const std::optional<HubQuestion>& question,
                              const std::optional<Uuid>& link_id) {
  return outcomes_.Count(question ? Judge(*question, link_id) : Answer{Outcome::kIgnored});
}

Answer YouTubeWebhook::Judge(const HubQuestion& question, const std::optional<Uuid>& link_id) {
  const auto target = FindTarget(link_id, ChannelOfTopic(question.topic));
  if (!target.ok()) return {Outcome::kUnavailable};
  HubLink link;
  if (*target) link.channel = (*target)->channel;
  link.token_matches = !token_.empty() && question.verify_token &&
                       ConstantTimeEquals(*question.verify_token, token_.Reveal());
  switch (AnswerHub(question, link)) {
    case HubAnswer::kHeard:
      return {Outcome::kAccepted};
    case HubAnswer::kRefuse:
      return {Outcome::kIgnored};
    case HubAnswer::kConfirm:
      break;
  }
  // Who is told that it ended asks for no new one.
  if (*target) {
    const absl::Status stored =
        parts_.subscriptions.SetLease((*target)->link_id, common::Now(), question.lease);
    if (!stored.ok()) return {Outcome::kUnavailable};
    parts_.on_leased();
  }
  return {Outcome::kChallenged, std::string(question.challenge)};
}

Answer YouTubeWebhook::Handle(std::optional<std::string_view> signature, std::string_view body,
                              const std::optional<Uuid>& link_id) {
  if (!IsSigned(signature, body)) return outcomes_.Count({Outcome::kUnsigned});
  return outcomes_.Count({Notify(body, link_id)});
}

bool YouTubeWebhook::IsSigned(std::optional<std::string_view> signature,
                              std::string_view body) const {
  if (token_.empty() || !signature) return false;
  const std::string expected =
      "sha1=" + common::crypto::HexEncode(common::crypto::HmacSha1(token_, {body}));
  return ConstantTimeEquals(*signature, expected);
}

Outcome YouTubeWebhook::Notify(std::string_view body, const std::optional<Uuid>& link_id) {
  const auto entries = DecodeFeed(body);
  if (!entries) return Outcome::kMalformed;
  const common::DeadlineScope deadline(kTime);
  Outcome outcome = Outcome::kIgnored;
  for (const FeedEntry& entry : *entries) {
    const Outcome taken = TakeEntry(entry, link_id);
    // What was carried out keeps its mark, so that the resend goes on from here.
    if (taken == Outcome::kUnavailable) return taken;
    if (taken == Outcome::kAccepted || outcome == Outcome::kIgnored) outcome = taken;
  }
  return outcome;
}

Outcome YouTubeWebhook::TakeEntry(const FeedEntry& entry, const std::optional<Uuid>& link_id) {
  const auto target = FindTarget(link_id, entry.channel);
  if (!target.ok()) return Outcome::kUnavailable;
  if (!*target || (entry.channel && *entry.channel != (*target)->channel)) {
    return Outcome::kIgnored;
  }
  const std::string mark =
      parts_.marks.OfMessage(Platform::kYouTube, NewsOf((*target)->link_id, entry));
  const auto done =
      parts_.marks_seen.Once(mark, [&] { return Apply(std::string(entry.video_id), **target); });
  if (done.ok()) return OutcomeOf(*done);
  // The link ended meanwhile.
  return IsGone(done.status()) ? Outcome::kIgnored : OutcomeOf(done.status());
}

// Also of a deletion: a video that was only hidden from others may well be live.
absl::Status YouTubeWebhook::Apply(const std::string& video_id, const Target& target) {
  ASSIGN_OR_RETURN(const Secret access_token, parts_.access_token(target.link_id));
  ASSIGN_OR_RETURN(const std::optional<Video> video,
                   parts_.youtube->FindVideo(access_token, video_id));
  if (video && video->channel != target.channel) return absl::OkStatus();
  if (video && video->live) return Open(*video->live, target);
  if (video && video->scheduled_for) {
    return parts_.expected.Expect(target.link_id,
                                  {.stream_id = video_id, .at = *video->scheduled_for});
  }
  return EndIfLive(video_id, target);
}

absl::Status YouTubeWebhook::Open(const platforms::LiveStream& stream, const Target& target) {
  ASSIGN_OR_RETURN(
      const auto session,
      parts_.sessions.OpenByPlatform({.link_id = target.link_id,
                                      .stream_id = stream.stream_id,
                                      // Its clock is not ours.
                                      .started_at = std::min(stream.started_at, common::Now()),
                                      .viewer_count = stream.viewer_count.value_or(0),
                                      .in_game_id = {},
                                      .asked = common::Duration(0)}));
  if (!session) return absl::OkStatus();
  parts_.live.Forget(target.link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

absl::Status YouTubeWebhook::EndIfLive(const std::string& video_id, const Target& target) {
  ASSIGN_OR_RETURN(const auto ending,
                   parts_.sessions.EndStream(target.link_id, video_id, common::Now()));
  if (!ending) return absl::OkStatus();
  parts_.live.Forget(target.link_id);
  parts_.on_changed();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<YouTubeWebhook::Target>> YouTubeWebhook::FindTarget(
    const std::optional<Uuid>& link_id, const std::optional<PlatformUserId>& channel) {
  if (parts_.youtube == nullptr || (!link_id && !channel)) return std::optional<Target>();
  ASSIGN_OR_RETURN(const auto link, link_id
                                        ? parts_.links.Find(*link_id)
                                        : parts_.links.FindByUser(Platform::kYouTube, *channel));
  if (!link || !link->is_active || link->platform != Platform::kYouTube) {
    return std::optional<Target>();
  }
  auto own = parts_.links.UserId(link->link_id);
  // It was unlinked meanwhile.
  if (IsGone(own.status())) return std::optional<Target>();
  RETURN_IF_ERROR(own.status());
  return Target{link->link_id, *std::move(own)};
}

}  // namespace stream::ingest
