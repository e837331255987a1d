// What sessions of one game are to be, as simply as it can be said: no stores, no audience rules,
// only what every caller may rely on. Random commands are played on this and on the real thing.
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace streaming::model {

using common::Time;

enum class State { kPending, kLive, kEnded };

// Who calls: the player whom the streamer belongs to, another player, a game server.
enum class By { kOwner, kStranger, kService };

// As the contract has them.
enum class Kind { kCharacter = 1, kAccount, kActor };

struct Streamer {
  Kind kind = Kind::kAccount;
  std::optional<By> bound = {};  // a character's player, since one has streamed it
};

struct Session {
  std::string id;
  size_t streamer = 0;
  std::optional<By> owner = {};  // none: game servers only
  State state = State::kPending;
  bool paused = false;
  int tags = 0;  // mask of v1::AudienceInterest - 1
  Time created_at;
  std::optional<Time> started_at;
  std::optional<Time> ended_at;
  Time last_call;
  Time last_raid{};
  int reason = 0;
  int heads = 0;
  int peak = 0;
  double viewer_seconds = 0;
  Time accrued{};

  bool active() const { return state != State::kEnded; }
  // Time passes.
  void Accrue(Time now) {
    if (state == State::kLive) viewer_seconds += heads * common::ToSeconds(now - accrued);
    accrued = now;
  }
  void SetHeads(int now) {
    heads = now;
    peak = std::max(peak, now);
  }
  int duration() const {
    return started_at && ended_at
               ? static_cast<int>(std::floor(common::ToSeconds(*ended_at - *started_at)))
               : 0;
  }
  int average() const {
    const double seconds = started_at && ended_at ? common::ToSeconds(*ended_at - *started_at) : 0;
    return seconds > 0 ? static_cast<int>(std::lround(viewer_seconds / seconds)) : 0;
  }
};

// What a command is refused with: the name of the reason, "" = it is carried out.
class Model {
 public:
  explicit Model(std::vector<Streamer> streamers) : streamers_(std::move(streamers)) {}

  Session* Find(const std::string& id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
  }
  std::map<std::string, Session>& sessions() { return sessions_; }

  std::string Create(size_t streamer, By by) const {
    if (by != By::kService && OwnerOf(streamer, by) != by) return "STREAMER_NOT_OWNED";
    for (const auto& [id, session] : sessions_) {
      if (session.streamer == streamer && session.active()) return "STREAMER_ALREADY_ACTIVE";
    }
    return "";
  }
  // What Create has allowed.
  void Add(Session session, By by) {
    Streamer& streamer = streamers_[session.streamer];
    session.owner = OwnerOf(session.streamer, by);
    if (streamer.kind == Kind::kCharacter) streamer.bound = session.owner;
    sessions_[session.id] = std::move(session);
  }

  std::string Start(const std::string& id, By by) {
    if (auto refused = Owned(id, by); !refused.empty()) return refused;
    return Find(id)->state == State::kPending ? "" : "SESSION_NOT_PENDING";
  }
  std::string End(const std::string& id, By by) { return Owned(id, by); }
  std::string Pause(const std::string& id, By by) {
    if (auto refused = Owned(id, by); !refused.empty()) return refused;
    return Find(id)->state == State::kLive ? "" : "SESSION_NOT_LIVE";
  }
  std::string Set(const std::string& id, By by) {
    if (auto refused = Owned(id, by); !refused.empty()) return refused;
    return Find(id)->active() ? "" : "SESSION_NOT_ACTIVE";
  }
  std::string React(const std::string& id, By by, bool world_first) {
    if (auto refused = Owned(id, by); !refused.empty()) return refused;
    if (world_first && by != By::kService) return "EVENT_TYPE_NOT_ALLOWED";
    return Find(id)->state == State::kLive ? "" : "SESSION_NOT_LIVE";
  }
  std::string Raid(const std::string& from, const std::string& to, By by, Time now,
                   common::Duration cool_down) {
    if (auto refused = Owned(from, by); !refused.empty()) return refused;
    if (Find(to) == nullptr) return "SESSION_NOT_FOUND";
    if (by != By::kService) return "CAPABILITY_MISSING";  // of streamers without a career
    if (from == to) return "RAID_TARGET_INVALID";
    if (Find(from)->state != State::kLive || Find(to)->state != State::kLive) {
      return "SESSION_NOT_LIVE";
    }
    if (Find(to)->paused) return "RAID_TARGET_PAUSED";
    return now - Find(from)->last_raid < cool_down ? "RAID_COOLDOWN" : "";
  }

  void Ended(Session& session, Time now, int reason) {
    session.Accrue(now);
    session.state = State::kEnded;
    session.ended_at = now;
    session.reason = reason;
    session.heads = 0;
  }
  void Pass(Time now) {
    for (auto& [id, session] : sessions_) session.Accrue(now);
  }
  // What the worker ends at its next look.
  void Expire(Time now, common::Duration pending, common::Duration idle, int reason) {
    for (auto& [id, session] : sessions_) {
      const bool forgotten =
          session.state == State::kPending && now - session.created_at >= pending;
      const bool idles = session.state == State::kLive && now - session.last_call >= idle;
      if (forgotten || idles) Ended(session, now, reason);
    }
  }

 private:
  std::string Owned(const std::string& id, By by) {
    const Session* session = Find(id);
    if (session == nullptr) return "SESSION_NOT_FOUND";
    return by == By::kService || session->owner == by ? "" : "SESSION_NOT_OWNED";
  }
  // Whose a session would be that this one creates.
  std::optional<By> OwnerOf(size_t streamer, By by) const {
    const auto& [kind, bound] = streamers_[streamer];
    if (kind == Kind::kActor) return std::nullopt;
    if (kind == Kind::kAccount) return By::kOwner;
    return bound || by == By::kService ? bound : by;
  }

  std::vector<Streamer> streamers_;
  std::map<std::string, Session> sessions_;
};

}  // namespace streaming::model
