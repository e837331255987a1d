#include "libs/common/rpc/server_stream.h"

#include <utility>

#include "libs/common/errors/errors.h"

namespace common::rpc {

using Lock = std::lock_guard<std::recursive_mutex>;

void ServerStream::Open(Source source, std::function<void()> ended) {
  const Lock lock(mutex_);
  source_ = std::move(source);
  ended_ = std::move(ended);
}

void ServerStream::Wake() {
  const Lock lock(mutex_);
  Pump();
}

void ServerStream::Close(const absl::Status& status) {
  const Lock lock(mutex_);
  if (!close_) close_ = status;
  Pump();
}

void ServerStream::Abort() {
  const Lock lock(mutex_);
  if (!done_) wire_.cancel();
}

void ServerStream::Begin() {
  const Lock lock(mutex_);
  begun_ = true;
  if (!source_ && !close_) close_ = absl::OkStatus();
  if (source_ && !lost_) wire_.begin();
  Pump();
}

void ServerStream::OnWritten(bool ok) {
  const Lock lock(mutex_);
  writing_ = false;
  message_.Clear();
  if (!ok) lost_ = true;
  Pump();
}

void ServerStream::OnCancelled() {
  const Lock lock(mutex_);
  lost_ = true;
  Pump();
}

void ServerStream::OnDone() {
  std::function<void()> ended;
  {
    const Lock lock(mutex_);
    done_ = true;
    source_ = nullptr;
    ended = std::exchange(ended_, nullptr);
  }
  if (ended) ended();
}

void ServerStream::Pump() {
  if (!begun_ || writing_ || finished_) return;
  if (!lost_ && source_) {
    if (auto next = source_()) {
      message_ = *std::move(next);
      writing_ = true;
      wire_.write(message_);
      return;
    }
  }
  if (!lost_ && !close_) return;
  finished_ = true;
  wire_.finish(close_ ? *close_ : errors::Make(errors::kCancelled, "the client ended the call"));
}

}  // namespace common::rpc
