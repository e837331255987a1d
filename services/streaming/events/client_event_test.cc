#include "services/streaming/events/client_event.h"

#include <bannou/streaming/v1/events.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace streaming::events {
namespace {

namespace v1 = bannou::streaming::v1;
using google::protobuf::util::MessageDifferencer;
using nlohmann::json;

constexpr char kSession[] = "0190a0f0-0000-7000-8000-000000000001";
constexpr char kHype[] = "0190a0f0-0000-5000-8000-000000000002";
constexpr char kEvent[] = "0190a0f0-0000-5000-8000-000000000003";
const common::Time kNow = common::FromMicros(1'790'000'000'250'000);

template <class Message>
Message Stored() {
  Message message;
  message.set_event_id(kEvent);
  *message.mutable_timestamp() = ToTimestamp(kNow);
  message.set_session_id(kSession);
  return message;
}

std::optional<Told> ToldBy(const google::protobuf::Message& stored) {
  return events::ToldBy(common::outbox::SubjectOf(stored), stored.SerializeAsString());
}

// One of each kind.
std::vector<v1::ClientEvent> Samples() {
  std::vector<v1::ClientEvent> samples;
  v1::StreamingAudienceUpdateClientEvent update;
  update.set_session_id(kSession);
  update.set_audience_count(12);
  update.mutable_engagement_breakdown()->set_lurking(12);
  samples.push_back(MakeClientEvent(std::move(update), kNow));
  v1::StreamingAudienceReactionClientEvent reaction;
  reaction.set_session_id(kSession);
  reaction.set_reaction_type(bannou::stream::v1::SENTIMENT_CATEGORY_AMUSED);
  reaction.set_intensity(0.35f);
  samples.push_back(MakeClientEvent(std::move(reaction), kNow));
  auto triggered = Stored<v1::StreamingHypeTriggeredEvent>();
  triggered.set_hype_id(kHype);
  triggered.set_trigger_event("RareItem");
  *triggered.mutable_expires_at() = ToTimestamp(kNow + std::chrono::minutes(5));
  samples.push_back(ToldBy(triggered)->event);
  auto level_up = Stored<v1::StreamingHypeLevelUpEvent>();
  level_up.set_hype_id(kHype);
  level_up.set_new_level(v1::HYPE_TRAIN_LEVEL_3);
  level_up.set_progress(0.1f);
  samples.push_back(ToldBy(level_up)->event);
  auto completed = Stored<v1::StreamingHypeCompletedEvent>();
  completed.set_hype_id(kHype);
  completed.set_peak_level(v1::HYPE_TRAIN_LEVEL_LEGENDARY);
  samples.push_back(ToldBy(completed)->event);
  auto milestone = Stored<v1::StreamingMilestoneReachedEvent>();
  milestone.set_milestone_type(v1::MILESTONE_TYPE_HYPE_TRAIN_COUNT);
  milestone.set_milestone_value(10);
  samples.push_back(ToldBy(milestone)->event);
  return samples;
}

TEST(ClientEvent, JsonIsTheSpecifications) {
  const auto samples = Samples();
  json update = json::parse(ToJson(samples[0]));
  EXPECT_TRUE(common::Uuid::Parse(update["event_id"].get<std::string>()));
  update.erase("event_id");
  EXPECT_EQ(update, json::parse(R"({
    "event_name": "streaming.audience_update", "timestamp": "2026-09-21T14:13:20.250Z",
    "session_id": "0190a0f0-0000-7000-8000-000000000001", "audience_count": 12,
    "peak_audience_count": 0, "notable_viewer_count": 0, "engagement_breakdown": {
      "highEngagement": 0, "mediumEngagement": 0, "lowEngagement": 0, "lurking": 12}})"));
  EXPECT_EQ(json::parse(ToJson(samples[1]))["reaction_type"], "Amused");
  EXPECT_NE(ToJson(samples[1]).find("0.35"), std::string::npos);
  EXPECT_EQ(ToJson(samples[1]).find("0.349"), std::string::npos) << "not a float's double";
  EXPECT_EQ(json::parse(ToJson(samples[3])), json::parse(R"({
    "event_name": "streaming.hype_progress", "timestamp": "2026-09-21T14:13:20.250Z",
    "event_id": "0190a0f0-0000-5000-8000-000000000003",
    "session_id": "0190a0f0-0000-7000-8000-000000000001",
    "hype_id": "0190a0f0-0000-5000-8000-000000000002", "level": "Level3", "progress": 0.1})"));
  EXPECT_EQ(json::parse(ToJson(samples[5])), json::parse(R"({
    "event_name": "streaming.milestone", "timestamp": "2026-09-21T14:13:20.250Z",
    "event_id": "0190a0f0-0000-5000-8000-000000000003",
    "milestone_type": "HypeTrainCount", "milestone_value": 10})"));
}

TEST(ClientEvent, JsonGoesBothWays) {
  const auto samples = Samples();
  const auto* kinds = v1::ClientEvent::descriptor()->oneof_decl(0);
  ASSERT_EQ(samples.size(), static_cast<size_t>(kinds->field_count())) << "one of each kind";
  for (const v1::ClientEvent& sample : samples) {
    const auto again = FromJson(ToJson(sample));
    ASSERT_TRUE(again) << ToJson(sample);
    EXPECT_TRUE(MessageDifferencer::Equals(*again, sample)) << ToJson(sample);
  }
}

// Reads and writes know these forms only.
void ExpectForms(const google::protobuf::Descriptor& descriptor) {
  using google::protobuf::FieldDescriptor;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    EXPECT_FALSE(field.is_repeated()) << field.full_name();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (field.message_type() != google::protobuf::Timestamp::descriptor()) {
          ExpectForms(*field.message_type());
        }
        break;
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_ENUM:
      case FieldDescriptor::CPPTYPE_STRING:
        break;
      default:
        ADD_FAILURE() << field.full_name() << " has no form in JSON yet";
    }
  }
}
TEST(ClientEvent, EveryMemberHasAFormInJson) {
  const auto* kinds = v1::ClientEvent::descriptor()->oneof_decl(0);
  for (int i = 0; i < kinds->field_count(); ++i) ExpectForms(*kinds->field(i)->message_type());
}

TEST(ClientEvent, NonsenseIsNoEvent) {
  for (const char* text :
       {"", "{", "[]", "7", "{}", R"({"event_name": 7})", R"({"event_name": "streaming.none"})",
        R"({"event_name": "streaming.milestone"})"}) {
    EXPECT_FALSE(FromJson(text)) << text;
  }
  json wrong = json::parse(ToJson(Samples()[5]));
  wrong["milestone_type"] = "NoSuchThing";
  EXPECT_FALSE(FromJson(wrong.dump()));
  wrong["milestone_type"] = 3;
  EXPECT_FALSE(FromJson(wrong.dump()));
  EXPECT_EQ(ToJson(v1::ClientEvent()), "{}");
}

TEST(ClientEvent, OnlyWhatIsStoredIsStored) {
  const std::vector<bool> expected = {false, false, true, true, true, true};
  const auto samples = Samples();
  for (size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(IsStored(samples[i]), expected[i]) << i;
  v1::StreamingHypeProgressClientEvent within;
  EXPECT_FALSE(IsStored(MakeClientEvent(std::move(within), kNow)));
}

TEST(ClientEvent, OfAllThatIsStoredHypeAndMilestonesOfSessionsAreTold) {
  EXPECT_FALSE(ToldBy(Stored<v1::StreamingSessionCreatedEvent>()));
  const auto ended = Stored<v1::StreamingSessionEndedEvent>();
  EXPECT_FALSE(ToldBy(ended));
  EXPECT_EQ(EndToldBy("streaming.session.ended", ended.SerializeAsString()),
            common::Uuid::Parse(kSession));
  EXPECT_FALSE(EndToldBy("streaming.session.started", ended.SerializeAsString()));
  auto milestone = Stored<v1::StreamingMilestoneReachedEvent>();
  EXPECT_EQ(ToldBy(milestone)->session.ToString(), kSession);
  milestone.clear_session_id();
  EXPECT_FALSE(ToldBy(milestone)) << "it belongs to no session";
  EXPECT_FALSE(events::ToldBy("streaming.hype.triggered", "\xff\xff"));
}

TEST(ClientEvent, ASessionHasItsSubject) {
  const auto session = *common::Uuid::Parse(kSession);
  EXPECT_EQ(ClientSubject(session), std::string("client.streaming.") + kSession);
  EXPECT_EQ(SessionOfClientSubject(ClientSubject(session)), session);
  for (const char* subject : {"client.streaming.", "client.streaming.x", "streaming.hype.triggered",
                              "client.streaming.0190a0f0-0000-7000-8000-000000000001.more"}) {
    EXPECT_FALSE(SessionOfClientSubject(subject)) << subject;
  }
}

}  // namespace
}  // namespace streaming::events
