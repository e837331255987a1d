#include "services/streaming/events/message_json.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/util/time_util.h>

namespace streaming::events {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;
using nlohmann::json;

bool IsTimestamp(const FieldDescriptor& field) {
  return field.message_type() == Timestamp::descriptor();
}

std::string MemberOf(const FieldDescriptor& field, Members members) {
  return members == Members::kSnakeCase ? field.name() : field.json_name();
}

// The shortest decimal that is this float again, not what it is as a double.
double ShortestOf(float value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size() - 1, value);
  return end.ec == std::errc() ? std::strtod(text.data(), nullptr) : 0;
}

json MapOf(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  json object = json::object();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const auto* type = entry.GetDescriptor();
    object[entry.GetReflection()->GetString(entry, type->map_key())] =
        entry.GetReflection()->GetString(entry, type->map_value());
  }
  return object;
}

json ValueOf(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (field.is_map()) return MapOf(message, field);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return ShortestOf(reflection.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnum(message, &field)->options().GetExtension(bannou::common::v1::word);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return IsTimestamp(field)
                 ? json(TimeUtil::ToString(
                       static_cast<const Timestamp&>(reflection.GetMessage(message, &field))))
                 : ToObject(reflection.GetMessage(message, &field), Members::kLowerCamelCase);
    default:
      return reflection.GetString(message, &field);
  }
}

const EnumValueDescriptor* WithWord(const FieldDescriptor& field, const std::string& word) {
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const EnumValueDescriptor* value = field.enum_type()->value(i);
    if (value->options().GetExtension(bannou::common::v1::word) == word) return value;
  }
  return nullptr;
}

bool Take(const json& value, const FieldDescriptor& field, Message& message) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (!value.is_number_integer()) return false;
      reflection.SetInt32(&message, &field, value.get<int32_t>());
      return true;
    case FieldDescriptor::CPPTYPE_FLOAT:
      if (!value.is_number()) return false;
      reflection.SetFloat(&message, &field, value.get<float>());
      return true;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!IsTimestamp(field)) {
        return FromObject(value, Members::kLowerCamelCase,
                          *reflection.MutableMessage(&message, &field));
      }
      return value.is_string() &&
             TimeUtil::FromString(
                 value.get_ref<const std::string&>(),
                 static_cast<Timestamp*>(reflection.MutableMessage(&message, &field)));
    default:
      break;
  }
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const EnumValueDescriptor* found = WithWord(field, text);
    if (found == nullptr) return false;
    reflection.SetEnum(&message, &field, found);
    return true;
  }
  reflection.SetString(&message, &field, text);
  return true;
}

}  // namespace

json ToObject(const Message& message, Members members) {
  json object = json::object();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    object[MemberOf(field, members)] = ValueOf(message, field);
  }
  return object;
}

bool FromObject(const json& object, Members members, Message& message) {
  if (!object.is_object()) return false;
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const auto member = object.find(MemberOf(field, members));
    if (member == object.end() || !Take(*member, field, message)) return false;
  }
  return true;
}

}  // namespace streaming::events
