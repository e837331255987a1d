#include "libs/common/http/router.h"

#include <algorithm>

namespace common::http {

absl::StatusOr<Router> Router::Create(std::vector<Route> routes) {
  std::vector<Entry> entries;
  for (Route& route : routes) {
    const std::string& pattern = route.pattern;
    const size_t open = pattern.find('{');
    const size_t close = pattern.find('}');
    const bool literal = open == std::string::npos && close == std::string::npos;
    const bool one_variable = open != std::string::npos && close != std::string::npos &&
                              open < close && open > 0 && pattern[open - 1] == '/' &&
                              (close + 1 == pattern.size() || pattern[close + 1] == '/') &&
                              pattern.find_first_of("{}", close + 1) == std::string::npos;
    if (!pattern.starts_with('/') || pattern.find('?') != std::string::npos ||
        !(literal || one_variable) || route.method.empty() || !route.handler) {
      return absl::InvalidArgumentError("malformed route");
    }
    Entry entry;
    entry.prefix = pattern.substr(0, open);
    if (one_variable) {
      entry.has_variable = true;
      entry.suffix = pattern.substr(close + 1);
    }
    entry.route = std::move(route);
    const auto same = [&](const Entry& other) {
      return other.route.method == entry.route.method && other.prefix == entry.prefix &&
             other.suffix == entry.suffix && other.has_variable == entry.has_variable;
    };
    if (std::any_of(entries.begin(), entries.end(), same)) {
      return absl::InvalidArgumentError("a route is declared twice");
    }
    entries.push_back(std::move(entry));
  }
  std::stable_partition(entries.begin(), entries.end(),
                        [](const Entry& entry) { return !entry.has_variable; });
  return Router(std::move(entries));
}

bool Router::Fits(const Entry& entry, std::string_view path) {
  if (!entry.has_variable) return path == entry.prefix;
  const size_t fixed = entry.prefix.size() + entry.suffix.size();
  return path.size() > fixed && path.starts_with(entry.prefix) && path.ends_with(entry.suffix) &&
         path.substr(entry.prefix.size(), path.size() - fixed).find('/') == std::string_view::npos;
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Entry& entry : entries_) {
    if (!Fits(entry, path)) continue;
    if (entry.route.method != method) {
      match.allow += (match.allow.empty() ? "" : ", ") + entry.route.method;
      continue;
    }
    match.route = &entry.route;
    if (entry.has_variable) {
      match.parameter =
          path.substr(entry.prefix.size(), path.size() - entry.prefix.size() - entry.suffix.size());
    }
    return match;
  }
  return match;
}

}  // namespace common::http
