// What a line of chat feels like: one pass over its bytes, nothing kept. docs/sentiment.md.
#pragma once
#include <array>
#include <cstddef>
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

// What Classify decides on, for those who measure it: how much more a line speaks for each category
// than for no feeling at all, the first being Excited.
using Margins = std::array<float, kCategories>;

class Table;
Margins MarginsOf(const Table& table, std::string_view text);
Sentiment ClassifyWith(const Table& table, std::string_view text);

// The table that is part of the program.
const Table& ShippedTable();

}  // namespace stream::sentiment
