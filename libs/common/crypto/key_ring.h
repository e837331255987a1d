// Authenticated encryption at rest: AES-256-GCM under keys that can be rotated while running.
//
// A sealed value is: key id (1 byte) | nonce (12, random) | ciphertext | tag (16).
// With random nonces one key is good for about 2^32 seals; rotate long before that.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"

namespace common::crypto {

class KeyRing {
 public:
  static constexpr size_t kKeyBytes = 32;
  static constexpr size_t kMaxKeys = 16;

  // Keys are raw bytes. A key's id is the first byte of its SHA-256, so that rotation needs no
  // bookkeeping: the new key becomes `current`, the one before moves to `older`.
  // INVALID_ARGUMENT: a key of another length, more than kMaxKeys, or two keys of one id (draw a
  // new one; one pair in 256 has that bad luck).
  static absl::StatusOr<KeyRing> Create(config::Secret current, std::vector<config::Secret> older);

  // Encrypts under the current key. `associated_data` is authenticated and not stored: name the row
  // and column there, so that a value copied to another place does not open.
  std::string Seal(const config::Secret& plaintext, std::string_view associated_data) const;

  // INVALID_ARGUMENT for anything that Seal did not make with these keys and this associated data;
  // the error does not say which part was wrong.
  absl::StatusOr<config::Secret> Open(std::string_view sealed,
                                      std::string_view associated_data) const;

  // True when `sealed` is under an older key and should be opened and sealed again.
  bool NeedsReseal(std::string_view sealed) const;

 private:
  struct Key {
    uint8_t id;
    config::Secret bytes;
  };

  explicit KeyRing(std::vector<Key> keys) : keys_(std::move(keys)) {}
  const Key* Find(uint8_t id) const;

  std::vector<Key> keys_;  // the current one first
};

}  // namespace common::crypto
