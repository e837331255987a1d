// Everything that lies in a daemon's database and in its Redis, to be searched for ids: every table
// and column that there is, so that a new one cannot be forgotten.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "libs/common/mysql/connection.h"
#include "libs/common/redis/redis.h"
#include "tests/story/client.h"

namespace story {

class Traces {
 public:
  // Keeps the references. Redis is a test's own: its dumps are made readable.
  Traces(common::mysql::Connection& database, common::redis::Redis& redis)
      : database_(database), redis_(redis) {
    ValueOf(redis_.Command({"CONFIG", "SET", "rdbcompression", "no"}));
  }

  // The rows of each table, every column as hexadecimal.
  std::map<std::string, std::multiset<std::string>> Rows() {
    std::map<std::string, std::multiset<std::string>> tables;
    const auto names = ValueOf(database_.Query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"));
    for (const auto& name : names) {
      const auto table = name.Get<std::string>(0);
      auto& rows = tables[table];
      for (const auto& row : ValueOf(database_.Query(Select(table)))) {
        rows.insert(row.Get<std::string>(0));
      }
    }
    return tables;
  }

  // Tables and keys that have one of the ids, as bytes or as text, in their names or inside.
  std::set<std::string> Of(const std::vector<common::Uuid>& ids) {
    std::set<std::string> found;
    for (const auto& [table, rows] : Rows()) {
      for (const std::string& row : rows) {
        if (Names(row, ids)) found.insert(table);
      }
    }
    const auto keys = ValueOf(redis_.Command({"KEYS", "*"})).Texts();
    for (const std::string& key : keys) {
      const auto dump = ValueOf(redis_.Command({"DUMP", key}));
      const std::string content = key + (dump.is_text() ? std::string(dump.text()) : "");
      if (Names(Hex(content), ids)) found.insert(key);
    }
    return found;
  }

  // Whether a row, or anything in hexadecimal, has one of the ids.
  static bool Names(const std::string& hex, const std::vector<common::Uuid>& ids) {
    for (const common::Uuid& id : ids) {
      if (hex.find(Hex(id.ToBytes())) != std::string::npos) return true;
      if (hex.find(Hex(id.ToString())) != std::string::npos) return true;
    }
    return false;
  }

 private:
  static std::string Hex(const std::string& bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string hex;
    for (const char c : bytes) {
      hex += kDigits[static_cast<unsigned char>(c) >> 4];
      hex += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return hex;
  }

  std::string Select(const std::string& table) {
    std::string sql = "SELECT CONCAT_WS('|'";
    const auto columns = ValueOf(
        database_.Query("SELECT column_name FROM information_schema.columns WHERE table_schema = "
                        "DATABASE() AND table_name = ? ORDER BY ordinal_position",
                        table));
    for (const auto& column : columns) {
      sql += ", COALESCE(HEX(CAST(`" + column.Get<std::string>(0) + "` AS BINARY)), '-')";
    }
    return sql + ") FROM `" + table + "`";
  }

  common::mysql::Connection& database_;
  common::redis::Redis& redis_;
};

}  // namespace story
