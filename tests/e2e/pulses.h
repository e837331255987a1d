// What a platform session's pulses brought.
#pragma once
#include <vector>

#include <bannou/stream/v1/sentiment.pb.h>

#include "tests/story/events.h"

namespace story {

using bannou::stream::v1::SentimentEntry;
using bannou::stream::v1::SentimentPulse;

// So far.
inline std::vector<SentimentPulse> PulsesOf(const Events& events, const std::string& session) {
  std::vector<SentimentPulse> pulses = events.Of<SentimentPulse>();
  std::erase_if(pulses, [&](const auto& pulse) { return pulse.platform_session_id() != session; });
  return pulses;
}
inline std::vector<SentimentEntry> EntriesOf(const Events& events, const std::string& session) {
  std::vector<SentimentEntry> entries;
  for (const auto& pulse : PulsesOf(events, session)) {
    entries.insert(entries.end(), pulse.sentiments().begin(), pulse.sentiments().end());
  }
  return entries;
}

}  // namespace story
