#include "services/streaming/audience/party.h"

#include <algorithm>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {
namespace {

uint32_t Take32(ByteReader& reader, size_t bytes) {
  return static_cast<uint32_t>(reader.Take(bytes));
}

Joining TakeJoining(ByteReader& reader) {
  Joining joining;
  joining.round = Take32(reader, 3);
  joining.flags = static_cast<uint8_t>(reader.Take(1));
  joining.offset = static_cast<int8_t>(reader.Take(1));
  joining.interest_sum = Take32(reader, 3);
  return joining;
}

Party TakeParty(ByteReader& reader) {
  Party party;
  party.run = Take32(reader, 4);
  party.members = TakeMask(reader);
  party.joining = TakeJoining(reader);
  return party;
}

}  // namespace

void AppendMask(std::string& out, RunMask members) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(members >> shift));
}

RunMask TakeMask(ByteReader& reader) {
  RunMask members = 0;
  for (const char byte : reader.TakeBytes(8)) members = members << 8 | static_cast<uint8_t>(byte);
  return members;
}

void AppendJoining(std::string& out, const Joining& joining) {
  PutLittleEndian(out, joining.round, 3);
  PutLittleEndian(out, joining.flags, 1);
  PutLittleEndian(out, static_cast<uint8_t>(joining.offset), 1);
  PutLittleEndian(out, joining.interest_sum, 3);
}

void AppendParty(std::string& out, const Party& party) {
  PutLittleEndian(out, party.run, 4);
  AppendMask(out, party.members);
  AppendJoining(out, party.joining);
}

void AppendLeave(std::string& out, const Leave& leave) {
  PutLittleEndian(out, leave.position, 4);
  AppendMask(out, leave.members);
}

void AppendMover(std::string& out, const Leave& leave, size_t destination, const Joining& joining) {
  AppendLeave(out, leave);
  PutLittleEndian(out, destination + 1, 1);
  AppendJoining(out, joining);
}

void AppendDeparture(std::string& out, const Departure& departure) {
  PutLittleEndian(out, departure.left_round, 3);
  const float mean = std::clamp(departure.mean_interest, 0.0f, 1.0f);
  PutLittleEndian(out, static_cast<uint64_t>(std::lround(mean * 255)), 1);
}

void AppendDemand(std::string& out, const Demand& demand) {
  PutLittleEndian(out, demand.run, 4);
  PutLittleEndian(out, demand.count, 2);
  PutLittleEndian(out, demand.start, 1);
  AppendMask(out, demand.members);
  AppendJoining(out, demand.joining);
}

absl::StatusOr<std::vector<Party>> DecodeParties(std::string_view bytes) {
  if (bytes.size() % kPartyBytes != 0) return absl::InvalidArgumentError("parties are malformed");
  std::vector<Party> parties;
  parties.reserve(bytes.size() / kPartyBytes);
  ByteReader reader(bytes);
  while (!reader.Complete()) parties.push_back(TakeParty(reader));
  return parties;
}

absl::StatusOr<std::vector<DepartedParty>> DecodeDeparted(std::string_view bytes) {
  constexpr size_t kBytes = kPartyBytes + kDepartureBytes;
  if (bytes.size() % kBytes != 0) return absl::InvalidArgumentError("departed are malformed");
  std::vector<DepartedParty> departed;
  departed.reserve(bytes.size() / kBytes);
  ByteReader reader(bytes);
  while (!reader.Complete()) {
    DepartedParty& record = departed.emplace_back();
    record.party = TakeParty(reader);
    record.departure.left_round = Take32(reader, 3);
    record.departure.mean_interest = static_cast<float>(reader.Take(1)) / 255;
  }
  return departed;
}

}  // namespace streaming::audience
