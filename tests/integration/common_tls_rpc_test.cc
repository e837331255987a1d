// The gRPC server's encryption, over real connections.
#include <filesystem>
#include <fstream>

#include <absl/strings/match.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "libs/common/rpc/server.h"
#include "libs/common/testing/certificates.h"
#include "libs/common/testing/eventually.h"

namespace common::rpc {
namespace {

namespace fs = std::filesystem;
using testing::Authority;
using testing::Eventually;
using testing::KeyPair;

constexpr const char* kHosts = "DNS:localhost";

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ChannelCredentials> Trusting(const Authority& authority,
                                                   const KeyPair& own = {}) {
  return grpc::SslCredentials({.pem_root_certs = Read(authority.certificate()),
                               .pem_private_key = Read(own.key),
                               .pem_cert_chain = Read(own.certificate)});
}

class TlsRpcTest : public ::testing::Test {
 protected:
  void Start(const TlsFiles& files) {
    auto server = Server::Start({.address = "127.0.0.1:0", .tls = files}, {}, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // A new connection, whoever else has one.
  std::shared_ptr<grpc::Channel> Channel(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("localhost:" + std::to_string(server_->port()), credentials,
                                     arguments);
  }

  // Whether client and server come to speak HTTP/2 on a new connection.
  bool Connects(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto channel = Channel(credentials);
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(20);
    grpc_connectivity_state state = channel->GetState(true);
    while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
      if (!channel->WaitForStateChange(state, deadline)) ADD_FAILURE() << "neither yes nor no";
      state = channel->GetState(true);
    }
    return state == GRPC_CHANNEL_READY;
  }

  // "" or the reason, as OpenSSL calls it, for which no session of at most this version came about.
  std::string HandshakeProblem(const Authority& authority, int version_max) const {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    // Old versions need signatures that are off by default.
    SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version_max);
    SSL_CTX_load_verify_file(context, authority.certificate().c_str());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    BIO* const connection = BIO_new_ssl_connect(context);
    SSL* ssl = nullptr;
    BIO_get_ssl(connection, &ssl);
    const unsigned char protocols[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl, protocols, sizeof(protocols));
    BIO_set_conn_hostname(connection, ("127.0.0.1:" + std::to_string(server_->port())).c_str());
    ERR_clear_error();
    const bool good = BIO_do_handshake(connection) == 1;
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    BIO_free_all(connection);
    SSL_CTX_free(context);
    return good ? "" : reason == nullptr ? "?" : reason;
  }

  Authority authority_;
  Authority stranger_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsRpcTest, OnlyEncryptedAndVerifiedConnectionsComeAbout) {
  const KeyPair own = authority_.Issue(kHosts);
  Start({.certificate = own.certificate, .key = own.key});
  EXPECT_TRUE(Connects(Trusting(authority_)));
  EXPECT_FALSE(Connects(Trusting(stranger_)));
  EXPECT_FALSE(Connects(grpc::InsecureChannelCredentials()));
  EXPECT_EQ(HandshakeProblem(authority_, TLS1_3_VERSION), "");
  EXPECT_EQ(HandshakeProblem(authority_, TLS1_2_VERSION), "");
  // gRPC closes without an alert.
  EXPECT_EQ(HandshakeProblem(authority_, TLS1_1_VERSION), "unexpected eof while reading");
}

TEST_F(TlsRpcTest, WithoutFilesItSpeaksPlaintext) {
  Start({});
  EXPECT_TRUE(Connects(grpc::InsecureChannelCredentials()));
  EXPECT_FALSE(Connects(Trusting(authority_)));
}

TEST_F(TlsRpcTest, ClientsMustPresentACertificateOfTheAuthority) {
  const KeyPair own = authority_.Issue(kHosts);
  Start({.certificate = own.certificate, .key = own.key, .client_ca = authority_.certificate()});
  EXPECT_TRUE(Connects(Trusting(authority_, authority_.Issue())));
  EXPECT_FALSE(Connects(Trusting(authority_)));
  EXPECT_FALSE(Connects(Trusting(authority_, stranger_.Issue())));
  EXPECT_FALSE(Connects(grpc::InsecureChannelCredentials()));
}

TEST_F(TlsRpcTest, NewConnectionsMeetTheRenewedFiles) {
  // As a mounted secret is renewed: all files at once, by a link.
  const testing::TempDir secrets;
  const auto put = [&](Authority& authority) {
    const KeyPair own = authority.Issue(kHosts);
    const fs::path folder = fs::path(own.key).replace_extension();
    fs::create_directory(folder);
    fs::copy_file(own.certificate, folder / "own.pem");
    fs::copy_file(own.key, folder / "own.key");
    fs::copy_file(authority.certificate(), folder / "ca.pem");
    fs::create_directory_symlink(folder, secrets.path() / "next");
    fs::rename(secrets.path() / "next", secrets.path() / "live");
  };
  put(authority_);
  const fs::path live = secrets.path() / "live";
  Start({.certificate = live / "own.pem", .key = live / "own.key", .client_ca = live / "ca.pem"});
  const auto old_client = Trusting(authority_, authority_.Issue());
  const auto new_client = Trusting(stranger_, stranger_.Issue());
  const auto old_channel = Channel(old_client);
  ASSERT_TRUE(
      old_channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20)));
  EXPECT_FALSE(Connects(new_client));

  put(stranger_);
  EXPECT_TRUE(Eventually([&] { return Connects(new_client); }, std::chrono::seconds(30)));
  EXPECT_FALSE(Connects(old_client));
  EXPECT_EQ(old_channel->GetState(false), GRPC_CHANNEL_READY);

  // What does not fit together is refused until it does.
  fs::copy_file(authority_.Issue(kHosts).key, live / "own.key",
                fs::copy_options::overwrite_existing);
  EXPECT_TRUE(Eventually([&] { return !Connects(new_client); }, std::chrono::seconds(30)));
  put(stranger_);
  EXPECT_TRUE(Eventually([&] { return Connects(new_client); }, std::chrono::seconds(30)));
}

TEST_F(TlsRpcTest, FilesThatDoNotServeAreNamedAtTheStart) {
  const testing::TempDir folder;
  const KeyPair own = authority_.Issue(kHosts);
  const std::string garbage = folder.path() / "garbage";
  std::ofstream(garbage) << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string absent = folder.path() / "absent";
  const std::string other_key = authority_.Issue(kHosts).key;
  struct Case {
    TlsFiles files;
    std::string culprit;
  };
  for (const auto& [files, culprit] : {
           Case{{absent, own.key, ""}, absent},
           Case{{garbage, own.key, ""}, garbage},
           Case{{own.certificate, absent, ""}, absent},
           Case{{own.certificate, garbage, ""}, garbage},
           Case{{own.certificate, other_key, ""}, other_key},
           Case{{own.certificate, own.key, absent}, absent},
           Case{{own.certificate, own.key, garbage}, garbage},
       }) {
    const auto status = Server::Start({.address = "127.0.0.1:0", .tls = files}, {}, {}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_TRUE(absl::StartsWith(status.message(), culprit + ":")) << status;
  }
}

}  // namespace
}  // namespace common::rpc
