// Whose a streamer's ledger and deals are: nobody else is told that they exist.
#pragma once
#include <optional>

#include <absl/status/statusor.h>
#include <bannou/streaming/v1/types.pb.h>

#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/sessions/session.h"

namespace streaming::economy {

namespace v1 = bannou::streaming::v1;

// Whether the caller sees to the streamer: an Account is the caller's own, a Character its that it
// is bound to, an Actor a service's; role service and admin see to all.
absl::StatusOr<bool> SeesTo(common::mysql::Pool& mysql, const sessions::Caller& caller,
                            v1::StreamerEntityType type, const common::Uuid& streamer);

// The type of a streamer that the caller sees to: the given one, or else the one that the id is
// known as, which an account is to itself before it has ever streamed. STREAMER_NOT_FOUND when
// there is none, STREAMER_TYPE_AMBIGUOUS when there are several.
absl::StatusOr<v1::StreamerEntityType> OwnType(common::mysql::Pool& mysql,
                                               const sessions::Caller& caller,
                                               std::optional<v1::StreamerEntityType> type,
                                               const common::Uuid& streamer);

}  // namespace streaming::economy
