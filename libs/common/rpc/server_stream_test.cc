#include "libs/common/rpc/server_stream.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/common/errors/errors.h"

namespace common::rpc {
namespace {

grpc::ByteBuffer BufferOf(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string TextOf(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// Plays gRPC, and a source that is a list of texts.
class ServerStreamTest : public testing::Test {
 protected:
  void Open() {
    stream_->Open(
        [this]() -> std::optional<grpc::ByteBuffer> {
          if (source_.empty()) return std::nullopt;
          const std::string text = source_.front();
          source_.pop_front();
          return BufferOf(text);
        },
        [this] { ++ended_; });
  }
  void Offer(const std::string& text) {
    source_.push_back(text);
    stream_->Wake();
  }

  std::deque<std::string> source_;
  std::vector<std::string> written_;
  std::vector<absl::Status> finished_;
  int begun_ = 0;
  int cancelled_ = 0;
  int ended_ = 0;
  bool at_once_ = false;  // gRPC calls back before write returns
  const std::shared_ptr<ServerStream> stream_ = std::make_shared<ServerStream>(
      ServerStream::Wire{.begin = [this] { ++begun_; },
                         .write =
                             [this](const grpc::ByteBuffer& message) {
                               written_.push_back(TextOf(message));
                               if (at_once_) stream_->OnWritten(true);
                             },
                         .finish = [this](const absl::Status& s) { finished_.push_back(s); },
                         .cancel = [this] { ++cancelled_; }});
};

TEST_F(ServerStreamTest, SendsNothingBeforeTheHandlerHasReturned) {
  Open();
  Offer("a");
  EXPECT_TRUE(written_.empty());
  EXPECT_EQ(begun_, 0);
  stream_->Begin();
  EXPECT_EQ(begun_, 1);
  EXPECT_EQ(written_, (std::vector<std::string>{"a"}));
}

TEST_F(ServerStreamTest, HasOneMessageUnderWayAtATime) {
  Open();
  stream_->Begin();
  Offer("a");
  Offer("b");
  EXPECT_EQ(written_.size(), 1u);
  stream_->OnWritten(true);
  stream_->OnWritten(true);
  EXPECT_EQ(written_, (std::vector<std::string>{"a", "b"}));
}

TEST_F(ServerStreamTest, TakesACallBackInTheMidstOfACall) {
  at_once_ = true;
  Open();
  stream_->Begin();
  source_ = {"a", "b", "c"};
  stream_->Wake();
  EXPECT_EQ(written_, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ServerStreamTest, ClosesAfterWhatTheSourceStillHas) {
  Open();
  stream_->Begin();
  source_ = {"a", "b"};
  stream_->Close(absl::OkStatus());
  stream_->OnWritten(true);
  EXPECT_TRUE(finished_.empty());
  stream_->OnWritten(true);
  EXPECT_EQ(written_, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
}

TEST_F(ServerStreamTest, TheFirstStatusCounts) {
  Open();
  stream_->Close(absl::AbortedError("first"));
  stream_->Close(absl::OkStatus());
  stream_->Begin();
  stream_->Close(absl::OkStatus());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kAborted);
}

TEST_F(ServerStreamTest, ARefusedCallIsNeverOpened) {
  stream_->Close(absl::NotFoundError("no"));
  stream_->Begin();
  stream_->OnDone();
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(ended_, 0);
  EXPECT_EQ(begun_, 0);
}

TEST_F(ServerStreamTest, ACallThatNobodyOpenedEnds) {
  stream_->Begin();
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
}

TEST_F(ServerStreamTest, AClientThatLeavesEndsTheCallOnce) {
  Open();
  stream_->Begin();
  Offer("a");
  stream_->OnCancelled();
  EXPECT_TRUE(finished_.empty()) << "a message is under way";
  stream_->OnWritten(false);
  Offer("b");
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(errors::Is(finished_[0], errors::kCancelled));
  EXPECT_EQ(written_.size(), 1u);
  stream_->OnDone();
  EXPECT_EQ(ended_, 1);
}

TEST_F(ServerStreamTest, IsAbortedWhileItLasts) {
  Open();
  stream_->Begin();
  stream_->Abort();
  EXPECT_EQ(cancelled_, 1);
  stream_->OnCancelled();
  stream_->OnDone();
  stream_->Abort();
  EXPECT_EQ(cancelled_, 1);
  stream_->Wake();
  EXPECT_EQ(finished_.size(), 1u);
}

}  // namespace
}  // namespace common::rpc
