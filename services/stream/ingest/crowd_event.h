// What a message of any platform says of the crowd, once its words are gone: who did what, and what
// it feels like.
#pragma once
#include <optional>

#include "libs/common/base/time.h"
#include "services/stream/ingest/json_reader.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/sentiment/sentiment.h"

namespace stream::ingest {

// Ways of taking part.
enum class Act : uint8_t { kNone, kChat, kFollow, kSupport, kRaid, kRedeem };

struct CrowdEvent {
  // nullopt: nobody's, or somebody's who did not want to be named; counts as no head.
  std::optional<privacy::PlatformUserId> author = {};
  privacy::RoleNews roles = {};
  // kNone: the author did nothing, something was done to them.
  Act act = Act::kNone;
  // nullopt: nothing to publish, only roles to learn.
  std::optional<sentiment::Sentiment> felt = {};

  privacy::Sighting SightingAt(common::Time now) const {
    uint32_t kinds = 0;
    if (act != Act::kNone) {
      kinds = 1u << static_cast<int>(act);
      constexpr int kFirstFeeling = 8;
      if (felt) kinds |= 1u << (kFirstFeeling + static_cast<int>(felt->category));
    }
    return {.roles = roles, .kinds = kinds, .speaks = act == Act::kChat, .at = now};
  }
};

// What acts without words are felt to be. The strength of a gift grows by a tenth with each
// doubling, since sizes of gifts are spread over orders of magnitude; all constants are ours.
inline constexpr sentiment::Sentiment kFollowed{sentiment::Category::kSupportive, 0.4f};
inline constexpr sentiment::Sentiment kVoting{sentiment::Category::kCurious, 0.3f};
sentiment::Sentiment FeltOfSubscription(int64_t months);
sentiment::Sentiment FeltOfGifts(int64_t subscriptions);
sentiment::Sentiment FeltOfRaid(int64_t viewers);
// `units`: of the least amount that anybody gives.
sentiment::Sentiment FeltOfMoney(int64_t units);

// What somebody said and, in any case, did.
inline sentiment::Sentiment Stronger(sentiment::Sentiment said, sentiment::Sentiment did) {
  return said.intensity > did.intensity ? said : did;
}

// Words end here: their feeling. `raw` is as in the JSON, with escapes.
sentiment::Sentiment FeltOfWords(const privacy::PersonalText& raw, UnescapeBuffer& buffer);

// Everybody's and nobody's.
inline CrowdEvent Ambient(sentiment::Sentiment felt) { return {.felt = felt}; }

}  // namespace stream::ingest
