#include "libs/common/redis/redis.h"

#include <signal.h>

#include "libs/common/base/status.h"
#include "libs/common/redis/cluster.h"
#include "libs/common/redis/library.h"
#include "libs/common/redis/node.h"

namespace common::redis {
namespace {

constexpr size_t kMaxPipeline = 10'000;

std::unique_ptr<Transport> MakeTransport(const Options& options) {
  if (!options.cluster.empty()) return std::make_unique<Cluster>(options);
  return std::make_unique<Node>(options, config::Address{options.host, options.port});
}

}  // namespace

Redis::Redis(const Options& options) : transport_(MakeTransport(options)) {
  signal(SIGPIPE, SIG_IGN);
}

absl::StatusOr<Reply> Redis::Command(Arguments arguments, CallOptions call) {
  ASSIGN_OR_RETURN(std::vector<Reply> replies, transport_->Run({&arguments, 1}, call));
  RETURN_IF_ERROR(replies.front().status());
  return std::move(replies.front());
}

absl::StatusOr<std::vector<Reply>> Redis::Pipeline(
    std::span<const std::vector<std::string>> commands, CallOptions call) {
  if (commands.size() > kMaxPipeline) return absl::InvalidArgumentError("pipeline too long");
  std::vector<std::vector<std::string_view>> words;
  words.reserve(commands.size());
  for (const auto& command : commands) words.emplace_back(command.begin(), command.end());
  const std::vector<Arguments> arguments(words.begin(), words.end());
  return transport_->Run(arguments, call);
}

absl::Status Functions::Load() {
  return redis_.OnEveryServer({"FUNCTION", "LOAD", "REPLACE", source_});
}

absl::StatusOr<Reply> Functions::Call(std::string_view name, std::span<const std::string> keys,
                                      std::span<const std::string> arguments, CallOptions call) {
  const std::string key_count = std::to_string(keys.size());
  const std::string name_there = NameIn(source_, name);
  std::vector<std::string_view> command = {"FCALL", name_there, key_count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  call.library = &source_;
  return redis_.Command(command, call);
}

}  // namespace common::redis
