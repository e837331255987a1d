#include "services/streaming/audience/attendance_store.h"

#include <string>
#include <vector>

#include "libs/common/base/status.h"

namespace streaming::audience {

absl::StatusOr<std::unordered_map<uint32_t, uint32_t>> AttendanceStore::AttendedBefore(
    const LiveSession& session, std::span<const NotableViewer> viewers) {
  if (viewers.empty()) return std::unordered_map<uint32_t, uint32_t>{};
  std::string sql =
      "SELECT member, attended FROM attendance WHERE streamer_type = ? AND streamer_id = ?"
      " AND game_service_id = ? AND member IN (";
  std::vector<common::mysql::Value> values = {common::mysql::ToValue(session.state.streamer_type),
                                              common::mysql::ToValue(session.state.streamer),
                                              common::mysql::ToValue(session.key.game)};
  for (const NotableViewer& viewer : viewers) {
    sql += values.size() == 3 ? "?" : ", ?";
    values.push_back(common::mysql::ToValue(viewer.member));
  }
  ASSIGN_OR_RETURN(const common::mysql::Rows rows, mysql_.QueryValues(sql + ")", values));
  std::unordered_map<uint32_t, uint32_t> attended;
  for (const common::mysql::Row& row : rows) {
    attended[row.Get<uint32_t>(0)] = row.Get<uint32_t>(1);
  }
  return attended;
}

}  // namespace streaming::audience
