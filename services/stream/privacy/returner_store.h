// Who was at a channel before, without a list of anybody: a Bloom filter for each channel. It
// answers "seen in an earlier session?", now and then with a wrong yes, and cannot be read
// backwards: its bits are chosen by a keyed mark of the viewer's id, another one in each period and
// channel.
//
// Keys, strings of kBits bits, named after a keyed mark of the link:
//   stream:{<mark, hex>}:returners:<period>            until the end of the next period: who was
//                                                      there in sessions that have ended
//   stream:{<mark, hex>}:present:<period>:<session id> kPresentLife: who is there in a session;
//                                                      joins the former when it ends
#pragma once
#include <span>
#include <string>
#include <vector>

#include "libs/common/redis/redis.h"
#include "services/stream/marks.h"

namespace stream::privacy {

class ReturnerStore {
 public:
  static constexpr std::chrono::days kPeriod{30};  // somebody is remembered for one or two
  static constexpr std::chrono::hours kPresentLife{72};
  // 95 000 people in each of two periods make one wrong yes in a hundred (Bloom, 1970).
  static constexpr uint32_t kBits = 1 << 20;
  static constexpr int kHashes = 7;

  // Both outlive it.
  ReturnerStore(common::redis::Redis& redis, const Marks& marks) : redis_(redis), marks_(marks) {}

  // Whether each of them was there in an earlier session; in this one they are from now on.
  absl::StatusOr<std::vector<bool>> Meet(const common::Uuid& link, const common::Uuid& session,
                                         std::span<const PlatformUserId* const> users,
                                         common::Time now);
  // The session has ended: who was there has been there before. Harmless to repeat.
  absl::Status Keep(const common::Uuid& link, const common::Uuid& session, common::Time now);

 private:
  using Command = std::vector<std::string>;

  std::string KeptKey(const common::Uuid& link, int64_t period) const;
  std::string PresentKey(const common::Uuid& link, const common::Uuid& session,
                         int64_t period) const;
  Command Ask(const common::Uuid& link, int64_t period, const PlatformUserId& user) const;

  common::redis::Redis& redis_;
  const Marks& marks_;
};

}  // namespace stream::privacy
