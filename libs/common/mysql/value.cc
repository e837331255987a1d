#include "libs/common/mysql/value.h"

#include <charconv>
#include <stdexcept>

namespace common::mysql {
namespace {

// SUM() and other DECIMALs come as text.
template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class T>
std::optional<T> ToNumber(const Row::Cell& cell) {
  if (const auto* number = std::get_if<int64_t>(&cell)) {
    if constexpr (std::integral<T>) {
      if (!std::in_range<T>(*number)) return std::nullopt;
    }
    return static_cast<T>(*number);
  }
  if (const auto* number = std::get_if<uint64_t>(&cell)) {
    if constexpr (std::integral<T>) {
      if (!std::in_range<T>(*number)) return std::nullopt;
    }
    return static_cast<T>(*number);
  }
  if (const auto* text = std::get_if<std::string>(&cell)) return ParseNumber<T>(*text);
  return std::nullopt;
}

}  // namespace

void Row::Mismatch(size_t index) {
  throw std::logic_error("column " + std::to_string(index) + " is NULL or of another type");
}

const Row::Cell& Row::At(size_t index) const {
  if (index >= cells_.size()) Mismatch(index);
  return cells_[index];
}

template <>
int64_t Row::Read(size_t index) const {
  const auto number = ToNumber<int64_t>(At(index));
  return number ? *number : (Mismatch(index), 0);
}

template <>
uint64_t Row::Read(size_t index) const {
  const auto number = ToNumber<uint64_t>(At(index));
  return number ? *number : (Mismatch(index), 0);
}

template <>
double Row::Read(size_t index) const {
  const Cell& cell = At(index);
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  const auto number = ToNumber<double>(cell);
  return number ? *number : (Mismatch(index), 0);
}

template <>
bool Row::Read(size_t index) const {
  return Read<int64_t>(index) != 0;
}

template <>
std::string Row::Read(size_t index) const {
  const auto* text = std::get_if<std::string>(&At(index));
  if (text == nullptr) Mismatch(index);
  return *text;
}

template <>
Uuid Row::Read(size_t index) const {
  const auto* text = std::get_if<std::string>(&At(index));
  const auto id = text == nullptr ? std::nullopt : Uuid::FromBytes(*text);
  if (!id) Mismatch(index);
  return *id;
}

template <>
Time Row::Read(size_t index) const {
  const auto* text = std::get_if<std::string>(&At(index));
  const auto time = text == nullptr ? std::nullopt : ParseSqlTime(*text);
  if (!time) Mismatch(index);
  return *time;
}

}  // namespace common::mysql
