// What a neighbour's answer to a command means, and when to ask again.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

namespace streaming::neighbours {

enum class Verdict {
  kDelivered,
  // It is away, busy, not there yet, or does not accept us (a wrong token, a redirect): no fault of
  // the command's, which waits as long as its stream keeps it.
  kUnavailable,
  // It failed over this command: worth kFailuresMax tries.
  kFailed,
  // It will never take this command.
  kRefused,
};

// Of an HTTP status.
Verdict Judge(int status);

// The failures over one command after which it counts as refused.
inline constexpr uint32_t kFailuresMax = 10;

// How long to wait before a command is sent again that was sent `tries` times (from 1): 1 s,
// doubled up to a minute, or as long as the neighbour asked for, up to five minutes.
std::chrono::milliseconds PauseAfter(uint64_t tries, std::optional<std::chrono::seconds> asked);

}  // namespace streaming::neighbours
