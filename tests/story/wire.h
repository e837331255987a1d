// Calls by descriptor: whatever anybody who has the .proto files can send to a daemon.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

namespace story {

// A google.rpc detail of a status; an empty one when there is none.
template <class Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status packed;
  packed.ParseFromString(status.error_details());
  Detail detail;
  for (const auto& any : packed.details()) any.UnpackTo(&detail);
  return detail;
}
// The reason in a status, or "".
std::string ReasonOf(const grpc::Status& status);
// The fields that a status says are wrong, in its order.
std::vector<std::string> FieldsOf(const grpc::Status& status);

struct Answer {
  grpc::Status status;
  std::vector<std::string> messages;  // as they came; one for a unary call that went well

  std::string reason() const { return ReasonOf(status); }
  std::vector<std::string> fields() const { return FieldsOf(status); }
  // The answer of a call that went well. Throws when it did not.
  template <class Response>
  Response As() const {
    Response response;
    if (!status.ok() || messages.size() != 1 || !response.ParseFromString(messages[0])) {
      throw std::runtime_error("no answer: " + reason() + " " + status.error_message());
    }
    return response;
  }
};

// One channel a daemon; the package of a method's service says which is meant.
class Wire {
 public:
  Wire(const std::string& stream_address, const std::string& streaming_address);

  // Ends after ten seconds at the latest, and a call that streams its answer after the first
  // message, with OK. `authorization` is the header's value, "" = no header.
  Answer Call(const google::protobuf::MethodDescriptor& method, const std::string& bytes,
              const std::string& authorization) const;
  // The method that takes requests of this type.
  Answer Call(const google::protobuf::Message& request, const std::string& authorization) const;

 private:
  std::shared_ptr<grpc::Channel> stream_;
  std::shared_ptr<grpc::Channel> streaming_;
};

}  // namespace story
