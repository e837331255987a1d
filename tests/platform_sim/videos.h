// What YouTube's channels broadcast and upload. Not thread-safe: PlatformSim holds the lock.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"

namespace platform_sim {

enum class VideoKind { kUpload, kUpcoming, kLive, kEnded };

struct Video {
  std::string id;
  std::string channel_id;
  std::string channel_title;
  std::string title;
  VideoKind kind = VideoKind::kUpload;
  common::Time published_at{};
  common::Time updated_at{};  // as the feed tells
  std::optional<common::Time> scheduled_at = std::nullopt;
  std::optional<common::Time> started_at = std::nullopt;
  std::optional<common::Time> ended_at = std::nullopt;
  int64_t viewer_count = 0;
  bool hide_viewers = false;
  std::string chat_id = {};  // empty: an upload

  bool HasActiveChat() const { return kind == VideoKind::kLive || kind == VideoKind::kUpcoming; }
};

class Videos {
 public:
  static constexpr size_t kMaxVideos = 10'000;

  // Draws its id and, unless it is an upload, its chat's. Null when there are too many.
  Video* Add(Video video);
  Video* Find(std::string_view id);
  // The live one of a channel that started last; null when it is not live.
  Video* FindLive(std::string_view channel_id);
  void Delete(std::string_view id);
  const std::deque<Video>& all() const { return videos_; }

 private:
  std::deque<Video> videos_;  // in the order of their making
};

}  // namespace platform_sim
