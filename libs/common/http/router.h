// Finds the handler of a request. Pure: the server does the talking.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/http/message.h"

namespace common::http {

struct Route {
  std::string method;   // "GET"
  std::string pattern;  // "/healthz", or with one variable segment: "/hooks/{id}/events"
  Handler handler = {};
  size_t max_body_bytes = 0;  // a longer body answers 413 and never reaches the handler
  bool sensitive = false;     // query and body are overwritten as soon as the handler returns
  bool run_inline = false;    // on the io thread: only for handlers that neither block nor compute
  QuickHandler quick = {};    // likewise, before the handler; may be empty
};

class Router {
 public:
  struct Match {
    const Route* route = nullptr;     // null: nothing fits, see `allow`
    std::string_view parameter = {};  // the {name} segment as received
    std::string allow = {};           // methods the path has, "GET, POST"; empty: no such path
  };

  // INVALID_ARGUMENT: a pattern that does not start with '/', has a query or a second variable, or
  // a route twice.
  static absl::StatusOr<Router> Create(std::vector<Route> routes);

  // `path` without the query. A literal path outranks one with a variable.
  Match Find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    Route route;
    std::string prefix;  // up to the variable, or the whole path
    std::string suffix;  // from after it
    bool has_variable = false;
  };

  explicit Router(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  static bool Fits(const Entry& entry, std::string_view path);

  std::vector<Entry> entries_;  // literal paths first
};

}  // namespace common::http
