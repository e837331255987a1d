#include "services/stream/pulses/buffer_store.h"

#include <algorithm>

#include "libs/common/base/status.h"

namespace stream::pulses {
namespace {

using common::Uuid;
using common::redis::ErrorCode;
using common::redis::Reply;
using std::chrono::milliseconds;

std::string Key(const Uuid& session, const char* kind) {
  return "stream:{" + session.ToString() + "}:" + kind;
}
std::string Live(const Uuid& session) { return Key(session, "live"); }
std::string Entries(const Uuid& session) { return Key(session, "entries"); }
std::string Pending(const Uuid& session) { return Key(session, "pending"); }
std::string LatestKey(const Uuid& session) { return Key(session, "latest"); }

std::string Text(milliseconds duration) { return std::to_string(duration.count()); }

absl::StatusOr<Claimed> ReadPending(const Reply& reply) {
  const auto id = Uuid::Parse(reply[1].text());
  if (!id) return absl::InternalError("a pending pulse has no valid id");
  return Claimed{.pending = Claimed::Pending{.pulse_id = *id,
                                             .payload = std::string(reply[2].text()),
                                             .age = milliseconds(reply[3].integer())},
                 .entries = {}};
}

Claimed ReadEntries(const Reply& reply) {
  Claimed claimed;
  claimed.records = static_cast<int>(reply.size()) - 1;
  for (size_t i = 1; i < reply.size(); ++i) {
    if (auto entry = Decode(reply[i].text())) claimed.entries.push_back(*std::move(entry));
  }
  return claimed;
}

}  // namespace

absl::Status BufferStore::Open(const Uuid& session) {
  return functions_.Call("pulse_open", {Live(session)}, {Text(kLiveLife)}, {.idempotent = true})
      .status();
}

absl::StatusOr<BufferStore::Appended> BufferStore::Append(const Uuid& session,
                                                          const std::vector<Entry>& entries) {
  const std::vector<std::string> keys = {Live(session), Entries(session)};
  std::vector<std::string> arguments = {std::to_string(kMaxBuffered), Text(entry_life_)};
  for (const Entry& entry : entries) arguments.push_back(Encode(entry));
  const auto reply = functions_.Call("pulse_append", keys, arguments);
  if (ErrorCode(reply.status()) == "ABSENT") return Appended::kAbsent;
  if (ErrorCode(reply.status()) == "SEALED") return Appended::kSealed;
  RETURN_IF_ERROR(reply.status());
  return Appended::kDone;
}

absl::StatusOr<std::optional<Claimed>> BufferStore::Claim(const Uuid& session, bool force) {
  const auto reply =
      functions_.Call("pulse_claim", {Live(session), Entries(session), Pending(session)},
                      {token_, Text(kLease), force ? "1" : "0"}, {.idempotent = true});
  if (ErrorCode(reply.status()) == "ABSENT") return std::optional<Claimed>();
  RETURN_IF_ERROR(reply.status());
  if (reply->is_nil()) return std::optional<Claimed>();
  if ((*reply)[0].text() == "pending") return ReadPending(*reply);
  return ReadEntries(*reply);
}

absl::Status BufferStore::Settle(const Uuid& session, const Settlement& settlement) {
  const std::vector<std::string> keys = {Live(session), Entries(session), Pending(session)};
  std::vector<std::string> arguments = {token_,
                                        std::to_string(settlement.taken),
                                        Text(settlement.interval),
                                        Text(entry_life_),
                                        Text(std::max<milliseconds>(entry_life_, kPendingLife)),
                                        settlement.pulse_id ? settlement.pulse_id->ToString() : "",
                                        settlement.payload};
  for (const Entry& entry : settlement.hold) arguments.push_back(Encode(entry));
  const auto reply = functions_.Call("pulse_settle", keys, arguments);
  if (ErrorCode(reply.status()) == "CLAIM") return absl::AbortedError("the flush was lost");
  return reply.status();
}

absl::StatusOr<bool> BufferStore::Confirm(const Uuid& session, const Uuid& pulse_id,
                                          bool published) {
  ASSIGN_OR_RETURN(
      const Reply reply,
      functions_.Call("pulse_confirm", {Live(session), Pending(session), LatestKey(session)},
                      {token_, pulse_id.ToString(), published ? "1" : "0", Text(kLiveLife)}));
  return reply.integer() == 1;
}

absl::StatusOr<bool> BufferStore::Seal(const Uuid& session) {
  const auto reply = functions_.Call("pulse_seal", {Live(session)}, {}, {.idempotent = true});
  if (ErrorCode(reply.status()) == "ABSENT") return false;
  RETURN_IF_ERROR(reply.status());
  return true;
}

absl::Status BufferStore::Delete(const Uuid& session) {
  return functions_
      .Call("pulse_delete", {Live(session), Entries(session), Pending(session), LatestKey(session)},
            {Text(kSealLife)}, {.idempotent = true})
      .status();
}

absl::StatusOr<std::optional<std::string>> BufferStore::Latest(const Uuid& session) {
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"GET", LatestKey(session)}, {.idempotent = true}));
  if (reply.is_nil()) return std::optional<std::string>();
  return std::optional(std::string(reply.text()));
}

}  // namespace stream::pulses
