// Settings declared once: a daemon writes one row a setting, and loading, validation, --help,
// --print-config and docs/configuration.md all come from the same rows. The row's `fallback` is the
// only place where a default is written.
#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/config/secret.h"

namespace common::config {

template <class S>
struct Setting {
  std::string env;
  std::string fallback;
  std::string doc;  // one sentence: meaning, unit, range
  // Parses into the settings; the problem in a few words, or nullopt when the value is good.
  std::function<std::optional<std::string>(S&, std::string_view)> parse;
  bool secret = false;  // never printed; may also come from the file that <env>_FILE names
};
template <class S>
using Table = std::vector<Setting<S>>;

// The process's environment, or a test's.
using Environment = std::map<std::string, std::string, std::less<>>;
Environment ReadEnvironment();

// --- Parsers of values; each returns what is wrong, or nullopt. ---------------------------------
std::optional<std::string> ParseValue(std::string& out, std::string_view text);
std::optional<std::string> ParseValue(Secret& out, std::string_view text);
std::optional<std::string> ParseValue(bool& out, std::string_view text);
std::optional<std::string> ParseValue(int& out, std::string_view text);
std::optional<std::string> ParseValue(double& out, std::string_view text);
std::optional<std::string> ParseValue(std::vector<std::string>& out, std::string_view text);
template <class Rep, class Period>
std::optional<std::string> ParseValue(std::chrono::duration<Rep, Period>& out,
                                      std::string_view text) {
  int count = 0;
  if (auto problem = ParseValue(count, text)) return problem;
  out = std::chrono::duration<Rep, Period>(count);
  return std::nullopt;
}

// How a value compares with its bounds: a duration by its count of the unit in its name.
inline double Magnitude(int value) { return value; }
inline double Magnitude(double value) { return value; }
template <class Rep, class Period>
double Magnitude(std::chrono::duration<Rep, Period> value) {
  return static_cast<double>(value.count());
}
std::optional<std::string> CheckRange(double value, double minimum, double maximum);

// The parser of a row that fills `member` of the settings, or a member of one of its parts:
// Into(&Settings::pool_size, 1, 100) or Into(&Settings::server, &Server::grpc_addr).
template <class S, class T>
auto Into(T S::*member) {
  return
      [member](S& settings, std::string_view text) { return ParseValue(settings.*member, text); };
}
template <class S, class P, class T>
auto Into(P S::*part, T P::*member) {
  return [part, member](S& settings, std::string_view text) {
    return ParseValue(settings.*part.*member, text);
  };
}
template <class S, class T>
auto Into(T S::*member, double minimum, double maximum) {
  return [=](S& settings, std::string_view text) -> std::optional<std::string> {
    if (auto problem = ParseValue(settings.*member, text)) return problem;
    return CheckRange(Magnitude(settings.*member), minimum, maximum);
  };
}
template <class S, class P, class T>
auto Into(P S::*part, T P::*member, double minimum, double maximum) {
  return [=](S& settings, std::string_view text) {
    return Into(member, minimum, maximum)(settings.*part, text);
  };
}

// --- What the rows are used for. -----------------------------------------------------------------
struct LoadReport {
  std::vector<std::string> errors;    // every one, so that an operator fixes one list
  std::vector<std::string> warnings;  // variables with the daemon's prefix that no row knows
};

// The text that a row's value comes from: the variable, the file of a secret, or the default.
// An error names the variable only.
struct Source {
  std::string text;
  std::optional<std::string> error;
};
Source FindSource(const Environment& environment, const std::string& env,
                  const std::string& fallback, bool secret);
std::vector<std::string> UnknownVariables(const Environment& environment, std::string_view prefix,
                                          const std::function<bool(std::string_view)>& known);
std::string MarkdownCell(std::string_view text);

// Adds what no single row can see, as "VARIABLE: problem"; nothing twice of one variable.
void AddErrors(LoadReport& report, const std::vector<std::string>& errors);

// A value that is wrong leaves the default, so that the rest can be judged, too.
template <class S>
LoadReport Load(S& settings, const Table<S>& table, std::string_view prefix,
                const Environment& environment) {
  LoadReport report;
  for (const Setting<S>& row : table) {
    const Source source = FindSource(environment, row.env, row.fallback, row.secret);
    const auto problem = source.error ? std::nullopt : row.parse(settings, source.text);
    if (!source.error && !problem) continue;
    // The value itself is left out: it may be a secret in the wrong variable.
    report.errors.push_back(source.error ? *source.error : row.env + ": " + *problem);
    row.parse(settings, row.fallback);
  }
  const auto known = [&table](std::string_view variable) {
    return std::any_of(table.begin(), table.end(), [&](const Setting<S>& row) {
      return variable == row.env || (row.secret && variable == row.env + "_FILE");
    });
  };
  for (const std::string& variable : UnknownVariables(environment, prefix, known)) {
    report.warnings.push_back(variable + ": no such setting");
  }
  return report;
}

// NAME=value lines with secrets hidden.
template <class S>
std::string Print(const Table<S>& table, const Environment& environment) {
  std::string out;
  for (const Setting<S>& row : table) {
    const Source source = FindSource(environment, row.env, row.fallback, row.secret);
    out += row.env + "=" +
           (!row.secret           ? source.text
            : source.text.empty() ? "[unset]"
                                  : "[secret]") +
           "\n";
  }
  return out;
}

// A Markdown table of all settings.
template <class S>
std::string Document(const Table<S>& table) {
  std::string out = "| Variable | Default | Meaning |\n|---|---|---|\n";
  for (const Setting<S>& row : table) {
    const std::string shown = row.fallback.empty() ? "" : "`" + row.fallback + "`";
    out += "| `" + row.env + "` | " + shown + " | " + MarkdownCell(row.doc) + " |\n";
  }
  return out;
}

}  // namespace common::config
