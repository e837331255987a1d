// The contract as the tests walk it: every file below proto/bannou, from the linked descriptors.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace story {

// What the contract says of a field or a method; all unset where it says nothing.
const bannou::common::v1::FieldRules& RulesOf(const google::protobuf::FieldDescriptor& field);
const bannou::common::v1::Access& AccessOf(const google::protobuf::MethodDescriptor& method);

// Every RPC of both daemons, in the order of their files. Throws when a file is not linked, so that
// none can be forgotten.
std::vector<const google::protobuf::MethodDescriptor*> ContractMethods();

// The import paths of all files below proto/bannou, sorted.
std::vector<std::string> ContractFiles();

// A value that keeps the field's rules, as protobuf's text format writes it. Ids are new each time
// and name nothing that exists.
std::string GoodValue(const google::protobuf::FieldDescriptor& field);
// The field with as many good values as its rules ask for, at least one.
std::string GoodField(const google::protobuf::FieldDescriptor& field);

// A message from its text format. Throws when the text does not fit.
std::unique_ptr<google::protobuf::Message> Parse(const google::protobuf::Descriptor& type,
                                                 const std::string& text);
// A message with every field set and every rule kept.
std::unique_ptr<google::protobuf::Message> GoodMessage(const google::protobuf::Descriptor& type);

}  // namespace story
