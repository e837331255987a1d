// The tokens of a link as a daemon stored them, read with its key: sealed for their row and column.
#pragma once
#include <string>

#include "libs/common/crypto/key_ring.h"
#include "tests/story/processes.h"

namespace story {

struct StoredTokens {
  std::string access;
  std::string refresh;
};

inline StoredTokens ReadStoredTokens(common::mysql::Connection& database,
                                     const std::string& link_id) {
  const auto keys =
      *common::crypto::KeyRing::Create(common::config::Secret(PlatformSide::kEncryptionKey), {});
  const common::Uuid id = *common::Uuid::Parse(link_id);
  const auto rows = database.Query(
      "SELECT access_token_sealed, refresh_token_sealed FROM link "
      "WHERE link_id = ?",
      id);
  const auto open = [&](size_t column, const std::string& name) {
    return keys.Open(rows->at(0).Get<std::string>(column), id.ToBytes() + "link." + name)
        .value()
        .Reveal();
  };
  return {.access = open(0, "access_token_sealed"), .refresh = open(1, "refresh_token_sealed")};
}
inline StoredTokens ReadStoredTokens(const std::string& database, const std::string& link_id) {
  return ReadStoredTokens(*OpenDatabase(database), link_id);
}

}  // namespace story
