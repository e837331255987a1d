#include "services/stream/linking/expected_store.h"

#include "libs/common/base/status.h"
#include "services/stream/linking/link_columns_store.h"

namespace stream::linking {

using common::Time;
using common::Uuid;
using common::config::Secret;

Uuid ExpectedStore::IdOf(const Uuid& link_id, const std::string& stream_id) const {
  return Uuid::V5(link_id, marks_.OfStream(link_id, stream_id));
}

absl::Status ExpectedStore::Expect(const Uuid& link_id, const ExpectedStream& stream) {
  const Uuid id = IdOf(link_id, stream.stream_id);
  const std::string sealed = sealer_.Seal(id, kExpectedPlace, Secret(stream.stream_id));
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT COUNT(NULLIF(expected_id, ?)) FROM expected_stream "
                                "WHERE link_id = ?",
                                id, link_id));
  if (rows.at(0).Get<int64_t>(0) >= kMaxPerLink) return absl::OkStatus();
  // Only of a link that is there still, and that nobody takes away meanwhile.
  return common::mysql::RunTransaction(mysql_, [&](common::mysql::Transaction& transaction) {
    ASSIGN_OR_RETURN(const auto link, transaction.Query("SELECT 1 FROM link WHERE link_id = ? AND "
                                                        "is_active = 1 FOR UPDATE",
                                                        link_id));
    if (link.empty()) return absl::OkStatus();
    return transaction
        .Execute(
            "INSERT INTO expected_stream (expected_id, link_id, stream_id_sealed, "
            "expected_at) VALUES (?, ?, ?, ?) "
            "ON DUPLICATE KEY UPDATE expected_at = VALUES(expected_at)",
            id, link_id, sealed, stream.at)
        .status();
  });
}

absl::Status ExpectedStore::Forget(const Uuid& link_id, const std::string& stream_id) {
  return mysql_
      .Execute("DELETE FROM expected_stream WHERE expected_id = ?", IdOf(link_id, stream_id))
      .status();
}

absl::Status ExpectedStore::ForgetAll(common::mysql::Transaction& transaction,
                                      const Uuid& link_id) {
  return transaction.Execute("DELETE FROM expected_stream WHERE link_id = ?", link_id).status();
}

absl::StatusOr<std::vector<ExpectedStore::Expecting>> ExpectedStore::Between(Time from,
                                                                             Time until) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS
                                ", expected_id, stream_id_sealed, expected_at FROM expected_stream "
                                "JOIN link USING (link_id) WHERE expected_at BETWEEN ? AND ? AND "
                                "is_active = 1 ORDER BY expected_at LIMIT ?",
                                from, until, kMaxListed));
  std::vector<Expecting> out;
  for (const auto& row : rows) {
    const Link link = ReadLink(row);
    // One that no key opens must not keep the others waiting.
    const auto stream = sealer_.Open(row.Get<Uuid>(kLinkColumns), kExpectedPlace,
                                     row.Get<std::string>(kLinkColumns + 1));
    if (!stream.ok()) continue;
    out.push_back({link, {stream->Reveal(), row.Get<Time>(kLinkColumns + 2)}});
  }
  return out;
}

absl::Status ExpectedStore::Purge(Time before) {
  return mysql_.Execute("DELETE FROM expected_stream WHERE expected_at < ? LIMIT 1000", before)
      .status();
}

}  // namespace stream::linking
