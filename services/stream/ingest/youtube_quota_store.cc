#include "services/stream/ingest/youtube_quota_store.h"

#include <charconv>
#include <vector>

namespace stream::ingest {

absl::StatusOr<int64_t> YouTubeQuotaStore::Spend(const std::string& day, int64_t units) {
  const std::vector<std::string> commands[] = {
      {"INCRBY", Key(day), std::to_string(units)},
      {"EXPIRE", Key(day), std::to_string(std::chrono::seconds(kLife).count())}};
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands));
  for (const auto& reply : replies) RETURN_IF_ERROR(reply.status());
  return replies.front().integer();
}

absl::StatusOr<int64_t> YouTubeQuotaStore::Spent(const std::string& day) {
  ASSIGN_OR_RETURN(const auto reply, redis_.Command({"GET", Key(day)}, {.idempotent = true}));
  int64_t units = 0;
  const std::string_view text = reply.text();
  std::from_chars(text.data(), text.data() + text.size(), units);
  return units;
}

}  // namespace stream::ingest
