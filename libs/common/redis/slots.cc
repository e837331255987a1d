#include "libs/common/redis/slots.h"

#include <algorithm>
#include <charconv>

namespace common::redis {
namespace {

constexpr std::array<uint16_t, 256> MakeCrcTable() {
  std::array<uint16_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
    table[byte] = static_cast<uint16_t>(crc);
  }
  return table;
}
constexpr auto kCrcTable = MakeCrcTable();

// Where a command has its keys.
enum class Keys { kFirst, kAll, kAfterOne, kCounted, kNone, kRefused };
struct CommandKeys {
  std::string_view command;
  Keys keys;
};
// A command that is not here has one key, its first argument. The servers know them all and refuse
// what does not fit together.
constexpr CommandKeys kCommands[] = {
    {"FCALL", Keys::kCounted},    {"FCALL_RO", Keys::kCounted}, {"EVAL", Keys::kCounted},
    {"EVALSHA", Keys::kCounted},  {"DEL", Keys::kAll},          {"UNLINK", Keys::kAll},
    {"EXISTS", Keys::kAll},       {"TOUCH", Keys::kAll},        {"MGET", Keys::kAll},
    {"BITOP", Keys::kAfterOne},   {"PING", Keys::kNone},        {"ECHO", Keys::kNone},
    {"TIME", Keys::kNone},        {"INFO", Keys::kNone},        {"CLUSTER", Keys::kNone},
    {"FUNCTION", Keys::kNone},    {"ACL", Keys::kNone},         {"KEYS", Keys::kRefused},
    {"SCAN", Keys::kRefused},     {"DBSIZE", Keys::kRefused},   {"FLUSHALL", Keys::kRefused},
    {"FLUSHDB", Keys::kRefused},  {"MULTI", Keys::kRefused},    {"EXEC", Keys::kRefused},
    {"WATCH", Keys::kRefused},    {"SELECT", Keys::kRefused},   {"CLIENT", Keys::kRefused},
    {"SUBSCRIBE", Keys::kRefused}};

Keys KindOf(std::string_view command) {
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const CommandKeys& row) { return row.command == command; });
  return found == std::end(kCommands) ? Keys::kFirst : found->keys;
}

template <class Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Arguments KeysOf(Arguments command, Keys kind) {
  size_t first = 1;
  size_t count = 1;
  if (kind == Keys::kNone) count = 0;
  if (kind == Keys::kAll) count = command.size();
  if (kind == Keys::kAfterOne) {
    first = 2;
    count = command.size();
  }
  if (kind == Keys::kCounted) {
    first = 3;
    if (command.size() < first || !ParseNumber(command[2], count)) count = 0;
  }
  first = std::min(first, command.size());
  return command.subspan(first, std::min(count, command.size() - first));
}

// A node's own address among those that it tells: it may leave its host out.
std::optional<config::Address> AddressOf(std::string_view host, int64_t port,
                                         const config::Address& asked) {
  if (port < 1 || port > 65535 || host == "?") return std::nullopt;
  return config::Address{host.empty() ? asked.host : std::string(host), static_cast<int>(port)};
}

// The position of an address in a list, at its end if it is not there yet.
size_t PositionIn(std::vector<config::Address>& list, const config::Address& address) {
  const auto found = std::find(list.begin(), list.end(), address);
  if (found != list.end()) return static_cast<size_t>(found - list.begin());
  list.push_back(address);
  return list.size() - 1;
}

absl::Status NoMap() { return absl::InternalError("redis answered no map of its slots"); }

}  // namespace

uint16_t Crc16(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc = (crc << 8) ^ kCrcTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return static_cast<uint16_t>(crc);
}

std::string_view HashTagOf(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

uint16_t SlotOf(std::string_view key) { return Crc16(HashTagOf(key)) % kSlots; }

absl::StatusOr<std::optional<uint16_t>> SlotOfCommand(Arguments command) {
  const Keys kind = command.empty() ? Keys::kNone : KindOf(command[0]);
  if (kind == Keys::kRefused) {
    return absl::InternalError("this redis command would see one node of the cluster only");
  }
  std::optional<uint16_t> slot;
  for (const std::string_view key : KeysOf(command, kind)) {
    if (slot && *slot != SlotOf(key)) {
      return absl::InternalError("the keys of a redis command are of different slots");
    }
    slot = SlotOf(key);
  }
  return slot;
}

std::optional<Redirect> ParseRedirect(std::string_view error, const config::Address& asked) {
  Redirect redirect;
  redirect.ask = error.starts_with("ASK ");
  if (!redirect.ask && !error.starts_with("MOVED ")) return std::nullopt;
  error.remove_prefix(error.find(' ') + 1);
  const size_t blank = std::min(error.find(' '), error.size());
  const size_t colon = error.rfind(':');
  if (!ParseNumber(error.substr(0, blank), redirect.slot) || redirect.slot >= kSlots ||
      colon == std::string_view::npos || colon < blank) {
    return std::nullopt;
  }
  int64_t port = 0;
  if (!ParseNumber(error.substr(colon + 1), port)) return std::nullopt;
  auto node = AddressOf(error.substr(blank + 1, colon - blank - 1), port, asked);
  if (!node) return std::nullopt;
  redirect.node = *std::move(node);
  return redirect;
}

absl::StatusOr<SlotMap> SlotMap::Parse(const ReplyView& reply, const config::Address& asked) {
  if (!reply.is_array()) return NoMap();
  SlotMap map;
  for (size_t i = 0; i < reply.size(); ++i) {
    // First and last slot, the master, its replicas; a node is host, port and more.
    const ReplyView range = reply[i];
    if (range.size() < 3) return NoMap();
    const int64_t first = range[0].integer();
    const int64_t last = range[1].integer();
    if (first < 0 || last < first || last >= kSlots) return NoMap();
    for (size_t n = 2; n < range.size(); ++n) {
      const ReplyView told = range[n];
      if (told.size() < 2) return NoMap();
      const auto node = AddressOf(told[0].text(), told[1].integer(), asked);
      if (!node) continue;
      if (n > 2) {
        PositionIn(map.replicas_, *node);
        continue;
      }
      const size_t position = PositionIn(map.masters_, *node);
      if (position >= kNobody) return NoMap();
      std::fill(map.owner_.begin() + first, map.owner_.begin() + last + 1,
                static_cast<uint16_t>(position));
    }
  }
  return map;
}

const config::Address* SlotMap::MasterOf(uint16_t slot) const {
  return owner_[slot] == kNobody ? nullptr : &masters_[owner_[slot]];
}

void SlotMap::Assign(uint16_t slot, const config::Address& node) {
  const size_t position = PositionIn(masters_, node);
  if (position < kNobody) owner_[slot] = static_cast<uint16_t>(position);
}

}  // namespace common::redis
