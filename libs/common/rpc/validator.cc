#include "libs/common/rpc/validator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <absl/strings/str_cat.h>
#include <bannou/common/v1/options.pb.h>

#include "libs/common/base/uuid.h"

namespace common::rpc {
namespace {

using bannou::common::v1::FieldRules;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Violations = std::vector<errors::FieldViolation>;

constexpr int kMaxDepth = 8;

// One value of a field, singular or an element of a list.
class Value {
 public:
  Value(const Message& message, const FieldDescriptor& field, int index)
      : message_(message), reflection_(*message.GetReflection()), field_(field), index_(index) {}

  std::string Text() const {
    return index_ < 0 ? reflection_.GetString(message_, &field_)
                      : reflection_.GetRepeatedString(message_, &field_, index_);
  }
  const Message& Nested() const {
    return index_ < 0 ? reflection_.GetMessage(message_, &field_)
                      : reflection_.GetRepeatedMessage(message_, &field_, index_);
  }
  int Enum() const {
    return index_ < 0 ? reflection_.GetEnumValue(message_, &field_)
                      : reflection_.GetRepeatedEnumValue(message_, &field_, index_);
  }
  double Number() const {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return index_ < 0 ? reflection_.GetInt32(message_, &field_)
                          : reflection_.GetRepeatedInt32(message_, &field_, index_);
      case FieldDescriptor::CPPTYPE_INT64:
        return static_cast<double>(index_ < 0
                                       ? reflection_.GetInt64(message_, &field_)
                                       : reflection_.GetRepeatedInt64(message_, &field_, index_));
      case FieldDescriptor::CPPTYPE_UINT32:
        return index_ < 0 ? reflection_.GetUInt32(message_, &field_)
                          : reflection_.GetRepeatedUInt32(message_, &field_, index_);
      case FieldDescriptor::CPPTYPE_UINT64:
        return static_cast<double>(index_ < 0
                                       ? reflection_.GetUInt64(message_, &field_)
                                       : reflection_.GetRepeatedUInt64(message_, &field_, index_));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return index_ < 0 ? reflection_.GetFloat(message_, &field_)
                          : reflection_.GetRepeatedFloat(message_, &field_, index_);
      default:
        return index_ < 0 ? reflection_.GetDouble(message_, &field_)
                          : reflection_.GetRepeatedDouble(message_, &field_, index_);
    }
  }

 private:
  const Message& message_;
  const Reflection& reflection_;
  const FieldDescriptor& field_;
  const int index_;
};

// Length as the contract counts it: code points of a string, bytes of a bytes field.
size_t Length(const FieldDescriptor& field, const std::string& text) {
  if (field.type() == FieldDescriptor::TYPE_BYTES) return text.size();
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

void CheckText(const FieldDescriptor& field, const FieldRules& rules, const std::string& text,
               const std::string& path, Violations& out) {
  if (rules.uuid()) {
    if (!Uuid::Parse(text)) out.push_back({path, "must be a UUID"});
    return;
  }
  const size_t length = Length(field, text);
  if (rules.has_min_length() && length < rules.min_length()) {
    out.push_back({path, absl::StrCat("must be at least ", rules.min_length(), " long")});
  }
  if (rules.has_max_length() && length > rules.max_length()) {
    out.push_back({path, absl::StrCat("must be at most ", rules.max_length(), " long")});
  }
}

void CheckNumber(const FieldRules& rules, double number, const std::string& path, Violations& out) {
  if (!std::isfinite(number)) {
    out.push_back({path, "must be a finite number"});
  } else if (rules.has_minimum() && number < rules.minimum()) {
    out.push_back({path, absl::StrCat("must be at least ", rules.minimum())});
  } else if (rules.has_maximum() && number > rules.maximum()) {
    out.push_back({path, absl::StrCat("must be at most ", rules.maximum())});
  }
}

void CheckMessage(const Message& message, const std::string& path, int depth, Violations& out);

void CheckValue(const FieldDescriptor& field, const FieldRules& rules, const Value& value,
                const std::string& path, int depth, Violations& out) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return CheckText(field, rules, value.Text(), path, out);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckMessage(value.Nested(), path + ".", depth + 1, out);
    case FieldDescriptor::CPPTYPE_BOOL:
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (const int number = value.Enum();
          number == 0 || field.enum_type()->FindValueByNumber(number) == nullptr) {
        out.push_back({path, "must be a known value"});
      }
      return;
    default:
      return CheckNumber(rules, value.Number(), path, out);
  }
}

// A map's rules hold for its keys and its values where they are text. The path names the map only:
// a key is the caller's.
void CheckMap(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
              const std::string& path, Violations& out) {
  const Reflection& reflection = *message.GetReflection();
  const size_t before = out.size();
  for (int i = 0; i < reflection.FieldSize(message, &field) && out.size() == before; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    for (const FieldDescriptor* part :
         {field.message_type()->map_key(), field.message_type()->map_value()}) {
      if (part->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
      CheckText(*part, rules, Value(entry, *part, -1).Text(), path, out);
    }
  }
}

void CheckRepeated(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                   const std::string& path, int depth, Violations& out) {
  const int size = message.GetReflection()->FieldSize(message, &field);
  if (static_cast<uint32_t>(size) < rules.min_items() || (rules.required() && size == 0)) {
    out.push_back({path, "must have more items"});
  }
  if (rules.has_max_items() && static_cast<uint32_t>(size) > rules.max_items()) {
    out.push_back({path, absl::StrCat("must have at most ", rules.max_items(), " items")});
    return;
  }
  if (field.is_map()) return CheckMap(message, field, rules, path, out);
  for (int i = 0; i < size; ++i) {
    CheckValue(field, rules, Value(message, field, i), absl::StrCat(path, "[", i, "]"), depth, out);
  }
}

// Whether the caller gave the field. A proto3 field without presence counts as given when it is
// not its type's zero, or when it is a plain number, for which zero is a value.
bool IsPresent(const Message& message, const FieldDescriptor& field) {
  if (message.GetReflection()->HasField(message, &field)) return true;
  return !field.has_presence() && field.cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
         field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM;
}

void CheckMessage(const Message& message, const std::string& path, int depth, Violations& out) {
  if (depth > kMaxDepth) return;
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const FieldRules& rules = field.options().GetExtension(bannou::common::v1::rules);
    const std::string field_path = path + field.name();
    if (field.is_repeated()) {
      CheckRepeated(message, field, rules, field_path, depth, out);
    } else if (IsPresent(message, field)) {
      CheckValue(field, rules, Value(message, field, -1), field_path, depth, out);
    } else if (rules.required()) {
      out.push_back({field_path, "is required"});
    }
  }
}

}  // namespace

Violations Validate(const Message& message) {
  Violations violations;
  CheckMessage(message, "", 0, violations);
  return violations;
}

}  // namespace common::rpc
