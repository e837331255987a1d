// What the clients of platforms share: asking, and answers that hold tokens, names or ids, read
// where they were received and overwritten afterwards.
#pragma once
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/http/client.h"
#include "services/stream/ingest/json_reader.h"
#include "services/stream/platforms/platform_client.h"

namespace stream::platforms {

// Any complete answer, whatever its status; PLATFORM_UNAVAILABLE when there is none in time.
absl::StatusOr<common::http::Response> Ask(common::http::Client& http,
                                           const common::http::OutgoingRequest& request);
absl::StatusOr<common::http::Response> PostForm(common::http::Client& http, std::string url,
                                                const common::http::Params& form);

// Overwrites an answer's body when it goes out of scope.
class Wiped {
 public:
  explicit Wiped(common::http::Response& response) : body_(response.body) {}
  ~Wiped() { explicit_bzero(body_.data(), body_.size()); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;

 private:
  std::string& body_;
};

// A text without its escapes; empty when the next value is none.
common::config::Secret ReadSecret(ingest::JsonReader& json);

// The answer of a token endpoint (RFC 6749, section 5.1), `scope` as a list or separated by spaces.
// Without a refresh token or scopes those are empty. nullopt: it is no such answer.
std::optional<Tokens> ReadTokens(const std::string& body, common::Time now);

// A text member of the outermost object; empty when there is none. It points into the body.
std::string_view FindText(const std::string& body, std::string_view member);

}  // namespace stream::platforms
