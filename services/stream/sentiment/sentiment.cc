#include "services/stream/sentiment/sentiment.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "services/stream/sentiment/features.h"
#include "services/stream/sentiment/table.h"

namespace stream::sentiment {
namespace {

// Of the compilers, so that a row is added in a few instructions on every machine.
using Bytes = int8_t __attribute__((vector_size(kCategories)));
using Shorts = int16_t __attribute__((vector_size(kCategories * sizeof(int16_t))));

// Adds up the rows of a line's features.
class Sum {
 public:
  explicit Sum(const Table& table) : table_(table) {}

  void operator()(uint64_t feature) {
    const unsigned char* row = table_.row(feature);
    const auto is_known = static_cast<int16_t>(-(row[kCategories] == TagOf(feature)));
    Bytes weights;
    std::memcpy(&weights, row, sizeof(weights));
    shorts_ += __builtin_convertvector(weights, Shorts) & is_known;
    known_ -= is_known;
    if (++features_ % kShortsHold == 0) Carry();
  }

  // Longer lines have more features to say the same: as if each line had length one.
  Margins Result() {
    Carry();
    const TableHeader& header = table_.header();
    const float length = header.scale / std::sqrt(static_cast<float>(std::max(features_, 1)));
    Margins margins;
    for (int i = 0; i < kCategories; ++i) {
      margins[i] = static_cast<float>(totals_[i]) * length + header.bias[i];
    }
    return margins;
  }

  int known() const { return known_; }

 private:
  static constexpr int kShortsHold = 32767 / 128;

  void Carry() {
    for (int i = 0; i < kCategories; ++i) totals_[i] += shorts_[i];
    shorts_ = Shorts{};
  }

  const Table& table_;
  Shorts shorts_{};
  std::array<int32_t, kCategories> totals_{};
  int features_ = 0;
  int known_ = 0;
};

// How strong a feeling is that is ahead of none by a margin. Of lines of chat without a feeling
// nine in ten are below 0.35, of those with one nine in ten above.
float IntensityOf(float margin) {
  struct Point {
    float margin, intensity;
  };
  static constexpr Point kCurve[] = {
      {-1.5f, 0},    {-0.5f, kNeutralIntensity},
      {0, 0.3f},     {0.6f, 0.45f},
      {1.5f, 0.65f}, {3, 0.8f},
      {6, 0.95f},    {12, 1},
  };
  if (margin <= kCurve[0].margin) return 0;
  for (size_t i = 1; i < std::size(kCurve); ++i) {
    const auto& [from, low] = kCurve[i - 1];
    const auto& [to, high] = kCurve[i];
    if (margin < to) return low + (high - low) * (margin - from) / (to - from);
  }
  return 1;
}

float Loudness(const Emphasis& emphasis) {
  constexpr int kShoutedLetters = 4;
  const bool shouted = emphasis.letters >= kShoutedLetters && emphasis.capitals == emphasis.letters;
  return 1 + 0.1f * static_cast<float>(std::min(emphasis.exclamations, 3)) + (shouted ? 0.15f : 0) +
         (emphasis.elongated > 0 ? 0.15f : 0);
}

}  // namespace

Margins MarginsOf(const Table& table, std::string_view text) {
  Sum sum(table);
  ReadFeatures(text.substr(0, kMaxTextBytes), sum);
  return sum.Result();
}

Sentiment ClassifyWith(const Table& table, std::string_view text) {
  Sum sum(table);
  const Emphasis emphasis = ReadFeatures(text.substr(0, kMaxTextBytes), sum);
  Margins margins = sum.Result();
  if (sum.known() == 0) return {Category::kCurious, kNeutralIntensity};
  // Silence is not boredom: it takes more than any other absence of feeling does.
  float& bored = margins[static_cast<int>(Category::kBored) - 1];
  if (bored <= 0) bored = std::numeric_limits<float>::lowest();
  const auto top = std::max_element(margins.begin(), margins.end());
  const float margin = *top > 0 ? *top * Loudness(emphasis) : *top;
  return {static_cast<Category>(top - margins.begin() + 1), IntensityOf(margin)};
}

Sentiment Classify(std::string_view text) { return ClassifyWith(ShippedTable(), text); }

const Table& ShippedTable() {
  static const Table table = [] {
    const auto shipped = Table::Of(ShippedBytes());
    if (!shipped) std::abort();
    return *shipped;
  }();
  return table;
}

}  // namespace stream::sentiment
