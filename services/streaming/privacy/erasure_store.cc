#include "services/streaming/privacy/erasure_store.h"

#include <array>
#include <string>
#include <string_view>

#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/base/status.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/economy/sponsorship_store.h"
#include "services/streaming/economy/tip_ledger_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::privacy {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::mysql::Rows;
using common::mysql::Transaction;

constexpr int kPage = 100;

#define FIND_SESSIONS "SELECT id, game_service_id, shard, status FROM session WHERE "
#define OF_STREAMER                            \
  "streamer_type = ? AND streamer_id = ? AND " \
  "(? IS NULL OR game_service_id = ?) LIMIT ?"

// Rows that belong to a streamer in a game and to nothing else. `streamer` goes last and
// sponsorships apart, since others hang on them.
constexpr std::array<std::string_view, 5> kOfStreamer = {
    "DELETE FROM attendance WHERE " OF_STREAMER,      "DELETE FROM milestone WHERE " OF_STREAMER,
    "DELETE FROM streamer_unlock WHERE " OF_STREAMER, "DELETE FROM tip_entry WHERE " OF_STREAMER,
    "DELETE FROM tip_account WHERE " OF_STREAMER,
};

std::vector<FoundSession> ToSessions(const Rows& rows) {
  std::vector<FoundSession> sessions;
  for (const auto& row : rows) {
    sessions.push_back({.key = {.game = row.Get<Uuid>(1),
                                .shard = row.Get<uint32_t>(2),
                                .session = row.Get<Uuid>(0)},
                        .ended = row.Get<int>(3) == v1::STREAM_SESSION_STATUS_ENDED});
  }
  return sessions;
}

// What neighbours call the streamer's seed and wallet, in each of the games; also where the row
// does not say whose it is.
absl::Status ForgetTheirIds(Transaction& transaction, const StreamerScope& streamer,
                            const Rows& games) {
  for (const auto& row : games) {
    const careers::StreamerKey key{.type = static_cast<v1::StreamerEntityType>(streamer.type),
                                   .id = streamer.id,
                                   .game_service_id = row.Get<Uuid>(0)};
    RETURN_IF_ERROR(transaction
                        .Execute("DELETE FROM neighbour_id WHERE ours IN (?, ?)",
                                 careers::SeedId(key), economy::WalletId(key))
                        .status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<FoundSession>> ErasureStore::SessionsOfOwner(const Uuid& account) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(FIND_SESSIONS "owner_account_id = ? LIMIT ? FOR UPDATE", account,
                                kSessionsBatch));
  return ToSessions(rows);
}

absl::StatusOr<std::vector<FoundSession>> ErasureStore::SessionsOf(const StreamerScope& streamer) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(FIND_SESSIONS OF_STREAMER " FOR UPDATE", streamer.type, streamer.id,
                                streamer.game, streamer.game, kSessionsBatch));
  return ToSessions(rows);
}

absl::StatusOr<std::vector<FoundSession>> ErasureStore::SessionsOfGame(const Uuid& game) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql_.Query(FIND_SESSIONS "game_service_id = ? LIMIT ? FOR UPDATE", game, kSessionsBatch));
  return ToSessions(rows);
}

absl::Status ErasureStore::DeleteSessions(const std::vector<FoundSession>& sessions) {
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
    for (const FoundSession& session : sessions) {
      const Uuid& id = session.key.session;
      // Whoever records something of it holds its row.
      ASSIGN_OR_RETURN(const Rows rows,
                       transaction.Query("SELECT status FROM session WHERE id = ? FOR UPDATE", id));
      if (rows.empty() || rows[0].Get<int>(0) != v1::STREAM_SESSION_STATUS_ENDED) continue;
      RETURN_IF_ERROR(sessions::SessionStore::Delete(transaction, id));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<int64_t> ErasureStore::DeleteSponsorships(Transaction& transaction,
                                                         const StreamerScope& streamer) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query("SELECT id FROM sponsorship WHERE " OF_STREAMER " FOR UPDATE",
                        streamer.type, streamer.id, streamer.game, streamer.game, kPage));
  for (const auto& row : rows) {
    const Uuid id = row.Get<Uuid>(0);
    RETURN_IF_ERROR(
        transaction.Execute("DELETE FROM neighbour_id WHERE ours = ?", economy::ContractId(id))
            .status());
    for (const char* sql : {"DELETE FROM sponsorship_target WHERE sponsorship_id = ?",
                            "DELETE FROM sponsorship WHERE id = ?"}) {
      RETURN_IF_ERROR(transaction.Execute(sql, id).status());
    }
  }
  return static_cast<int64_t>(rows.size());
}

absl::StatusOr<bool> ErasureStore::EraseStreamer(const StreamerScope& streamer) {
  // Most rows go in statements of their own, so that none holds many locks.
  for (const std::string_view sql : kOfStreamer) {
    ASSIGN_OR_RETURN(
        const int64_t deleted,
        mysql_.Execute(sql, streamer.type, streamer.id, streamer.game, streamer.game, kRowsBatch));
    if (deleted == kRowsBatch) return false;
  }
  bool done = true;
  const absl::Status erased =
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        done = true;
        // Whoever adds to what lasts of a streamer holds one of these rows.
        for (const char* sql :
             {"SELECT game_service_id FROM streamer WHERE " OF_STREAMER " FOR UPDATE",
              "SELECT game_service_id FROM tip_account WHERE " OF_STREAMER " FOR UPDATE"}) {
          ASSIGN_OR_RETURN(const Rows rows, transaction.Query(sql, streamer.type, streamer.id,
                                                              streamer.game, streamer.game, kPage));
          RETURN_IF_ERROR(ForgetTheirIds(transaction, streamer, rows));
        }
        ASSIGN_OR_RETURN(const int64_t deals, DeleteSponsorships(transaction, streamer));
        done = deals < kPage;
        for (const std::string_view sql : kOfStreamer) {
          ASSIGN_OR_RETURN(const int64_t deleted,
                           transaction.Execute(sql, streamer.type, streamer.id, streamer.game,
                                               streamer.game, kRowsBatch));
          done = done && deleted < kRowsBatch;
        }
        if (!done) return absl::OkStatus();
        ASSIGN_OR_RETURN(
            const int64_t deleted,
            transaction.Execute("DELETE FROM streamer WHERE " OF_STREAMER, streamer.type,
                                streamer.id, streamer.game, streamer.game, kPage));
        done = deleted < kPage;
        return transaction
            .Execute(
                "DELETE FROM neighbour_id WHERE owner_id = ? AND "
                "(? IS NULL OR game_service_id = ?)",
                streamer.id, streamer.game, streamer.game)
            .status();
      });
  RETURN_IF_ERROR(erased);
  return done;
}

absl::StatusOr<std::vector<Uuid>> ErasureStore::GamesOf(const StreamerScope& streamer) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT game_service_id FROM streamer WHERE " OF_STREAMER,
                                streamer.type, streamer.id, streamer.game, streamer.game, kPage));
  std::vector<Uuid> games;
  for (const auto& row : rows) games.push_back(row.Get<Uuid>(0));
  return games;
}

absl::StatusOr<std::vector<StreamerScope>> ErasureStore::StreamersOf(const Uuid& game) {
  std::vector<StreamerScope> streamers;
  for (const char* sql :
       {"SELECT streamer_type, streamer_id FROM streamer WHERE game_service_id = ? LIMIT ? "
        "FOR UPDATE",
        "SELECT streamer_type, streamer_id FROM tip_account WHERE game_service_id = ? LIMIT ? "
        "FOR UPDATE",
        "SELECT streamer_type, streamer_id FROM sponsorship WHERE game_service_id = ? LIMIT ? "
        "FOR UPDATE"}) {
    ASSIGN_OR_RETURN(const Rows rows, mysql_.Query(sql, game, kPage));
    for (const auto& row : rows) {
      streamers.push_back({.type = row.Get<uint8_t>(0), .id = row.Get<Uuid>(1), .game = game});
    }
    if (!streamers.empty()) break;
  }
  return streamers;
}

absl::StatusOr<std::vector<Uuid>> ErasureStore::CharactersOf(const Uuid& account) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT character_id FROM character_owner WHERE account_id = ? "
                                "LIMIT ? FOR UPDATE",
                                account, kPage));
  std::vector<Uuid> characters;
  for (const auto& row : rows) characters.push_back(row.Get<Uuid>(0));
  return characters;
}

absl::StatusOr<bool> ErasureStore::EraseAccount(const Uuid& account) {
  for (const char* sql : {"DELETE FROM platform_session WHERE account_id = ? LIMIT ?",
                          "DELETE FROM request_answer WHERE streamer_id = ? LIMIT ?"}) {
    ASSIGN_OR_RETURN(const int64_t deleted, mysql_.Execute(sql, account, kRowsBatch));
    if (deleted == kRowsBatch) return false;
  }
  return true;
}

absl::StatusOr<bool> ErasureStore::EraseCharacter(const Uuid& character) {
  ASSIGN_OR_RETURN(const int64_t deleted,
                   mysql_.Execute("DELETE FROM request_answer WHERE streamer_id = ? LIMIT ?",
                                  character, kRowsBatch));
  if (deleted == kRowsBatch) return false;
  // Last: by this row an account's erasure finds the character again.
  RETURN_IF_ERROR(
      mysql_.Execute("DELETE FROM character_owner WHERE character_id = ?", character).status());
  return true;
}

absl::StatusOr<int64_t> ErasureStore::EraseGame(const Uuid& game) {
  int64_t rows = 0;
  const absl::Status erased =
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        rows = 0;
        for (const char* sql : {"DELETE FROM game_pool WHERE game_service_id = ?",
                                "DELETE FROM pool_segment WHERE game_service_id = ?",
                                "DELETE FROM neighbour_id WHERE game_service_id = ?"}) {
          ASSIGN_OR_RETURN(const int64_t deleted, transaction.Execute(sql, game));
          rows += deleted;
        }
        return absl::OkStatus();
      });
  RETURN_IF_ERROR(erased);
  return rows;
}

}  // namespace streaming::privacy
