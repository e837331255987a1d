#include "services/stream/ingest/crowd_event.h"

#include <algorithm>
#include <cmath>

namespace stream::ingest {
namespace {

using sentiment::Category;
using sentiment::Sentiment;

// `least` for one unit, and a tenth more for each doubling.
float StrengthOf(int64_t amount, int64_t unit, double least) {
  const double units = static_cast<double>(amount) / static_cast<double>(unit);
  return static_cast<float>(std::min(least + 0.1 * std::log2(std::max(1.0, units)), 1.0));
}

}  // namespace

Sentiment FeltOfSubscription(int64_t months) {
  constexpr int64_t kYear = 12;
  return {Category::kSupportive, StrengthOf(months, kYear, 0.6)};
}

Sentiment FeltOfGifts(int64_t subscriptions) {
  constexpr int64_t kMany = 5;  // that excites a chat
  return {subscriptions < kMany ? Category::kSupportive : Category::kExcited,
          StrengthOf(subscriptions, 1, 0.6)};
}

Sentiment FeltOfRaid(int64_t viewers) {
  constexpr int64_t kSmall = 10;
  return {Category::kExcited, StrengthOf(viewers, kSmall, 0.5)};
}

Sentiment FeltOfMoney(int64_t units) { return {Category::kSupportive, StrengthOf(units, 1, 0.4)}; }

Sentiment FeltOfWords(const privacy::PersonalText& raw, UnescapeBuffer& buffer) {
  return raw.Use([&](std::string_view text) {
    return sentiment::Classify(buffer.Unescape(text).value_or(std::string_view()));
  });
}

}  // namespace stream::ingest
