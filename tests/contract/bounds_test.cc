// Every field of every request has the bounds that its type needs.
#include <set>

#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "tests/story/contract.h"

namespace story {
namespace {

using bannou::common::v1::FieldRules;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Numbers of which every value means something.
const std::set<std::string> kWithoutRange = {
    "bannou.streaming.v1.WatchStreamSessionRequest.cursor",
    "google.protobuf.Timestamp.seconds",
    "google.protobuf.Timestamp.nanos",
};

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
    case FieldDescriptor::CPPTYPE_ENUM:
    case FieldDescriptor::CPPTYPE_BOOL:
      return false;
    default:
      return true;
  }
}

void ExpectBounds(const FieldDescriptor& field) {
  const FieldRules& rules = RulesOf(field);
  const std::string& name = field.full_name();
  if (field.is_repeated()) {
    EXPECT_TRUE(rules.has_max_items()) << name << " needs max_items";
  }
  const bool text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING || field.is_map();
  if (text) {
    EXPECT_TRUE(rules.uuid() || rules.has_max_length()) << name << " needs uuid or max_length";
  }
  if (absl::EndsWith(field.name(), "_id") || absl::EndsWith(field.name(), "_ids")) {
    EXPECT_TRUE(rules.uuid()) << name << " needs uuid";
  }
  if (IsNumber(field) && !kWithoutRange.contains(name)) {
    EXPECT_TRUE(rules.has_minimum() && rules.has_maximum()) << name << " needs a range";
  }
  // A rule of another type would silently do nothing.
  EXPECT_FALSE(rules.uuid() && field.type() != FieldDescriptor::TYPE_STRING) << name;
  EXPECT_FALSE((rules.has_max_length() || rules.has_min_length()) && !text) << name;
  EXPECT_FALSE((rules.has_minimum() || rules.has_maximum()) && !IsNumber(field)) << name;
  EXPECT_FALSE((rules.has_max_items() || rules.has_min_items()) && !field.is_repeated()) << name;
  EXPECT_FALSE(rules.owner_account() && !rules.uuid()) << name;
}

void ExpectBoundsIn(const Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    ExpectBounds(field);
    if (field.message_type() != nullptr && !field.is_map()) ExpectBoundsIn(*field.message_type());
  }
}

TEST(Contract, EveryFieldOfEveryRequestIsBounded) {
  for (const auto* method : ContractMethods()) ExpectBoundsIn(*method->input_type());
}

}  // namespace
}  // namespace story
