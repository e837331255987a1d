// What a line of chat feels like: one pass over its bytes, nothing kept.
#pragma once
#include <cstdint>
#include <string_view>

namespace stream::sentiment {

// Numbers of the contract's SentimentCategory.
enum class Category : uint8_t {
  kExcited = 1,
  kSupportive = 2,
  kCritical = 3,
  kCurious = 4,
  kSurprised = 5,
  kAmused = 6,
  kBored = 7,
  kHostile = 8,
};
inline constexpr int kCategories = 8;

struct Sentiment {
  Category category = Category::kCurious;
  float intensity = 0;  // 0 to 1
};

// Bytes after this many are not looked at; a chat line has at most 500 characters.
inline constexpr size_t kMaxTextBytes = 2000;

// Any bytes. A line without evidence of a feeling is Curious at kNeutralIntensity: somebody is
// there, and no more is known.
inline constexpr float kNeutralIntensity = 0.1f;
Sentiment Classify(std::string_view text);

}  // namespace stream::sentiment
