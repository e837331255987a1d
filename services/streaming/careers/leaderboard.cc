#include "services/streaming/careers/leaderboard.h"

#include <algorithm>
#include <charconv>

namespace streaming::careers {
namespace {

constexpr size_t kIdBytes = 16;

}  // namespace

std::string EncodeMember(const BoardMember& member) {
  return static_cast<char>(member.type) + member.id.ToBytes();
}

std::optional<BoardMember> DecodeMember(std::string_view bytes) {
  if (bytes.size() != 1 + kIdBytes) return std::nullopt;
  return BoardMember{.type = static_cast<uint8_t>(bytes[0]),
                     .id = *common::Uuid::FromBytes(bytes.substr(1))};
}

std::vector<uint32_t> RanksOf(std::span<const double> values, uint32_t offset, uint32_t better) {
  std::vector<uint32_t> ranks;
  ranks.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto place = static_cast<uint32_t>(offset + i + 1);
    if (i == 0) {
      // The board may have changed between the two looks at it.
      ranks.push_back(std::min(better + 1, place));
    } else {
      ranks.push_back(values[i] == values[i - 1] ? ranks[i - 1] : place);
    }
  }
  return ranks;
}

std::string EncodePosition(const BoardPosition& position) {
  return std::to_string(position.changed_at) + ":" + EncodeMember(position.member);
}

std::optional<BoardPosition> DecodePosition(std::string_view text) {
  BoardPosition position;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), position.changed_at);
  const auto digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || digits == text.size() || text[digits] != ':') return std::nullopt;
  const auto member = DecodeMember(text.substr(digits + 1));
  if (!member) return std::nullopt;
  position.member = *member;
  return position;
}

}  // namespace streaming::careers
