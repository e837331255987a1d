// One JSON object a line on stderr. An event name is a constant of the code; what varies goes into
// fields. A field takes numbers, booleans and text; types that hold secrets or personal data do not
// convert to any of them, so they cannot be logged.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace common::log {

enum class Level { kDebug, kInfo, kWarning, kError };

using Value = std::variant<bool, int64_t, double, std::string_view>;

struct Field {
  Field(std::string_view name, bool v) : key(name), value(v) {}
  Field(std::string_view name, int v) : key(name), value(int64_t{v}) {}
  Field(std::string_view name, int64_t v) : key(name), value(v) {}
  Field(std::string_view name, size_t v) : key(name), value(static_cast<int64_t>(v)) {}
  Field(std::string_view name, double v) : key(name), value(v) {}
  Field(std::string_view name, const char* v) : key(name), value(std::string_view(v)) {}
  Field(std::string_view name, std::string_view v) : key(name), value(v) {}
  Field(std::string_view name, const std::string& v) : key(name), value(std::string_view(v)) {}

  std::string_view key;
  Value value;  // text is borrowed until the call returns
};
using Fields = std::initializer_list<Field>;

// Once, before any thread: the `service` of every line and the least level that is written.
// Unknown level names fall back to info.
void Init(std::string_view service, std::string_view level);

void Write(Level level, std::string_view event, Fields fields);
inline void Debug(std::string_view event, Fields fields = {}) {
  Write(Level::kDebug, event, fields);
}
inline void Info(std::string_view event, Fields fields = {}) { Write(Level::kInfo, event, fields); }
inline void Warning(std::string_view event, Fields fields = {}) {
  Write(Level::kWarning, event, fields);
}
inline void Error(std::string_view event, Fields fields = {}) {
  Write(Level::kError, event, fields);
}

// The line that Write would print, without its newline; for tests.
std::string Format(Level level, std::string_view event, Fields fields);

// Writes what is buffered; last in the drain.
void Flush();

}  // namespace common::log
