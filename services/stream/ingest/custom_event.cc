#include "services/stream/ingest/custom_event.h"

#include <algorithm>
#include <utility>

namespace stream::ingest {
namespace {

constexpr size_t kIdBytesMax = 128;
constexpr int64_t kViewersMax = 100'000'000;

CustomEventType TypeOf(std::string_view word) {
  constexpr std::pair<std::string_view, CustomEventType> kTypes[] = {
      {"online", CustomEventType::kOnline},   {"offline", CustomEventType::kOffline},
      {"viewers", CustomEventType::kViewers}, {"chat", CustomEventType::kCrowd},
      {"subscribe", CustomEventType::kCrowd}, {"raid", CustomEventType::kCrowd},
      {"follow", CustomEventType::kCrowd},
  };
  for (const auto& [name, type] : kTypes) {
    if (word == name) return type;
  }
  return CustomEventType::kUnknown;
}

void ReadData(JsonReader& json, CustomEvent& event) {
  json.Object([&](std::string_view key) {
    int64_t viewers = 0;
    if (key != "viewers") {
      json.Skip();
    } else if (json.Int(viewers)) {
      event.viewers = static_cast<int>(std::clamp<int64_t>(viewers, 0, kViewersMax));
    }
  });
}

}  // namespace

std::optional<CustomEvent> DecodeCustomEvent(std::string_view body) {
  CustomEvent event;
  std::string_view type;
  std::string_view at;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key == "id") {
      json.String(event.id);
    } else if (key == "type") {
      json.String(type);
    } else if (key == "at") {
      json.String(at);
    } else if (key == "data" && json.Peek() == '{') {
      ReadData(json, event);
    } else {
      json.Skip();
    }
  });
  const auto time = common::ParseTime(at);
  if (!json.Finish() || event.id.empty() || event.id.size() > kIdBytesMax || type.empty() ||
      !time) {
    return std::nullopt;
  }
  event.type = TypeOf(type);
  event.at = *time;
  if (event.type == CustomEventType::kViewers && !event.viewers) return std::nullopt;
  return event;
}

}  // namespace stream::ingest
