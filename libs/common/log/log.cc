#include "libs/common/log/log.h"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "libs/common/base/time.h"
#include "libs/common/trace/trace.h"

namespace common::log {
namespace {

std::string service_name = "unnamed";

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "info";
}

spdlog::logger& Logger() {
  // The line is complete JSON already; any pattern around it would break it.
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto created = spdlog::stderr_logger_mt("json");
    created->set_pattern("%v");
    return created;
  }();
  return *logger;
}

}  // namespace

void Init(std::string_view service, std::string_view level) {
  service_name = service;
  Level least = Level::kInfo;
  for (const Level candidate : {Level::kDebug, Level::kWarning, Level::kError}) {
    if (level == LevelName(candidate)) least = candidate;
  }
  Logger().set_level(ToSpdlog(least));
}

std::string Format(Level level, std::string_view event, Fields fields) {
  nlohmann::ordered_json line;
  line["time"] = FormatTime(Now());
  line["level"] = LevelName(level);
  line["service"] = service_name;
  line["event"] = event;
  if (const trace::Context* context = trace::Current()) line["trace_id"] = context->TraceIdHex();
  for (const Field& field : fields) {
    std::visit([&](const auto& value) { line[std::string(field.key)] = value; }, field.value);
  }
  // Text may hold bytes that are not UTF-8; dump would throw on them.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void Write(Level level, std::string_view event, Fields fields) {
  spdlog::logger& logger = Logger();
  if (!logger.should_log(ToSpdlog(level))) return;
  logger.log(ToSpdlog(level), "{}", Format(level, event, fields));
}

void Flush() { Logger().flush(); }

}  // namespace common::log
