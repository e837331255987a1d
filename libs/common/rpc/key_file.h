// A file that holds a JSON Web Key Set and may be replaced while the process runs.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "libs/common/rpc/jwk_set.h"

namespace common::rpc {

class KeyFile {
 public:
  explicit KeyFile(std::string path) : path_(std::move(path)) {}

  // What the file holds, if it is another one than at the last call, or was written since; the
  // first call always tells. NOT_FOUND when it cannot be read, otherwise errors as JwkSet::Parse.
  // Symbolic links are followed, so that a link set to another file is a change.
  std::optional<absl::StatusOr<JwkSet>> ReadIfChanged();

 private:
  // Device, inode, size, and the nanoseconds of its content's and its status's last change. All
  // zero for a file that cannot be read.
  using Version = std::array<int64_t, 5>;

  const std::string path_;
  std::optional<Version> seen_;
};

}  // namespace common::rpc
