// Who follows a streamer, as a session knows it: fixed at its start, by run.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/streaming/audience/party.h"

namespace streaming::audience {

// The most that one session knows; a streamer's others come like strangers.
inline constexpr size_t kFollowersMax = 20000;

class Followers {
 public:
  struct OfRun {
    uint32_t run = 0;
    RunMask members = 0;
    bool operator==(const OfRun&) const = default;
  };

  Followers() = default;
  // Of these members of the pool, in any order; those beyond kFollowersMax are left out.
  explicit Followers(std::span<const uint32_t> members);

  // Ascending.
  std::span<const OfRun> runs() const { return runs_; }
  // Those of one run.
  RunMask In(uint32_t run) const;

 private:
  friend absl::StatusOr<Followers> DecodeFollowers(std::string_view bytes);

  std::vector<OfRun> runs_;
};

// 12 bytes a run: run, 4, little-endian; members, 8, as in the bitmap.
std::string EncodeFollowers(const Followers& followers);
// INVALID_ARGUMENT when the bytes are not whole records in ascending order.
absl::StatusOr<Followers> DecodeFollowers(std::string_view bytes);

}  // namespace streaming::audience
