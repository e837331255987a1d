// The control API of PlatformSim: YouTube's videos.
#include <utility>

#include "tests/platform_sim/control.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"
#include "tests/platform_sim/youtube_bodies.h"

namespace platform_sim {

using common::http::Request;
using common::http::Response;

namespace {

constexpr int64_t kMaxAhead = 365 * 24 * 3600;

std::optional<VideoKind> KindOf(const Json& body) {
  const std::string kind = TextOf(body, "kind");
  if (kind == "upload") return VideoKind::kUpload;
  if (kind == "upcoming") return VideoKind::kUpcoming;
  if (kind == "live") return VideoKind::kLive;
  return std::nullopt;
}

void TakeViewers(const Json& body, Video& video) {
  video.viewer_count = NumberOf(body, "viewer_count", video.viewer_count, 0, kMaxViewers);
  video.hide_viewers = TruthOf(body, "hide_viewers", video.hide_viewers);
}

}  // namespace

Response PlatformSim::PutVideo(const Request& request) {
  const auto body = ParseObject(request.body);
  const auto kind = body ? KindOf(*body) : std::nullopt;
  if (!kind) return Malformed();
  const User* const owner = world_.FindByChannel(TextOf(*body, "channel_id"));
  if (owner == nullptr) return NotFound();
  const common::Time now = Now();
  Video made{.id = {},
             .channel_id = owner->youtube_channel_id,
             .channel_title = owner->display_name,
             .title = TextOf(*body, "title"),
             .kind = *kind,
             .published_at = now};
  TakeViewers(*body, made);
  if (*kind != VideoKind::kUpload) {
    const int64_t fallback = *kind == VideoKind::kUpcoming ? 3600 : 0;
    made.scheduled_at = now + std::chrono::seconds(NumberOf(*body, "scheduled_in_seconds", fallback,
                                                            -kMaxAhead, kMaxAhead));
  }
  if (*kind == VideoKind::kLive) made.started_at = now;
  Video* const video = videos_.Add(std::move(made));
  if (video == nullptr) return Malformed();
  if (!video->chat_id.empty()) chats_.Open(video->chat_id);
  Json answer = {{"video_id", video->id}};
  if (!video->chat_id.empty()) answer["live_chat_id"] = video->chat_id;
  answer["queued"] = TruthOf(*body, "notify", true) ? Publish(*video) : 0;
  return Answer(201, answer);
}

Response PlatformSim::StartVideo(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  Video* const video = videos_.Find(request.path_parameter);
  if (video == nullptr) return NotFound();
  if (video->kind != VideoKind::kUpcoming) return Answer(409, {{"error", "not upcoming"}});
  video->kind = VideoKind::kLive;
  video->started_at = Now();
  TakeViewers(*body, *video);
  return Queued(TruthOf(*body, "notify", true) ? Publish(*video) : 0);
}

Response PlatformSim::EndVideo(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  Video* const video = videos_.Find(request.path_parameter);
  if (video == nullptr) return NotFound();
  if (video->kind != VideoKind::kLive) return Answer(409, {{"error", "not live"}});
  video->kind = VideoKind::kEnded;
  video->ended_at = Now();
  chats_.End(video->chat_id, OwnerOf(*video), *video->ended_at);
  return Queued(TruthOf(*body, "notify", true) ? Publish(*video) : 0);
}

Response PlatformSim::DeleteVideo(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  Video* const video = videos_.Find(request.path_parameter);
  if (video == nullptr) return NotFound();
  chats_.End(video->chat_id, OwnerOf(*video), Now());
  const size_t queued = TruthOf(*body, "notify", true) ? Publish(*video, /*deleted=*/true) : 0;
  videos_.Delete(request.path_parameter);
  return Queued(queued);
}

}  // namespace platform_sim
