// Ranks of a leaderboard, and its members' form in Redis.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/uuid.h"

namespace streaming::careers {

// A streamer as a board's member: 17 bytes whose order is that of type and then id.
struct BoardMember {
  uint8_t type = 0;  // bannou.streaming.v1.StreamerEntityType
  common::Uuid id;
  bool operator==(const BoardMember&) const = default;
};
std::string EncodeMember(const BoardMember& member);
std::optional<BoardMember> DecodeMember(std::string_view bytes);

// The ranks of a page of values, best first: 1 + the number of strictly better ones. `offset` is
// the page's place in the whole list, `better` how many are better than its first value.
std::vector<uint32_t> RanksOf(std::span<const double> values, uint32_t offset, uint32_t better);

// How far a game's boards have followed its rows, which are read in the order of these.
struct BoardPosition {
  int64_t changed_at = 0;  // microseconds
  BoardMember member;
  bool operator==(const BoardPosition&) const = default;
};
std::string EncodePosition(const BoardPosition& position);
std::optional<BoardPosition> DecodePosition(std::string_view text);

}  // namespace streaming::careers
