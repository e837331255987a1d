#include "services/stream/pulses/buffer_store.h"

#include <algorithm>
#include <charconv>

#include "libs/common/base/status.h"
#include "libs/common/crypto/encoding.h"

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
std::string Seen(const Uuid& session, const std::string& mark) {
  return Key(session, "seen:") + common::crypto::HexEncode(mark);
}
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
  claimed.gave_way = static_cast<int>(reply[1].integer());
  claimed.records = static_cast<int>(reply.size()) - 2;
  for (size_t i = 2; i < reply.size(); ++i) {
    if (const auto entry = Decode(reply[i].text())) claimed.entries.push_back(*entry);
  }
  return claimed;
}

}  // namespace

absl::Status BufferStore::Open(const Uuid& session) {
  return functions_
      .Call("stream_pulses_v1_open", {Live(session)}, {Text(kLiveLife)}, {.idempotent = true})
      .status();
}

absl::StatusOr<BufferStore::Appended> BufferStore::Append(const Uuid& session,
                                                          const Appending& appending) {
  std::vector<std::string> keys = {Live(session), Entries(session)};
  for (const std::string& mark : appending.marks) keys.push_back(Seen(session, mark));
  std::vector<std::string> arguments = {
      appending.as_owner ? token_ : "", Text(kOwnerLease), std::to_string(appending.tracked),
      std::to_string(kMaxBuffered),     Text(entry_life_), Text(kSeenLife)};
  for (const Entry& entry : appending.entries) arguments.push_back(Encode(entry));
  const auto reply = functions_.Call("stream_pulses_v1_append", keys, arguments);
  constexpr std::pair<std::string_view, Appended> kRefusals[] = {
      {"ABSENT", Appended::kAbsent},
      {"SEALED", Appended::kSealed},
      {"FOREIGN", Appended::kForeign},
      {"DUPLICATE", Appended::kDuplicate}};
  for (const auto& [code, appended] : kRefusals) {
    if (ErrorCode(reply.status()) == code) return appended;
  }
  RETURN_IF_ERROR(reply.status());
  return Appended::kDone;
}

absl::StatusOr<bool> BufferStore::Knows(const Uuid& session,
                                        const std::vector<std::string>& marks) {
  std::vector<std::string> command = {"EXISTS"};
  for (const std::string& mark : marks) command.push_back(Seen(session, mark));
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline({&command, 1}, {.idempotent = true}));
  RETURN_IF_ERROR(replies[0].status());
  return replies[0].integer() > 0;
}

absl::StatusOr<bool> BufferStore::TakeOver(const Uuid& session) {
  const auto reply = functions_.Call("stream_pulses_v1_take_over", {Live(session)},
                                     {token_, Text(kOwnerLease)}, {.idempotent = true});
  if (ErrorCode(reply.status()) == "ABSENT") return false;
  RETURN_IF_ERROR(reply.status());
  return reply->integer() == 1;
}

absl::StatusOr<int> BufferStore::TrackedCount(const Uuid& session) {
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"HGET", Live(session), "tracked"}, {.idempotent = true}));
  int count = 0;
  const std::string_view text = reply.text();
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

absl::StatusOr<std::optional<Claimed>> BufferStore::Claim(const Uuid& session, bool force) {
  const auto reply =
      functions_.Call("stream_pulses_v1_claim", {Live(session), Entries(session), Pending(session)},
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
  const auto reply = functions_.Call("stream_pulses_v1_settle", keys, arguments);
  if (ErrorCode(reply.status()) == "CLAIM") return absl::AbortedError("the flush was lost");
  return reply.status();
}

absl::StatusOr<bool> BufferStore::Confirm(const Uuid& session, const Uuid& pulse_id,
                                          bool published) {
  ASSIGN_OR_RETURN(
      const Reply reply,
      functions_.Call("stream_pulses_v1_confirm",
                      {Live(session), Pending(session), LatestKey(session)},
                      {token_, pulse_id.ToString(), published ? "1" : "0", Text(kLiveLife)}));
  return reply.integer() == 1;
}

absl::StatusOr<bool> BufferStore::Seal(const Uuid& session) {
  const auto reply =
      functions_.Call("stream_pulses_v1_seal", {Live(session)}, {}, {.idempotent = true});
  if (ErrorCode(reply.status()) == "ABSENT") return false;
  RETURN_IF_ERROR(reply.status());
  return true;
}

absl::Status BufferStore::Delete(const Uuid& session) {
  return functions_
      .Call("stream_pulses_v1_delete",
            {Live(session), Entries(session), Pending(session), LatestKey(session)},
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
