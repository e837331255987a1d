// One path through the model (audience_model.h), done with the real Functions on a real Redis.
//
// Time is Redis' own, so that the end of a lease or of a round is made by setting `until` and
// `due`. A fall-back is one for real: all keys of the shard are copied (COPY) and copied back.
#pragma once
#include <array>
#include <bit>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/audience_store.h"
#include "tests/chaos/audience_model.h"

namespace streaming::audience::replay {

using model::Action;
using model::Bounds;
using model::Kind;
using model::Members;
using model::Refusal;
using model::State;

inline constexpr char kFar[] = "99999999999999";  // a time in ms that does not come
inline constexpr char kHour[] = "3600000";        // ms
inline constexpr char kRoundField[] = "round";  // of a session: the last one that it was stepped in

// Where the model's members lie in the pool: in this order, not side by side, in two runs.
struct Place {
  uint32_t run;
  uint32_t place;
};
inline constexpr std::array<Place, 3> kPlaces = {{{0, 5}, {0, 40}, {3, 63}}};

inline std::string Library(const std::string& name) {
  std::ifstream file("services/streaming/redis/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A session as Redis has it, in the words of the model.
struct Seen {
  std::string nonce;
  Members members = 0;
  uint8_t round = 0;
  bool sealed = false;
  bool strangers = false;  // has members that the model does not know, or one twice
};

inline void AddMembers(Seen& seen, const std::vector<Party>& parties) {
  uint32_t known = 0;
  for (const Party& party : parties) {
    for (size_t i = 0; i < kPlaces.size(); ++i) {
      const bool here =
          party.run == kPlaces[i].run && (party.members & BitOf(kPlaces[i].place)) != 0;
      if (!here) continue;
      ++known;
      seen.members |= static_cast<Members>(1 << i);
    }
    seen.strangers |= party.members == 0;
  }
  uint32_t all = 0;
  for (const Party& party : parties) all += CountOf(party.members);
  seen.strangers |= known != all || all != static_cast<uint32_t>(std::popcount(seen.members));
}

inline RunMask MaskOf(Members members, uint32_t run) {
  RunMask mask = 0;
  for (size_t i = 0; i < kPlaces.size(); ++i) {
    if (kPlaces[i].run == run && (members >> i & 1) != 0) mask |= BitOf(kPlaces[i].place);
  }
  return mask;
}

// The Redis and its Functions, for all replays.
struct Real {
  common::testing::RedisServer server;
  common::redis::Redis redis{{.port = server.port(), .pool_size = 2}};
  common::redis::Functions audience_library{redis, Library("audience.lua")};
  common::redis::Functions rounds_library{redis, Library("rounds.lua")};
  AudienceStore store{redis, audience_library};
  uint32_t shards = 0;

  Real() {
    EXPECT_TRUE(audience_library.Load().ok());
    EXPECT_TRUE(rounds_library.Load().ok());
  }
};

// One path through the model, done on a shard of its own.
class Replay {
 public:
  Replay(Real& real, const Bounds& bounds) : real_(real), bounds_(bounds) {
    shard_ = {common::Uuid::FromRandomBits(7, ++real.shards), 0};
    for (uint8_t i = 0; i < kPlaces.size(); ++i) sessions_.push_back(SessionOf(i));
  }
  ~Replay() {
    std::vector<std::string> words = {"DEL"};
    for (const std::string& key : Keys()) words.insert(words.end(), {key, CopyOf(key)});
    Run({words});
  }

  // Does it, and says what is not as the model has it; "" = all is.
  std::string Step(const Action& action, const State& before, const model::Outcome& expected) {
    const absl::Status status = Do(action, before);
    const auto refused = common::redis::ErrorCode(status);
    const std::string code(refused.value_or(status.ok() ? "" : "a failure"));
    if (code != CodeOf(expected.refusal)) return "refused with '" + code + "'";
    return wrong_.empty() ? Compare(expected.next) : wrong_;
  }

 private:
  struct Instance {
    uint32_t life = 0;  // how often it has crashed
    uint32_t round = 0;
    std::map<uint8_t, StoredAudience> seen = {};
  };

  static common::Uuid SessionOf(uint8_t number) { return common::Uuid::FromRandomBits(8, number); }
  static std::string CodeOf(Refusal refusal) {
    switch (refusal) {
      case Refusal::kAbsent:
        return std::string(kAbsent);
      case Refusal::kExists:
        return std::string(kExists);
      case Refusal::kSealed:
        return std::string(kSealed);
      case Refusal::kNonce:
        return std::string(kStaleNonce);
      case Refusal::kLeader:
        return std::string(kNotLeader);
      case Refusal::kChanged:
        return "CHANGED";
      default:
        return "";
    }
  }
  std::string NameOf(uint8_t instance) const {
    return std::to_string(instance) + "." + std::to_string(instances_[instance].life);
  }
  void Expect(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }

  // Throws when the server is not there: then there is nothing to compare.
  std::vector<common::redis::Reply> Run(const std::vector<std::vector<std::string>>& commands) {
    return real_.redis.Pipeline(commands).value();
  }
  // Copies stand beside what they are copies of, in the same slot.
  static std::string CopyOf(const std::string& key) { return key + ":copy"; }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys = {TakenKey(shard_), SessionsKey(shard_), RoundsKey(shard_)};
    for (const common::Uuid& id : sessions_) {
      keys.insert(keys.end(), {SessionKey(shard_, id), DepartedKey(shard_, id),
                               AnswersKey(shard_, id), FollowersKey(shard_, id)});
    }
    return keys;
  }

  absl::Status Do(const Action& action, const State& before) {
    Instance& me = instances_[action.instance];
    const uint8_t held = static_cast<uint8_t>(std::popcount(before.server.taken));
    switch (action.kind) {
      case Kind::kRead:
        return Read(action);
      case Kind::kApply:
      case Kind::kStep:
        return Apply(action);
      case Kind::kMove:
      case Kind::kStepMove:
        return Move(action);
      case Kind::kOpen:
        return real_.store
            .Open(shard_, SessionOf(action.session),
                  {Demands(action.take), bounds_.capacity, "", {{kRoundField, "0"}}})
            .status();
      case Kind::kSeal:
        return real_.store.Seal(shard_, SessionOf(action.session)).status();
      case Kind::kRelease: {
        const auto freed = real_.store.Release(shard_, SessionOf(action.session));
        const Members were = before.server.sessions[action.session].members;
        Expect(freed.ok() && *freed == static_cast<uint32_t>(std::popcount(were)), "freed others");
        return freed.status();
      }
      case Kind::kAudit: {
        const auto audited = real_.store.Audit(shard_);
        Expect(audited.ok() && audited->bits_before == held && audited->bits_after == held &&
                   audited->members == held,
               "an audit found something");
        return audited.status();
      }
      case Kind::kList: {
        auto listed = real_.store.Sessions(shard_);
        if (listed.ok()) listed_ = *std::move(listed);
        return listed.status();
      }
      case Kind::kLateAudit:
        return LateAudit(held);
      case Kind::kCrash:
        me = {.life = me.life + 1};
        return absl::OkStatus();
      case Kind::kCopy:
        return Copy(true);
      case Kind::kFallBack:
        return Copy(false);
      default:
        return Lead(action);
    }
  }

  absl::Status Read(const Action& action) {
    auto read = real_.store.Read(shard_, SessionOf(action.session));
    if (!read.ok()) return read.status();
    auto& seen = instances_[action.instance].seen;
    seen.erase(action.session);
    if (*read) seen.emplace(action.session, **read);
    return absl::OkStatus();
  }

  // The second half of AudienceStore::Audit.
  absl::Status LateAudit(uint8_t held) {
    std::vector<std::string> keys = {TakenKey(shard_), SessionsKey(shard_)};
    std::vector<std::string> ids;
    for (const common::Uuid& id : listed_) {
      keys.push_back(SessionKey(shard_, id));
      ids.push_back(id.ToString());
    }
    const auto reply = real_.audience_library.Call("audience_v1_audit", keys, ids);
    if (!reply.ok()) return reply.status();
    for (size_t i = 0; i < 3; ++i) {
      Expect((*reply)[i].integer() == held, "a late audit found something");
    }
    return absl::OkStatus();
  }

  std::vector<Demand> Demands(uint8_t take) const {
    const auto all = static_cast<Members>((1 << bounds_.members) - 1);
    std::vector<Demand> demands;
    if (take == 0) return demands;
    for (const uint32_t run : {kPlaces.front().run, kPlaces.back().run}) {
      demands.push_back({.run = run,
                         .count = static_cast<uint16_t>(demands.empty() ? take : 0),
                         .members = MaskOf(all, run)});
    }
    return demands;
  }

  // Calls f(leave) for each part of a party that leaves.
  template <class F>
  static void ForEachLeave(const StoredAudience& seen, model::Who who, int most, F f) {
    Seen known;
    AddMembers(known, seen.parties);
    const Members gone = model::Pick(known.members, who, most);
    for (uint32_t position = 0; position < seen.parties.size(); ++position) {
      const RunMask leaving =
          seen.parties[position].members & MaskOf(gone, seen.parties[position].run);
      if (leaving != 0) f(Leave{position, leaving});
    }
  }

  absl::Status Apply(const Action& action) {
    const Instance& me = instances_[action.instance];
    const StoredAudience& seen = me.seen.at(action.session);
    AudienceChange change{
        .expected = seen.nonce, .demands = Demands(action.take), .capacity = bounds_.capacity};
    ForEachLeave(seen, action.leave, bounds_.members, [&](const Leave& leave) {
      AppendLeave(change.leaves, leave);
      AppendDeparture(change.departures, {});
    });
    if (action.kind == Kind::kStep) {
      change.effects = {.fields = {{kRoundField, std::to_string(me.round)}},
                        .leader = NameOf(action.instance)};
    }
    return real_.store.Apply(shard_, SessionOf(action.session), change).status();
  }

  absl::Status Move(const Action& action) {
    const Instance& me = instances_[action.instance];
    const StoredAudience& from = me.seen.at(action.session);
    const StoredAudience& to = me.seen.at(action.to);
    Transfer transfer{.expected = from.nonce, .to = {{SessionOf(action.to), to.nonce, {}}}};
    const int room = bounds_.capacity - static_cast<int>(to.count);
    ForEachLeave(from, action.leave, room, [&](const Leave& leave) {
      AppendMover(transfer.movers, leave, 0, {});
      AppendDeparture(transfer.departures, {});
    });
    if (action.kind == Kind::kStepMove) transfer.effects.leader = NameOf(action.instance);
    return real_.store.Move(shard_, SessionOf(action.session), transfer).status();
  }

  absl::Status Lead(const Action& action) {
    Instance& me = instances_[action.instance];
    const std::string key = RoundsKey(shard_);
    const std::string name = NameOf(action.instance);
    if (action.kind == Kind::kRenew || action.kind == Kind::kYield) {
      const bool renews = action.kind == Kind::kRenew;
      const std::vector<std::string> arguments =
          renews ? std::vector<std::string>{name, kHour} : std::vector<std::string>{name};
      const auto status =
          real_.rounds_library
              .Call(renews ? "rounds_v1_renew" : "rounds_v1_yield", std::vector{key}, arguments)
              .status();
      if (!renews || !status.ok()) me.round = 0;
      return status;
    }
    const bool asks = action.kind == Kind::kAsk;
    Run({{"HSET", key, "until", asks ? kFar : "0", "due",
          action.kind == Kind::kBegin ? "0" : kFar}});
    const auto reply = real_.rounds_library.Call(
        "rounds_v1_lead", {key}, {name, kHour, kHour, std::to_string(kRoundLimit), "1"});
    if (!reply.ok()) return reply.status();
    me.round = static_cast<uint32_t>((*reply)[0].integer());
    Expect(asks == (me.round == 0), "the lead went to another");
    return absl::OkStatus();
  }

  absl::Status Copy(bool away) {
    std::vector<std::vector<std::string>> commands;
    for (const std::string& key : Keys()) {
      const std::string from = away ? key : CopyOf(key);
      const std::string to = away ? CopyOf(key) : key;
      commands.push_back({"DEL", to});
      commands.push_back({"COPY", from, to});
    }
    Run(commands);
    if (away) copied_ = now_;
    return absl::OkStatus();
  }

  // What Redis has now.
  struct Found {
    Members taken = 0;
    uint32_t bits = 0;
    size_t listed = 0;  // in the set of sessions
    std::string leader;
    std::string round;
  };
  Found Look() {
    std::vector<std::vector<std::string>> commands = {
        {"GET", TakenKey(shard_)},
        {"SCARD", SessionsKey(shard_)},
        {"HMGET", RoundsKey(shard_), "leader", "round"}};
    for (const common::Uuid& id : sessions_) {
      commands.push_back(
          {"HMGET", SessionKey(shard_, id), "nonce", "members", "count", "sealed", kRoundField});
    }
    const auto replies = Run(commands);
    Found found;
    const std::string_view taken = replies[0].text();
    for (const char byte : taken) {
      found.bits += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(byte)));
    }
    for (size_t i = 0; i < kPlaces.size(); ++i) {
      const uint32_t bit = kPlaces[i].run * pool::kRunLength + kPlaces[i].place;
      const bool set =
          bit / 8 < taken.size() && (static_cast<uint8_t>(taken[bit / 8]) & (0x80 >> bit % 8)) != 0;
      if (set) found.taken |= static_cast<Members>(1 << i);
    }
    found.listed = static_cast<size_t>(replies[1].integer());
    found.leader = replies[2][0].text();
    found.round = replies[2][1].text();
    for (uint8_t i = 0; i < sessions_.size(); ++i) now_[i] = SeenIn(replies[3 + i]);
    return found;
  }
  static Seen SeenIn(const common::redis::Reply& reply) {
    Seen seen{.nonce = std::string(reply[0].text()), .sealed = !reply[3].is_nil()};
    const auto parties = DecodeParties(reply[1].text());
    seen.strangers = !parties.ok();
    if (parties.ok()) AddMembers(seen, *parties);
    const std::string count = std::to_string(std::popcount(seen.members));
    seen.strangers |= !seen.nonce.empty() && reply[2].text() != count;
    const std::string round(reply[4].text());
    if (!round.empty()) seen.round = static_cast<uint8_t>(std::stoi(round));
    return seen;
  }

  std::string Compare(const State& state) {
    const Found found = Look();
    const model::Server& server = state.server;
    if (found.taken != server.taken) return "other bits are set";
    if (found.bits != static_cast<uint32_t>(std::popcount(server.taken))) return "strange bits";
    size_t open = 0;
    for (uint8_t i = 0; i < sessions_.size(); ++i) {
      const model::Session& expected = server.sessions[i];
      const Seen& there = now_[i];
      open += expected.open;
      const bool same = there.nonce.empty() == (expected.open == 0) &&
                        there.members == expected.members && there.round == expected.round &&
                        there.sealed == (expected.sealed != 0);
      if (!same || there.strangers) return "session " + std::to_string(i) + " is another";
      if (const auto wrong = CompareMemories(state, i); !wrong.empty()) return wrong;
    }
    if (found.listed != open) return "other sessions are listed";
    const std::string round = server.round == 0 ? "" : std::to_string(server.round);
    if (found.round != round) return "it is round " + found.round;
    return LeaderIs(server.leader, found.leader) ? "" : "the leader is " + found.leader;
  }
  // Whose nonces are the same, and what each instance believes.
  std::string CompareMemories(const State& state, uint8_t session) {
    for (uint8_t i = 0; i < bounds_.instances; ++i) {
      const model::Memory& expected = state.instances[i].seen[session];
      const auto real = instances_[i].seen.find(session);
      const bool has = real != instances_[i].seen.end();
      if (has != (expected.nonce != 0)) return "remembers another session";
      if (instances_[i].round != state.instances[i].round) return "believes in another round";
      if (!has) continue;
      const std::string& nonce = real->second.nonce;
      const uint8_t name = nonce == now_[session].nonce      ? 1
                           : nonce == copied_[session].nonce ? 2
                                                             : model::kStale;
      if (name != expected.nonce) return "a nonce is another";
    }
    return "";
  }
  bool LeaderIs(uint8_t expected, const std::string& leader) const {
    if (expected == model::kNobody || expected != model::kDead) {
      return leader == (expected == model::kNobody ? "" : NameOf(expected - 1));
    }
    for (uint8_t i = 0; i < bounds_.instances; ++i) {
      if (leader == NameOf(i)) return false;
    }
    return !leader.empty();
  }

  Real& real_;
  const Bounds bounds_;
  Shard shard_;
  std::vector<common::Uuid> sessions_;
  std::vector<common::Uuid> listed_;  // by kList
  std::array<Instance, model::kInstancesMax> instances_;
  std::array<Seen, model::kSessionsMax> now_;
  std::array<Seen, model::kSessionsMax> copied_;
  std::string wrong_;
};

}  // namespace streaming::audience::replay
