#include "libs/common/redis/redis.h"

#include <cerrno>

#include <absl/strings/str_cat.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/socket.h>

#include "libs/common/base/status.h"

namespace common::redis {
namespace {

using std::chrono::microseconds;

constexpr size_t kMaxPipeline = 10'000;
constexpr auto kPauseWhenDown = std::chrono::milliseconds(1000);

timeval ToTimeval(microseconds duration) {
  return {.tv_sec = duration.count() / 1'000'000, .tv_usec = duration.count() % 1'000'000};
}

absl::Status Unreachable() { return absl::UnavailableError("redis cannot be reached"); }
absl::Status DeadlinePassed() {
  return absl::DeadlineExceededError("deadline passed while waiting for redis");
}

}  // namespace

// One hiredis context with its time-out.
class Redis::Connection {
 public:
  explicit Connection(redisContext* context) : context_(context) {}

  bool broken() const { return !context_ || context_->err != 0; }
  // hiredis reports the receive time-out as an I/O error with this errno.
  bool timed_out() const { return timed_out_; }

  // Whether the server closed the connection, or sent what nobody asked for, while it lay idle.
  // Asks the kernel only.
  bool IsStale() const {
    char byte = 0;
    const ssize_t read = recv(context_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return !(read < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
  }

  bool SetTimeout(microseconds timeout) {
    if (timeout == timeout_) return true;
    timeout_ = timeout;
    return redisSetTimeout(context_.get(), ToTimeval(timeout)) == REDIS_OK;
  }

  bool Append(Arguments arguments) {
    argv_.clear();
    lengths_.clear();
    for (const std::string_view argument : arguments) {
      argv_.push_back(argument.data() == nullptr ? "" : argument.data());
      lengths_.push_back(argument.size());
    }
    return redisAppendCommandArgv(context_.get(), static_cast<int>(argv_.size()), argv_.data(),
                                  lengths_.data()) == REDIS_OK;
  }

  std::optional<Reply> Read() {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) {
      timed_out_ = context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
      return std::nullopt;
    }
    return Reply(static_cast<redisReply*>(reply));
  }

  // Sends all commands and reads as many answers; nullopt when the connection broke.
  std::optional<std::vector<Reply>> Exchange(std::span<const Arguments> commands) {
    for (const Arguments& command : commands) {
      if (!Append(command)) return std::nullopt;
    }
    std::vector<Reply> replies;
    replies.reserve(commands.size());
    while (replies.size() < commands.size()) {
      std::optional<Reply> reply = Read();
      if (!reply) return std::nullopt;
      replies.push_back(*std::move(reply));
    }
    return replies;
  }

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  std::unique_ptr<redisContext, Free> context_;
  microseconds timeout_{0};
  bool timed_out_ = false;
  std::vector<const char*> argv_;  // kept for their memory
  std::vector<size_t> lengths_;
};

Redis::Redis(Options options)
    : options_(std::move(options)),
      pool_(options_.pool_size, options_.acquire_timeout, kPauseWhenDown) {
  signal(SIGPIPE, SIG_IGN);
}

Redis::~Redis() = default;

pool::Stats Redis::stats() const { return pool_.stats(); }

absl::StatusOr<Reply> Redis::Command(Arguments arguments, CallOptions call) {
  ASSIGN_OR_RETURN(std::vector<Reply> replies, Run({&arguments, 1}, call));
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
  return Run(arguments, call);
}

absl::StatusOr<std::vector<Reply>> Redis::Run(std::span<const Arguments> commands,
                                              CallOptions call) {
  constexpr int kAttempts = 2;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(Lease lease, Borrow());
    const microseconds timeout = Remaining(options_.io_timeout);
    if (timeout <= microseconds::zero()) return DeadlinePassed();
    if (!lease->SetTimeout(timeout)) return Unreachable();
    if (auto replies = lease->Exchange(commands)) return *std::move(replies);
    if (lease->timed_out()) {
      if (timeout < options_.io_timeout) return DeadlinePassed();
      pool_.NoteSilence();
      return absl::UnavailableError("redis did not answer in time");
    }
    if (!call.idempotent || !lease.pooled() || attempt == kAttempts) return Unreachable();
    pool_.CloseIdle();
  }
}

absl::StatusOr<Redis::Lease> Redis::Borrow() {
  return pool_.Borrow([](const Connection& connection) { return !connection.IsStale(); },
                      [this] { return Connect(); });
}

absl::StatusOr<std::unique_ptr<Redis::Connection>> Redis::Connect() const {
  const microseconds timeout = Remaining(options_.connect_timeout);
  if (timeout <= microseconds::zero()) return DeadlinePassed();
  redisContext* context =
      redisConnectWithTimeout(options_.host.c_str(), options_.port, ToTimeval(timeout));
  auto connection = std::make_unique<Connection>(context);
  if (connection->broken() || !connection->SetTimeout(timeout)) return Unreachable();
  redisEnableKeepAlive(context);
  if (options_.password.empty()) return connection;
  std::vector<std::string_view> auth = {"AUTH"};
  if (!options_.user.empty()) auth.push_back(options_.user);
  auth.push_back(options_.password.Reveal());
  const Arguments arguments(auth);
  const auto replies = connection->Exchange({&arguments, 1});
  if (!replies) return Unreachable();
  RETURN_IF_ERROR(replies->front().status());
  return connection;
}

absl::Status Functions::Load() {
  return redis_.Command({"FUNCTION", "LOAD", "REPLACE", source_}, {.idempotent = true}).status();
}

absl::StatusOr<Reply> Functions::Call(std::string_view name, std::span<const std::string> keys,
                                      std::span<const std::string> arguments, CallOptions call) {
  const std::string key_count = std::to_string(keys.size());
  std::vector<std::string_view> command = {"FCALL", name, key_count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  absl::StatusOr<Reply> reply = redis_.Command(command, call);
  if (reply.ok() || ErrorCode(reply.status()) != kFunctionNotFound) return reply;
  RETURN_IF_ERROR(Load());
  return redis_.Command(command, call);
}

}  // namespace common::redis
