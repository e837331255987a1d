// What others may see of a session's audience. Nothing here tells a real-derived viewer from any
// other; all numbers are sums over the same heads, so they always agree with each other.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/archetype.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// The numbers are bannou.stream.v1.TrackedViewerType's.
enum class ViewerType : uint8_t {
  kSubscriber = 1,
  kModerator,
  kRaidLeader,
  kVip,
  kHighEngager,
  kReturner,
};

struct NotableViewer {
  uint32_t member = 0;  // never shown
  common::Uuid viewer;  // its pseudonym in this session
  std::string label;
  ViewerType type = ViewerType::kHighEngager;
  float engagement = 0;  // 0 to 1
  blending::Sentiment sentiment = blending::Sentiment::kCurious;
};
inline constexpr size_t kNotableViewersMax = 10;

struct Composition {
  uint32_t heads = 0;
  std::array<uint32_t, pool::kPersonalities> personalities{};  // heads that have it
  std::array<uint32_t, pool::kInterests> interests{};
  // Every head is in one of these.
  uint32_t high = 0;
  uint32_t medium = 0;
  uint32_t low = 0;
  uint32_t lurking = 0;
  std::vector<NotableViewer> notable;  // the most engaged first
};

Composition CompositionOf(const AttractionWeights& weights, const LiveSession& session);

}  // namespace streaming::audience
