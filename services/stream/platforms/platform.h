// Where real audiences come from.
#pragma once
#include <cstdint>
#include <string_view>

namespace stream::platforms {

// Numbers of the contract's StreamPlatform.
enum class Platform : uint8_t { kTwitch = 1, kYouTube = 2, kCustom = 3 };

// Lower case, as in URLs.
constexpr std::string_view WordOf(Platform platform) {
  switch (platform) {
    case Platform::kTwitch:
      return "twitch";
    case Platform::kYouTube:
      return "youtube";
    case Platform::kCustom:
      return "custom";
  }
  return "";
}

}  // namespace stream::platforms
