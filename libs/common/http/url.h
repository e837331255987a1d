// Percent-encoding and query strings, shared by the server, the client and whoever builds a URL.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace common::http {

// Decoded names and values in their order of appearance; a name may repeat.
using Params = std::vector<std::pair<std::string, std::string>>;

// A query or form with more parameters than this is malformed.
inline constexpr size_t kMaxParams = 64;

// Encodes everything but RFC 3986's unreserved characters, so that the result fits anywhere in a
// URL.
std::string UrlEncode(std::string_view text);

enum class Plus { kLiteral, kSpace };  // what '+' means: itself in a path, a space in a form
// nullopt when a '%' is not followed by two hex digits.
std::optional<std::string> UrlDecode(std::string_view text, Plus plus);

// application/x-www-form-urlencoded, which is also the form of a query: a=1&b=two%20words
std::string FormEncode(const Params& params);
// nullopt on a malformed escape or more than kMaxParams parameters. Empty parts are skipped.
std::optional<Params> FormDecode(std::string_view text);

// The first parameter of that name.
std::optional<std::string_view> FindParam(const Params& params, std::string_view name);

}  // namespace common::http
