#include "services/streaming/audience/member.h"

#include <algorithm>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {

void AppendMember(std::string& out, const Member& member) {
  PutLittleEndian(out, member.index, kIndexBytes);
  AppendJoining(out, member);
}

void AppendJoining(std::string& out, const Member& member) {
  PutLittleEndian(out, member.joined_round, 3);
  PutLittleEndian(out, member.flags, 1);
  PutLittleEndian(out, static_cast<uint8_t>(member.offset), 1);
  PutLittleEndian(out, member.joined_sum, 3);
}

Member ReadMember(const char* data) {
  return {.index = static_cast<uint32_t>(GetLittleEndian(data, 4)),
          .joined_round = static_cast<uint32_t>(GetLittleEndian(data + 4, 3)),
          .flags = static_cast<uint8_t>(data[7]),
          .offset = static_cast<int8_t>(data[8]),
          .joined_sum = static_cast<uint32_t>(GetLittleEndian(data + 9, 3))};
}

void AppendDeparture(std::string& out, const Departure& departure) {
  PutLittleEndian(out, departure.left_round, 3);
  const float mean = std::clamp(departure.mean_interest, 0.0f, 1.0f);
  PutLittleEndian(out, static_cast<uint64_t>(std::lround(mean * 255)), 1);
}

Departure ReadDeparture(const char* data) {
  return {.left_round = static_cast<uint32_t>(GetLittleEndian(data, 3)),
          .mean_interest = static_cast<float>(static_cast<uint8_t>(data[3])) / 255};
}

}  // namespace streaming::audience
