// Ids, tokens and times as the platforms spell them.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"

namespace platform_sim {

// `size` random characters of [a-z0-9]: codes and tokens.
std::string RandomToken(size_t size);

// `size` random characters of base64url: ids of YouTube.
std::string RandomId(size_t size);
// `size` digits, the first of which is not 0.
std::string RandomDigits(size_t size);

// The cursor of a page: opaque to clients, the number of entries before it to us. What is no cursor
// is the beginning.
std::string ToCursor(size_t position);
size_t FromCursor(std::string_view cursor);

// RFC 3339 with 7 to 9 fractional digits, trailing zeros dropped: 2026-01-02T03:04:05.12345678Z
std::string FormatNanos(std::chrono::system_clock::time_point time);
// RFC 3339 in whole seconds.
std::string FormatSeconds(common::Time time);
// As feeds and chats of YouTube write it: 2026-01-02T03:04:05.678901234+00:00 with nine digits, six
// digits or none.
std::string FormatOffset(common::Time time, int digits);

}  // namespace platform_sim
