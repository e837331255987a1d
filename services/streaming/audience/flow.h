// Who goes from stream to stream, in sums: raids, and members whom another stream has won over.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace streaming::audience {

enum class FlowKind : uint8_t { kMigration = 1, kRaid = 2 };

// Heads that went from one session to another: with a raid, or in one round.
struct Flow {
  FlowKind kind = FlowKind::kMigration;
  common::Uuid from;
  common::Uuid to;
  uint32_t heads = 0;
  common::Time at;
  bool operator==(const Flow&) const = default;
};

// 45 bytes, integers little-endian: kind, 1; microseconds since the epoch, 8; from, 16; to, 16;
// heads, 4.
std::string EncodeFlow(const Flow& flow);
// nullopt for bytes that EncodeFlow did not make.
std::optional<Flow> DecodeFlow(std::string_view bytes);

// What moves in a round of one shard, until the round is through.
class Migrations {
 public:
  // Beyond kPairsMost pairs of sessions new ones are left out.
  void Add(const common::Uuid& from, const common::Uuid& to, uint32_t heads);
  // The largest, at most kMost; nothing is left.
  std::vector<Flow> Take(common::Time now);

  static constexpr size_t kPairsMost = 10'000;
  static constexpr size_t kMost = 32;

 private:
  std::map<std::pair<common::Uuid, common::Uuid>, uint32_t> heads_;
};

}  // namespace streaming::audience
