// The encryption of the gRPC server.
#pragma once
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <grpcpp/security/server_credentials.h>

namespace common::rpc {

// PEM files, read again every second: a new connection meets what they hold then. While they do not
// fit together new connections are refused.
struct TlsFiles {
  std::string certificate;  // the chain, the server's own first; "" = plaintext
  std::string key;          // the certificate's, without a passphrase
  std::string client_ca;    // clients must present a certificate of these; "" = they need none
};

// INVALID_ARGUMENT names the file that cannot be read or does not fit.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files);

}  // namespace common::rpc
