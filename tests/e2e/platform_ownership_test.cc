// Whose links and platform sessions are whose (decision 21 of the design): the owner, a service and
// an admin have them; for everybody else they do not exist.
#include <bannou/stream/v1/platform.pb.h>
#include <bannou/stream/v1/session.pb.h>
#include <google/rpc/status.pb.h>

#include "libs/common/http/url.h"
#include "tests/e2e/both_daemons.h"
#include "tests/e2e/channel.h"
#include "tests/story/contract.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// All that a caller can tell two refusals by.
std::string Told(const Answer& answer) {
  google::rpc::Status details;
  details.ParseFromString(answer.status.error_details());
  return std::to_string(answer.status.error_code()) + " " + answer.status.error_message() + "\n" +
         details.DebugString();
}

// Sets a text field, if the message has it. False when it has not.
bool Set(Message& message, const std::string& name, const std::string& text) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message.GetReflection()->SetString(&message, field, text);
  return field != nullptr;
}

class PlatformOwnership : public BothDaemons {
 protected:
  const Person owner_ = MakePerson({"user"});
  const Person stranger_ = MakePerson({"user"});
  const Person developer_ = MakePerson({"developer"});
  const Person service_ = MakePerson({"service"});
  const Person admin_ = MakePerson({"admin"});

  // The owner has asked for a link and agreed to it at the platform: what completes it.
  v1::PlatformCallbackRequest AgreeToLink() {
    const std::string login = "user_" + owner_.account.ToString().substr(0, 8);
    platform_side().Sim("/sim/users", {{"login", login}});
    v1::LinkPlatformRequest request;
    request.set_account_id(owner_.account.ToString());
    request.set_platform(v1::STREAM_PLATFORM_TWITCH);
    const auto begun = Ask(owner_, request).As<v1::LinkPlatformResponse>();
    const std::string location = platform_side().Approve(begun.authorization_url(), login);
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1)).value();
    v1::PlatformCallbackRequest callback;
    callback.set_link_request_id(begun.link_request_id());
    callback.set_authorization_code(std::string(*common::http::FindParam(query, "code")));
    callback.set_state(std::string(*common::http::FindParam(query, "state")));
    return callback;
  }

  // The owner's channel is linked, live and read.
  void GoLive() {
    Channel channel(platform_side(), owner_.account);
    channel.Link();
    link_id_ = channel.Links().value().platforms(0).link_id();
    session_id_ = channel.GoLive();
  }

  static v1::ListPlatformSessionsResponse List(const Person& caller, const Person& whose) {
    v1::ListPlatformSessionsRequest request;
    request.set_account_id(whose.account.ToString());
    request.set_include_ended(true);
    return Ask(caller, request).As<v1::ListPlatformSessionsResponse>();
  }
  v1::PlatformSessionStatus Status(const Person& caller) const {
    v1::PlatformSessionStatusRequest request;
    request.set_platform_session_id(session_id_);
    return Ask(caller, request).As<v1::PlatformSessionStatus>();
  }

  std::string link_id_;
  std::string session_id_;
};

TEST_F(PlatformOwnership, AnothersLinkRequestLooksLikeNone) {
  const v1::PlatformCallbackRequest callback = AgreeToLink();
  v1::PlatformCallbackRequest absent = callback;
  absent.set_link_request_id(Uuid::V4().ToString());
  for (const Person* person : {&stranger_, &developer_}) {
    const Answer refused = Ask(*person, callback);
    EXPECT_EQ(refused.reason(), "LINK_REQUEST_NOT_FOUND");
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(Told(refused), Told(Ask(*person, absent)));
  }
  EXPECT_EQ(Ask(owner_, callback).reason(), "") << "the attempts used it up";
}

// Whatever names a link or a platform session, whoever it is from.
TEST_F(PlatformOwnership, WhatIsAnothersLooksLikeNothing) {
  GoLive();
  const std::string before = Status(owner_).SerializeAsString();
  int refused = 0;
  for (const MethodDescriptor* method : ContractMethods()) {
    if (method->file()->package() != "bannou.stream.v1") continue;
    if (AccessOf(*method).role() != bannou::common::v1::ROLE_USER) continue;
    for (const Person* person : {&stranger_, &developer_}) {
      SCOPED_TRACE(method->full_name());
      const auto absent = GoodMessage(*method->input_type());
      Set(*absent, "account_id", person->account.ToString());
      const std::unique_ptr<Message> anothers(absent->New());
      anothers->CopyFrom(*absent);
      const bool link = Set(*anothers, "link_id", link_id_);
      const bool session = Set(*anothers, "platform_session_id", session_id_);
      if (!link && !session) continue;
      const Answer answer = Ask(*person, *anothers);
      EXPECT_EQ(Told(answer), Told(Ask(*person, *absent)));
      if (answer.reason() == "NOT_IMPLEMENTED") continue;
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
      EXPECT_EQ(answer.reason(), link ? "LINK_NOT_FOUND" : "PLATFORM_SESSION_NOT_FOUND");
      ++refused;
    }
  }
  EXPECT_GE(refused, 8) << "start, stop, associate and status, from two people";
  EXPECT_EQ(Status(owner_).SerializeAsString(), before) << "something was changed";
}

TEST_F(PlatformOwnership, AListHoldsTheAccountsOwn) {
  GoLive();
  EXPECT_EQ(List(stranger_, stranger_).sessions_size(), 0);
  v1::ListPlatformsRequest links;
  links.set_account_id(owner_.account.ToString());
  for (const Person* person : {&owner_, &service_, &admin_}) {
    EXPECT_EQ(List(*person, owner_).sessions_size(), 1);
    EXPECT_EQ(Ask(*person, links).As<v1::ListPlatformsResponse>().platforms_size(), 1);
  }
  EXPECT_EQ(Ask(stranger_, links).reason(), "NOT_OWNER");
  links.set_account_id(stranger_.account.ToString());
  EXPECT_EQ(Ask(stranger_, links).As<v1::ListPlatformsResponse>().platforms_size(), 0);
}

TEST_F(PlatformOwnership, TheOwnerAServiceAndAnAdminDoItAll) {
  GoLive();
  for (const Person* person : {&owner_, &service_, &admin_}) {
    v1::AssociateSessionRequest associate;
    associate.set_platform_session_id(session_id_);
    associate.set_in_game_session_id(Uuid::V4().ToString());
    EXPECT_EQ(Ask(*person, associate).reason(), "");
    EXPECT_EQ(Status(*person).in_game_session_id(), associate.in_game_session_id());

    v1::StopPlatformSessionRequest stop;
    stop.set_platform_session_id(session_id_);
    EXPECT_EQ(Ask(*person, stop).reason(), "");
    EXPECT_FALSE(Status(*person).is_active());

    v1::StartPlatformSessionRequest start;
    start.set_link_id(link_id_);
    const Answer started = Ask(*person, start);
    ASSERT_EQ(started.reason(), "");
    session_id_ = started.As<v1::PlatformSessionStatus>().platform_session_id();
    EXPECT_TRUE(Status(*person).is_active());
  }
}

TEST_F(PlatformOwnership, HowRealTheCrowdIsOnlyAnAdminSees) {
  GoLive();
  for (const Person* person : {&owner_, &service_}) {
    for (const auto& status : {Status(*person), List(*person, owner_).sessions(0)}) {
      EXPECT_FALSE(status.has_tracked_viewer_count());
      EXPECT_FALSE(status.has_total_pulses_published());
    }
  }
  for (const auto& status : {Status(admin_), List(admin_, owner_).sessions(0)}) {
    EXPECT_TRUE(status.has_tracked_viewer_count());
    EXPECT_TRUE(status.has_total_pulses_published());
  }
}

}  // namespace
}  // namespace story
