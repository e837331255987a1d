#include "tests/platform_sim/videos.h"

#include <algorithm>

#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

constexpr size_t kIdSize = 11;

// Chats are named after channel and video, in a wrapping that clients should not look into.
std::string ChatIdOf(const Video& video) {
  return common::crypto::Base64UrlEncode("*'\n\x18" + video.channel_id + "\x12\x0b" + video.id);
}

}  // namespace

Video* Videos::Add(Video video) {
  if (videos_.size() >= kMaxVideos) return nullptr;
  video.id = RandomId(kIdSize);
  if (video.kind != VideoKind::kUpload) video.chat_id = ChatIdOf(video);
  return &videos_.emplace_back(std::move(video));
}

Video* Videos::Find(std::string_view id) {
  const auto found = std::find_if(videos_.begin(), videos_.end(),
                                  [&](const Video& video) { return video.id == id; });
  return found == videos_.end() ? nullptr : &*found;
}

Video* Videos::FindLive(std::string_view channel_id) {
  const auto found = std::find_if(videos_.rbegin(), videos_.rend(), [&](const Video& video) {
    return video.channel_id == channel_id && video.kind == VideoKind::kLive;
  });
  return found == videos_.rend() ? nullptr : &*found;
}

void Videos::Delete(std::string_view id) {
  std::erase_if(videos_, [&](const Video& video) { return video.id == id; });
}

}  // namespace platform_sim
