#include "libs/common/http/message.h"

#include <algorithm>

namespace common::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

const char* ReasonOf(int status) {
  switch (status) {
    case 400:
      return R"({"error":"malformed request"})";
    case 403:
      return R"({"error":"refused"})";
    case 404:
      return R"({"error":"not found"})";
    case 405:
      return R"({"error":"method not allowed"})";
    case 413:
      return R"({"error":"body too large"})";
    case 417:
      return R"({"error":"expectation not supported"})";
    case 431:
      return R"({"error":"headers too large"})";
    case 503:
      return R"({"error":"overloaded"})";
    default:
      return R"({"error":"internal error"})";
  }
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

Response TextResponse(int status, std::string body) {
  return {status, {{"Content-Type", "text/plain"}}, std::move(body)};
}

Response JsonResponse(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

Response ErrorResponse(int status) { return JsonResponse(status, ReasonOf(status)); }

}  // namespace common::http
