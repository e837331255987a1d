#include "services/streaming/audience/flow_store.h"

#include <string>

#include "libs/common/base/status.h"

namespace streaming::audience {
namespace {

using Command = std::vector<std::string>;

// List of flows (flow.h), the newest first. TTL kLife from the last one.
std::string FlowsKey(const Shard& shard) { return ShardPrefix(shard) + "flows"; }

}  // namespace

absl::Status FlowStore::Note(const Shard& shard, std::span<const Flow> flows) {
  if (flows.empty()) return absl::OkStatus();
  const std::string key = FlowsKey(shard);
  Command push = {"LPUSH", key};
  for (const Flow& flow : flows) push.push_back(EncodeFlow(flow));
  const std::vector<Command> commands = {
      std::move(push),
      {"LTRIM", key, "0", std::to_string(kKept - 1)},
      {"EXPIRE", key, std::to_string(std::chrono::seconds(kLife).count())}};
  return redis_.Pipeline(commands).status();
}

absl::StatusOr<std::vector<Flow>> FlowStore::Recent(std::span<const Shard> shards) {
  std::vector<Command> commands;
  for (const Shard& shard : shards) {
    commands.push_back({"LRANGE", FlowsKey(shard), "0", std::to_string(kKept - 1)});
  }
  std::vector<Flow> flows;
  if (commands.empty()) return flows;
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands, {.idempotent = true}));
  for (const auto& reply : replies) {
    RETURN_IF_ERROR(reply.status());
    for (const std::string& bytes : reply.Texts()) {
      if (const auto flow = DecodeFlow(bytes)) flows.push_back(*flow);
    }
  }
  return flows;
}

}  // namespace streaming::audience
