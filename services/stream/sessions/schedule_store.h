// When work that one instance does for all is due next: table `schedule`. Without a row it is due.
#pragma once
#include <string_view>

#include "libs/common/base/status.h"
#include "libs/common/mysql/pool.h"

namespace stream::sessions {

class ScheduleStore {
 public:
  explicit ScheduleStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  absl::StatusOr<bool> IsDue(std::string_view name, common::Time now) {
    ASSIGN_OR_RETURN(const auto rows,
                     mysql_.Query("SELECT due_at <= ? FROM schedule WHERE name = ?", now, name));
    return rows.empty() || rows.front().Get<int64_t>(0) == 1;
  }
  absl::Status SetDue(std::string_view name, common::Time at) {
    return mysql_
        .Execute(
            "INSERT INTO schedule (name, due_at) VALUES (?, ?) "
            "ON DUPLICATE KEY UPDATE due_at = VALUES(due_at)",
            name, at)
        .status();
  }

 private:
  common::mysql::Pool& mysql_;
};

}  // namespace stream::sessions
