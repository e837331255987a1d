#include "libs/common/http/client.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <curl/curl.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"

namespace common::http {
namespace {

constexpr size_t kMaxResponseHeaderBytes = 64 * 1024;

void InitCurlOnce() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(result);  // a failure shows again as a handle that cannot be made
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

// Null when a header could split the request into two.
HeaderList MakeHeaders(const Headers& headers) {
  // Without this, curl waits a second for "100 Continue" before it sends a larger body.
  HeaderList list(curl_slist_append(nullptr, "Expect:"));
  for (const auto& [name, value] : headers) {
    if (name.empty() || HasLineBreak(name) || HasLineBreak(value)) return nullptr;
    // "Name;" is how curl spells a header with an empty value.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return nullptr;
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// What curl's callbacks fill in. Returning fewer bytes than given makes curl fail.
struct Incoming {
  Response response;
  size_t header_bytes = 0;
  size_t max_body_bytes = 0;
  bool too_large = false;
};

size_t TakeHeader(char* data, size_t size, size_t count, void* target) {
  auto& incoming = *static_cast<Incoming*>(target);
  const std::string_view line(data, size * count);
  incoming.header_bytes += line.size();
  if (incoming.header_bytes > kMaxResponseHeaderBytes) {
    incoming.too_large = true;
    return 0;
  }
  // A status line begins a header section: the ones before it belonged to an interim answer.
  if (line.starts_with("HTTP/")) incoming.response.headers.clear();
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    incoming.response.headers.emplace_back(std::move(name), Trim(line.substr(colon + 1)));
  }
  return line.size();
}

size_t TakeBody(char* data, size_t size, size_t count, void* target) {
  auto& incoming = *static_cast<Incoming*>(target);
  const size_t bytes = size * count;
  if (bytes > incoming.max_body_bytes - incoming.response.body.size()) {
    incoming.too_large = true;
    return 0;
  }
  incoming.response.body.append(data, bytes);
  return bytes;
}

// Asked about once a second while nothing happens, and more often otherwise.
int TellWhetherToStop(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return Stopping() ? 1 : 0;
}

absl::Status ToStatus(CURLcode code, bool too_large) {
  if (too_large) return absl::ResourceExhaustedError("the HTTP answer is too large");
  const std::string text = absl::StrCat("HTTP call failed, curl error ", static_cast<int>(code));
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(text);
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace

// A curl handle, which keeps its connections between calls.
class Client::Handle {
 public:
  Handle() : curl_(curl_easy_init()) {}
  ~Handle() { curl_easy_cleanup(curl_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  bool valid() const { return curl_ != nullptr; }

  absl::StatusOr<Response> Perform(const ClientOptions& options, const OutgoingRequest& request,
                                   const curl_slist* headers, std::chrono::milliseconds timeout) {
    curl_easy_reset(curl_);
    Incoming incoming{.response = {}, .max_body_bytes = request.max_response_bytes};
    Configure(options);
    SetRequest(request, headers);
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    Set(CURLOPT_HEADERFUNCTION, &TakeHeader);
    Set(CURLOPT_HEADERDATA, &incoming);
    Set(CURLOPT_WRITEFUNCTION, &TakeBody);
    Set(CURLOPT_WRITEDATA, &incoming);
    const CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) return ToStatus(code, incoming.too_large);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    incoming.response.status = static_cast<int>(status);
    return std::move(incoming.response);
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(curl_, option, value);
  }

  void Configure(const ClientOptions& options) {
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &TellWhetherToStop);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_PROXY, options.proxy.c_str());
    Set(CURLOPT_USERAGENT, options.user_agent.c_str());
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) Set(CURLOPT_CAINFO, options.ca_file.c_str());
  }

  void SetRequest(const OutgoingRequest& request, const curl_slist* headers) {
    Set(CURLOPT_URL, request.url.c_str());
    Set(CURLOPT_HTTPHEADER, headers);
    if (request.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
      if (request.method == "POST" || !request.body.empty()) {
        Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        Set(CURLOPT_POSTFIELDS, request.body.c_str());
      }
      Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  CURL* const curl_;
};

Client::Client(ClientOptions options) : options_(std::move(options)) { InitCurlOnce(); }

Client::~Client() = default;

absl::StatusOr<Response> Client::Send(const OutgoingRequest& request) {
  const auto timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(Remaining(request.timeout));
  if (timeout.count() <= 0) return absl::DeadlineExceededError("no time is left for an HTTP call");
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const HeaderList headers = MakeHeaders(request.headers);
  if (!headers) return absl::InvalidArgumentError("malformed HTTP header");
  ASSIGN_OR_RETURN(std::unique_ptr<Handle> handle, Borrow(timeout));
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  // curl takes 0 for "no limit".
  auto response = handle->Perform(options_, request, headers.get(),
                                  std::max(left, std::chrono::milliseconds(1)));
  GiveBack(std::move(handle));
  return response;
}

absl::StatusOr<std::unique_ptr<Client::Handle>> Client::Borrow(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return in_flight_ < options_.max_in_flight; };
  if (!free()) ++waits_;
  if (!returned_.wait_for(lock, timeout, free)) {
    return absl::DeadlineExceededError("no free HTTP handle in time");
  }
  std::unique_ptr<Handle> handle;
  if (idle_.empty()) {
    handle = std::make_unique<Handle>();
    if (!handle->valid()) return absl::UnavailableError("curl cannot make a handle");
  } else {
    handle = std::move(idle_.back());
    idle_.pop_back();
  }
  ++in_flight_;
  return handle;
}

pool::Stats Client::stats() const {
  const std::lock_guard lock(mutex_);
  return {.limit = max_in_flight(),
          .open = idle_.size() + in_flight_,
          .in_use = in_flight_,
          .waits = waits_};
}

void Client::GiveBack(std::unique_ptr<Handle> handle) {
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    idle_.push_back(std::move(handle));
  }
  returned_.notify_one();
}

}  // namespace common::http
