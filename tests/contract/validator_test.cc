// The validator against every rule of every request: good requests, and every way to break one, are
// derived from the options of the contract.
#include "libs/common/rpc/validator.h"

#include <cmath>
#include <limits>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gtest/gtest.h>

#include "tests/story/contract.h"

namespace story {
namespace {

using bannou::common::v1::FieldRules;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// One way to write something, in protobuf's text format, and where it is wrong: the end of the path
// that the validator must name. A good one has no path.
struct Variant {
  std::string text;
  std::optional<std::string> wrong_at;
};
using Variants = std::vector<Variant>;

Variant Right(const std::string& text) { return {text, std::nullopt}; }
Variant Wrong(const std::string& text, const std::string& at = "") { return {text, at}; }

std::string Quoted(const std::string& text) { return "'" + absl::CEscape(text) + "'"; }

std::string Repeat(size_t count, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

Variants Ids() {
  const std::string id = "01234567-89ab-4cde-8f01-23456789abcd";
  std::string wrong_digit = id, wrong_dash = id;
  wrong_digit.back() = 'g';
  wrong_dash[8] = '0';
  return {Right(Quoted(id)),           Wrong(Quoted(wrong_digit)), Wrong(Quoted(wrong_dash)),
          Wrong(Quoted(id.substr(1))), Wrong(Quoted(id + "0")),    Wrong(Quoted("{" + id + "}"))};
}

// At the bounds and one beyond, in characters of one to four bytes. A `bytes` field counts bytes.
Variants Texts(const FieldDescriptor& field, const FieldRules& rules) {
  if (rules.uuid()) return Ids();
  const bool text = field.type() == FieldDescriptor::TYPE_STRING;
  Variants variants;
  for (const std::string& character :
       text ? std::vector<std::string>{"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8e\xae"}
            : std::vector<std::string>{"x", "\xff"}) {
    if (rules.has_max_length()) {
      variants.push_back(Right(Quoted(Repeat(rules.max_length(), character))));
      variants.push_back(Wrong(Quoted(Repeat(rules.max_length() + 1, character))));
    }
    if (rules.min_length() > 0) {
      variants.push_back(Right(Quoted(Repeat(rules.min_length(), character))));
      variants.push_back(Wrong(Quoted(Repeat(rules.min_length() - 1, character))));
    }
  }
  return variants;
}

double Next(const FieldDescriptor& field, double bound, double direction) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT:
      return std::nextafter(static_cast<float>(bound), static_cast<float>(direction));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return std::nextafter(bound, direction);
    default:
      return bound + std::copysign(1, direction);
  }
}

Variants Numbers(const FieldDescriptor& field, const FieldRules& rules) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto text = [](double number) { return absl::StrFormat("%.17g", number); };
  Variants variants;
  if (rules.has_minimum()) {
    variants.push_back(Right(text(rules.minimum())));
    variants.push_back(Wrong(text(Next(field, rules.minimum(), -kInfinity))));
  }
  if (rules.has_maximum()) {
    variants.push_back(Right(text(rules.maximum())));
    variants.push_back(Wrong(text(Next(field, rules.maximum(), kInfinity))));
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ||
      field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    for (const char* number : {"nan", "inf", "-inf"}) variants.push_back(Wrong(number));
  }
  return variants;
}

Variants Enums(const FieldDescriptor& field) {
  Variants variants = {Wrong("9999"), Wrong("-1")};
  for (int i = 1; i < field.enum_type()->value_count(); ++i) {
    variants.push_back(Right(field.enum_type()->value(i)->name()));
  }
  if (field.is_repeated() || field.has_presence()) variants.push_back(Wrong("0"));
  return variants;
}

Variants Fields(const Descriptor& type);

Variants Values(const FieldDescriptor& field, const FieldRules& rules) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Texts(field, rules);
    case FieldDescriptor::CPPTYPE_ENUM:
      return Enums(field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return {Right("true"), Right("false")};
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Variants variants = Fields(*field.message_type());
      for (Variant& variant : variants) {
        variant.text = "{ " + variant.text + "}";
        if (variant.wrong_at) variant.wrong_at = "." + *variant.wrong_at;
      }
      return variants;
    }
    default:
      return Numbers(field, rules);
  }
}

// Only lists and maps have counts of items.
Variants Counts(const FieldDescriptor& field, const FieldRules& rules) {
  const auto items = [&field](uint32_t count) {
    std::string text;
    for (uint32_t i = 0; i < count; ++i) {
      absl::StrAppend(
          &text, field.name(), " : ",
          field.is_map() ? absl::StrCat("{ key: 'k", i, "' value: 'x' }") : GoodValue(field), " ");
    }
    return text;
  };
  Variants variants;
  if (rules.required()) variants.push_back(Wrong("", field.name()));
  if (rules.min_items() > 0) {
    variants.push_back(Right(items(rules.min_items())));
    variants.push_back(Wrong(items(rules.min_items() - 1), field.name()));
  }
  if (rules.has_max_items()) {
    variants.push_back(Right(items(rules.max_items())));
    variants.push_back(Wrong(items(rules.max_items() + 1), field.name()));
  }
  return variants;
}

Variants Maps(const FieldDescriptor& field, const FieldRules& rules) {
  Variants variants = Counts(field, rules);
  for (const Variant& key : Texts(*field.message_type()->map_key(), rules)) {
    variants.push_back({field.name() + " { key: " + key.text + " value: 'x' } ",
                        key.wrong_at ? std::optional(field.name()) : std::nullopt});
  }
  for (const Variant& value : Texts(*field.message_type()->map_value(), rules)) {
    variants.push_back({field.name() + " { key: 'x' value: " + value.text + " } ",
                        value.wrong_at ? std::optional(field.name()) : std::nullopt});
  }
  return variants;
}

Variants Lists(const FieldDescriptor& field, const FieldRules& rules) {
  Variants variants = Counts(field, rules);
  const std::string name = field.name() + ": ";
  for (const Variant& value : Values(field, rules)) {
    variants.push_back(
        {name + GoodValue(field) + " " + name + value.text + " ",
         value.wrong_at ? std::optional(field.name() + "[1]" + *value.wrong_at) : std::nullopt});
  }
  return variants;
}

// The field left out: wrong when it is required, or a plain number whose range has no zero.
Variant Absent(const FieldDescriptor& field, const FieldRules& rules) {
  const bool plain = !field.has_presence() && field.cpp_type() != FieldDescriptor::CPPTYPE_STRING;
  const bool zero_is_wrong = plain && (rules.minimum() > 0 || rules.maximum() < 0);
  return rules.required() || zero_is_wrong ? Wrong("", field.name()) : Right("");
}

Variants Singular(const FieldDescriptor& field, const FieldRules& rules) {
  Variants variants = {Absent(field, rules)};
  const std::string name = field.name() + ": ";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
      (rules.required() || (rules.uuid() && field.has_presence()))) {
    variants.push_back(Wrong(name + "'' ", field.name()));
  }
  for (const Variant& value : Values(field, rules)) {
    variants.push_back({name + value.text + " ", value.wrong_at
                                                     ? std::optional(field.name() + *value.wrong_at)
                                                     : std::nullopt});
  }
  return variants;
}

Variants FieldVariants(const FieldDescriptor& field) {
  const FieldRules& rules = RulesOf(field);
  if (field.is_map()) return Maps(field, rules);
  return field.is_repeated() ? Lists(field, rules) : Singular(field, rules);
}

// The type's messages in which one field is a variant and all others are good.
Variants Fields(const Descriptor& type) {
  Variants variants;
  for (int i = 0; i < type.field_count(); ++i) {
    std::string others;
    for (int j = 0; j < type.field_count(); ++j) {
      if (j != i) others += GoodField(*type.field(j));
    }
    for (const Variant& variant : FieldVariants(*type.field(i))) {
      variants.push_back({others + variant.text, variant.wrong_at});
    }
  }
  return variants;
}

std::vector<std::string> WrongFields(const google::protobuf::Message& message) {
  std::vector<std::string> paths;
  for (const auto& violation : common::rpc::Validate(message)) {
    EXPECT_FALSE(violation.description.empty()) << violation.field;
    paths.push_back(violation.field);
  }
  return paths;
}

TEST(ValidatorContract, ARequestThatKeepsItsRulesPasses) {
  for (const auto* method : ContractMethods()) {
    EXPECT_EQ(WrongFields(*GoodMessage(*method->input_type())), std::vector<std::string>{})
        << method->input_type()->full_name();
  }
}

TEST(ValidatorContract, ABrokenRuleIsNamedAndNothingElse) {
  int right = 0, wrong = 0;
  for (const auto* method : ContractMethods()) {
    const Descriptor& type = *method->input_type();
    for (const Variant& variant : Fields(type)) {
      std::vector<std::string> expected;
      if (variant.wrong_at) expected.push_back(*variant.wrong_at);
      EXPECT_EQ(WrongFields(*Parse(type, variant.text)), expected)
          << type.full_name() << ": " << variant.text.substr(0, 500);
      ++(variant.wrong_at ? wrong : right);
    }
  }
  EXPECT_GT(wrong, 500);
  EXPECT_GT(right, 300);
}

TEST(ValidatorContract, EverythingThatIsBrokenIsNamedAtOnce) {
  for (const auto* method : ContractMethods()) {
    const Descriptor& type = *method->input_type();
    std::string text;
    std::vector<std::string> expected;
    for (int i = 0; i < type.field_count(); ++i) {
      for (const Variant& variant : FieldVariants(*type.field(i))) {
        if (!variant.wrong_at) continue;
        text += variant.text;
        expected.push_back(*variant.wrong_at);
        break;
      }
    }
    EXPECT_EQ(WrongFields(*Parse(type, text)), expected) << type.full_name() << ": " << text;
  }
}

}  // namespace
}  // namespace story
