// Many streamers of one game and many hands that do at random whatever a game can do, on whichever
// daemon answers. What the daemons may refuse is counted; what they must never answer is kept.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/match.h>

#include "libs/common/testing/eventually.h"
#include "tests/story/client.h"

namespace story {

namespace v1 = bannou::streaming::v1;

class RandomPlayers {
 public:
  // `stacks`: one a daemon, all of one database.
  RandomPlayers(const std::vector<Stack>& stacks, const common::Uuid& game, size_t streamers)
      : game_(game),
        server_(MakeToken(stacks.at(0), common::Uuid::V4(), {"service", "admin"}, {"in_game"})) {
    for (const Stack& stack : stacks) stubs_.push_back(std::make_unique<Stubs>(stack));
    for (size_t i = 0; i < streamers; ++i) streamers_.push_back(std::make_unique<Streamer>());
  }
  ~RandomPlayers() { Stop(); }

  void Start(size_t hands, uint64_t seed) {
    for (size_t i = 0; i < hands; ++i) {
      threads_.emplace_back([this, seed, i] { Play(std::mt19937_64(seed + i)); });
    }
  }
  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::vector<common::Uuid> Ids() const {
    std::vector<common::Uuid> ids;
    for (const auto& streamer : streamers_) ids.push_back(streamer->id);
    return ids;
  }
  uint64_t done() const { return done_; }  // calls that were carried out
  // What was done, by name and answer, to how often.
  std::map<std::string, uint64_t> answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  // Answers that no crash excuses.
  std::vector<std::string> faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
  }

  absl::StatusOr<v1::AudiencePoolStatus> Pool() {
    v1::AudiencePoolStatusRequest request;
    request.set_game_service_id(game_.ToString());
    return server_.Call(stubs_[0]->pools, &v1::AudiencePoolService::Stub::GetAudiencePoolStatus,
                        request);
  }
  absl::Status Seed(int count) { return SeedOn(*stubs_[0], count); }
  absl::Status End(const std::string& session) { return EndOn(*stubs_[0], session); }

 private:
  using Sessions = v1::StreamSessionService::Stub;
  using Random = std::mt19937_64;
  struct Streamer {
    const common::Uuid id = common::Uuid::V4();
    std::mutex mutex;
    common::Uuid request = common::Uuid::V4();  // of the next session: whoever repeats it gets it
    std::string session;                        // "" = none that we know of
  };

  void Play(Random random) {
    while (!stopping_) {
      Stubs& stubs = *stubs_[random() % stubs_.size()];
      Streamer& streamer = Any(random);
      const auto [name, status] = DoOne(stubs, streamer, random);
      Note(name, status);
      if (absl::IsUnavailable(status)) AwaitAnyDaemon(random);
    }
  }

  // Some are much more popular than others, so that hands get in each other's way.
  Streamer& Any(Random& random) {
    const size_t all = streamers_.size();
    return *streamers_[(random() % all) * (random() % all) / all];
  }

  // A call that fails at once must not be repeated at once.
  void AwaitAnyDaemon(Random& random) {
    common::testing::Eventually(
        [&] {
          const auto& stubs = stubs_[random() % stubs_.size()];
          v1::AudiencePoolStatusRequest request;
          request.set_game_service_id(game_.ToString());
          return stopping_ ||
                 server_
                     .Call(stubs->pools, &v1::AudiencePoolService::Stub::GetAudiencePoolStatus,
                           request)
                     .ok();
        },
        std::chrono::seconds(2), std::chrono::milliseconds(20));
  }

  void Note(const std::string& name, const absl::Status& status) {
    const std::string answer =
        status.ok() ? "OK" : std::string(common::ToStd(absl::StatusCodeToString(status.code())));
    const bool excused = status.ok() || absl::IsUnavailable(status) ||
                         absl::IsDeadlineExceeded(status) || absl::IsFailedPrecondition(status) ||
                         absl::IsAborted(status) || absl::IsResourceExhausted(status) ||
                         absl::IsAlreadyExists(status) ||
                         absl::StrContains(status.message(), "RAID_TARGET_INVALID");  // it pauses
    const std::lock_guard lock(mutex_);
    ++answers_[name + " " + answer];
    if (status.ok()) ++done_;
    if (!excused) faults_.push_back(name + ": " + std::string(common::ToStd(status.message())));
  }

  std::pair<std::string, absl::Status> DoOne(Stubs& stubs, Streamer& streamer, Random& random) {
    std::string session;
    common::Uuid request;
    {
      const std::lock_guard lock(streamer.mutex);
      session = streamer.session;
      request = streamer.request;
    }
    if (session.empty()) return {"create", Create(stubs, streamer, request)};
    const uint64_t dice = random() % 100;
    if (dice < 15)
      return {"start",
              Ask<v1::StartStreamSessionRequest>(stubs, session, &Sessions::StartStreamSession)};
    if (dice < 46) return {"react", React(stubs, session, random)};
    if (dice < 58) return {"raid", Raid(stubs, session, random)};
    if (dice < 63)
      return {"pause",
              Ask<v1::PauseStreamSessionRequest>(stubs, session, &Sessions::PauseStreamSession)};
    if (dice < 70)
      return {"resume",
              Ask<v1::ResumeStreamSessionRequest>(stubs, session, &Sessions::ResumeStreamSession)};
    if (dice < 79) return {"tags", SetTags(stubs, session, random)};
    if (dice < 91)
      return {"status", Ask<v1::StreamSessionStatusRequest>(stubs, session,
                                                            &Sessions::GetStreamSessionStatus)};
    if (dice < 92) return {"seed", SeedOn(stubs, 10)};
    const absl::Status ended = EndOn(stubs, session);
    if (ended.ok()) Forget(streamer, session);
    return {"end", ended};
  }

  static void Forget(Streamer& streamer, const std::string& session) {
    const std::lock_guard lock(streamer.mutex);
    if (streamer.session != session) return;  // another hand has gone on
    streamer.session.clear();
    streamer.request = common::Uuid::V4();
  }

  absl::Status Create(Stubs& stubs, Streamer& streamer, const common::Uuid& id) {
    v1::CreateStreamSessionRequest request;
    request.set_game_service_id(game_.ToString());
    request.set_streamer_id(streamer.id.ToString());
    request.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACTOR);
    request.add_content_tags(v1::AUDIENCE_INTEREST_COMBAT);
    request.set_request_id(id.ToString());
    const auto created = server_.Call(stubs.sessions, &Sessions::CreateStreamSession, request);
    if (!created.ok()) return created.status();
    const std::lock_guard lock(streamer.mutex);
    if (streamer.request == id) streamer.session = created->session_id();
    return absl::OkStatus();
  }
  template <class Request, class Method>
  absl::Status Ask(Stubs& stubs, const std::string& session, Method method) {
    Request request;
    request.set_session_id(session);
    return server_.Call(stubs.sessions, method, request).status();
  }
  absl::Status React(Stubs& stubs, const std::string& session, Random& random) {
    v1::TriggerReactionRequest request;
    request.set_session_id(session);
    request.set_event_type(
        static_cast<v1::ReactionEventType>(1 + random() % (v1::ReactionEventType_ARRAYSIZE - 1)));
    request.set_significance(static_cast<float>(random() % 101) / 100);
    if (random() % 2 == 0) request.set_request_id(common::Uuid::V4().ToString());
    return server_
        .Call(stubs.audiences, &v1::AudienceService::Stub::TriggerAudienceReaction, request)
        .status();
  }
  absl::Status Raid(Stubs& stubs, const std::string& session, Random& random) {
    Streamer& other = Any(random);
    v1::RaidStreamSessionRequest request;
    {
      const std::lock_guard lock(other.mutex);
      request.set_to_session_id(other.session);
    }
    if (request.to_session_id().empty() || request.to_session_id() == session) {
      return absl::FailedPreconditionError("nobody to raid");
    }
    request.set_from_session_id(session);
    if (random() % 2 == 0) request.set_request_id(common::Uuid::V4().ToString());
    return server_.Call(stubs.sessions, &Sessions::RaidStreamSession, request).status();
  }
  absl::Status SetTags(Stubs& stubs, const std::string& session, Random& random) {
    v1::SetContentTagsRequest request;
    request.set_session_id(session);
    request.add_content_tags(
        static_cast<v1::AudienceInterest>(1 + random() % (v1::AudienceInterest_ARRAYSIZE - 1)));
    return server_.Call(stubs.sessions, &Sessions::SetContentTags, request).status();
  }
  absl::Status SeedOn(Stubs& stubs, int count) {
    v1::SeedAudiencePoolRequest request;
    request.set_game_service_id(game_.ToString());
    request.set_count(count);
    return server_.Call(stubs.pools, &v1::AudiencePoolService::Stub::SeedAudiencePool, request)
        .status();
  }
  absl::Status EndOn(Stubs& stubs, const std::string& session) {
    return Ask<v1::EndStreamSessionRequest>(stubs, session, &Sessions::EndStreamSession);
  }

  const common::Uuid game_;
  const Caller server_;
  std::vector<std::unique_ptr<Stubs>> stubs_;
  std::vector<std::unique_ptr<Streamer>> streamers_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> done_{0};
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> answers_;
  std::vector<std::string> faults_;
  std::vector<std::thread> threads_;
};

}  // namespace story
