#include "services/stream/linking/pending_store.h"

#include "libs/common/base/status.h"

namespace stream::linking {
namespace {

using common::Uuid;
using common::config::Secret;

constexpr std::string_view kPlace = "pending";
constexpr size_t kUuidBytes = 16;
constexpr size_t kDigestBytes = 32;
constexpr size_t kDigestAt = 1 + kUuidBytes;
constexpr size_t kVerifierAt = kDigestAt + kDigestBytes;
constexpr size_t kRedirectAt = kVerifierAt + PendingStore::kVerifierBytes;

std::string Key(const Uuid& request_id) { return "stream:{" + request_id.ToString() + "}:pending"; }

Secret Encode(const PendingLink& pending) {
  return Secret(static_cast<char>(pending.platform) + pending.account_id.ToBytes() +
                pending.state_digest + pending.code_verifier.Reveal() + pending.redirect_uri);
}

std::optional<PendingLink> Decode(const Uuid& request_id, std::string_view bytes) {
  if (bytes.size() < kRedirectAt) return std::nullopt;
  return PendingLink{
      .request_id = request_id,
      .account_id = *Uuid::FromBytes(bytes.substr(1, kUuidBytes)),
      .platform = static_cast<platforms::Platform>(bytes[0]),
      .state_digest = std::string(bytes.substr(kDigestAt, kDigestBytes)),
      .code_verifier = Secret(std::string(bytes.substr(kVerifierAt, PendingStore::kVerifierBytes))),
      .redirect_uri = std::string(bytes.substr(kRedirectAt))};
}

}  // namespace

absl::Status PendingStore::Put(const PendingLink& pending) {
  const std::string life = std::to_string(std::chrono::seconds(kPendingLife).count());
  const std::string sealed = sealer_.Seal(pending.request_id, kPlace, Encode(pending));
  return redis_.Command({"SET", Key(pending.request_id), sealed, "EX", life}, {.idempotent = true})
      .status();
}

absl::StatusOr<std::optional<PendingLink>> PendingStore::Find(const Uuid& request_id) {
  ASSIGN_OR_RETURN(const auto reply,
                   redis_.Command({"GET", Key(request_id)}, {.idempotent = true}));
  if (reply.is_nil()) return std::optional<PendingLink>();
  ASSIGN_OR_RETURN(const Secret opened, sealer_.Open(request_id, kPlace, reply.text()));
  return Decode(request_id, opened.Reveal());
}

absl::StatusOr<bool> PendingStore::Take(const Uuid& request_id) {
  ASSIGN_OR_RETURN(const auto reply, redis_.Command({"DEL", Key(request_id)}));
  return reply.integer() == 1;
}

}  // namespace stream::linking
