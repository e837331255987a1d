// The classifier on anything that somebody may write.
#include <string>

#include "services/stream/sentiment/sentiment.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(classifier, bytes) {
  using stream::sentiment::Classify;
  const auto felt = Classify(bytes);
  FUZZ_CHECK(felt.intensity >= 0 && felt.intensity <= 1);  // which a NaN is not
  FUZZ_CHECK(static_cast<int>(felt.category) >= 1 &&
             static_cast<int>(felt.category) <= stream::sentiment::kCategories);
  // The bytes decide, and nothing beside or behind them.
  const std::string longer = std::string(bytes) + "LUL";
  const auto again = Classify(std::string_view(longer).substr(0, bytes.size()));
  FUZZ_CHECK(again.category == felt.category && again.intensity == felt.intensity);
}
