// Requests as handlers see them, and responses, which the server writes and the client returns.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/common/http/url.h"

namespace common::http {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// The first header of that name, in any case. `Fields` is a list of (name, value).
template <typename Fields>
std::optional<std::string_view> FindHeader(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

// Every view points into the connection's buffers: valid until the handler returns, and no longer.
struct Request {
  std::string_view method = {};     // "POST"
  std::string_view path = {};       // as received: not decoded, without the query
  std::string path_parameter = {};  // the decoded {name} segment; empty when the route has none
  Params query = {};                // decoded
  std::vector<std::pair<std::string_view, std::string_view>> headers = {};
  std::string_view body = {};  // exactly the bytes received

  std::optional<std::string_view> Header(std::string_view name) const {
    return FindHeader(headers, name);
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// The server adds Content-Length and Connection itself. From the client, header names are lower
// case.
struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
};

Response TextResponse(int status, std::string body);
Response JsonResponse(int status, std::string body);
// A constant JSON body for a status the server itself answers with: {"error":"not found"}.
Response ErrorResponse(int status);

// Runs on the executor or, for a cheap route, on an io thread. A throw answers 500.
using Handler = std::function<Response(const Request&)>;
// Answers what it can without waiting for anything; nullopt: it is the Handler's.
using QuickHandler = std::function<std::optional<Response>(const Request&)>;

}  // namespace common::http
