// Small bridges between absl::Status and the standard library.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace common {

// Debian's absl is built with its own string_view, which does not convert to std's by itself.
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace common

#define COMMON_CONCAT_INNER(a, b) a##b
#define COMMON_CONCAT(a, b) COMMON_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` is an error.
#define RETURN_IF_ERROR(expr)                           \
  do {                                                  \
    if (absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                   \
    }                                                   \
  } while (false)

// ASSIGN_OR_RETURN(auto row, store.Read(id)): the value of a StatusOr, or return its error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_INNER(COMMON_CONCAT(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_INNER(temporary, lhs, expr) \
  auto temporary = (expr);                           \
  if (!temporary.ok()) return temporary.status();    \
  lhs = *std::move(temporary)
