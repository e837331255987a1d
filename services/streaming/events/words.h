// The specification's own words for enum values, from the one table that has them: the contract.
#pragma once
#include <optional>
#include <string_view>

#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

namespace streaming::events {

// "PvP" for AUDIENCE_INTEREST_PVP. "" for zero and for numbers that the enum does not have.
template <class Enum>
std::string_view WordOf(Enum value) {
  const google::protobuf::EnumValueDescriptor* described =
      google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
  if (described == nullptr) return {};
  return described->options().GetExtension(bannou::common::v1::word);
}

// The value with this word; nullopt when there is none.
template <class Enum>
std::optional<Enum> FromWord(std::string_view word) {
  if (word.empty()) return std::nullopt;
  const google::protobuf::EnumDescriptor* all = google::protobuf::GetEnumDescriptor<Enum>();
  for (int i = 0; i < all->value_count(); ++i) {
    if (all->value(i)->options().GetExtension(bannou::common::v1::word) == word) {
      return static_cast<Enum>(all->value(i)->number());
    }
  }
  return std::nullopt;
}

}  // namespace streaming::events
