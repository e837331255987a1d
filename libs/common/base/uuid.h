// UUIDs (RFC 9562) as 16 bytes, the form in which MySQL stores them.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"

namespace common {

class Uuid {
 public:
  Uuid() = default;  // the nil UUID: "absent" is std::optional<Uuid>, never nil

  // Accepts exactly the 36-character form, either case. nullopt for anything else.
  static std::optional<Uuid> Parse(std::string_view text);
  // nullopt unless `bytes` holds exactly 16.
  static std::optional<Uuid> FromBytes(std::string_view bytes);

  // Random, from the operating system's generator: for ids that must not be guessed.
  static Uuid V4();
  // Time-ordered: for row ids, so that an index grows at its end.
  static Uuid V7(Time now);
  // Derived: the same namespace and name give the same id everywhere, so that a repeat is a repeat.
  static Uuid V5(const Uuid& name_space, std::string_view name);
  // The 128 given bits dressed as a version 4, for pseudonyms that must look like any other id.
  static Uuid FromRandomBits(uint64_t high, uint64_t low);

  std::string ToString() const;  // lower case, 36 characters
  std::string ToBytes() const;   // 16 bytes, for BINARY(16)
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }

  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

}  // namespace common

template <>
struct std::hash<common::Uuid> {
  size_t operator()(const common::Uuid& id) const noexcept;
};
