#include "services/streaming/audience/audience_store.h"

#include <absl/strings/numbers.h>

#include "libs/common/base/status.h"
#include "services/streaming/audience/bytes.h"

namespace streaming::audience {
namespace {

using common::redis::Reply;
using common::redis::ReplyView;

constexpr common::redis::CallOptions kRepeatable{.idempotent = true};

Nonce NewNonce() {
  // The two halves of a random UUID have their fixed bits in different places.
  const auto id = common::Uuid::V4().ToBytes();
  std::string nonce;
  PutLittleEndian(nonce, GetLittleEndian(id.data(), 8) ^ GetLittleEndian(id.data() + 8, 8), 8);
  return nonce;
}

absl::Status Malformed() { return absl::InternalError("an audience record is malformed"); }

absl::StatusOr<std::vector<Party>> PartiesOf(std::string_view bytes) {
  auto parties = DecodeParties(bytes);
  if (!parties.ok()) return Malformed();
  return parties;
}

std::string Encode(const std::vector<Demand>& demands) {
  std::string bytes;
  bytes.reserve(demands.size() * kDemandBytes);
  for (const Demand& demand : demands) AppendDemand(bytes, demand);
  return bytes;
}

// A Function's keys and arguments, as they are put together.
struct FunctionCall {
  // Names a key; returns its position as Lua counts.
  std::string Key(std::string key) {
    keys.push_back(std::move(key));
    return std::to_string(keys.size());
  }

  void Append(const Fields& fields) {
    arguments.push_back(std::to_string(fields.size()));
    for (const auto& [name, value] : fields) {
      arguments.push_back(name);
      arguments.push_back(value);
    }
  }

  // The "extras" that end the arguments; the lists become keys.
  void Append(const Shard& shard, const common::Uuid& session_id, const Effects& effects) {
    Append(effects.fields);
    arguments.insert(arguments.end(), {effects.request_id, effects.answer});
    const bool led = !effects.leader.empty();
    arguments.insert(arguments.end(), {led ? Key(RoundsKey(shard)) : "0", effects.leader});
    const bool logged = !effects.command.empty();
    arguments.insert(arguments.end(),
                     {logged ? Key(LogKey(shard)) : "0", session_id.ToString(), effects.command});
    for (const Push& push : effects.pushes) {
      arguments.insert(
          arguments.end(),
          {Key(push.list), (push.must_fit ? "-" : "") + std::to_string(push.limit), push.value});
    }
  }

  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

// From HGETALL's names and values in turn.
absl::StatusOr<StoredAudience> LiveOf(const ReplyView& reply) {
  StoredAudience live;
  for (size_t i = 0; i + 1 < reply.size(); i += 2) {
    live.fields.emplace(reply[i].text(), reply[i + 1].text());
  }
  live.nonce = live.fields["nonce"];
  live.sealed = live.fields.count("sealed") > 0;
  ASSIGN_OR_RETURN(live.parties, PartiesOf(live.fields["members"]));
  for (const Party& party : live.parties) live.count += CountOf(party.members);
  return live;
}

}  // namespace

absl::StatusOr<Changed> AudienceStore::Open(const Shard& shard, const common::Uuid& session_id,
                                            const Opening& opening) {
  Changed changed{NewNonce(), {}};
  FunctionCall call{.keys = {SessionKey(shard, session_id), TakenKey(shard), SessionsKey(shard),
                             FollowersKey(shard, session_id), LogKey(shard)},
                    .arguments = {session_id.ToString(), changed.nonce, Encode(opening.demands),
                                  std::to_string(opening.capacity), opening.followers}};
  call.Append(opening.fields);
  ASSIGN_OR_RETURN(const Reply reply,
                   functions_.Call("audience_v1_open", call.keys, call.arguments));
  ASSIGN_OR_RETURN(changed.parties, PartiesOf(reply.text()));
  return changed;
}

absl::StatusOr<Changed> AudienceStore::Apply(const Shard& shard, const common::Uuid& session_id,
                                             const AudienceChange& change) {
  Changed changed{NewNonce(), {}};
  FunctionCall call{.keys = {SessionKey(shard, session_id), TakenKey(shard),
                             DepartedKey(shard, session_id), AnswersKey(shard, session_id)},
                    .arguments = {change.expected, changed.nonce, change.leaves, change.departures,
                                  Encode(change.demands), std::to_string(change.capacity)}};
  call.Append(shard, session_id, change.effects);
  ASSIGN_OR_RETURN(const Reply reply,
                   functions_.Call("audience_v1_apply", call.keys, call.arguments));
  ASSIGN_OR_RETURN(changed.parties, PartiesOf(reply.text()));
  return changed;
}

absl::StatusOr<Moved> AudienceStore::Move(const Shard& shard, const common::Uuid& from,
                                          const Transfer& transfer) {
  Moved moved{.nonce = NewNonce()};
  FunctionCall call{
      .keys = {SessionKey(shard, from), DepartedKey(shard, from), AnswersKey(shard, from)},
      .arguments = {transfer.expected, moved.nonce, std::to_string(transfer.to.size())}};
  for (const Destination& to : transfer.to) {
    moved.to_nonces.push_back(NewNonce());
    call.Key(SessionKey(shard, to.session_id));
    call.arguments.insert(call.arguments.end(), {to.expected, moved.to_nonces.back()});
    call.Append(to.fields);
  }
  call.arguments.insert(call.arguments.end(), {transfer.movers, transfer.departures});
  call.Append(shard, from, transfer.effects);
  ASSIGN_OR_RETURN(const Reply reply,
                   functions_.Call("audience_v1_move", call.keys, call.arguments));
  ASSIGN_OR_RETURN(moved.parties, PartiesOf(reply.text()));
  return moved;
}

absl::StatusOr<SealedAudience> AudienceStore::Seal(const Shard& shard,
                                                   const common::Uuid& session_id) {
  ASSIGN_OR_RETURN(const Reply reply,
                   functions_.Call("audience_v1_seal",
                                   {SessionKey(shard, session_id), DepartedKey(shard, session_id)},
                                   {}, kRepeatable));
  if (reply.size() != 2) return Malformed();
  SealedAudience sealed;
  ASSIGN_OR_RETURN(sealed.live, LiveOf(reply[0]));
  auto departed = DecodeDeparted(reply[1].text());
  if (!departed.ok()) return Malformed();
  sealed.departed = *std::move(departed);
  const auto forgotten = sealed.live.fields.find("departed_dropped");
  if (forgotten != sealed.live.fields.end() &&
      !absl::SimpleAtoi(common::ToAbsl(forgotten->second), &sealed.forgotten)) {
    return Malformed();
  }
  return sealed;
}

absl::StatusOr<uint32_t> AudienceStore::Release(const Shard& shard,
                                                const common::Uuid& session_id) {
  ASSIGN_OR_RETURN(
      const Reply reply,
      functions_.Call("audience_v1_release",
                      {SessionKey(shard, session_id), TakenKey(shard), SessionsKey(shard),
                       DepartedKey(shard, session_id), AnswersKey(shard, session_id),
                       FollowersKey(shard, session_id), LogKey(shard)},
                      {session_id.ToString()}, kRepeatable));
  return static_cast<uint32_t>(reply.integer());
}

absl::StatusOr<Audited> AudienceStore::Audit(const Shard& shard) {
  constexpr int kAttempts = 16;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const std::vector<common::Uuid> sessions, Sessions(shard));
    std::vector<std::string> keys = {TakenKey(shard), SessionsKey(shard)};
    std::vector<std::string> ids;
    for (const common::Uuid& session : sessions) {
      keys.push_back(SessionKey(shard, session));
      ids.push_back(session.ToString());
    }
    const auto reply = functions_.Call("audience_v1_audit", keys, ids, kRepeatable);
    if (common::redis::ErrorCode(reply.status()) == "CHANGED" && attempt < kAttempts) continue;
    RETURN_IF_ERROR(reply.status());
    if (reply->size() != 3) return Malformed();
    const auto number = [&](size_t i) { return static_cast<uint64_t>((*reply)[i].integer()); };
    return Audited{number(0), number(1), number(2)};
  }
}

absl::StatusOr<std::optional<StoredAudience>> AudienceStore::Read(const Shard& shard,
                                                                  const common::Uuid& session_id) {
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"HGETALL", SessionKey(shard, session_id)}, kRepeatable));
  if (reply.size() == 0) return std::nullopt;
  ASSIGN_OR_RETURN(StoredAudience live, LiveOf(reply));
  return live;
}

absl::StatusOr<std::vector<std::optional<StoredAudience>>> AudienceStore::ReadMany(
    std::span<const std::pair<Shard, common::Uuid>> sessions) {
  std::vector<std::vector<std::string>> commands;
  commands.reserve(sessions.size());
  for (const auto& [shard, id] : sessions) commands.push_back({"HGETALL", SessionKey(shard, id)});
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, redis_.Pipeline(commands, kRepeatable));
  std::vector<std::optional<StoredAudience>> stored(replies.size());
  for (size_t i = 0; i < replies.size(); ++i) {
    RETURN_IF_ERROR(replies[i].status());
    if (replies[i].size() == 0) continue;
    ASSIGN_OR_RETURN(stored[i], LiveOf(replies[i]));
  }
  return stored;
}

absl::StatusOr<std::optional<AudienceGlimpse>> AudienceStore::Glance(
    const Shard& shard, const common::Uuid& session_id,
    std::initializer_list<std::string_view> fields) {
  const std::string key = SessionKey(shard, session_id);
  std::vector<std::string_view> words = {"HMGET", key, "nonce", "sealed", "joined"};
  words.insert(words.end(), fields.begin(), fields.end());
  ASSIGN_OR_RETURN(const Reply reply, redis_.Command(common::redis::Arguments(words), kRepeatable));
  if (reply.size() != words.size() - 2) return Malformed();
  if (reply[0].is_nil()) return std::nullopt;
  AudienceGlimpse glimpse{.sealed = !reply[1].is_nil()};
  ASSIGN_OR_RETURN(glimpse.joined, PartiesOf(reply[2].text()));
  for (size_t i = 3; i < reply.size(); ++i) glimpse.fields.emplace_back(reply[i].text());
  return glimpse;
}

absl::StatusOr<std::string> AudienceStore::ReadFollowers(const Shard& shard,
                                                         const common::Uuid& session_id) {
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"GET", FollowersKey(shard, session_id)}, kRepeatable));
  return std::string(reply.text());
}

absl::StatusOr<std::optional<std::string>> AudienceStore::ReadAnswer(const Shard& shard,
                                                                     const common::Uuid& session_id,
                                                                     std::string_view request_id) {
  ASSIGN_OR_RETURN(
      const Reply reply,
      redis_.Command({"HGET", AnswersKey(shard, session_id), request_id}, kRepeatable));
  if (reply.is_nil()) return std::nullopt;
  return std::string(reply.text());
}

absl::StatusOr<std::vector<common::Uuid>> AudienceStore::Sessions(const Shard& shard) {
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"SMEMBERS", SessionsKey(shard)}, kRepeatable));
  std::vector<common::Uuid> sessions;
  for (const std::string& text : reply.Texts()) {
    const auto id = common::Uuid::Parse(text);
    if (!id) return Malformed();
    sessions.push_back(*id);
  }
  return sessions;
}

absl::StatusOr<int64_t> AudienceStore::Forget(const Shard& shard) {
  std::vector<std::string> command = {"UNLINK",         TakenKey(shard), SessionsKey(shard),
                                      RoundsKey(shard), LogKey(shard),   HypePendingKey(shard)};
  // Audiences that were opened and never recorded.
  ASSIGN_OR_RETURN(const auto sessions, Sessions(shard));
  for (const common::Uuid& session : sessions) {
    for (std::string key : {SessionKey(shard, session), DepartedKey(shard, session),
                            AnswersKey(shard, session), FollowersKey(shard, session)}) {
      command.push_back(std::move(key));
    }
  }
  ASSIGN_OR_RETURN(const Reply last,
                   redis_.Command({"HGET", RoundsKey(shard), "round"}, kRepeatable));
  uint32_t round = 0;
  if (last.is_text() && absl::SimpleAtoi(common::ToAbsl(last.text()), &round)) {
    const uint32_t first = round < kForgottenViews ? 0 : round - kForgottenViews;
    for (uint32_t k = first; k <= round + 1; ++k) command.push_back(ViewKey(shard, k));
  }
  const std::vector<std::string_view> arguments(command.begin(), command.end());
  ASSIGN_OR_RETURN(const Reply deleted, redis_.Command(arguments, kRepeatable));
  return deleted.integer();
}

absl::StatusOr<uint64_t> AudienceStore::CountTaken(const Shard& shard) {
  ASSIGN_OR_RETURN(const Reply reply, redis_.Command({"BITCOUNT", TakenKey(shard)}, kRepeatable));
  return static_cast<uint64_t>(reply.integer());
}

absl::StatusOr<bool> AudienceStore::ClaimSnapshots(const Shard& shard, int64_t slice,
                                                   common::Duration ttl) {
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(ttl).count();
  // Repeated after a lost answer it finds its own claim: a snapshot less.
  ASSIGN_OR_RETURN(const Reply reply, redis_.Command({"SET", SnapshotsKey(shard, slice), "1", "NX",
                                                      "PX", std::to_string(millis)}));
  return !reply.is_nil();
}

absl::StatusOr<std::string> AudienceStore::SettleView(const Shard& shard, uint32_t round,
                                                      std::string_view view,
                                                      std::chrono::seconds ttl) {
  const std::string seconds = std::to_string(ttl.count());
  ASSIGN_OR_RETURN(const Reply reply,
                   redis_.Command({"SET", ViewKey(shard, round), view, "NX", "GET", "EX", seconds},
                                  kRepeatable));
  return std::string(reply.is_nil() ? view : reply.text());
}

}  // namespace streaming::audience
