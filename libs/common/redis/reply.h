// What Redis answered.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

struct redisReply;

namespace common::redis {

// A look at an answer or at one element of it, valid as long as the Reply that it came from.
class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply) : reply_(reply) {}

  bool is_nil() const;
  bool is_array() const;
  bool is_integer() const;
  bool is_text() const;  // a string of any bytes, or a status such as OK

  // Each gives the neutral value (0, "", 0) when the answer is of another type.
  int64_t integer() const;
  std::string_view text() const;
  size_t size() const;

  // The elements of an array. `index` must be below size().
  ReplyView operator[](size_t index) const;
  // Copies of an array's texts, in order.
  std::vector<std::string> Texts() const;

  // OK unless this is an error that Redis or a Function answered; see ErrorCode().
  absl::Status status() const;
  // The whole text of that error, "" without one. For this library only: it may quote data.
  std::string_view error() const;

 private:
  const redisReply* reply_;
};

// Owns one answer. Move-only.
class Reply : public ReplyView {
 public:
  // Takes ownership of what hiredis returned; never null.
  explicit Reply(redisReply* reply) : ReplyView(reply), owned_(reply) {}

 private:
  struct Free {
    void operator()(redisReply* reply) const;
  };
  std::unique_ptr<redisReply, Free> owned_;
};

// The first word of the error that Redis or a Function answered, such as "NOSCRIPT" or a Function's
// own "STALE_NONCE"; nullopt when the status is OK or came from somewhere else. The rest of an
// error never leaves this library, because it may quote data. A Function's own code, which is any
// word of capitals, digits and underscores that Redis does not use itself, comes as
// FAILED_PRECONDITION.
std::optional<std::string> ErrorCode(const absl::Status& status);

// The code under which a call of a Function that the server does not know comes back.
inline constexpr std::string_view kFunctionNotFound = "FUNCTION_NOT_FOUND";

}  // namespace common::redis
