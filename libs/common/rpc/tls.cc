#include "libs/common/rpc/tls.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/ssl.h>

#include "libs/common/base/status.h"

namespace common::rpc {
namespace {

constexpr unsigned kRenewalCheckSeconds = 1;

// A key with a passphrase must not make OpenSSL ask the terminal for it.
int NoPassphrase(char*, int, int, void*) { return -1; }

// gRPC itself takes any files and then refuses every handshake.
absl::Status CheckFiles(const TlsFiles& files) {
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassphrase);
  const auto refuse = [](const std::string& path, const char* problem) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", problem));
  };
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return refuse(files.certificate, "not a certificate chain in PEM");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return refuse(files.key, "not the certificate's key in PEM without a passphrase");
  }
  if (!files.client_ca.empty() &&
      SSL_CTX_load_verify_file(context.get(), files.client_ca.c_str()) != 1) {
    return refuse(files.client_ca, "no certificates in PEM");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files) {
  if (files.certificate.empty()) return grpc::InsecureServerCredentials();
  RETURN_IF_ERROR(CheckFiles(files));
  // It accepts TLS 1.2 and 1.3.
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          files.key, files.certificate, files.client_ca, kRenewalCheckSeconds));
  options.watch_identity_key_cert_pairs();
  if (!files.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace common::rpc
