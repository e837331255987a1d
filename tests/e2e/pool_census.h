// Who sits where, read from Redis as it lies there, at one instant.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/status.h"
#include "libs/common/base/uuid.h"
#include "libs/common/redis/redis.h"

namespace story {

// Of a pool with one shard.
struct Census {
  uint32_t bits = 0;                         // that are set in the bitmap
  uint32_t members = 0;                      // of all sessions
  uint32_t largest = 0;                      // members of one session
  std::map<std::string, uint32_t> sessions;  // id -> members
  std::string wrong;  // the first thing that is not as the law has it, "" = nothing
};

class PoolCensus {
 public:
  // Keeps the reference.
  PoolCensus(common::redis::Redis& redis, const common::Uuid& game)
      : redis_(redis), prefix_("streaming:{" + game.ToString() + ":0}:") {}

  // An error when Redis is not there.
  absl::StatusOr<Census> Take() {
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      ASSIGN_OR_RETURN(const auto listed, redis_.Command({"SMEMBERS", prefix_ + "sessions"}));
      const std::vector<std::string> ids = Sorted(listed.Texts());
      std::vector<std::vector<std::string>> commands = {
          {"MULTI"}, {"SMEMBERS", prefix_ + "sessions"}, {"GET", prefix_ + "taken"}};
      for (const std::string& id : ids) {
        commands.push_back({"HMGET", prefix_ + "session:" + id, "members", "count"});
      }
      commands.push_back({"EXEC"});
      ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands));
      const auto& instant = replies.back();
      RETURN_IF_ERROR(instant.status());
      // Sessions may have begun or ended in between.
      if (Sorted(instant[0].Texts()) == ids) return Count(ids, instant);
    }
    return absl::AbortedError("sessions come and go too quickly");
  }

 private:
  static constexpr size_t kPartyBytes = 20;  // run 4, members 8 as in the bitmap, joining 8
  static constexpr uint32_t kRunBytes = 8;

  static std::vector<std::string> Sorted(std::vector<std::string> texts) {
    std::sort(texts.begin(), texts.end());
    return texts;
  }

  static Census Count(const std::vector<std::string>& ids,
                      const common::redis::ReplyView& instant) {
    Census census;
    const std::string_view taken = instant[1].text();
    for (const char byte : taken) census.bits += BitsOf(byte);
    std::map<uint32_t, uint8_t> seen;  // by byte of the bitmap
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto session = instant[2 + i];
      const uint32_t members = Seat(session[0].text(), taken, seen, census);
      if (std::to_string(members) != session[1].text()) Note(census, "a count is wrong");
      census.sessions[ids[i]] = members;
      census.members += members;
      census.largest = std::max(census.largest, members);
    }
    if (census.bits != census.members) Note(census, "the bits are not the members");
    return census;
  }

  // The number of members of one session's parties.
  static uint32_t Seat(std::string_view parties, std::string_view taken,
                       std::map<uint32_t, uint8_t>& seen, Census& census) {
    uint32_t members = 0;
    if (parties.size() % kPartyBytes != 0) Note(census, "an array is cut off");
    for (size_t at = 0; at + kPartyBytes <= parties.size(); at += kPartyBytes) {
      uint32_t run = 0;
      for (size_t i = 0; i < 4; ++i)
        run |= uint32_t{static_cast<uint8_t>(parties[at + i])} << 8 * i;
      for (uint32_t i = 0; i < kRunBytes; ++i) {
        const auto mask = static_cast<uint8_t>(parties[at + 4 + i]);
        const uint32_t place = run * kRunBytes + i;
        const auto bits = static_cast<uint8_t>(place < taken.size() ? taken[place] : 0);
        if ((mask & ~bits) != 0) Note(census, "a member is not marked as taken");
        if ((seen[place] & mask) != 0) Note(census, "a member sits twice");
        seen[place] |= mask;
        members += BitsOf(parties[at + 4 + i]);
      }
    }
    return members;
  }
  static uint32_t BitsOf(char byte) {
    return static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(byte)));
  }
  static void Note(Census& census, std::string_view wrong) {
    if (census.wrong.empty()) census.wrong = wrong;
  }

  common::redis::Redis& redis_;
  const std::string prefix_;
};

}  // namespace story
