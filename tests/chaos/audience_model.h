// A small model of a pool shard and of the instances that change it: who reads, changes, moves,
// opens, seals, releases, leads, steps, crashes and comes back late, on a Redis that may fall back
// to what it was earlier. Plain values, no servers: small enough that every order of events can be
// tried, close enough that what it does can be repeated on the real Functions (audience_replay).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace streaming::audience::model {

// Members of the pool, one bit each.
using Members = uint8_t;

inline constexpr uint8_t kSessionsMax = 3;
inline constexpr uint8_t kInstancesMax = 3;

// What a broken design would do: the explorer must find each.
enum class Flaw : uint8_t {
  kNone,
  kCountedNonces,  // a nonce is Redis' next number
  kTwoCalls,       // a change sets the bits in one call and the session's array in another
  kNoFence,        // a step does not ask who leads
  kBlindAudit,     // an audit does not ask whether it was told of all sessions
};

// How big a world is. Everything in it is finite, so that exploring ends by itself.
struct Bounds {
  uint8_t members = 2;
  uint8_t sessions = 2;
  uint8_t instances = 2;
  uint8_t capacity = 2;  // members of one session
  uint8_t rounds = 0;    // 0: nobody leads
  bool falls_back = false;
  bool late_audits = false;  // sessions may come and go before an audit that was told of them
  Flaw flaw = Flaw::kNone;
  uint8_t nonces = 5;  // that kCountedNonces ever gives
};

struct Session {
  Members members = 0;
  uint8_t open = 0;
  uint8_t sealed = 0;
  uint8_t round = 0;  // the last one that it was stepped in
  uint8_t nonce = 0;  // a name that only equality gives a meaning, 0 = not open
  bool operator==(const Session&) const = default;
};

inline constexpr uint8_t kNobody = 0;
inline constexpr uint8_t kDead = 9;  // an instance that crashed, whose name never comes again

struct Server {
  Members taken = 0;
  uint8_t leader = kNobody;  // an instance's number + 1, or kDead
  uint8_t round = 0;
  uint8_t nonces = 0;  // given so far, of kCountedNonces only
  std::array<Session, kSessionsMax> sessions = {};
  bool operator==(const Server&) const = default;
};

// What an instance remembers of a session that it read.
struct Memory {
  uint8_t nonce = 0;  // 0 = it never read it
  Members members = 0;
  uint8_t round = 0;
  bool operator==(const Memory&) const = default;
};
// The nonce of a memory that fits no session any more: what else it held makes no difference.
inline constexpr uint8_t kStale = 3;

struct Instance {
  uint8_t round = 0;    // that it believes to lead, 0 = none
  uint8_t half = 0;     // a session's number + 1 whose array it has yet to write, of kTwoCalls
  Members written = 0;  // what it will write there
  std::array<Memory, kSessionsMax> seen = {};
  bool operator==(const Instance&) const = default;
};

// Bytes only, so that it can be compared and hashed as bytes.
struct State {
  Server server;
  Server copy;  // to which Redis may fall back
  uint8_t copied = 0;
  uint8_t listed = 0;  // for a late audit: the sessions that there were, one bit each, + 1
  std::array<Instance, kInstancesMax> instances = {};
  bool operator==(const State&) const = default;
};

enum class Kind : uint8_t {
  kRead,      // remembers a session
  kApply,     // changes a session as remembered
  kStep,      // the same as its leader, once a round
  kMove,      // to another session, both as remembered
  kStepMove,  // the same as the leader
  kOpen,
  kSeal,
  kRelease,
  kAudit,      // lists the sessions and audits them, before anything else happens
  kList,       // the sessions, for
  kLateAudit,  // an audit of those listed
  kAsk,        // for the lead while the lease of another lasts
  kLead,       // takes or keeps the lead; a lease of another has run out
  kBegin,      // the same, and the next round is due
  kRenew,      // keeps the lead
  kYield,      // gives it up
  kCrash,      // forgets everything
  kCopy,       // Redis' state is kept somewhere
  kFallBack,   // Redis is as it was then
  kFinish,     // the second call of kTwoCalls
};

// Which members leave, and those of these, at most `most` of them.
enum class Who : uint8_t { kNone, kFirst, kAll };
Members Pick(Members members, Who who, int most);

struct Action {
  Kind kind = Kind::kRead;
  uint8_t instance = 0;
  uint8_t session = 0;
  uint8_t to = 0;
  Who leave = Who::kNone;
  uint8_t take = 0;
};
std::string NameOf(const Action& action);

enum class Refusal : uint8_t { kNone, kAbsent, kExists, kSealed, kNonce, kLeader, kChanged };

struct Outcome {
  bool possible = false;
  Refusal refusal = Refusal::kNone;
  State next;
  std::string_view broken;  // the law that this broke, "" = none
};

class Model {
 public:
  explicit Model(const Bounds& bounds);

  // Everything that may happen at any time; most of it is impossible in most states.
  const std::vector<Action>& actions() const { return actions_; }
  const Bounds& bounds() const { return bounds_; }
  Outcome Do(const State& before, const Action& action) const;

 private:
  const Bounds bounds_;
  std::vector<Action> actions_;
};

// Everything that can happen from the state in which nothing has yet.
struct Exploration {
  std::vector<State> states;  // in order of their distance from the first
  // By state: the one from which it was found first, and by which action.
  std::vector<uint32_t> parents;
  std::vector<uint16_t> found_by;
  uint64_t transitions = 0;  // refused ones included
  uint64_t refused = 0;
  uint32_t depth = 0;  // steps to the farthest state
  bool complete = false;
  std::string broken;           // the first law that was broken, "" = none
  std::vector<uint16_t> trace;  // how, as positions in Model::actions(), when one was
  // The actions that lead to a state.
  std::vector<uint16_t> PathTo(uint32_t state) const;
};
// Breadth first: a trace is as short as can be. Ends at the first broken law, or beyond `limit`
// states.
Exploration Explore(const Model& model, size_t limit);

}  // namespace streaming::audience::model
