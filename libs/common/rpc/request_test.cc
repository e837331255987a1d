#include "libs/common/rpc/request.h"

#include <random>

#include <bannou/stream/v1/admin.pb.h>
#include <bannou/stream/v1/webhook.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

namespace common::rpc {
namespace {

namespace v1 = bannou::stream::v1;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

struct Decoded {
  absl::Status status;
  std::vector<std::string> fields;
};

// protobuf prints what it refuses; the daemons silence it too.
const auto kSilence = google::protobuf::SetLogHandler(nullptr);

template <class Message>
Decoded Read(const std::string& bytes, Message& message) {
  // In two slices, as the network may deliver it.
  const size_t half = bytes.size() / 2;
  const grpc::Slice slices[] = {bytes.substr(0, half), bytes.substr(half)};
  std::vector<errors::FieldViolation> violations;
  Decoded out{Decode(grpc::ByteBuffer(slices, 2), message, violations), {}};
  for (const auto& violation : violations) out.fields.push_back(violation.field);
  return out;
}

// A field of wire type 2 with a number below 16 and less than 128 bytes.
std::string Field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

TEST(Request, IsReadFromItsBytes) {
  v1::TestSentimentRequest sent;
  sent.add_sample_messages("gr\xc3\xbc\xc3\x9f dich");
  v1::TestSentimentRequest got;
  const auto decoded = Read(sent.SerializeAsString(), got);
  EXPECT_TRUE(decoded.status.ok());
  EXPECT_THAT(decoded.fields, IsEmpty());
  EXPECT_EQ(got.SerializeAsString(), sent.SerializeAsString());
}

TEST(Request, EveryTextThatIsNotUtf8IsNamed) {
  const std::string overlong = "\xc0\xaf", surrogate = "\xed\xa0\x80", beyond = "\xf4\x90\x80\x80",
                    cut = "\xe2\x82", lone = "\x80", good = "\xf0\x9f\x98\x80";
  std::string bytes;
  for (const auto& text : {good, overlong, surrogate, beyond, good, cut, lone}) {
    bytes += Field(1, text);
  }
  v1::TestSentimentRequest got;
  const auto decoded = Read(bytes, got);
  EXPECT_TRUE(decoded.status.ok());
  EXPECT_THAT(decoded.fields,
              ElementsAre("sample_messages[1]", "sample_messages[2]", "sample_messages[3]",
                          "sample_messages[5]", "sample_messages[6]"));
  EXPECT_EQ(got.sample_messages(0), good);
  EXPECT_EQ(got.sample_messages(3), "????");
}

TEST(Request, AMapIsNamedOnceAndBytesMayHoldAnything) {
  const std::string bytes = Field(1, Field(1, "\xff") + Field(2, "\xff")) +
                            Field(1, Field(1, "good") + Field(2, "\xfe")) + Field(2, "\xff\xfe");
  v1::TwitchWebhookPayload got;
  const auto decoded = Read(bytes, got);
  EXPECT_TRUE(decoded.status.ok());
  EXPECT_THAT(decoded.fields, ElementsAre("headers"));
  EXPECT_EQ(got.body(), "\xff\xfe");
}

TEST(Request, AFloodOfBadTextsIsReportedInPart) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += Field(1, "\xff");
  v1::TestSentimentRequest got;
  const auto decoded = Read(bytes, got);
  EXPECT_TRUE(decoded.status.ok());
  EXPECT_THAT(decoded.fields, SizeIs(64));
}

TEST(Request, BytesThatAreNoMessageAreRefusedWhateverTheyHold) {
  for (const char* bytes : {"\x0a", "\x0a\x05ok", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                            "\x0b", "\x0c", "\x0f", "\x0a\x01\xff\x0a"}) {
    v1::TestSentimentRequest got;
    const auto decoded = Read(bytes, got);
    EXPECT_TRUE(errors::Is(decoded.status, errors::kMalformedRequest)) << bytes;
  }
}

// Whatever comes in: no crash, and what passes holds good text only.
TEST(Request, MutatedBytesNeverPassAsSomethingElse) {
  v1::TwitchWebhookPayload good;
  (*good.mutable_headers())["Name"] = "value \xc3\xa4";
  (*good.mutable_headers())["Other"] = "\xf0\x9f\x98\x80";
  good.set_body("body");
  good.set_link_id("11111111-2222-4333-8444-555555555555");
  const std::string original = good.SerializeAsString();
  std::mt19937 random(20240229);
  int passed = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = original;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    v1::TwitchWebhookPayload got;
    const auto decoded = Read(bytes, got);
    if (!decoded.status.ok()) continue;
    ++passed;
    v1::TwitchWebhookPayload again;
    EXPECT_TRUE(again.ParseFromString(got.SerializeAsString())) << i;
  }
  EXPECT_GT(passed, 1000);
}

}  // namespace
}  // namespace common::rpc
