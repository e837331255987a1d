#include "services/streaming/privacy/erasure_worker.h"

#include <thread>
#include <utility>

#include <bannou/common/v1/inbound.pb.h>
#include <bannou/streaming/v1/types.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/nats/inbound.h"
#include "libs/common/outbox/message.h"

namespace streaming::privacy {
namespace {

namespace v1 = bannou::streaming::v1;
namespace inbound = bannou::common::v1;
using common::Time;
using common::Uuid;
using common::nats::Message;

// After a failure, and before a long erasure goes on: others get their turn.
constexpr common::Duration kRetryPause = std::chrono::seconds(1);
constexpr common::Duration kNext = std::chrono::milliseconds(50);
// So few that all of them get their time before they would be given to another instance.
constexpr int64_t kUnderWayMax = 4;
constexpr std::chrono::milliseconds kAckWait{10'000};

StreamerScope AccountScope(const Uuid& account) {
  return {.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = account};
}
StreamerScope CharacterScope(const Uuid& character) {
  return {.type = v1::STREAMER_ENTITY_TYPE_CHARACTER, .id = character};
}

// Goes on with the next part when nothing of this one is left.
#define RETURN_IF_REST(expr)                  \
  do {                                        \
    ASSIGN_OR_RETURN(const Rest rest_, expr); \
    if (rest_) return rest_;                  \
  } while (false)

}  // namespace

ErasureWorker::Subject::Subject(ErasureWorker& worker, Kind deleted,
                                const google::protobuf::Message& event_of_it, const char* what,
                                common::metrics::Registry& metrics)
    : kind(deleted),
      event(event_of_it),
      erased(metrics.GetCounter("streaming_erasures_total",
                                "Deletions told by other services and carried out, by what was "
                                "deleted.",
                                {{"what", what}})),
      loop({.stream = worker.options_.stream,
            .durable = std::string("streaming_") + what + "_deleted",
            .filter_subject = common::outbox::SubjectOf(event),
            .ack_wait = kAckWait,
            .max_ack_pending = kUnderWayMax},
           metrics, [this, &worker](Message& message) { return worker.Process(*this, message); }) {}

ErasureWorker::ErasureWorker(const Parts& parts, common::metrics::Registry& metrics,
                             Options options)
    : parts_(parts),
      options_(std::move(options)),
      accounts_(*this, Kind::kAccount, inbound::AccountDeletedEvent::default_instance(), "account",
                metrics),
      characters_(*this, Kind::kCharacter, inbound::CharacterDeletedEvent::default_instance(),
                  "character", metrics),
      games_(*this, Kind::kGameService, inbound::GameServiceDeletedEvent::default_instance(),
             "game_service", metrics) {}

absl::Status ErasureWorker::Start(common::nats::JetStream& jetstream) {
  RETURN_IF_ERROR(accounts_.loop.Start(jetstream));
  RETURN_IF_ERROR(characters_.loop.Start(jetstream));
  return games_.loop.Start(jetstream);
}

void ErasureWorker::Stop() {
  const std::jthread accounts([this] { accounts_.loop.Stop(); });
  const std::jthread characters([this] { characters_.loop.Stop(); });
  games_.loop.Stop();
}

absl::Status ErasureWorker::Process(Subject& subject, Message& message) {
  const std::unique_ptr<google::protobuf::Message> event(subject.event.New());
  const bool read = common::nats::ReadInbound(message.payload(), *event);
  const auto* field = event->GetDescriptor()->field(0);
  const auto id =
      read ? Uuid::Parse(event->GetReflection()->GetString(*event, field)) : std::nullopt;
  if (!id) return subject.loop.Bury(message);
  const auto rest = Erase({.kind = subject.kind, .id = *id});
  if (!rest.ok() || *rest) {
    const common::Duration pause = rest.ok() ? **rest : kRetryPause;
    const absl::Status again = message.Nak(std::chrono::ceil<std::chrono::milliseconds>(pause));
    return rest.ok() ? again : rest.status();
  }
  subject.erased.Increment();
  return message.AckSync();
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::Erase(const Entity& entity) {
  const Time now = options_.clock();
  RETURN_IF_ERROR(Bury(parts_.mysql, entity, now));
  const Time until = now + options_.budget;
  switch (entity.kind) {
    case Kind::kAccount:
      return EraseAccount(entity.id, until);
    case Kind::kCharacter:
      return EraseCharacter(entity.id, until);
    case Kind::kGameService:
      return EraseGame(entity.id, until);
  }
  return absl::InternalError("no such kind");
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::EraseAccount(const Uuid& account, Time until) {
  RETURN_IF_REST(EraseSessions([&] { return parts_.erasure.SessionsOfOwner(account); }, until));
  RETURN_IF_REST(
      EraseSessions([&] { return parts_.erasure.SessionsOf(AccountScope(account)); }, until));
  // What belonged to the account goes with it: its characters, whoever else deletes them.
  for (;;) {
    ASSIGN_OR_RETURN(const auto characters, parts_.erasure.CharactersOf(account));
    if (characters.empty()) break;
    for (const Uuid& character : characters) {
      RETURN_IF_REST(EraseCharacter(character, until));
      if (options_.clock() >= until) return kNext;
    }
  }
  RETURN_IF_REST(EraseStreamer(AccountScope(account), until));
  return Repeat([&] { return parts_.erasure.EraseAccount(account); }, until);
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::EraseCharacter(const Uuid& character,
                                                                  Time until) {
  const StreamerScope scope = CharacterScope(character);
  RETURN_IF_REST(EraseSessions([&] { return parts_.erasure.SessionsOf(scope); }, until));
  RETURN_IF_REST(EraseStreamer(scope, until));
  return Repeat([&] { return parts_.erasure.EraseCharacter(character); }, until);
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::EraseGame(const Uuid& game, Time until) {
  RETURN_IF_REST(EraseSessions([&] { return parts_.erasure.SessionsOfGame(game); }, until));
  for (;;) {
    ASSIGN_OR_RETURN(const auto streamers, parts_.erasure.StreamersOf(game));
    if (streamers.empty()) break;
    for (const StreamerScope& streamer : streamers) {
      RETURN_IF_REST(EraseStreamer(streamer, until));
      if (options_.clock() >= until) return kNext;
    }
  }
  ASSIGN_OR_RETURN(int64_t found, parts_.erasure.EraseGame(game));
  RETURN_IF_ERROR(parts_.leaderboards.Forget(game));
  // Any shard that it may have had: how many it had is gone with its pool.
  for (uint32_t shard = 0; shard < pool::kMaxShards; ++shard) {
    ASSIGN_OR_RETURN(const int64_t keys,
                     parts_.audience.Forget({.game_service_id = game, .number = shard}));
    found += keys;
  }
  // An instance that still has the pool in its cache may write something of it again.
  return found == 0 ? Rest() : options_.settle;
}

absl::Status ErasureWorker::SendHome(const FoundSession& session) {
  if (!session.ended) {
    RETURN_IF_ERROR(
        parts_.life.End(session.key.session, sessions::EndReason::kSessionEnded, options_.clock())
            .status());
  }
  // An end may have been cut off before this. The audience must not wait for the cleanup.
  return parts_.live.Release(session.key).status();
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::EraseSessions(const ReadSessions& read,
                                                                 Time until) {
  for (;;) {
    ASSIGN_OR_RETURN(std::vector<FoundSession> found, read());
    if (found.empty()) return Rest();
    // One at least, so that every delivery gets ahead.
    size_t over = 0;
    do {
      RETURN_IF_ERROR(SendHome(found[over]));
    } while (++over < found.size() && options_.clock() < until);
    found.resize(over);
    RETURN_IF_ERROR(parts_.erasure.DeleteSessions(found));
    if (options_.clock() >= until) return kNext;
  }
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::EraseStreamer(const StreamerScope& streamer,
                                                                 Time until) {
  ASSIGN_OR_RETURN(const auto games, parts_.erasure.GamesOf(streamer));
  RETURN_IF_REST(Repeat([&] { return parts_.erasure.EraseStreamer(streamer); }, until));
  // Boards show nobody without a row; this takes the name out of Redis, too.
  for (const Uuid& game : games) RETURN_IF_ERROR(parts_.leaderboards.Forget(game));
  return Rest();
}

absl::StatusOr<ErasureWorker::Rest> ErasureWorker::Repeat(
    const std::function<absl::StatusOr<bool>()>& step, Time until) {
  for (;;) {
    ASSIGN_OR_RETURN(const bool done, step());
    if (done) return Rest();
    if (options_.clock() >= until) return kNext;
  }
}

}  // namespace streaming::privacy
