// The live streams of a game, as players look through them.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/base/shared_reads.h"
#include "libs/common/base/time.h"
#include "libs/common/rpc/identity.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

// A session as everybody may see it.
bannou::streaming::v1::StreamSessionDetail DetailOf(const Session& session);
// What only the owner and admins may see besides.
void TellInsider(const common::rpc::Identity& caller, const std::optional<common::Uuid>& owner,
                 bool linked, bannou::streaming::v1::StreamSessionDetail& detail);

class BrowseStore {
 public:
  // What is shown was true at most this long ago; more often than kFresh no game is looked at.
  static constexpr std::chrono::seconds kFresh{1};
  static constexpr std::chrono::seconds kUsable{3};

  // Keeps the reference.
  explicit BrowseStore(SessionStore& sessions) : sessions_(sessions) {}

  // A page for a caller, largest audience first. Errors: the database's, when what is known is
  // older than kUsable.
  absl::Status Show(const BrowseQuery& query, const common::rpc::Identity& caller, common::Time now,
                    bannou::streaming::v1::BrowseStreamsResponse& response);

 private:
  struct Shown {
    bannou::streaming::v1::StreamSessionDetail detail;
    pool::InterestMask tags;
    std::optional<common::Uuid> owner;
    bool linked = false;  // to a platform session
  };
  static std::vector<Shown> ToShown(const std::vector<Session>& sessions);
  static void Add(const common::rpc::Identity& caller, const Shown& shown,
                  bannou::streaming::v1::BrowseStreamsResponse& response);

  // A kilobyte a stream: 64 MB at most. Who looks further than that asks the database.
  static constexpr size_t kGames = 64;
  static constexpr uint32_t kStreams = 1000;  // of a game, the largest

  SessionStore& sessions_;
  common::SharedReads<std::vector<Shown>> shown_{kGames, kFresh, kUsable};
};

}  // namespace streaming::sessions
