// What goes into and comes out of a prepared statement.
#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace common::mysql {

// One parameter. Texts are any bytes and are not copied: they must outlive the call. A Uuid goes to
// BINARY(16), a Time to DATETIME(6). Secrets have no way in; store their ciphertext.
using Value = std::variant<std::monostate, int64_t, uint64_t, double, bool, std::string_view, Uuid,
                           Time>;  // monostate = NULL

inline Value ToValue(std::nullopt_t) { return std::monostate{}; }
inline Value ToValue(bool value) { return value; }
inline Value ToValue(std::signed_integral auto value) { return int64_t{value}; }
inline Value ToValue(std::unsigned_integral auto value) { return uint64_t{value}; }
inline Value ToValue(std::floating_point auto value) { return double{value}; }
inline Value ToValue(std::string_view value) { return value; }
inline Value ToValue(const char* value) { return std::string_view(value); }
inline Value ToValue(const std::string& value) { return std::string_view(value); }
inline Value ToValue(const Uuid& value) { return value; }
inline Value ToValue(Time value) { return value; }
template <class T>
Value ToValue(const std::optional<T>& value) {
  return value ? ToValue(*value) : Value(std::monostate{});
}

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// One row of an answer, independent of the connection it came over.
class Row {
 public:
  using Cell = std::variant<std::monostate, int64_t, uint64_t, double, std::string>;

  explicit Row(std::vector<Cell> cells) : cells_(std::move(cells)) {}

  size_t size() const { return cells_.size(); }

  // Column `index`, from 0, as int64_t, uint64_t (or a smaller integer), double, bool, std::string,
  // Uuid, Time, or std::optional of one of these for a column that may be NULL. A NULL without
  // optional, a value that does not fit T, or an absent column is a bug of the statement and throws
  // std::logic_error, whose text names the column's index only.
  template <class T>
  T Get(size_t index) const {
    if constexpr (kIsOptional<T>) {
      if (IsNull(index)) return std::nullopt;
      return Get<typename T::value_type>(index);
    } else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
      using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
      const Wide wide = Read<Wide>(index);
      if (!std::in_range<T>(wide)) Mismatch(index);
      return static_cast<T>(wide);
    } else {
      return Read<T>(index);
    }
  }

 private:
  [[noreturn]] static void Mismatch(size_t index);
  const Cell& At(size_t index) const;
  bool IsNull(size_t index) const { return std::holds_alternative<std::monostate>(At(index)); }
  template <class T>
  T Read(size_t index) const;

  std::vector<Cell> cells_;
};

using Rows = std::vector<Row>;

}  // namespace common::mysql
