// A game on a streaming daemon, for tests of what its settings do. Whatever a daemon refuses
// throws, with its words, unless a test may expect that.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/common/base/status.h"
#include "libs/common/base/time.h"
#include "libs/common/mysql/connection.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {

namespace v1 = bannou::streaming::v1;

struct NewStream {
  std::vector<v1::AudienceInterest> tags = {};
  int usual_audience = 0;      // heads; 0 = a streamer without a past
  bool famous = false;         // the best reputation that there is
  float context_score = 0.5f;  // 0 to 1
  std::optional<common::Uuid> game_session = {};
  std::optional<common::Uuid> account = {};  // whose it is; absent: somebody's who is new
  bool of_character = false;                 // of one that the account has not streamed before
  std::string platform_session = {};         // whose crowd it asks for
};
struct Stream {
  std::string session;
  common::Uuid account;  // that streams
  Caller player;         // its owner
};

class Game {
  using Sessions = v1::StreamSessionService::Stub;

  // Calls a method whose request is nothing but the session.
  template <class Request, class Stub, class Method>
  auto Ask(const Stream& stream, const std::unique_ptr<Stub>& stub, Method method) {
    Request request;
    request.set_session_id(stream.session);
    return ValueOf(stream.player.Call(stub, method, request));
  }

 public:
  using Event = v1::ReactionEventType;
  using Reaction = v1::AudienceReactionResult;

  // Nothing is seeded yet.
  explicit Game(const Daemon& daemon)
      : stack_{.stream_grpc = daemon.grpc_address(),  // not called
               .streaming_grpc = daemon.grpc_address(),
               .auth_key = common::config::Secret(kAuthKey)},
        stubs_(stack_),
        admin_(MakeToken(stack_, common::Uuid::V4(), {"admin"}, {})),
        server_(MakeToken(stack_, common::Uuid::V4(), {"service"}, {})),
        database_(OpenDatabase(daemon.database())) {}

  const common::Uuid& id() const { return id_; }

  // How many members it got; without `count` that is the daemon's choice.
  int Seed(std::optional<int> count = std::nullopt) {
    v1::SeedAudiencePoolRequest request;
    request.set_game_service_id(id_.ToString());
    if (count) request.set_count(*count);
    return ValueOf(
               admin_.Call(stubs_.pools, &v1::AudiencePoolService::Stub::SeedAudiencePool, request))
        .created();
  }
  absl::StatusOr<v1::AudiencePoolStatus> Pool() {
    v1::AudiencePoolStatusRequest request;
    request.set_game_service_id(id_.ToString());
    return admin_.Call(stubs_.pools, &v1::AudiencePoolService::Stub::GetAudiencePoolStatus,
                       request);
  }

  Stream Create(const NewStream& wish = {}) {
    return CreateFor(wish.account.value_or(common::Uuid::V4()), wish);
  }
  auto Start(const Stream& stream) {
    return Ask<v1::StartStreamSessionRequest>(stream, stubs_.sessions,
                                              &Sessions::StartStreamSession);
  }
  // The next session of the same streamer.
  Stream GoLiveAgain(const Stream& ended) {
    Stream stream = CreateFor(ended.account, {});
    Start(stream);
    return stream;
  }
  Stream GoLive(const NewStream& wish = {}) {
    Stream stream = Create(wish);
    Start(stream);
    return stream;
  }
  auto Status(const Stream& stream) {
    return Ask<v1::StreamSessionStatusRequest>(stream, stubs_.sessions,
                                               &Sessions::GetStreamSessionStatus);
  }
  auto End(const Stream& stream) {
    return Ask<v1::EndStreamSessionRequest>(stream, stubs_.sessions, &Sessions::EndStreamSession);
  }
  // As a game server sends it.
  absl::StatusOr<v1::RaidStreamSessionResponse> Raid(const Stream& from, const Stream& to) {
    v1::RaidStreamSessionRequest request;
    request.set_from_session_id(from.session);
    request.set_to_session_id(to.session);
    return server_.Call(stubs_.sessions, &Sessions::RaidStreamSession, request);
  }
  auto Audience(const Stream& stream) {
    return Ask<v1::QueryAudienceRequest>(stream, stubs_.audiences,
                                         &v1::AudienceService::Stub::QueryAudience);
  }
  auto Hype(const Stream& stream) {
    return Ask<v1::HypeStatusRequest>(stream, stubs_.hype, &v1::HypeService::Stub::GetHypeStatus);
  }
  auto Truth(const Stream& stream) {
    v1::GetAudienceTruthRequest request;
    request.set_session_id(stream.session);
    return ValueOf(
        admin_.Call(stubs_.audiences, &v1::AudienceService::Stub::GetAudienceTruth, request));
  }

  // As a player tells it, and as the game server does.
  absl::StatusOr<Reaction> PlayerTells(const Stream& stream, Event event, float significance) {
    return Tell(stream.player, stream, event, significance);
  }
  Reaction ServerTells(const Stream& stream, Event event, float significance) {
    return ValueOf(Tell(server_, stream, event, significance));
  }
  // The same under an id, so that it may be told again.
  absl::StatusOr<Reaction> ServerTells(const Stream& stream, Event event, float significance,
                                       const common::Uuid& request_id) {
    return Tell(server_, stream, event, significance, request_id.ToString());
  }

 private:
  Stream CreateFor(const common::Uuid& account, const NewStream& wish) {
    Stream stream{.account = account,
                  .player = Caller(MakeToken(stack_, account, {"user"}, {"in_game"}))};
    const auto type =
        wish.of_character ? v1::STREAMER_ENTITY_TYPE_CHARACTER : v1::STREAMER_ENTITY_TYPE_ACCOUNT;
    const common::Uuid streamer = wish.of_character ? common::Uuid::V4() : account;
    Remember(type, streamer, wish);
    v1::CreateStreamSessionRequest create;
    create.set_game_service_id(id_.ToString());
    create.set_streamer_id(streamer.ToString());
    create.set_streamer_type(type);
    for (const auto tag : wish.tags) create.add_content_tags(tag);
    if (!wish.platform_session.empty()) create.set_platform_session_id(wish.platform_session);
    if (wish.game_session) create.set_game_session_id(wish.game_session->ToString());
    stream.session =
        ValueOf(stream.player.Call(stubs_.sessions, &Sessions::CreateStreamSession, create))
            .session_id();
    v1::SetStreamContextRequest context;
    context.set_session_id(stream.session);
    context.set_context_score(wish.context_score);
    ValueOf(stream.player.Call(stubs_.sessions, &Sessions::SetStreamContext, context));
    return stream;
  }
  absl::StatusOr<Reaction> Tell(const Caller& caller, const Stream& stream, Event event,
                                float significance, const std::string& request_id = "") {
    v1::TriggerReactionRequest request;
    request.set_session_id(stream.session);
    request.set_event_type(event);
    request.set_significance(significance);
    if (!request_id.empty()) request.set_request_id(request_id);
    return caller.Call(stubs_.audiences, &v1::AudienceService::Stub::TriggerAudienceReaction,
                       request);
  }
  // What earlier sessions would have left of a streamer.
  void Remember(v1::StreamerEntityType type, const common::Uuid& streamer, const NewStream& wish) {
    if (wish.usual_audience == 0 && !wish.famous) return;
    ValueOf(database_->Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret, "
        "sessions, mean_audience, growth_audience, updated_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?)",
        static_cast<int>(type), streamer, id_, wish.usual_audience == 0 ? 0 : 100,
        wish.usual_audience, wish.famous ? 1'000'000 : 0, common::Now()));
  }

  const common::Uuid id_ = common::Uuid::V4();
  const Stack stack_;
  Stubs stubs_;
  const Caller admin_;
  const Caller server_;
  const std::unique_ptr<common::mysql::Connection> database_;
};

}  // namespace story
