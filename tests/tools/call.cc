// Lists, describes and calls the methods of any gRPC server that offers reflection, with JSON in
// and out. It needs no generated code of the services, so it always fits the daemon that is
// running.
//
//   call <address> list
//   call <address> describe <service, method, message or enum>
//   call <address> <package.Service/Method> [<request as JSON>]
//
// With --tls-ca the connection is encrypted and the server verified; --tls-cert and --tls-key show
// a certificate of the caller's own.
//
// Unary and server-streaming methods; one JSON object a line is printed for each answer. An error
// goes to stderr with its code, message and google.rpc details, and the exit code is then 1.
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <grpcpp/grpcpp.h>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/tools/generic_call.h"

namespace {

namespace pb = google::protobuf;
namespace reflection = grpc::reflection::v1alpha;

constexpr char kTypePrefix[] = "type.googleapis.com/";

// The server's own descriptors, fetched when they are asked for. One reflection stream serves all
// questions; a question that the server cannot answer is reported as "not found".
class RemoteDescriptors : public pb::DescriptorDatabase {
 public:
  RemoteDescriptors(const std::shared_ptr<grpc::Channel>& channel,
                    std::chrono::system_clock::time_point deadline)
      : stub_(reflection::ServerReflection::NewStub(channel)) {
    context_.set_deadline(deadline);
    stream_ = stub_->ServerReflectionInfo(&context_);
  }

  ~RemoteDescriptors() override { context_.TryCancel(); }

  // Full names of all services. Throws when the server does not answer.
  std::vector<std::string> Services() {
    reflection::ServerReflectionRequest request;
    request.set_list_services("");
    const reflection::ServerReflectionResponse response = Ask(request);
    std::vector<std::string> names;
    for (const auto& service : response.list_services_response().service()) {
      names.push_back(service.name());
    }
    return names;
  }

  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* file) override {
    if (known_.FindFileByName(name, file)) return true;
    reflection::ServerReflectionRequest request;
    request.set_file_by_filename(name);
    Remember(Ask(request));
    return known_.FindFileByName(name, file);
  }

  bool FindFileContainingSymbol(const std::string& symbol, pb::FileDescriptorProto* file) override {
    if (known_.FindFileContainingSymbol(symbol, file)) return true;
    reflection::ServerReflectionRequest request;
    request.set_file_containing_symbol(symbol);
    Remember(Ask(request));
    return known_.FindFileContainingSymbol(symbol, file);
  }

  bool FindFileContainingExtension(const std::string& type, int number,
                                   pb::FileDescriptorProto* file) override {
    if (known_.FindFileContainingExtension(type, number, file)) return true;
    reflection::ServerReflectionRequest request;
    request.mutable_file_containing_extension()->set_containing_type(type);
    request.mutable_file_containing_extension()->set_extension_number(number);
    Remember(Ask(request));
    return known_.FindFileContainingExtension(type, number, file);
  }

 private:
  reflection::ServerReflectionResponse Ask(const reflection::ServerReflectionRequest& request) {
    reflection::ServerReflectionResponse response;
    if (!stream_->Write(request) || !stream_->Read(&response)) {
      throw std::runtime_error("reflection failed: " + stream_->Finish().error_message());
    }
    return response;
  }

  void Remember(const reflection::ServerReflectionResponse& response) {
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      pb::FileDescriptorProto file, seen;
      if (!file.ParseFromString(bytes)) throw std::runtime_error("reflection sent a broken file");
      if (!known_.FindFileByName(file.name(), &seen)) known_.Add(file);
    }
  }

  std::unique_ptr<reflection::ServerReflection::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<reflection::ServerReflectionRequest,
                                           reflection::ServerReflectionResponse>>
      stream_;
  pb::SimpleDescriptorDatabase known_;
};

// Descriptors and the JSON mapping that follows from them.
class Schema {
 public:
  explicit Schema(RemoteDescriptors* remote)
      : pool_(remote),
        resolver_(pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", &pool_)) {}

  // "package.Service/Method" or "package.Service.Method". Throws when there is none.
  const pb::MethodDescriptor* Method(std::string name) const {
    const size_t slash = name.find('/');
    if (slash != std::string::npos) name[slash] = '.';
    const pb::MethodDescriptor* method = pool_.FindMethodByName(name);
    if (method == nullptr) throw std::runtime_error("no such method: " + name);
    return method;
  }

  // The declaration of a service, method, message or enum as it stands in its .proto file.
  std::string Describe(std::string name) const {
    const size_t slash = name.find('/');
    if (slash != std::string::npos) name[slash] = '.';
    if (const auto* service = pool_.FindServiceByName(name)) return service->DebugString();
    if (const auto* message = pool_.FindMessageTypeByName(name)) return message->DebugString();
    if (const auto* type = pool_.FindEnumTypeByName(name)) return type->DebugString();
    if (const auto* method = pool_.FindMethodByName(name)) {
      return method->DebugString() + "\n" + method->input_type()->DebugString() + "\n" +
             method->output_type()->DebugString();
    }
    throw std::runtime_error("no such name: " + name);
  }

  std::string ToBinary(const std::string& type, const std::string& json) const {
    std::string binary;
    const auto status =
        pb::util::JsonToBinaryString(resolver_.get(), kTypePrefix + type, json, &binary);
    if (!status.ok()) throw std::runtime_error("request: " + status.ToString());
    return binary;
  }

  // One line of JSON; "" when the server does not describe `type` or something inside.
  std::string ToJson(const std::string& type, const std::string& binary) const {
    pb::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    std::string json;
    const auto status =
        pb::util::BinaryToJsonString(resolver_.get(), kTypePrefix + type, binary, &json, options);
    return status.ok() ? json : "";
  }

 private:
  pb::DescriptorPool pool_;
  std::unique_ptr<pb::util::TypeResolver> resolver_;
};

const char* CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "unknown code";
}

void PrintError(const Schema& schema, const grpc::Status& status) {
  std::cerr << CodeName(status.error_code()) << ": " << status.error_message() << "\n";
  if (status.error_details().empty()) return;
  const std::string details = schema.ToJson("google.rpc.Status", status.error_details());
  std::cerr << (details.empty() ? "(details that the server does not describe)" : details) << "\n";
}

struct Arguments {
  std::string address, what, subject, token, tls_ca, tls_cert, tls_key;
  std::vector<std::string> headers;
  double deadline_seconds = 10;
};

void AddHeaders(const Arguments& arguments, grpc::ClientContext* context) {
  if (!arguments.token.empty()) context->AddMetadata("authorization", "Bearer " + arguments.token);
  for (const std::string& header : arguments.headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos) throw std::runtime_error("--header needs 'name: value'");
    const size_t value = header.find_first_not_of(' ', colon + 1);
    context->AddMetadata(header.substr(0, colon),
                         value == std::string::npos ? "" : header.substr(value));
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const Arguments& arguments) {
  if (arguments.tls_ca.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = ReadFile(arguments.tls_ca),
                               .pem_private_key = ReadFile(arguments.tls_key),
                               .pem_cert_chain = ReadFile(arguments.tls_cert)});
}

int Run(const Arguments& arguments) {
  const auto deadline =
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(arguments.deadline_seconds * 1000));
  const auto channel = grpc::CreateChannel(arguments.address, Credentials(arguments));
  RemoteDescriptors remote(channel, deadline);
  const Schema schema(&remote);

  if (arguments.what == "list") {
    for (const std::string& service : remote.Services()) std::cout << service << "\n";
    return 0;
  }
  if (arguments.what == "describe") {
    std::cout << schema.Describe(arguments.subject);
    return 0;
  }
  const pb::MethodDescriptor* method = schema.Method(arguments.what);
  if (method->client_streaming()) throw std::runtime_error("client streaming is not supported");
  grpc::ClientContext context;
  context.set_deadline(deadline);
  AddHeaders(arguments, &context);
  const std::string json = arguments.subject.empty() ? "{}" : arguments.subject;
  const grpc::Status status = tools::GenericCall(
      channel, &context, "/" + method->service()->full_name() + "/" + method->name(),
      schema.ToBinary(method->input_type()->full_name(), json), [&](const std::string& answer) {
        std::cout << schema.ToJson(method->output_type()->full_name(), answer) << std::endl;
      });
  if (!status.ok()) PrintError(schema, status);
  return status.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Arguments arguments;
  CLI::App app("Calls a gRPC server through reflection");
  app.add_option("address", arguments.address, "host:port")->required();
  app.add_option("what", arguments.what, "list, describe, or package.Service/Method")->required();
  app.add_option("subject", arguments.subject, "what to describe, or the request as JSON");
  app.add_option("--token", arguments.token, "bearer token");
  app.add_option("--header", arguments.headers, "'name: value', repeatable");
  auto* const ca =
      app.add_option("--tls-ca", arguments.tls_ca, "PEM file of the server's authority")
          ->check(CLI::ExistingFile);
  auto* const cert =
      app.add_option("--tls-cert", arguments.tls_cert, "PEM file of the caller's certificate")
          ->check(CLI::ExistingFile)
          ->needs(ca);
  auto* const key = app.add_option("--tls-key", arguments.tls_key, "PEM file of its key")
                        ->check(CLI::ExistingFile)
                        ->needs(cert);
  cert->needs(key);
  app.add_option("--deadline", arguments.deadline_seconds, "seconds for the whole call")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  return Run(arguments);
} catch (const std::exception& error) {
  std::cerr << "call: " << error.what() << "\n";
  return 1;
}
