#include "libs/common/nats/connection.h"

#include <atomic>
#include <condition_variable>
#include <deque>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "libs/common/trace/trace.h"

namespace common::nats {
namespace {

constexpr auto kFlushTimeout = std::chrono::seconds(1);
constexpr auto kCloseTimeout = std::chrono::seconds(5);
constexpr int kMaxPingsOut = 2;
constexpr size_t kMaxPayload = 1 << 20;  // the server's default limit

natsStatus Authenticate(natsOptions* native, const Options& options) {
  natsStatus status = NATS_OK;
  if (!options.user.empty()) {
    status =
        natsOptions_SetUserInfo(native, options.user.c_str(), options.password.Reveal().c_str());
  }
  if (status == NATS_OK && !options.token.empty()) {
    status = natsOptions_SetToken(native, options.token.Reveal().c_str());
  }
  if (status == NATS_OK && !options.credentials_file.empty()) {
    status =
        natsOptions_SetUserCredentialsFromFiles(native, options.credentials_file.c_str(), nullptr);
  }
  return status;
}

natsStatus Encrypt(natsOptions* native, const Options& options) {
  if (options.tls_ca.empty()) return NATS_OK;
  if (options.tls_hostname.empty()) return NATS_INVALID_ARG;
  natsStatus status = natsOptions_SetSecure(native, true);
  if (status == NATS_OK) {
    status = natsOptions_LoadCATrustedCertificates(native, options.tls_ca.c_str());
  }
  if (status == NATS_OK) {
    status = natsOptions_SetExpectedHostname(native, options.tls_hostname.c_str());
  }
  if (status == NATS_OK && !options.tls_certificate.empty()) {
    status = natsOptions_LoadCertificatesChain(native, options.tls_certificate.c_str(),
                                               options.tls_key.c_str());
  }
  return status;
}

natsStatus SetServers(natsOptions* native, const Options& options) {
  std::vector<std::string> urls;
  for (size_t begin = 0; begin <= options.url.size();) {
    const size_t end = std::min(options.url.find(',', begin), options.url.size());
    urls.push_back(options.url.substr(begin, end - begin));
    begin = end + 1;
  }
  std::vector<const char*> servers;
  servers.reserve(urls.size());
  for (const std::string& url : urls) servers.push_back(url.c_str());
  return natsOptions_SetServers(native, servers.data(), static_cast<int>(servers.size()));
}

}  // namespace

// What nats.c calls back. Kept for the life of the process, since a late callback may come even
// after natsConnection_Destroy; a daemon makes one or two.
struct Connection::Callbacks {
  struct Subscriber {
    std::mutex mutex;
    Handler handler;
  };

  std::atomic<uint64_t> reconnects = 0;
  std::atomic<uint64_t> errors = 0;
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
  std::deque<Subscriber> subscribers;

  static Callbacks& Make() {
    static std::mutex all_mutex;
    static auto* const all = new std::deque<Callbacks>;
    const std::lock_guard lock(all_mutex);
    return all->emplace_back();
  }

  static void OnError(natsConnection*, natsSubscription*, natsStatus, void* self) {
    // The subscription may be freed already; only the count is safe to touch.
    ++static_cast<Callbacks*>(self)->errors;
  }
  static void OnReconnected(natsConnection*, void* self) {
    ++static_cast<Callbacks*>(self)->reconnects;
  }
  static void OnClosed(natsConnection*, void* self) {
    auto& callbacks = *static_cast<Callbacks*>(self);
    const std::lock_guard lock(callbacks.mutex);
    callbacks.closed = true;
    callbacks.changed.notify_all();
  }

  natsStatus Register(natsOptions* native) {
    natsStatus status = natsOptions_SetErrorHandler(native, OnError, this);
    if (status == NATS_OK) status = natsOptions_SetReconnectedCB(native, OnReconnected, this);
    if (status == NATS_OK) status = natsOptions_SetClosedCB(native, OnClosed, this);
    return status;
  }

  void AwaitClosed() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kCloseTimeout, [this] { return closed; });
  }

  // What the handlers captured may be gone from now on.
  void Disarm() {
    for (Subscriber& subscriber : subscribers) {
      const std::lock_guard lock(subscriber.mutex);
      subscriber.handler = nullptr;
    }
  }
};

absl::StatusOr<std::unique_ptr<Connection>> Connection::Connect(const Options& options) {
  ReleaseMemoryAtThreadExit();
  natsOptions* raw = nullptr;
  RETURN_IF_ERROR(MapError(natsOptions_Create(&raw)));
  const OptionsHandle native(raw);
  Callbacks& callbacks = Callbacks::Make();
  natsStatus status = SetServers(raw, options);
  const auto set = [&status](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  set(natsOptions_SetName(raw, options.name.c_str()));
  set(natsOptions_SetTimeout(raw, ToMillis(options.connect_timeout)));
  set(natsOptions_SetMaxReconnect(raw, -1));  // for ever; the default gives up and closes
  set(natsOptions_SetReconnectWait(raw, ToMillis(options.reconnect_wait)));
  set(natsOptions_SetPingInterval(raw, ToMillis(options.ping_interval)));
  set(natsOptions_SetMaxPingsOut(raw, kMaxPingsOut));
  set(natsOptions_SetFailRequestsOnDisconnect(raw, true));
  set(Authenticate(raw, options));
  set(Encrypt(raw, options));
  set(callbacks.Register(raw));
  if (status != NATS_OK) {
    // Nothing has been sent yet: it is a file or a value that does not serve.
    return absl::InvalidArgumentError(
        absl::StrCat("nats options are wrong: ", natsStatus_GetText(status)));
  }
  std::unique_ptr<Connection> connection(new Connection(callbacks, options.request_timeout));
  natsConnection* handle = nullptr;
  RETURN_IF_ERROR(MapError(natsConnection_Connect(&handle, raw)));
  connection->connection_.reset(handle);
  return connection;
}

Connection::~Connection() {
  if (!connection_) return;
  if (connected()) natsConnection_FlushTimeout(handle(), ToMillis(kFlushTimeout));
  natsConnection_Close(handle());
  callbacks_.AwaitClosed();
  callbacks_.Disarm();
}

absl::Status Connection::Publish(std::string_view subject, std::string_view payload,
                                 const Headers& headers) {
  ASSIGN_OR_RETURN(const MessageHandle message, MakeMessage(subject, payload, headers));
  return MapError(natsConnection_PublishMsg(handle(), message.get()));
}

void Connection::OnMessage(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
  const MessageHandle message(raw);
  auto& subscriber = *static_cast<Callbacks::Subscriber*>(closure);
  const std::lock_guard lock(subscriber.mutex);
  if (!subscriber.handler) return;
  const trace::Scope scope(trace::Continue(HeaderOf(*raw, "traceparent").value_or("")));
  subscriber.handler(natsMsg_GetSubject(raw),
                     {natsMsg_GetData(raw), static_cast<size_t>(natsMsg_GetDataLength(raw))});
}

absl::Status Connection::Subscribe(const std::string& subject, Handler handler) {
  const std::lock_guard lock(mutex_);
  Callbacks::Subscriber& subscriber = callbacks_.subscribers.emplace_back();
  subscriber.handler = std::move(handler);
  natsSubscription* subscription = nullptr;
  RETURN_IF_ERROR(MapError(natsConnection_Subscribe(&subscription, this->handle(), subject.c_str(),
                                                    OnMessage, &subscriber)));
  subscriptions_.emplace_back(subscription);
  // So that whatever is published after this call returns is received. A server that goes away in
  // the midst of it is told at the reconnect.
  natsConnection_FlushTimeout(this->handle(), ToMillis(request_timeout_));
  return absl::OkStatus();
}

bool Connection::connected() const {
  return natsConnection_Status(handle()) == NATS_CONN_STATUS_CONNECTED;
}

bool Connection::closed() const { return natsConnection_IsClosed(handle()); }

Stats Connection::stats() const {
  return {.reconnects = callbacks_.reconnects, .errors = callbacks_.errors};
}

void Connection::Retire(SubscriptionHandle subscription) {
  natsSubscription_Unsubscribe(subscription.get());
  const std::lock_guard lock(mutex_);
  subscriptions_.push_back(std::move(subscription));
}

absl::StatusOr<MessageHandle> MakeMessage(std::string_view subject, std::string_view payload,
                                          const Headers& headers) {
  if (payload.size() > kMaxPayload) return absl::InvalidArgumentError("nats payload too large");
  ReleaseMemoryAtThreadExit();
  natsMsg* raw = nullptr;
  RETURN_IF_ERROR(MapError(natsMsg_Create(&raw, std::string(subject).c_str(), nullptr,
                                          payload.data(), static_cast<int>(payload.size()))));
  MessageHandle message(raw);
  for (const auto& [name, value] : headers) {
    RETURN_IF_ERROR(MapError(natsMsgHeader_Set(raw, name.c_str(), value.c_str())));
  }
  return message;
}

}  // namespace common::nats
