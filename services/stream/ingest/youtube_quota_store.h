// What chats have spent of YouTube's daily allowance, all instances together, in Redis.
//
// Key `stream:{youtube_quota:<client id>}:<day>`, a number, kLife: units of one Google application
// on one day of Pacific time. YouTubeChatWorker counts before it asks, so that a crash counts too
// much rather than too little.
#pragma once
#include <string>

#include "libs/common/base/status.h"
#include "libs/common/redis/redis.h"

namespace stream::ingest {

class YouTubeQuotaStore {
 public:
  // `redis` outlives it.
  YouTubeQuotaStore(common::redis::Redis& redis, std::string client_id)
      : redis_(redis), client_id_(std::move(client_id)) {}

  // What is spent on that day with these units.
  absl::StatusOr<int64_t> Spend(const std::string& day, int64_t units);
  absl::StatusOr<int64_t> Spent(const std::string& day);

 private:
  static constexpr std::chrono::hours kLife{48};

  std::string Key(const std::string& day) const {
    return "stream:{youtube_quota:" + client_id_ + "}:" + day;
  }

  common::redis::Redis& redis_;
  const std::string client_id_;
};

}  // namespace stream::ingest
