// Which node of a Redis Cluster a command belongs to. Pure: the rules of the Redis Cluster
// Specification, without any I/O.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/config/address.h"
#include "libs/common/redis/options.h"
#include "libs/common/redis/reply.h"

namespace common::redis {

inline constexpr uint16_t kSlots = 16384;

// CRC-16/XMODEM: polynomial 0x1021, initial value 0, nothing reflected.
uint16_t Crc16(std::string_view bytes);

// What of a key decides its slot: that between its first '{' and the next '}', the whole key when
// there is no such pair or nothing between.
std::string_view HashTagOf(std::string_view key);
uint16_t SlotOf(std::string_view key);

// The slot of a command's keys; nullopt for one that has none. INTERNAL for a bug of the caller:
// keys of several slots, or a command such as KEYS or MULTI that would see one node of many.
absl::StatusOr<std::optional<uint16_t>> SlotOfCommand(Arguments command);

// Where a node sends those who ask it for a slot that it does not serve.
struct Redirect {
  bool ask = false;  // for this one command only
  uint16_t slot = 0;
  config::Address node;
};
// From the text of an error that a node at `asked` answered; nullopt when it says something else.
std::optional<Redirect> ParseRedirect(std::string_view error, const config::Address& asked);

// Which node has which slot.
class SlotMap {
 public:
  // Knows of no node.
  SlotMap() { owner_.fill(kNobody); }

  // The answer to CLUSTER SLOTS of a node at `asked`. INTERNAL when it is none.
  static absl::StatusOr<SlotMap> Parse(const ReplyView& reply, const config::Address& asked);

  // Null when no node is known to have it.
  const config::Address* MasterOf(uint16_t slot) const;
  // From now on a slot is this node's.
  void Assign(uint16_t slot, const config::Address& node);

  // Each once.
  const std::vector<config::Address>& masters() const { return masters_; }
  const std::vector<config::Address>& replicas() const { return replicas_; }

 private:
  static constexpr uint16_t kNobody = 0xffff;

  std::array<uint16_t, kSlots> owner_;  // position in masters_, fewer than kNobody
  std::vector<config::Address> masters_;
  std::vector<config::Address> replicas_;
};

}  // namespace common::redis
