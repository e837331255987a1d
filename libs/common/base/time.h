// One notion of wall-clock time: UTC microseconds, which is what DATETIME(6) keeps.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace common {

using Duration = std::chrono::microseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Where the present comes from. Rules take a Time; only the edges hold a Clock.
using Clock = std::function<Time()>;

Time Now();

// RFC 3339 in UTC, for example 2026-01-02T03:04:05.678901Z.
std::string FormatTime(Time time);
// Accepts 0 to 9 fractional digits (cut to microseconds) and a final Z; nullopt for anything else.
std::optional<Time> ParseTime(std::string_view text);

// MySQL's DATETIME(6) literal, "2026-01-02 03:04:05.678901", and back.
std::string FormatSqlTime(Time time);
std::optional<Time> ParseSqlTime(std::string_view text);

inline double ToSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
inline int64_t ToMicros(Time time) { return time.time_since_epoch().count(); }
inline Time FromMicros(int64_t micros) { return Time{Duration{micros}}; }

}  // namespace common
