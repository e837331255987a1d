#include "services/streaming/reactions/reaction_store.h"

#include <vector>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/errors.h"

namespace streaming::reactions {
namespace {

constexpr std::chrono::minutes kWindow{1};
constexpr std::string_view kWindowTtl = "120";  // seconds, twice the window

// String, a counter: reactions of role user in a session's minute. Lives for kWindowTtl.
std::string UserReactionsKey(const audience::LiveKey& session, int64_t minute) {
  return audience::ShardPrefix({session.game, session.shard}) +
         "reactions:" + session.session.ToString() + ":" + std::to_string(minute);
}

}  // namespace

absl::Status ReactionStore::CountUser(const audience::LiveKey& session, int per_minute,
                                      common::Time now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  const std::string key = UserReactionsKey(session, minute.time_since_epoch().count());
  const std::vector<std::vector<std::string>> commands = {{"INCR", key},
                                                          {"EXPIRE", key, std::string(kWindowTtl)}};
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands));
  RETURN_IF_ERROR(replies[0].status());
  if (replies[0].integer() <= per_minute) return absl::OkStatus();
  return common::errors::MakeRetryable(
      kReactionRateLimited, "too many reactions in this session's minute", minute + kWindow - now);
}

}  // namespace streaming::reactions
