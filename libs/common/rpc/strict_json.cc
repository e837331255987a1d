#include "libs/common/rpc/strict_json.h"

#include <array>
#include <set>
#include <string>

namespace common::rpc {
namespace {

constexpr size_t kLevelsMax = 16;

}  // namespace

std::optional<nlohmann::json> ParseStrictObject(std::string_view text) {
  using Event = nlohmann::json::parse_event_t;
  // The parser would take a zero byte for the end and not look at what follows.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  bool strict = true;
  // The member names so far of the open object at each level.
  std::array<std::set<std::string>, kLevelsMax + 1> names;
  const auto watch = [&](int level, Event event, nlohmann::json& value) {
    const auto depth = static_cast<size_t>(level);
    if (event == Event::object_start || event == Event::array_start) {
      strict &= depth < kLevelsMax;
      if (strict) names[depth + 1].clear();
    } else if (event == Event::key && strict) {
      strict = names[depth].insert(value.get<std::string>()).second;
    }
    return strict;  // false: nothing more is built
  };
  nlohmann::json parsed = nlohmann::json::parse(text, watch, /*allow_exceptions=*/false);
  if (!strict || !parsed.is_object()) return std::nullopt;
  return parsed;
}

std::optional<std::string> TextMember(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

}  // namespace common::rpc
