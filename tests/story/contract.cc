#include "tests/story/contract.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>

#include "libs/common/base/uuid.h"

namespace story {

using bannou::common::v1::Access;
using bannou::common::v1::FieldRules;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

const FieldRules& RulesOf(const FieldDescriptor& field) {
  return field.options().GetExtension(bannou::common::v1::rules);
}

const Access& AccessOf(const MethodDescriptor& method) {
  return method.options().GetExtension(bannou::common::v1::access);
}

std::vector<std::string> ContractFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("proto/bannou")) {
    if (entry.path().extension() == ".proto") {
      files.push_back(entry.path().lexically_relative("proto").string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<const MethodDescriptor*> ContractMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const std::string& name : ContractFiles()) {
    const auto* const file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) throw std::runtime_error(name + " is not linked");
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        methods.push_back(file->service(i)->method(j));
      }
    }
  }
  return methods;
}

std::string GoodValue(const FieldDescriptor& field) {
  const FieldRules& rules = RulesOf(field);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (rules.uuid()) return absl::StrCat("'", common::Uuid::V4().ToString(), "'");
      return absl::StrCat("'", std::string(std::max(1u, rules.min_length()), 'x'), "'");
    case FieldDescriptor::CPPTYPE_ENUM:
      return field.enum_type()->value(1)->name();
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true";
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      std::string text = "{ ";
      for (int i = 0; i < field.message_type()->field_count(); ++i) {
        absl::StrAppend(&text, GoodField(*field.message_type()->field(i)));
      }
      return text + "}";
    }
    default:
      return rules.has_minimum() ? absl::StrCat(rules.minimum()) : "1";
  }
}

std::string GoodField(const FieldDescriptor& field) {
  std::string text;
  for (uint32_t i = 0; i < std::max(1u, RulesOf(field).min_items()); ++i) {
    absl::StrAppend(&text, field.name(), ": ", GoodValue(field), " ");
  }
  return text;
}

std::unique_ptr<Message> Parse(const Descriptor& type, const std::string& text) {
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  if (!google::protobuf::TextFormat::ParseFromString(text, message.get())) {
    throw std::runtime_error("no " + type.full_name() + ": " + text.substr(0, 200));
  }
  return message;
}

std::unique_ptr<Message> GoodMessage(const Descriptor& type) {
  std::string text;
  for (int i = 0; i < type.field_count(); ++i) absl::StrAppend(&text, GoodField(*type.field(i)));
  return Parse(type, text);
}

}  // namespace story
