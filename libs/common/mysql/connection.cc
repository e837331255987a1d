#include "libs/common/mysql/connection.h"

#include <unordered_map>

#include <absl/strings/cord.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <cppconn/connection.h>
#include <cppconn/datatype.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>

#include "libs/common/base/status.h"

namespace common::mysql {
namespace {

constexpr absl::string_view kNumberUrl = "bannou.common/mysql-error-number";
constexpr size_t kMaxStatements = 256;  // prepared on one connection
constexpr auto kTrustedIdle = std::chrono::seconds(30);

absl::StatusCode CodeOf(int number) {
  switch (number) {
    case 1062:  // duplicate key
      return absl::StatusCode::kAlreadyExists;
    case 1205:  // lock wait timeout
    case 1213:  // deadlock
      return absl::StatusCode::kAborted;
    case 1969:  // max_statement_time (MariaDB)
    case 3024:  // max_execution_time (MySQL)
      return absl::StatusCode::kDeadlineExceeded;
    case 1040:  // too many connections
    case 1053:  // shutdown in progress
    case 1290:  // running with an option, usually --read-only
    case 1836:  // read-only mode
    case 1927:  // connection killed (MariaDB)
      return absl::StatusCode::kUnavailable;
    default:
      return number >= 2000 && number < 3000 ? absl::StatusCode::kUnavailable
                                             : absl::StatusCode::kInternal;
  }
}

// Client errors, and the server's farewells. 0 is the connector's own complaint about its use.
bool Breaks(int number) {
  return number == 0 || number == 1053 || number == 1927 || (number >= 2000 && number < 3000);
}

// For whoever reads the log, what an operator may have to mend.
const char* Meaning(int number) {
  switch (number) {
    case 1044:
    case 1045:
      return ": access denied";
    case 2026:
      return ": no TLS connection to a server that the authority vouches for";
    default:
      return "";
  }
}

absl::Status MapError(int number) {
  absl::Status status(CodeOf(number), absl::StrCat("mysql error ", number, Meaning(number)));
  status.SetPayload(kNumberUrl, absl::Cord(absl::StrCat(number)));
  return status;
}

sql::SQLString ToSql(std::string_view text) { return {text.data(), text.size()}; }

void Bind(sql::PreparedStatement& statement, unsigned index, const Value& value) {
  struct Binder {
    sql::PreparedStatement& statement;
    unsigned index;
    void operator()(std::monostate) { statement.setNull(index, sql::DataType::SQLNULL); }
    void operator()(int64_t number) { statement.setInt64(index, number); }
    void operator()(uint64_t number) { statement.setUInt64(index, number); }
    void operator()(double number) { statement.setDouble(index, number); }
    void operator()(bool flag) { statement.setBoolean(index, flag); }
    void operator()(std::string_view text) { statement.setString(index, ToSql(text)); }
    void operator()(const Uuid& id) { statement.setString(index, id.ToBytes()); }
    void operator()(Time time) { statement.setString(index, FormatSqlTime(time)); }
  };
  std::visit(Binder{statement, index}, value);
}

Row::Cell ReadCell(const sql::ResultSet& result, sql::ResultSetMetaData& columns, unsigned index) {
  if (result.isNull(index)) return std::monostate{};
  switch (columns.getColumnType(index)) {
    case sql::DataType::BIT:
    case sql::DataType::TINYINT:
    case sql::DataType::SMALLINT:
    case sql::DataType::MEDIUMINT:
    case sql::DataType::INTEGER:
    case sql::DataType::BIGINT:
    case sql::DataType::YEAR:
      if (columns.isSigned(index)) return result.getInt64(index);
      return result.getUInt64(index);
    case sql::DataType::REAL:
    case sql::DataType::DOUBLE:
      return static_cast<double>(result.getDouble(index));
    default: {
      const sql::SQLString text = result.getString(index);
      return std::string(text.c_str(), text.length());
    }
  }
}

Rows ReadRows(sql::ResultSet& result) {
  sql::ResultSetMetaData& columns = *result.getMetaData();  // the result's own
  const unsigned count = columns.getColumnCount();
  Rows rows;
  rows.reserve(result.rowsCount());
  while (result.next()) {
    std::vector<Row::Cell> cells;
    cells.reserve(count);
    for (unsigned i = 1; i <= count; ++i) cells.push_back(ReadCell(result, columns, i));
    rows.emplace_back(std::move(cells));
  }
  return rows;
}

sql::ConnectOptionsMap ToNative(const Options& options) {
  sql::ConnectOptionsMap map;
  // The scheme keeps "localhost" from meaning a Unix socket.
  map["hostName"] = sql::SQLString(absl::StrCat("tcp://", options.host, ":", options.port));
  map["userName"] = sql::SQLString(options.user);
  map["password"] = sql::SQLString(options.password.Reveal());
  map["schema"] = sql::SQLString(options.database);
  map["OPT_CONNECT_TIMEOUT"] = static_cast<int>(options.connect_timeout.count());
  map["OPT_READ_TIMEOUT"] = static_cast<int>(options.read_timeout.count());
  map["OPT_WRITE_TIMEOUT"] = static_cast<int>(options.write_timeout.count());
  map["OPT_CHARSET_NAME"] = sql::SQLString("utf8mb4");
  if (!options.tls_ca.empty()) {
    // Only both together fail closed with this connector; every other combination may go plaintext.
    map["sslCA"] = sql::SQLString(options.tls_ca);
    map["sslVerify"] = true;
  }
  return map;
}

// The end of a SET: MariaDB counts in seconds with a fraction, MySQL skips it as a comment.
std::string LimitClause(std::chrono::microseconds limit) {
  return absl::StrCat("/*M!, max_statement_time = ", ToSeconds(limit), " */");
}

// The connector keeps drivers in an unguarded map, so it is asked once.
sql::Driver& Driver() {
  static sql::Driver* const driver = get_driver_instance();
  return *driver;
}

}  // namespace

struct Connection::Native {
  std::unique_ptr<sql::Connection> connection;
  // Destroyed before the connection they belong to.
  std::unordered_map<std::string, std::unique_ptr<sql::PreparedStatement>> statements;

  sql::PreparedStatement& Prepare(std::string_view sql) {
    std::string key(sql);
    if (const auto found = statements.find(key); found != statements.end()) return *found->second;
    if (statements.size() >= kMaxStatements) statements.clear();
    std::unique_ptr<sql::PreparedStatement> statement(connection->prepareStatement(key));
    return *statements.emplace(std::move(key), std::move(statement)).first->second;
  }

  sql::PreparedStatement& PrepareAndBind(std::string_view sql, std::span<const Value> values) {
    sql::PreparedStatement& statement = Prepare(sql);
    for (unsigned i = 0; i < values.size(); ++i) Bind(statement, i + 1, values[i]);
    return statement;
  }
};

Connection::Connection(std::unique_ptr<Native> native, const Options& options)
    : native_(std::move(native)),
      statement_timeout_(options.statement_timeout),
      read_timeout_(options.read_timeout),
      statement_limit_(options.statement_timeout) {}

Connection::~Connection() = default;

template <class Action>
absl::Status Connection::Guard(Action action) {
  if (broken_) return absl::UnavailableError("mysql connection is broken");
  last_use_ = std::chrono::steady_clock::now();
  try {
    action();
    return absl::OkStatus();
  } catch (const sql::SQLException& error) {
    broken_ = Breaks(error.getErrorCode());
    timed_out_ = broken_ && RanOut(last_use_);
    return MapError(error.getErrorCode());
  } catch (const std::exception&) {
    broken_ = true;
    return absl::InternalError("mysql connector failed");
  }
}

// The connector reports a time-out like a connection that the server closed.
bool Connection::RanOut(std::chrono::steady_clock::time_point begun) const {
  constexpr auto kTolerance = std::chrono::milliseconds(100);
  return std::chrono::steady_clock::now() - begun >= read_timeout_ - kTolerance;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Options& options) {
  std::unique_ptr<Connection> connection(new Connection(std::make_unique<Native>(), options));
  RETURN_IF_ERROR(connection->Guard([&] {
    sql::ConnectOptionsMap native = ToNative(options);
    connection->native_->connection.reset(Driver().connect(native));
  }));
  RETURN_IF_ERROR(connection->Configure(options));
  return connection;
}

absl::Status Connection::Configure(const Options& options) {
  if (!options.tls_ca.empty()) {
    ASSIGN_OR_RETURN(const Rows rows, Query("SHOW STATUS LIKE 'Ssl_cipher'"));
    if (rows.empty() || rows[0].Get<std::string>(1).empty()) {
      return absl::UnavailableError("mysql connection is not encrypted");
    }
  }
  RETURN_IF_ERROR(Run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
  return Run(absl::StrCat(
      "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
      "NO_ENGINE_SUBSTITUTION' ",
      LimitClause(options.statement_timeout)));
}

absl::Status Connection::LimitStatements(std::chrono::microseconds budget) {
  constexpr std::chrono::milliseconds kLeast{1};
  std::chrono::microseconds limit = statement_timeout_;
  while (limit / 2 >= std::max<std::chrono::microseconds>(budget, kLeast)) limit /= 2;
  if (limit == statement_limit_) return absl::OkStatus();
  RETURN_IF_ERROR(Run(absl::StrCat("SET time_zone = '+00:00' ", LimitClause(limit))));
  statement_limit_ = limit;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Connection::ExecuteValues(std::string_view sql,
                                                  std::span<const Value> values) {
  int64_t changed = 0;
  RETURN_IF_ERROR(Guard([&] { changed = native_->PrepareAndBind(sql, values).executeUpdate(); }));
  return changed;
}

absl::StatusOr<Rows> Connection::QueryValues(std::string_view sql, std::span<const Value> values) {
  Rows rows;
  RETURN_IF_ERROR(Guard([&] {
    const std::unique_ptr<sql::ResultSet> result(
        native_->PrepareAndBind(sql, values).executeQuery());
    rows = ReadRows(*result);
  }));
  return rows;
}

absl::Status Connection::Run(std::string_view sql) {
  return Guard([&] {
    const std::unique_ptr<sql::Statement> statement(native_->connection->createStatement());
    statement->execute(ToSql(sql));
  });
}

bool Connection::Usable() {
  if (broken_ || std::chrono::steady_clock::now() - last_use_ < kTrustedIdle) return !broken_;
  return Run("DO 0").ok();
}

std::optional<int> ErrorNumber(const absl::Status& status) {
  const auto text = status.GetPayload(kNumberUrl);
  int number = 0;
  if (!text.has_value() || !absl::SimpleAtoi(std::string(*text), &number)) return std::nullopt;
  return number;
}

}  // namespace common::mysql
