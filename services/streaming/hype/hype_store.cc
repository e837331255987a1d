#include "services/streaming/hype/hype_store.h"

#include <algorithm>

#include <bannou/streaming/v1/audience.pb.h>
#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/events/words.h"

namespace streaming::hype {
namespace {

namespace v1 = bannou::streaming::v1;
using common::mysql::Transaction;

// Entries of one list that are read, recorded and taken off together.
constexpr int kBatchMax = 64;

int32_t WholeSeconds(common::Duration duration) {
  return static_cast<int32_t>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

// The keys in MySQL.
int KindKey(const Transition& transition) { return static_cast<int>(transition.kind) + 1; }
// A completed train has one row whatever level it reached, so that it completes once.
int LevelKey(const Transition& transition) {
  return transition.kind == TransitionKind::kCompleted ? 0 : static_cast<int>(transition.level);
}

// An event that is made again is known as the same one.
common::Uuid EventId(const NamedTransition& named) {
  return common::Uuid::V5(named.hype_id, std::to_string(KindKey(named.pending.transition)) + ":" +
                                             std::to_string(LevelKey(named.pending.transition)));
}

v1::HypeTrainLevel LevelOf(const Transition& transition) {
  return static_cast<v1::HypeTrainLevel>(transition.level);
}

std::string TriggerOf(const Transition& transition) {
  return std::string(events::WordOf(static_cast<v1::ReactionEventType>(transition.trigger)));
}

common::outbox::Event EventOf(const NamedTransition& named) {
  const Transition& transition = named.pending.transition;
  const auto make = [&](auto message) {
    message.set_session_id(named.pending.session.ToString());
    message.set_hype_id(named.hype_id.ToString());
    return events::MakeEvent(std::move(message), transition.at, EventId(named));
  };
  if (transition.kind == TransitionKind::kTriggered) {
    v1::StreamingHypeTriggeredEvent event;
    event.set_trigger_event(TriggerOf(transition));
    *event.mutable_expires_at() = events::ToTimestamp(named.pending.expires_at);
    return make(std::move(event));
  }
  if (transition.kind == TransitionKind::kLevelUp) {
    v1::StreamingHypeLevelUpEvent event;
    event.set_new_level(LevelOf(transition));
    event.set_progress(named.pending.progress);
    return make(std::move(event));
  }
  v1::StreamingHypeCompletedEvent event;
  event.set_peak_level(LevelOf(transition));
  event.set_duration_seconds(WholeSeconds(transition.at - transition.started_at));
  return make(std::move(event));
}

absl::Status RecordTriggered(Transaction& transaction, const NamedTransition& named) {
  const Transition& transition = named.pending.transition;
  // The session's own count comes with its checkpoints and its end, from the live state.
  return transaction
      .Execute(
          "INSERT INTO hype_train (id, session_id, trigger_event, peak_level,"
          " started_at) VALUES (?, ?, ?, ?, ?)",
          named.hype_id, named.pending.session, TriggerOf(transition),
          static_cast<int>(transition.level), transition.started_at)
      .status();
}

absl::Status RecordLevelUp(Transaction& transaction, const NamedTransition& named) {
  const auto level = static_cast<int>(named.pending.transition.level);
  return transaction
      .Execute("UPDATE hype_train SET peak_level = GREATEST(peak_level, ?) WHERE id = ?", level,
               named.hype_id)
      .status();
}

absl::Status RecordCompleted(Transaction& transaction, const NamedTransition& named) {
  return transaction
      .Execute("UPDATE hype_train SET completed_at = ? WHERE id = ?", named.pending.transition.at,
               named.hype_id)
      .status();
}

absl::Status RecordTrain(Transaction& transaction, const NamedTransition& named) {
  switch (named.pending.transition.kind) {
    case TransitionKind::kTriggered:
      return RecordTriggered(transaction, named);
    case TransitionKind::kLevelUp:
      return RecordLevelUp(transaction, named);
    case TransitionKind::kCompleted:
      return RecordCompleted(transaction, named);
  }
  return absl::OkStatus();
}

// False when the transition was recorded before.
absl::StatusOr<bool> RecordOne(Transaction& transaction, const NamedTransition& named) {
  ASSIGN_OR_RETURN(
      const int64_t added,
      transaction.Execute(
          "INSERT IGNORE INTO hype_transition (hype_id, kind, level) VALUES (?, ?, ?)",
          named.hype_id, KindKey(named.pending.transition), LevelKey(named.pending.transition)));
  if (added == 0) return false;
  RETURN_IF_ERROR(RecordTrain(transaction, named));
  return true;
}

// Whether the session's row is there, which this transaction then holds. A transaction locks its
// aggregate first, so that the outbox ids of one session are in the order of its commits.
absl::StatusOr<bool> LockSession(Transaction& transaction, const common::Uuid& session) {
  ASSIGN_OR_RETURN(const common::mysql::Rows rows,
                   transaction.Query("SELECT 1 FROM session WHERE id = ? FOR UPDATE", session));
  return !rows.empty();
}

}  // namespace

HypeStore::HypeStore(common::redis::Redis& redis, common::mysql::Pool& mysql,
                     common::metrics::Registry& metrics)
    : redis_(redis),
      mysql_(mysql),
      relayed_(metrics.GetCounter("streaming_hype_transitions_relayed_total",
                                  "Transitions of hype trains recorded and announced.")),
      dropped_(metrics.GetCounter(
          "streaming_hype_transitions_dropped_total",
          "Transitions of hype trains that could not be read, or whose session is gone.")) {}

absl::StatusOr<int> HypeStore::Relay(const std::vector<audience::Shard>& shards) {
  int relayed = 0;
  std::vector<std::string> waiting;
  for (const audience::Shard& shard : shards) waiting.push_back(audience::HypePendingKey(shard));
  // Each turn takes up to kBatchMax off every list that is not empty, and the lists are bounded.
  while (!waiting.empty()) {
    std::vector<std::vector<std::string>> commands;
    for (const std::string& key : waiting) {
      commands.push_back({"LRANGE", key, "0", std::to_string(kBatchMax - 1)});
    }
    ASSIGN_OR_RETURN(const auto lists, redis_.Pipeline(commands, {.idempotent = true}));
    std::vector<std::string> rest;
    for (size_t i = 0; i < lists.size(); ++i) {
      RETURN_IF_ERROR(lists[i].status());
      if (lists[i].size() == 0) continue;
      ASSIGN_OR_RETURN(const int news, RelayEntries(waiting[i], lists[i].Texts()));
      relayed += news;
      if (lists[i].size() == kBatchMax) rest.push_back(waiting[i]);
    }
    waiting = std::move(rest);
  }
  return relayed;
}

absl::StatusOr<int> HypeStore::RelayEntries(const std::string& key,
                                            const std::vector<std::string>& entries) {
  std::vector<NamedTransition> transitions;
  for (const std::string& entry : entries) {
    const absl::StatusOr<PendingTransition> pending = DecodePending(entry);
    if (pending.ok()) {
      transitions.push_back(
          {HypeId(pending->session, pending->transition.ordinal, pending->transition.started_at),
           *pending});
    } else {
      dropped_.Increment();
      common::log::Error("hype.transition_malformed");
    }
  }
  int relayed = 0;
  // One transaction a session: their order within it is what counts.
  std::stable_sort(transitions.begin(), transitions.end(), [](const auto& a, const auto& b) {
    return a.pending.session < b.pending.session;
  });
  for (auto from = transitions.begin(); from != transitions.end();) {
    const auto to = std::find_if(from, transitions.end(), [&](const auto& other) {
      return other.pending.session != from->pending.session;
    });
    ASSIGN_OR_RETURN(const int news, Record({from, to}));
    relayed += news;
    from = to;
  }
  // By value, not by count: another relay may have taken some of them off already.
  std::vector<std::vector<std::string>> commands;
  for (const std::string& entry : entries) commands.push_back({"LREM", key, "1", entry});
  RETURN_IF_ERROR(redis_.Pipeline(commands, {.idempotent = true}).status());
  return relayed;
}

absl::StatusOr<int> HypeStore::Record(std::span<const NamedTransition> transitions) {
  int recorded = 0;
  bool known = true;
  const absl::Status stored = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    recorded = 0;
    std::vector<common::outbox::Event> news;
    ASSIGN_OR_RETURN(known, LockSession(transaction, transitions.front().pending.session));
    if (!known) return absl::OkStatus();
    for (const NamedTransition& transition : transitions) {
      ASSIGN_OR_RETURN(const bool added, RecordOne(transaction, transition));
      if (added) news.push_back(EventOf(transition));
    }
    recorded = static_cast<int>(news.size());
    for (const common::outbox::Event& event : news) {
      RETURN_IF_ERROR(common::outbox::Append(transaction, event));
    }
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(stored);
  relayed_.Increment(recorded);
  if (!known) dropped_.Increment(static_cast<double>(transitions.size()));
  return recorded;
}

absl::StatusOr<std::vector<OpenTrain>> HypeStore::ListOpen() {
  ASSIGN_OR_RETURN(const common::mysql::Rows rows,
                   mysql_.Query("SELECT h.id, s.game_service_id, s.shard, s.id FROM hype_train h"
                                " JOIN session s ON s.id = h.session_id"
                                " WHERE h.completed_at IS NULL ORDER BY h.id LIMIT ?",
                                kOpenTrainsMax));
  std::vector<OpenTrain> trains;
  for (const common::mysql::Row& row : rows) {
    trains.push_back({.id = row.Get<common::Uuid>(0),
                      .session = {.game = row.Get<common::Uuid>(1),
                                  .shard = row.Get<uint32_t>(2),
                                  .session = row.Get<common::Uuid>(3)}});
  }
  return trains;
}

absl::Status HypeStore::CompleteLost(const OpenTrain& train, common::Time now) {
  ASSIGN_OR_RETURN(const common::mysql::Rows rows,
                   mysql_.Query("SELECT peak_level, started_at FROM hype_train"
                                " WHERE id = ? AND completed_at IS NULL",
                                train.id));
  if (rows.empty()) return absl::OkStatus();
  const NamedTransition completed{
      .hype_id = train.id,
      .pending = {.session = train.session.session,
                  .transition = {.kind = TransitionKind::kCompleted,
                                 .level = static_cast<Level>(rows[0].Get<uint8_t>(0)),
                                 .at = now,
                                 .started_at = rows[0].Get<common::Time>(1)}}};
  return Record({&completed, 1}).status();
}

absl::StatusOr<uint8_t> HypeStore::TypeOf(const common::Uuid& streamer) {
  ASSIGN_OR_RETURN(const common::mysql::Rows rows,
                   mysql_.Query("SELECT DISTINCT streamer_type FROM session"
                                " WHERE streamer_type IN (1, 2, 3) AND streamer_id = ?",
                                streamer));
  if (rows.size() > 1) {
    return common::errors::Make(kStreamerAmbiguous, "several types have this streamer id");
  }
  return rows.empty() ? 0 : rows[0].Get<uint8_t>(0);
}

absl::StatusOr<std::vector<TrainSummary>> HypeStore::History(const HistoryQuery& query) {
  uint8_t type = query.streamer_type.value_or(0);
  if (type == 0) {
    ASSIGN_OR_RETURN(type, TypeOf(query.streamer));
  }
  ASSIGN_OR_RETURN(
      const common::mysql::Rows rows,
      mysql_.Query("SELECT h.id, h.session_id, h.peak_level, h.started_at, h.completed_at,"
                   " h.trigger_event FROM session s JOIN hype_train h ON h.session_id = s.id"
                   " WHERE s.streamer_type = ? AND s.streamer_id = ?"
                   " AND (? IS NULL OR s.game_service_id = ?)"
                   " ORDER BY h.started_at DESC, h.id LIMIT ? OFFSET ?",
                   type, query.streamer, query.game, query.game, query.limit, query.offset));
  std::vector<TrainSummary> trains;
  for (const common::mysql::Row& row : rows) {
    trains.push_back({.id = row.Get<common::Uuid>(0),
                      .session = row.Get<common::Uuid>(1),
                      .peak_level = row.Get<uint8_t>(2),
                      .started_at = row.Get<common::Time>(3),
                      .completed_at = row.Get<std::optional<common::Time>>(4),
                      .trigger = row.Get<std::string>(5)});
  }
  return trains;
}

}  // namespace streaming::hype
