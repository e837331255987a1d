// X.509 certificates that a test makes for itself, as PEM files that go with it.
#pragma once
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "libs/common/testing/servers.h"

namespace common::testing {

// The files of a certificate and of its key.
struct KeyPair {
  std::string certificate;
  std::string key;
};

// A certificate authority and what it signs. Failures throw std::runtime_error.
class Authority {
 public:
  Authority();

  // The authority's own certificate.
  const std::string& certificate() const { return files_.certificate; }
  // A certificate of this authority for `hosts` ("DNS:localhost,IP:127.0.0.1"), "" = for none, as a
  // client's may be. Valid for an hour.
  KeyPair Issue(const std::string& hosts = "");

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  Certificate Make(EVP_PKEY* key, const std::string& hosts);
  KeyPair Write(EVP_PKEY* key, X509* certificate) const;

  TempDir directory_;
  int serial_ = 0;
  Key key_;
  Certificate certificate_;
  KeyPair files_;
};

}  // namespace common::testing
