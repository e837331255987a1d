#include "tests/story/wire.h"

#include "tests/story/contract.h"
#include "tests/tools/generic_call.h"

namespace story {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr std::chrono::seconds kCallTimeout{10};

}  // namespace

std::string ReasonOf(const grpc::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).reason();
}

std::vector<std::string> FieldsOf(const grpc::Status& status) {
  std::vector<std::string> fields;
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& violation : bad_request.field_violations()) fields.push_back(violation.field());
  return fields;
}

Wire::Wire(const std::string& stream_address, const std::string& streaming_address)
    : stream_(grpc::CreateChannel(stream_address, grpc::InsecureChannelCredentials())),
      streaming_(grpc::CreateChannel(streaming_address, grpc::InsecureChannelCredentials())) {}

Answer Wire::Call(const MethodDescriptor& method, const std::string& bytes,
                  const std::string& authorization) const {
  const bool platform_side = method.file()->package() == "bannou.stream.v1";
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  if (!authorization.empty()) context.AddMetadata("authorization", authorization);
  Answer answer;
  answer.status = tools::GenericCall(platform_side ? stream_ : streaming_, &context,
                                     "/" + method.service()->full_name() + "/" + method.name(),
                                     bytes, [&](const std::string& message) {
                                       answer.messages.push_back(message);
                                       if (method.server_streaming()) context.TryCancel();
                                     });
  if (method.server_streaming() && !answer.messages.empty()) answer.status = grpc::Status::OK;
  return answer;
}

Answer Wire::Call(const Message& request, const std::string& authorization) const {
  for (const MethodDescriptor* method : ContractMethods()) {
    if (method->input_type() == request.GetDescriptor()) {
      return Call(*method, request.SerializeAsString(), authorization);
    }
  }
  throw std::runtime_error("no method takes a " + request.GetTypeName());
}

}  // namespace story
