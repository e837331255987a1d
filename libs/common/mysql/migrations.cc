#include "libs/common/mysql/migrations.h"

#include <algorithm>
#include <charconv>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <openssl/evp.h>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/lock.h"

namespace common::mysql {
namespace {

constexpr auto kLockWait = std::chrono::seconds(2);
constexpr auto kStatementMax = std::chrono::hours(1);  // to change a large table
constexpr int kLockAttempts = 24;                      // two minutes for another instance to finish
constexpr std::string_view kSuits = "\n-- Suits programs since: V";

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;
  std::string checksum;  // SHA-256, 32 bytes
  int suits;             // programs since this version may serve on it
};

std::string Sha256(std::string_view text) {
  std::string digest(32, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha256(), nullptr);
  return digest;
}

// What the file says of older programs; without a word, only those that know it may serve on it.
int SuitsSince(std::string_view sql, int version) {
  const size_t said = sql.find(kSuits);
  if (said == std::string_view::npos) return version;
  int since = version;
  std::from_chars(sql.data() + said + kSuits.size(), sql.data() + sql.size(), since);
  return since;
}

absl::StatusOr<Migration> Parse(const embed::File& file) {
  int version = 0;
  const char* const end = file.name.data() + file.name.size();
  const size_t separator = file.name.find("__");
  if (file.name.starts_with('V') && file.name.ends_with(".sql") &&
      separator != std::string_view::npos &&
      std::from_chars(file.name.data() + 1, end, version).ptr == file.name.data() + separator) {
    return Migration{version, file.name, file.content, Sha256(file.content),
                     SuitsSince(file.content, version)};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("migration is not named V<number>__<what>.sql: ", ToAbsl(file.name)));
}

absl::StatusOr<std::vector<Migration>> ParseAll(std::span<const embed::File> files) {
  std::vector<Migration> migrations;
  for (const embed::File& file : files) {
    ASSIGN_OR_RETURN(Migration migration, Parse(file));
    migrations.push_back(std::move(migration));
  }
  std::sort(migrations.begin(), migrations.end(),
            [](const Migration& a, const Migration& b) { return a.version < b.version; });
  for (size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].version != static_cast<int>(i) + 1) {
      return absl::InvalidArgumentError(absl::StrCat("migration ", i + 1, " is missing or double"));
    }
  }
  return migrations;
}

// The statements of a file without comment lines; a semicolon inside a line does not end one.
std::vector<std::string> Statements(std::string_view sql) {
  std::vector<std::string> statements(1);
  for (const absl::string_view line : absl::StrSplit(ToAbsl(sql), '\n')) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.substr(0, 2) == "--") continue;
    absl::StrAppend(&statements.back(), line, "\n");
    if (text.back() == ';') statements.emplace_back();
  }
  if (statements.back().empty()) statements.pop_back();
  return statements;
}

absl::StatusOr<NamedLock> Lock(Pool& pool) {
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    ASSIGN_OR_RETURN(std::optional<NamedLock> lock,
                     NamedLock::Acquire(pool, "migrations", kLockWait));
    if (lock) return *std::move(lock);
  }
  return absl::UnavailableError("another instance keeps migrating the database");
}

// How many of the migrations are applied already; an error if any of these differs, or if a newer
// program has applied one that this program does not suit.
absl::StatusOr<size_t> CountApplied(Connection& connection,
                                    const std::vector<Migration>& migrations) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT version, checksum, suits FROM schema_history ORDER BY version"));
  const int newest = static_cast<int>(migrations.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const int version = rows[i].Get<int>(0);
    if (i >= migrations.size()) {
      if (rows[i].Get<std::optional<int>>(2).value_or(version) <= newest) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("the database's schema is of a newer program: version ", version,
                       " does not suit this one, which knows ", newest));
    }
    if (version != migrations[i].version || rows[i].Get<std::string>(1) != migrations[i].checksum) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database's schema has diverged from the program at version ", version));
    }
  }
  if (rows.size() > migrations.size()) {
    log::Warning("schema.newer", {{"schema", rows.size()}, {"program", newest}});
  }
  return std::min(rows.size(), migrations.size());
}

// A change of the schema commits by itself, so a crash may have left a file half applied: what is
// there already, or gone already, was done then.
bool IsDoneAlready(const absl::Status& status) {
  constexpr int kTableExists = 1050;
  constexpr int kDuplicateColumn = 1060;
  constexpr int kDuplicateKeyName = 1061;
  constexpr int kNothingToDrop = 1091;
  const auto number = ErrorNumber(status);
  return number == kTableExists || number == kDuplicateColumn || number == kDuplicateKeyName ||
         number == kNothingToDrop;
}

absl::Status Apply(Connection& connection, const Migration& migration) {
  for (const std::string& statement : Statements(migration.sql)) {
    const absl::Status done = connection.Run(statement);
    if (!IsDoneAlready(done)) RETURN_IF_ERROR(done);
  }
  return connection
      .Execute("INSERT INTO schema_history (version, name, checksum, suits) VALUES (?, ?, ?, ?)",
               migration.version, migration.name, migration.checksum, migration.suits)
      .status();
}

// `suits` is NULL where a program wrote the row that did not know of it.
absl::Status MakeHistory(Connection& connection) {
  RETURN_IF_ERROR(
      connection.Run("CREATE TABLE IF NOT EXISTS schema_history ("
                     " version INT NOT NULL PRIMARY KEY,"
                     " name VARCHAR(255) NOT NULL,"
                     " checksum BINARY(32) NOT NULL COMMENT 'SHA-256 of the file',"
                     " applied_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"
                     ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
  const absl::Status added = connection.Run("ALTER TABLE schema_history ADD COLUMN suits INT NULL");
  return IsDoneAlready(added) ? absl::OkStatus() : added;
}

}  // namespace

absl::Status Migrate(const Options& options, std::span<const embed::File> files) {
  ASSIGN_OR_RETURN(const std::vector<Migration> migrations, ParseAll(files));
  Options patient = options;
  patient.read_timeout = kStatementMax + std::chrono::seconds(60);
  patient.statement_timeout = kStatementMax;
  Pool pool(patient);
  ASSIGN_OR_RETURN(NamedLock lock, Lock(pool));
  RETURN_IF_ERROR(MakeHistory(lock.connection()));
  ASSIGN_OR_RETURN(const size_t applied, CountApplied(lock.connection(), migrations));
  for (size_t i = applied; i < migrations.size(); ++i) {
    RETURN_IF_ERROR(Apply(lock.connection(), migrations[i]));
  }
  return absl::OkStatus();
}

}  // namespace common::mysql
