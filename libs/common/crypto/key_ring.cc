#include "libs/common/crypto/key_ring.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <openssl/evp.h>

#include "libs/common/crypto/digest.h"

namespace common::crypto {
namespace {

constexpr size_t kIdBytes = 1;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kOverhead = kIdBytes + kNonceBytes + kTagBytes;
constexpr size_t kMaxPlaintextBytes = 1 << 20;  // far above any token; keeps lengths within an int

struct FreeCipherContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipherContext>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

uint8_t KeyId(const config::Secret& key) { return static_cast<uint8_t>(Sha256(key.Reveal())[0]); }

absl::Status NotOpened() { return absl::InvalidArgumentError("the sealed value does not open"); }

}  // namespace

absl::StatusOr<KeyRing> KeyRing::Create(config::Secret current, std::vector<config::Secret> older) {
  older.insert(older.begin(), std::move(current));
  if (older.size() > kMaxKeys) return absl::InvalidArgumentError("too many encryption keys");
  std::vector<Key> keys;
  for (config::Secret& key : older) {
    if (key.Reveal().size() != kKeyBytes) {
      return absl::InvalidArgumentError("an encryption key must have 32 bytes");
    }
    const uint8_t id = KeyId(key);
    if (std::any_of(keys.begin(), keys.end(), [id](const Key& k) { return k.id == id; })) {
      return absl::InvalidArgumentError("two encryption keys share an id: draw another key");
    }
    keys.push_back({id, std::move(key)});
  }
  return KeyRing(std::move(keys));
}

std::string KeyRing::Seal(const config::Secret& plaintext, std::string_view associated_data) const {
  const Key& key = keys_.front();
  const std::string& text = plaintext.Reveal();
  const std::string nonce = RandomBytes(kNonceBytes);
  std::string out(kOverhead + text.size(), '\0');
  out[0] = static_cast<char>(key.id);
  out.replace(kIdBytes, kNonceBytes, nonce);
  auto* const body = reinterpret_cast<unsigned char*>(out.data()) + kIdBytes + kNonceBytes;
  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool sealed =
      text.size() <= kMaxPlaintextBytes && context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.bytes.Reveal()),
                         Bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &written, Bytes(associated_data),
                        static_cast<int>(associated_data.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), body, &written, Bytes(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), body + text.size(), &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + text.size()) == 1;
  // A secret that cannot be sealed must not be stored in any other form.
  if (!sealed) std::abort();
  return out;
}

absl::StatusOr<config::Secret> KeyRing::Open(std::string_view sealed,
                                             std::string_view associated_data) const {
  if (sealed.size() < kOverhead || sealed.size() > kOverhead + kMaxPlaintextBytes) {
    return NotOpened();
  }
  const Key* const key = Find(static_cast<uint8_t>(sealed[0]));
  if (key == nullptr) return NotOpened();
  const std::string_view nonce = sealed.substr(kIdBytes, kNonceBytes);
  const std::string_view body = sealed.substr(kIdBytes + kNonceBytes, sealed.size() - kOverhead);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string out(body.size(), '\0');
  auto* const target = reinterpret_cast<unsigned char*>(out.data());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool opened =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key->bytes.Reveal()),
                         Bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, Bytes(associated_data),
                        static_cast<int>(associated_data.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), target, &written, Bytes(body),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), target + body.size(), &written) == 1;
  if (!opened) return NotOpened();
  return config::Secret(std::move(out));
}

bool KeyRing::NeedsReseal(std::string_view sealed) const {
  return sealed.empty() || static_cast<uint8_t>(sealed[0]) != keys_.front().id;
}

const KeyRing::Key* KeyRing::Find(uint8_t id) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [id](const Key& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace common::crypto
