// Platform sessions as the stream daemon announced them: whose real crowd it is that a pulse
// speaks for.
#pragma once
#include <functional>
#include <optional>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/audience/live_session.h"

namespace streaming::blending {

struct PlatformSession {
  common::Uuid id;
  common::Uuid account;
  std::optional<common::Uuid> in_game_session;
};

// Where a pulse may go.
struct Feed {
  bool known = false;                        // the platform session was announced
  std::optional<audience::LiveKey> session;  // absent: it feeds none, or none that is live
  bool own = false;                          // the platform session's account owns that session
};

class PlatformSessionStore {
 public:
  explicit PlatformSessionStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  // Both may be repeated, and come in either order: an ended one stays ended. Those of an account
  // that was deleted are not recorded, which is no error.
  absl::Status RecordStarted(const PlatformSession& session, common::Time now);
  absl::Status RecordEnded(const PlatformSession& session, common::Time now);

  // `in_game_session`, when the pulse names one, outranks the platform session that a live session
  // was created with.
  absl::StatusOr<Feed> FindFeed(const common::Uuid& platform_session,
                                const std::optional<common::Uuid>& in_game_session);

 private:
  absl::Status Record(const common::Uuid& account,
                      const std::function<absl::Status(common::mysql::Transaction&)>& insert);

  common::mysql::Pool& mysql_;
};

}  // namespace streaming::blending
