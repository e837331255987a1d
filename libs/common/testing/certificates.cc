#include "libs/common/testing/certificates.h"

#include <cstdio>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace common::testing {
namespace {

constexpr long kValidSeconds = 3600;

void Require(bool good) {
  if (!good) throw std::runtime_error("cannot make a certificate");
}

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  Require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Calls `write(file)`, which answers 1 when all is well.
template <class Write>
void WriteFile(const std::string& path, Write write) {
  FILE* const file = std::fopen(path.c_str(), "w");
  Require(file != nullptr);
  const bool written = write(file) == 1;
  Require(std::fclose(file) == 0 && written);
}

}  // namespace

Authority::Authority() : key_(EVP_EC_gen("P-256")) {
  certificate_ = Make(key_.get(), "");
  files_ = Write(key_.get(), certificate_.get());
}

KeyPair Authority::Issue(const std::string& hosts) {
  const Key key(EVP_EC_gen("P-256"));
  return Write(key.get(), Make(key.get(), hosts).get());
}

// The first one is the authority's own and signs itself.
Authority::Certificate Authority::Make(EVP_PKEY* key, const std::string& hosts) {
  const bool own = certificate_ == nullptr;
  Certificate made(X509_new());
  X509* const raw = made.get();
  const std::string name = "test-" + std::to_string(++serial_);
  Require(X509_set_version(raw, X509_VERSION_3) == 1);
  Require(ASN1_INTEGER_set(X509_get_serialNumber(raw), serial_) == 1);
  X509_gmtime_adj(X509_getm_notBefore(raw), -kValidSeconds);
  X509_gmtime_adj(X509_getm_notAfter(raw), kValidSeconds);
  Require(X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                     0) == 1);
  Require(X509_set_issuer_name(raw, X509_get_subject_name(own ? raw : certificate_.get())) == 1);
  Require(X509_set_pubkey(raw, key) == 1);
  Extend(raw, NID_basic_constraints, own ? "critical,CA:TRUE" : "CA:FALSE");
  if (!hosts.empty()) Extend(raw, NID_subject_alt_name, hosts);
  Require(X509_sign(raw, key_.get(), EVP_sha256()) != 0);
  return made;
}

KeyPair Authority::Write(EVP_PKEY* key, X509* certificate) const {
  const std::string stem = (directory_.path() / std::to_string(serial_)).string();
  KeyPair files{.certificate = stem + ".pem", .key = stem + ".key"};
  WriteFile(files.certificate, [&](FILE* file) { return PEM_write_X509(file, certificate); });
  WriteFile(files.key, [&](FILE* file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace common::testing
