// Ids, tokens and times as the platform spells them.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>

#include "libs/common/base/time.h"

namespace platform_sim {

// `size` random characters of [a-z0-9]: codes and tokens.
std::string RandomToken(size_t size);

// RFC 3339 with 7 to 9 fractional digits, trailing zeros dropped: 2026-01-02T03:04:05.12345678Z
std::string FormatNanos(std::chrono::system_clock::time_point time);
// RFC 3339 in whole seconds.
std::string FormatSeconds(common::Time time);

}  // namespace platform_sim
