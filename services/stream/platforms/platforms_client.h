// The platforms that the operator has configured.
#pragma once
#include <memory>
#include <utility>

#include "services/stream/platforms/twitch_client.h"
#include "services/stream/platforms/youtube_client.h"

namespace stream::platforms {

class Platforms {
 public:
  // Null for one that is not configured.
  Platforms(std::unique_ptr<TwitchClient> twitch, std::unique_ptr<YouTubeClient> youtube)
      : twitch_(std::move(twitch)), youtube_(std::move(youtube)) {}

  // Null when it is not configured.
  TwitchClient* twitch() const { return twitch_.get(); }
  YouTubeClient* youtube() const { return youtube_.get(); }
  PlatformClient* Find(Platform platform) const {
    switch (platform) {
      case Platform::kTwitch:
        return twitch();
      case Platform::kYouTube:
        return youtube();
      case Platform::kCustom:
        break;
    }
    return nullptr;
  }

 private:
  const std::unique_ptr<TwitchClient> twitch_;
  const std::unique_ptr<YouTubeClient> youtube_;
};

}  // namespace stream::platforms
