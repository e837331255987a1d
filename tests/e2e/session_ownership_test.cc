// Whose in-game sessions are whose (decision 21 of the design), who may change one, and what only
// some may see. Everybody in the game may look.
#include <algorithm>
#include <set>

#include <bannou/streaming/v1/audience.pb.h>
#include <bannou/streaming/v1/follow.pb.h>
#include <bannou/streaming/v1/pool.pb.h>
#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/both_daemons.h"
#include "tests/story/contract.h"

namespace story {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

Person Player() { return MakePerson({"user"}, {"in_game"}); }

// What names a session and changes nothing; all others change it.
const std::set<std::string> kReads = {"GetStreamSessionStatus", "QueryAudience", "GetHypeStatus",
                                      "WatchStreamSession"};

const FieldDescriptor* SessionField(const MethodDescriptor& method) {
  for (const char* name : {"session_id", "from_session_id"}) {
    const auto* const field = method.input_type()->FindFieldByName(name);
    if (field != nullptr) return field;
  }
  return nullptr;
}

// The RPCs for players that name a session, in the order of the contract.
std::vector<const MethodDescriptor*> SessionMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const MethodDescriptor* method : ContractMethods()) {
    if (method->file()->package() != "bannou.streaming.v1") continue;
    if (AccessOf(*method).role() != bannou::common::v1::ROLE_USER) continue;
    if (SessionField(*method) != nullptr) methods.push_back(method);
  }
  return methods;
}

class SessionOwnership : public BothDaemons {
 protected:
  static void SetUpTestSuite() {
    BothDaemons::SetUpTestSuite();
    v1::SeedAudiencePoolRequest seed;
    seed.set_game_service_id(Game());
    seed.set_count(2000);
    Ask(MakePerson({"admin"}), seed).As<v1::SeedAudiencePoolResponse>();
  }
  static const std::string& Game() {
    static const std::string game = Uuid::V4().ToString();
    return game;
  }

  static v1::CreateStreamSessionRequest Wish(v1::StreamerEntityType type, const Uuid& streamer) {
    v1::CreateStreamSessionRequest request;
    request.set_game_service_id(Game());
    request.set_streamer_type(type);
    request.set_streamer_id(streamer.ToString());
    request.set_platform_session_id(Uuid::V4().ToString());
    return request;
  }
  static Answer Create(const Person& person, v1::StreamerEntityType type, const Uuid& streamer) {
    return Ask(person, Wish(type, streamer));
  }
  // The new session of a character of its own.
  static std::string Create(const Person& person) {
    return Create(person, v1::STREAMER_ENTITY_TYPE_CHARACTER, Uuid::V4())
        .As<v1::StreamSessionDetail>()
        .session_id();
  }
  static Answer Call(const Person& person, const MethodDescriptor& method,
                     const std::string& session_id) {
    const auto request = GoodMessage(*method.input_type());
    request->GetReflection()->SetString(request.get(), SessionField(method), session_id);
    // Only one that a watch has given is good, and that after events which may be on their way.
    if (const auto* cursor = method.input_type()->FindFieldByName("cursor")) {
      request->GetReflection()->ClearField(request.get(), cursor);
    }
    return Ask(person, *request);
  }
  static Answer Call(const Person& person, const std::string& name, const std::string& session_id) {
    for (const MethodDescriptor* method : SessionMethods()) {
      if (method->name() == name) return Call(person, *method, session_id);
    }
    throw std::runtime_error("no RPC " + name);
  }
  static v1::StreamSessionDetail Status(const Person& person, const std::string& session_id) {
    return Call(person, "GetStreamSessionStatus", session_id).As<v1::StreamSessionDetail>();
  }
  // Ends the streamer's session that the answer tells of, so that it may have another one.
  static void End(const Answer& created) {
    const std::string id = created.As<v1::StreamSessionDetail>().session_id();
    EXPECT_EQ(Call(MakePerson({"service"}), "EndStreamSession", id).reason(), "");
  }

  static void ExpectRefused(const Answer& answer, const std::string& reason) {
    EXPECT_EQ(answer.reason(), reason);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }

  const Person owner_ = Player();
  const Person stranger_ = Player();
  const Person developer_ = MakePerson({"developer"}, {"in_game"});
  const Person service_ = MakePerson({"service"});
  const Person admin_ = MakePerson({"admin"});
};

TEST_F(SessionOwnership, AnAccountStreamsAsItself) {
  constexpr auto kType = v1::STREAMER_ENTITY_TYPE_ACCOUNT;
  ExpectRefused(Create(stranger_, kType, owner_.account), "STREAMER_NOT_OWNED");
  ExpectRefused(Create(developer_, kType, owner_.account), "STREAMER_NOT_OWNED");
  End(Create(owner_, kType, owner_.account));
  for (const Person* person : {&service_, &admin_}) {
    const Answer created = Create(*person, kType, owner_.account);
    ASSERT_EQ(created.reason(), "");
    const std::string id = created.As<v1::StreamSessionDetail>().session_id();
    EXPECT_EQ(Call(owner_, "SetContentTags", id).reason(), "")
        << "it is the account's all the same";
    End(created);
  }
}

TEST_F(SessionOwnership, AnActorNeedsAService) {
  constexpr auto kType = v1::STREAMER_ENTITY_TYPE_ACTOR;
  const Uuid actor = Uuid::V4();
  for (const Person* person : {&owner_, &developer_}) {
    ExpectRefused(Create(*person, kType, actor), "STREAMER_NOT_OWNED");
    ExpectRefused(Create(*person, kType, person->account), "STREAMER_NOT_OWNED");
  }
  for (const Person* person : {&service_, &admin_}) {
    const Answer created = Create(*person, kType, actor);
    ASSERT_EQ(created.reason(), "");
    const std::string id = created.As<v1::StreamSessionDetail>().session_id();
    ExpectRefused(Call(owner_, "StartStreamSession", id), "SESSION_NOT_OWNED");
    EXPECT_EQ(Call(service_, "StartStreamSession", id).reason(), "") << "any service's";
    End(created);
  }
}

TEST_F(SessionOwnership, ACharacterBelongsToTheFirstAccountThatStreamsIt) {
  constexpr auto kType = v1::STREAMER_ENTITY_TYPE_CHARACTER;
  const Uuid character = Uuid::V4();
  End(Create(service_, kType, character));  // a service is no account: it binds nobody
  End(Create(owner_, kType, character));
  ExpectRefused(Create(stranger_, kType, character), "STREAMER_NOT_OWNED");
  ExpectRefused(Create(developer_, kType, character), "STREAMER_NOT_OWNED");
  for (const Person* person : {&service_, &admin_}) {
    const Answer created = Create(*person, kType, character);
    ASSERT_EQ(created.reason(), "");
    const std::string id = created.As<v1::StreamSessionDetail>().session_id();
    EXPECT_EQ(Call(owner_, "SetContentTags", id).reason(), "");
    ExpectRefused(Call(stranger_, "SetContentTags", id), "SESSION_NOT_OWNED");
    End(created);
  }
  End(Create(owner_, kType, character));
}

TEST_F(SessionOwnership, WhoHasNoAccountStreamsNothing) {
  nlohmann::json claims = Claims(Uuid::V4(), {"user"}, {"in_game"});
  for (const nlohmann::json& subject : {nlohmann::json("a name"), nlohmann::json()}) {
    claims["sub"] = subject;
    if (subject.is_null()) claims.erase("sub");
    const Person somebody{Uuid::V4(), "Bearer " + Sign(claims)};
    for (const auto type : {v1::STREAMER_ENTITY_TYPE_CHARACTER, v1::STREAMER_ENTITY_TYPE_ACCOUNT,
                            v1::STREAMER_ENTITY_TYPE_ACTOR}) {
      ExpectRefused(Create(somebody, type, Uuid::V4()), "STREAMER_NOT_OWNED");
    }
  }
}

TEST_F(SessionOwnership, NobodyChangesAnothersSession) {
  const std::string session = Create(owner_);
  ASSERT_EQ(Call(owner_, "StartStreamSession", session).reason(), "");
  const std::string actors = Create(service_, v1::STREAMER_ENTITY_TYPE_ACTOR, Uuid::V4())
                                 .As<v1::StreamSessionDetail>()
                                 .session_id();
  int refused = 0;
  for (const MethodDescriptor* method : SessionMethods()) {
    if (kReads.contains(method->name())) continue;
    for (const Person* person : {&stranger_, &developer_}) {
      SCOPED_TRACE(method->full_name());
      const Answer absent = Call(*person, *method, Uuid::V4().ToString());
      EXPECT_EQ(absent.reason(), "SESSION_NOT_FOUND");
      EXPECT_EQ(absent.status.error_code(), grpc::StatusCode::NOT_FOUND);
      ExpectRefused(Call(*person, *method, session), "SESSION_NOT_OWNED");
      ExpectRefused(Call(*person, *method, actors), "SESSION_NOT_OWNED");
      ++refused;
    }
  }
  EXPECT_GE(refused, 16) << "eight RPCs, from two people";
  const auto status = Status(owner_, session);
  EXPECT_EQ(status.status(), v1::STREAM_SESSION_STATUS_LIVE);
  EXPECT_FALSE(status.paused());
  EXPECT_EQ(status.content_tags_size(), 0);
  EXPECT_FALSE(status.active_hype_train());
}

TEST_F(SessionOwnership, TheOwnerAServiceAndAnAdminChangeIt) {
  const std::vector<std::string> way = {
      "StartStreamSession", "PauseStreamSession",      "ResumeStreamSession", "SetContentTags",
      "SetStreamContext",   "TriggerAudienceReaction", "EndStreamSession"};
  std::set<std::string> changing;
  std::set<std::string> expected(way.begin(), way.end());
  expected.insert("RaidStreamSession");  // below: it needs another session
  for (const MethodDescriptor* method : SessionMethods()) {
    if (kReads.contains(method->name())) continue;
    changing.insert(method->name());
  }
  EXPECT_EQ(changing, expected);
  for (const Person* person : {&owner_, &service_, &admin_}) {
    const std::string session = Create(owner_);
    for (const std::string& name : way) {
      EXPECT_EQ(Call(*person, name, session).reason(), "") << name;
    }
    EXPECT_EQ(Status(owner_, session).status(), v1::STREAM_SESSION_STATUS_ENDED);
  }
}

TEST_F(SessionOwnership, ARaidNeedsItsOwnersCareerOrAService) {
  v1::RaidStreamSessionRequest raid;
  raid.set_from_session_id(Create(owner_));
  raid.set_to_session_id(Create(stranger_));
  ASSERT_EQ(Call(owner_, "StartStreamSession", raid.from_session_id()).reason(), "");
  ASSERT_EQ(Call(stranger_, "StartStreamSession", raid.to_session_id()).reason(), "");
  EXPECT_EQ(Ask(owner_, raid).reason(), "CAPABILITY_MISSING");
  ExpectRefused(Ask(stranger_, raid), "SESSION_NOT_OWNED");
  EXPECT_EQ(Ask(service_, raid).reason(), "");
  EXPECT_EQ(Ask(admin_, raid).reason(), "RAID_COOLDOWN");
}

TEST_F(SessionOwnership, AWorldFirstNeedsAService) {
  for (const Person* person : {&owner_, &developer_}) {
    v1::TriggerReactionRequest request;
    request.set_session_id(Create(*person));
    request.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
    ASSERT_EQ(Call(*person, "StartStreamSession", request.session_id()).reason(), "");
    ExpectRefused(Ask(*person, request), "EVENT_TYPE_NOT_ALLOWED");
    ExpectRefused(Ask(stranger_, request), "SESSION_NOT_OWNED");
    EXPECT_EQ(Ask(service_, request).reason(), "");
    EXPECT_EQ(Ask(admin_, request).reason(), "");
  }
}

// Whoever is in the game looks at a session; what is not about one moment of it, anybody does.
TEST_F(SessionOwnership, EverybodyReads) {
  const std::string session = Create(owner_);
  ASSERT_EQ(Call(owner_, "StartStreamSession", session).reason(), "");
  for (const std::string& name : kReads) {
    for (const Person* person : {&stranger_, &developer_, &service_, &admin_}) {
      EXPECT_EQ(Call(*person, name, session).reason(), "") << name;
    }
  }
  const Person outside = MakePerson({"user"});
  v1::ListStreamSessionsRequest list;
  list.set_game_service_id(Game());
  EXPECT_GE(Ask(outside, list).As<v1::ListStreamSessionsResponse>().total(), 1);
  v1::BrowseStreamsRequest browse;
  browse.set_game_service_id(Game());
  EXPECT_GE(Ask(outside, browse).As<v1::BrowseStreamsResponse>().streams_size(), 1);
  v1::ListFollowersRequest followers;
  followers.set_streamer_id(Uuid::V4().ToString());
  EXPECT_EQ(Ask(outside, followers).reason(), "");
}

TEST_F(SessionOwnership, WhetherACrowdIsRealOnlyItsOwnerAndAnAdminSee) {
  const std::string session = Create(owner_);
  ASSERT_EQ(Call(owner_, "StartStreamSession", session).reason(), "");
  v1::ListStreamSessionsRequest list;
  list.set_game_service_id(Game());
  list.set_limit(100);
  v1::BrowseStreamsRequest browse;
  browse.set_game_service_id(Game());
  browse.set_limit(100);
  const auto is_listed = [&] {
    const auto browsed = Ask(stranger_, browse).As<v1::BrowseStreamsResponse>();
    return std::any_of(browsed.streams().begin(), browsed.streams().end(),
                       [&](const auto& detail) { return detail.session_id() == session; });
  };
  ASSERT_TRUE(common::testing::Eventually(is_listed)) << "the list may be a second behind";
  for (const Person* person : {&owner_, &admin_, &stranger_, &developer_, &service_}) {
    const bool sees = person == &owner_ || person == &admin_;
    EXPECT_EQ(Status(*person, session).has_platform_session_linked(), sees);
    const auto listed = Ask(*person, list).As<v1::ListStreamSessionsResponse>();
    const auto browsed = Ask(*person, browse).As<v1::BrowseStreamsResponse>();
    int found = 0;
    for (const auto& sessions : {listed.sessions(), browsed.streams()}) {
      for (const auto& detail : sessions) {
        const bool own = detail.session_id() == session;
        found += own;
        EXPECT_EQ(detail.has_platform_session_linked(), person == &admin_ || (own && sees));
      }
    }
    EXPECT_EQ(found, 2) << "in both lists";
  }
  EXPECT_TRUE(Status(owner_, session).platform_session_linked());
  const auto changed = Call(service_, "SetContentTags", session).As<v1::StreamSessionDetail>();
  EXPECT_FALSE(changed.has_platform_session_linked());
}

TEST_F(SessionOwnership, WhichFollowersWereRealOnlyAnAdminSees) {
  const Uuid character = Uuid::V4();
  const Answer created = Create(owner_, v1::STREAMER_ENTITY_TYPE_CHARACTER, character);
  const std::string session = created.As<v1::StreamSessionDetail>().session_id();
  ASSERT_EQ(Call(owner_, "StartStreamSession", session).reason(), "");
  // Whoever watched follows, with the settings of this suite. An unknown streamer may begin without
  // anybody, and the word brings some.
  v1::TriggerReactionRequest moment;
  moment.set_session_id(session);
  moment.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
  ASSERT_TRUE(common::testing::Eventually([&] {
    Ask(service_, moment);
    return Status(owner_, session).audience_count() > 0;
  }));
  End(created);
  v1::ListFollowersRequest request;
  request.set_streamer_id(character.ToString());
  const auto followers = [&](const Person& person) {
    return Ask(person, request).As<v1::ListFollowersResponse>();
  };
  ASSERT_TRUE(common::testing::Eventually([&] { return followers(admin_).followers_size() > 0; }));
  for (const Person* person : {&owner_, &stranger_, &service_, &admin_}) {
    const auto list = followers(*person);
    for (const auto& follower : list.followers()) {
      EXPECT_EQ(follower.has_is_real_derived(), person == &admin_);
    }
  }
}

}  // namespace
}  // namespace story
