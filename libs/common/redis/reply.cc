#include "libs/common/redis/reply.h"

#include <algorithm>
#include <array>

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <hiredis/hiredis.h>

#include "libs/common/base/status.h"

namespace common::redis {
namespace {

constexpr absl::string_view kCodeUrl = "bannou.common/redis-error-code";

struct Known {
  std::string_view code;
  absl::StatusCode status;
  std::string_view meaning = "";  // for whoever reads the log
};

// What Redis itself says. Whatever a restart, a fail-over or a resharding ends is UNAVAILABLE.
constexpr std::array kKnown = {
    Known{"LOADING", absl::StatusCode::kUnavailable},
    Known{"BUSY", absl::StatusCode::kUnavailable},
    Known{"READONLY", absl::StatusCode::kUnavailable},
    Known{"MASTERDOWN", absl::StatusCode::kUnavailable},
    Known{"CLUSTERDOWN", absl::StatusCode::kUnavailable},
    Known{"MOVED", absl::StatusCode::kUnavailable, ": it is a node of a cluster"},
    Known{"ASK", absl::StatusCode::kUnavailable, ": it is a node of a cluster"},
    Known{"TRYAGAIN", absl::StatusCode::kUnavailable},
    Known{"NOREPLICAS", absl::StatusCode::kUnavailable},
    Known{"MISCONF", absl::StatusCode::kUnavailable},
    Known{"OOM", absl::StatusCode::kResourceExhausted},
    Known{"NOSCRIPT", absl::StatusCode::kFailedPrecondition},
    Known{"BUSYGROUP", absl::StatusCode::kAlreadyExists},
    Known{"NOAUTH", absl::StatusCode::kInternal, ": it wants a user and password"},
    Known{"WRONGPASS", absl::StatusCode::kInternal, ": wrong user or password"},
    Known{"NOPERM", absl::StatusCode::kInternal, ": the user lacks a permission"},
    Known{"WRONGTYPE", absl::StatusCode::kInternal},
    Known{"CROSSSLOT", absl::StatusCode::kInternal},
    Known{"EXECABORT", absl::StatusCode::kInternal},
    Known{"ERR", absl::StatusCode::kInternal},
};

bool IsCode(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

absl::Status MakeError(absl::StatusCode status_code, std::string_view code,
                       std::string_view meaning = "") {
  absl::Status status(status_code, absl::StrCat("redis answered ", ToAbsl(code), ToAbsl(meaning)));
  status.SetPayload(kCodeUrl, absl::Cord(ToAbsl(code)));
  return status;
}

absl::Status MapError(std::string_view text) {
  if (text.starts_with("ERR Function not found")) {
    return MakeError(absl::StatusCode::kFailedPrecondition, kFunctionNotFound);
  }
  const std::string_view word = text.substr(0, text.find(' '));
  const auto known = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](const Known& row) { return row.code == word; });
  if (known != kKnown.end()) return MakeError(known->status, word, known->meaning);
  if (IsCode(word)) return MakeError(absl::StatusCode::kFailedPrecondition, word);
  return MakeError(absl::StatusCode::kInternal, "ERR");
}

}  // namespace

bool ReplyView::is_nil() const { return reply_->type == REDIS_REPLY_NIL; }
bool ReplyView::is_array() const { return reply_->type == REDIS_REPLY_ARRAY; }
bool ReplyView::is_integer() const { return reply_->type == REDIS_REPLY_INTEGER; }
bool ReplyView::is_text() const {
  return reply_->type == REDIS_REPLY_STRING || reply_->type == REDIS_REPLY_STATUS;
}

int64_t ReplyView::integer() const { return is_integer() ? reply_->integer : 0; }

std::string_view ReplyView::text() const {
  return is_text() ? std::string_view(reply_->str, reply_->len) : std::string_view();
}

size_t ReplyView::size() const { return is_array() ? reply_->elements : 0; }

ReplyView ReplyView::operator[](size_t index) const { return ReplyView(reply_->element[index]); }

std::vector<std::string> ReplyView::Texts() const {
  std::vector<std::string> texts;
  texts.reserve(size());
  for (size_t i = 0; i < size(); ++i) texts.emplace_back((*this)[i].text());
  return texts;
}

absl::Status ReplyView::status() const {
  if (reply_->type != REDIS_REPLY_ERROR) return absl::OkStatus();
  return MapError(error());
}

std::string_view ReplyView::error() const {
  if (reply_->type != REDIS_REPLY_ERROR) return {};
  return {reply_->str, reply_->len};
}

void Reply::Free::operator()(redisReply* reply) const { freeReplyObject(reply); }

std::optional<std::string> ErrorCode(const absl::Status& status) {
  // Debian's absl has its own optional, which stays in here.
  const auto code = status.GetPayload(kCodeUrl);
  if (!code.has_value()) return std::nullopt;
  return std::string(*code);
}

}  // namespace common::redis
