#include "libs/common/config/settings.h"

#include <cmath>
#include <fstream>
#include <sstream>

extern char** environ;

namespace common::config {
namespace {

constexpr std::streamsize kMaxSecretFileBytes = 64 * 1024;

std::string FormatBound(double bound) {
  std::ostringstream out;
  out << bound;
  return out.str();
}

template <class Number>
std::optional<std::string> ParseNumber(Number& out, std::string_view text, const char* problem) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc{} || stop != end) return problem;
  return std::nullopt;
}

Source ReadSecretFile(const std::string& env, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(kMaxSecretFileBytes), '\0');
  if (!file || (file.read(text.data(), kMaxSecretFileBytes), file.bad())) {
    return {.error = env + "_FILE: the file cannot be read"};
  }
  text.resize(static_cast<size_t>(file.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return {.text = text};
}

}  // namespace

Environment ReadEnvironment() {
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
  }
  return out;
}

std::optional<std::string> ParseValue(std::string& out, std::string_view text) {
  out = text;
  return std::nullopt;
}
std::optional<std::string> ParseValue(Secret& out, std::string_view text) {
  out = Secret(std::string(text));
  return std::nullopt;
}
std::optional<std::string> ParseValue(bool& out, std::string_view text) {
  if (text != "true" && text != "false") return "must be true or false";
  out = text == "true";
  return std::nullopt;
}
std::optional<std::string> ParseValue(int& out, std::string_view text) {
  return ParseNumber(out, text, "must be a whole number");
}
std::optional<std::string> ParseValue(double& out, std::string_view text) {
  auto problem = ParseNumber(out, text, "must be a number");
  if (!problem && !std::isfinite(out)) problem = "must be a finite number";
  return problem;
}
std::optional<std::string> ParseValue(std::vector<std::string>& out, std::string_view text) {
  out.clear();
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma == 0) return "must be a comma-separated list without empty parts";
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return std::nullopt;
}

std::optional<std::string> CheckRange(double value, double minimum, double maximum) {
  if (value >= minimum && value <= maximum) return std::nullopt;
  return "must be between " + FormatBound(minimum) + " and " + FormatBound(maximum);
}

Source FindSource(const Environment& environment, const std::string& env,
                  const std::string& fallback, bool secret) {
  const auto direct = environment.find(env);
  const auto file = secret ? environment.find(env + "_FILE") : environment.end();
  if (file != environment.end() && direct != environment.end()) {
    return {.error = env + ": set either it or " + env + "_FILE, not both"};
  }
  if (file != environment.end()) return ReadSecretFile(env, file->second);
  return {.text = direct != environment.end() ? direct->second : fallback};
}

std::vector<std::string> UnknownVariables(const Environment& environment, std::string_view prefix,
                                          const std::function<bool(std::string_view)>& known) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : environment) {
    if (name.starts_with(prefix) && !known(name)) unknown.push_back(name);
  }
  return unknown;
}

void AddErrors(LoadReport& report, const std::vector<std::string>& errors) {
  for (const std::string& error : errors) {
    const std::string_view variable = std::string_view(error).substr(0, error.find(':') + 1);
    const bool told = std::any_of(report.errors.begin(), report.errors.end(),
                                  [&](const auto& other) { return other.starts_with(variable); });
    if (!told) report.errors.push_back(error);
  }
}

std::string MarkdownCell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace common::config
