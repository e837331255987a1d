// What may be stored only encrypted: tokens, names and ids of people, secrets. A sealed value is
// bound to its row and column, so that one that is copied elsewhere does not open.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "libs/common/config/secret.h"
#include "libs/common/crypto/key_ring.h"

namespace stream {

class Sealer {
 public:
  explicit Sealer(common::crypto::KeyRing keys) : keys_(std::move(keys)) {}

  // `place` names the table and column, or the kind of key: "link.access_token_sealed".
  std::string Seal(const common::Uuid& row, std::string_view place,
                   const common::config::Secret& value) const {
    return keys_.Seal(value, row.ToBytes() + std::string(place));
  }
  // INTERNAL when it was not sealed for this place under one of our keys.
  absl::StatusOr<common::config::Secret> Open(const common::Uuid& row, std::string_view place,
                                              std::string_view sealed) const {
    auto opened = keys_.Open(sealed, row.ToBytes() + std::string(place));
    if (!opened.ok()) return absl::InternalError("a sealed value does not open under these keys");
    return opened;
  }
  // Whether it is under an older key.
  bool NeedsReseal(std::string_view sealed) const { return keys_.NeedsReseal(sealed); }

 private:
  const common::crypto::KeyRing keys_;
};

}  // namespace stream
