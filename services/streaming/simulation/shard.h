// A pool shard in memory: who is taken. Carries out demands as the Functions of
// redis/audience.lua do, to the same members.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "services/streaming/audience/party.h"
#include "services/streaming/pool/pool.h"

namespace streaming::simulation {

class Shard {
 public:
  // Of a pool with this many runs, all of them free.
  explicit Shard(uint32_t runs) : taken_(size_t{runs} * kRunBytes, '\0') {}

  // Takes what the demands ask for, at most `room` members, and returns who came.
  std::vector<audience::Party> Take(std::span<const audience::Demand> demands, uint32_t room);
  void GiveBack(std::span<const audience::Party> parties);

  // The bitmap as Redis has it.
  const std::string& taken() const { return taken_; }
  uint32_t CountTaken() const { return count_; }

 private:
  static constexpr size_t kRunBytes = pool::kRunLength / 8;

  audience::RunMask Read(uint32_t run) const;
  void Write(uint32_t run, audience::RunMask members);

  std::string taken_;
  uint32_t count_ = 0;
};

// `want` of the members `free` of a run, or all if they are fewer, looking from place `start` on.
// Redis looks byte by byte: all of a byte's members before those of the next.
audience::RunMask SomeOf(audience::RunMask free, uint32_t start, uint32_t want);

}  // namespace streaming::simulation
