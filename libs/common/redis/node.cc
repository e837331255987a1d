#include "libs/common/redis/node.h"

#include <cerrno>

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include "libs/common/base/status.h"

namespace common::redis {
namespace {

using std::chrono::microseconds;

constexpr auto kPauseWhenDown = std::chrono::milliseconds(1000);

timeval ToTimeval(microseconds duration) {
  return {.tv_sec = duration.count() / 1'000'000, .tv_usec = duration.count() % 1'000'000};
}

absl::Status Unreachable() { return absl::UnavailableError("redis cannot be reached"); }
absl::Status DeadlinePassed() {
  return absl::DeadlineExceededError("deadline passed while waiting for redis");
}

// Whether the last answer says that the server has not got the call's library.
bool LacksLibrary(const std::vector<Reply>& replies, const CallOptions& call) {
  return call.library != nullptr && ErrorCode(replies.back().status()) == kFunctionNotFound;
}

}  // namespace

// One hiredis context with its time-out.
class Node::Connection {
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

  // FUNCTION LOAD REPLACE; nullopt when the connection broke.
  std::optional<Reply> LoadLibrary(std::string_view source) {
    const std::string_view words[] = {"FUNCTION", "LOAD", "REPLACE", source};
    if (!Append(words)) return std::nullopt;
    return Read();
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

Node::Node(const Options& options, config::Address address)
    : options_(options),
      address_(std::move(address)),
      pool_(options_.pool_size, options_.acquire_timeout, kPauseWhenDown) {}

Node::~Node() = default;

absl::StatusOr<std::vector<Reply>> Node::Exchange(std::span<const Arguments> commands,
                                                  CallOptions call, bool& unsent) {
  if (commands.empty()) return std::vector<Reply>();
  constexpr int kAttempts = 2;
  for (int attempt = 1;; ++attempt) {
    unsent = attempt == 1;
    ASSIGN_OR_RETURN(Lease lease, Borrow());
    const microseconds timeout = Remaining(options_.io_timeout);
    if (timeout <= microseconds::zero()) return DeadlinePassed();
    if (!lease->SetTimeout(timeout)) return Unreachable();
    unsent = false;
    auto replies = lease->Exchange(commands);
    if (replies && LacksLibrary(*replies, call)) {
      const std::optional<Reply> loaded = lease->LoadLibrary(*call.library);
      if (loaded) RETURN_IF_ERROR(loaded->status());
      replies = loaded ? lease->Exchange(commands) : std::nullopt;
    }
    if (replies) return *std::move(replies);
    if (lease->timed_out()) {
      if (timeout < options_.io_timeout) return DeadlinePassed();
      pool_.NoteSilence();
      return absl::UnavailableError("redis did not answer in time");
    }
    if (!call.idempotent || !lease.pooled() || attempt == kAttempts) return Unreachable();
    pool_.CloseIdle();
  }
}

absl::Status Node::OnEveryServer(Arguments command) {
  ASSIGN_OR_RETURN(const auto replies, Run({&command, 1}, {.idempotent = true}));
  return replies.front().status();
}

absl::Status Node::Probe() {
  const std::string_view words[] = {"PING"};
  const Arguments ping(words);
  ASSIGN_OR_RETURN(const auto replies, Run({&ping, 1}, {}));
  return replies.front().status();
}

absl::StatusOr<Node::Lease> Node::Borrow() {
  return pool_.Borrow([](const Connection& connection) { return !connection.IsStale(); },
                      [this] { return Connect(); });
}

absl::StatusOr<std::unique_ptr<Node::Connection>> Node::Connect() const {
  const microseconds timeout = Remaining(options_.connect_timeout);
  if (timeout <= microseconds::zero()) return DeadlinePassed();
  redisContext* context =
      redisConnectWithTimeout(address_.host.c_str(), address_.port, ToTimeval(timeout));
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

}  // namespace common::redis
