#include "libs/common/base/time.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace common {
namespace {

namespace chrono = std::chrono;

std::string Format(Time time, char separator, std::string_view suffix) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss clock{time - day};
  std::array<char, 48> buffer;
  const int size = std::snprintf(
      buffer.data(), buffer.size(), "%04d-%02u-%02u%c%02d:%02d:%02d.%06d%s",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), separator, static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()), std::string(suffix).c_str());
  return {buffer.data(), static_cast<size_t>(size)};
}

std::optional<int> Digits(std::string_view text, size_t from, size_t count) {
  int value = 0;
  for (size_t i = from; i < from + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// The fraction's digits after the dot, cut to microseconds; nullopt when it is not one.
std::optional<int> Fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text.size() < 2 || text.size() > 10 || text[0] != '.') return std::nullopt;
  int micros = 0;
  for (size_t i = 1; i <= 6 || i < text.size(); ++i) {
    const char c = i < text.size() ? text[i] : '0';
    if (c < '0' || c > '9') return std::nullopt;
    if (i <= 6) micros = micros * 10 + (c - '0');
  }
  return micros;
}

// "YYYY-MM-DD?hh:mm:ss" and an optional fraction.
std::optional<Time> ParseFields(std::string_view text, char separator) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != separator ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2), minute = Digits(text, 14, 2), second = Digits(text, 17, 2);
  const auto micros = Fraction(text.substr(19));
  if (!year || !month || !day || !hour || !minute || !second || !micros) return std::nullopt;
  const chrono::year_month_day date{chrono::year{*year}, chrono::month(*month), chrono::day(*day)};
  // RFC 3339 allows a leap second; it counts as the last second of its minute's end.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return Time{chrono::sys_days{date}} + chrono::hours{*hour} + chrono::minutes{*minute} +
         chrono::seconds{*second} + Duration{*micros};
}

}  // namespace

Time Now() { return chrono::time_point_cast<Duration>(chrono::system_clock::now()); }

std::string FormatTime(Time time) { return Format(time, 'T', "Z"); }
std::string FormatSqlTime(Time time) { return Format(time, ' ', ""); }

std::optional<Time> ParseTime(std::string_view text) {
  if (text.empty() || text.back() != 'Z') return std::nullopt;
  return ParseFields(text.substr(0, text.size() - 1), 'T');
}
std::optional<Time> ParseSqlTime(std::string_view text) { return ParseFields(text, ' '); }

}  // namespace common
