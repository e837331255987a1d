#include "services/stream/linking/subscriber_worker.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"

namespace stream::linking {
namespace {

using common::Uuid;

constexpr std::chrono::seconds kIdlePause{60};  // also finds what another instance left undone
constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{60};
constexpr std::chrono::seconds kLinkTime{30};  // for all that one link takes at its platform

}  // namespace

common::executor::Loop::Outcome SubscriberWorker::Step() {
  problem_.Update(SubscribePage());
  if (after_) return {};
  const absl::Status status = std::exchange(problem_, absl::OkStatus());
  if (status.ok()) {
    pause_ = std::chrono::seconds(0);
    return {kIdlePause};
  }
  pause_ = std::clamp(pause_ * 2, kFirstRetry, kLastRetry);
  return {pause_, status};
}

// One link that the platform refuses does not hold up the others, nor does a page of them.
absl::Status SubscriberWorker::SubscribePage() {
  const Uuid after = std::exchange(after_, std::nullopt).value_or(Uuid());
  ASSIGN_OR_RETURN(const auto links, parts_.links.Unsubscribed(after));
  if (links.size() == LinkStore::kMaxListed) after_ = links.back().link_id;
  absl::Status result;
  for (const Link& link : links) result.Update(Subscribe(link));
  return result;
}

absl::Status SubscriberWorker::Subscribe(const Link& link) {
  platforms::PlatformClient* const client = parts_.platforms.Find(link.platform);
  if (client == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto user, parts_.links.UserId(link.link_id));
  const std::string callback_url = public_url_ + "/stream/webhook/" +
                                   std::string(platforms::WordOf(link.platform)) + "/" +
                                   link.link_id.ToString();
  const common::DeadlineScope deadline(kLinkTime);
  RETURN_IF_ERROR(client->Subscribe(user, callback_url));
  RETURN_IF_ERROR(OpenIfLive(link, *client, user));
  return parts_.links.MarkSubscribed(link.link_id, common::Now());
}

absl::Status SubscriberWorker::OpenIfLive(const Link& link, platforms::PlatformClient& client,
                                          const privacy::PlatformUserId& user) {
  ASSIGN_OR_RETURN(const auto stream, client.FindLive(user));
  if (!stream) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto opened,
                   parts_.sessions.OpenByPlatform(
                       {.link_id = link.link_id,
                        .stream_mark = parts_.marks.OfStream(link.link_id, stream->stream_id),
                        .started_at = stream->started_at,
                        .viewer_count = stream->viewer_count,
                        .in_game_id = {}}));
  if (opened) parts_.on_opened();
  return absl::OkStatus();
}

}  // namespace stream::linking
