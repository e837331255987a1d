#include "services/stream/linking/pending_store.h"

#include "libs/common/base/status.h"

namespace stream::linking {
namespace {

using common::Uuid;

constexpr size_t kUuidBytes = 16;
constexpr size_t kDigestBytes = 32;
constexpr size_t kHeadBytes = 1 + kUuidBytes + kDigestBytes;

std::string Key(const Uuid& request_id) { return "stream:{" + request_id.ToString() + "}:pending"; }

std::string Encode(const PendingLink& pending) {
  return static_cast<char>(pending.platform) + pending.account_id.ToBytes() + pending.state_digest +
         pending.redirect_uri;
}

std::optional<PendingLink> Decode(const Uuid& request_id, std::string_view bytes) {
  if (bytes.size() < kHeadBytes) return std::nullopt;
  return PendingLink{.request_id = request_id,
                     .account_id = *Uuid::FromBytes(bytes.substr(1, kUuidBytes)),
                     .platform = static_cast<platforms::Platform>(bytes[0]),
                     .state_digest = std::string(bytes.substr(1 + kUuidBytes, kDigestBytes)),
                     .redirect_uri = std::string(bytes.substr(kHeadBytes))};
}

}  // namespace

absl::Status PendingStore::Put(const PendingLink& pending) {
  const std::string life = std::to_string(std::chrono::seconds(kPendingLife).count());
  return redis_
      .Command({"SET", Key(pending.request_id), Encode(pending), "EX", life}, {.idempotent = true})
      .status();
}

absl::StatusOr<std::optional<PendingLink>> PendingStore::Find(const Uuid& request_id) {
  ASSIGN_OR_RETURN(const auto reply,
                   redis_.Command({"GET", Key(request_id)}, {.idempotent = true}));
  return Decode(request_id, reply.text());
}

absl::StatusOr<bool> PendingStore::Take(const Uuid& request_id) {
  ASSIGN_OR_RETURN(const auto reply, redis_.Command({"DEL", Key(request_id)}));
  return reply.integer() == 1;
}

}  // namespace stream::linking
