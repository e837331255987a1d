#include "services/stream/privacy/returner_store.h"

#include <cstring>

#include "libs/common/base/status.h"
#include "libs/common/crypto/encoding.h"

namespace stream::privacy {
namespace {

using common::Time;
using common::Uuid;
using std::chrono::seconds;

int64_t PeriodAt(Time now) { return now.time_since_epoch() / ReturnerStore::kPeriod; }

// The places of a mark's bits, four bytes of it each.
std::vector<std::string> PlacesOf(const std::string& mark) {
  std::vector<std::string> places;
  for (int i = 0; i < ReturnerStore::kHashes; ++i) {
    uint32_t part = 0;
    std::memcpy(&part, mark.data() + static_cast<size_t>(i) * sizeof part, sizeof part);
    places.push_back(std::to_string(part % ReturnerStore::kBits));
  }
  return places;
}

std::string Text(seconds duration) { return std::to_string(duration.count()); }

bool AllSet(const common::redis::Reply& reply) {
  for (size_t i = 0; i < reply.size(); ++i) {
    if (reply[i].integer() == 0) return false;
  }
  return reply.size() > 0;
}

}  // namespace

std::string ReturnerStore::KeptKey(const Uuid& link, int64_t period) const {
  return "stream:{" + common::crypto::HexEncode(marks_.OfLink(link)) +
         "}:returners:" + std::to_string(period);
}

std::string ReturnerStore::PresentKey(const Uuid& link, const Uuid& session, int64_t period) const {
  return "stream:{" + common::crypto::HexEncode(marks_.OfLink(link)) +
         "}:present:" + std::to_string(period) + ":" + session.ToString();
}

ReturnerStore::Command ReturnerStore::Ask(const Uuid& link, int64_t period,
                                          const PlatformUserId& user) const {
  Command command = {"BITFIELD_RO", KeptKey(link, period)};
  for (const std::string& place : PlacesOf(marks_.OfReturner(link, period, user))) {
    command.insert(command.end(), {"GET", "u1", place});
  }
  return command;
}

absl::StatusOr<std::vector<bool>> ReturnerStore::Meet(const Uuid& link, const Uuid& session,
                                                      std::span<const PlatformUserId* const> users,
                                                      Time now) {
  const int64_t period = PeriodAt(now);
  std::vector<Command> commands;
  Command present = {"BITFIELD", PresentKey(link, session, period)};
  for (const PlatformUserId* user : users) {
    commands.push_back(Ask(link, period, *user));
    commands.push_back(Ask(link, period - 1, *user));
    for (const std::string& place : PlacesOf(marks_.OfReturner(link, period, *user))) {
      present.insert(present.end(), {"SET", "u1", place, "1"});
    }
  }
  commands.push_back(std::move(present));
  commands.push_back({"EXPIRE", PresentKey(link, session, period), Text(kPresentLife)});
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands, {.idempotent = true}));
  std::vector<bool> returned;
  for (size_t i = 0; i < users.size(); ++i) {
    RETURN_IF_ERROR(replies[2 * i].status());
    RETURN_IF_ERROR(replies[2 * i + 1].status());
    returned.push_back(AllSet(replies[2 * i]) || AllSet(replies[2 * i + 1]));
  }
  return returned;
}

absl::Status ReturnerStore::Keep(const Uuid& link, const Uuid& session, Time now) {
  std::vector<Command> commands;
  for (const int64_t period : {PeriodAt(now), PeriodAt(now) - 1}) {
    const std::string kept = KeptKey(link, period);
    const std::string present = PresentKey(link, session, period);
    commands.push_back({"BITOP", "OR", kept, kept, present});
    const auto end = std::chrono::duration_cast<seconds>((period + 2) * kPeriod);
    commands.push_back({"EXPIREAT", kept, Text(end)});
    commands.push_back({"DEL", present});
  }
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands, {.idempotent = true}));
  for (const auto& reply : replies) RETURN_IF_ERROR(reply.status());
  return absl::OkStatus();
}

}  // namespace stream::privacy
