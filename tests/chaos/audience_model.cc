#include "tests/chaos/audience_model.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <type_traits>
#include <utility>

#include <absl/container/flat_hash_set.h>

namespace streaming::audience::model {
namespace {

static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");

constexpr std::string_view kKindNames[] = {
    "read",    "apply", "step",  "move",       "step-move", "open",  "seal",
    "release", "audit", "list",  "late audit", "ask",       "lead",  "begin",
    "renew",   "yield", "crash", "copy",       "fall back", "finish"};

// A nonce that was never there before.
constexpr uint8_t kFresh = 8;

uint8_t CountOf(Members members) { return static_cast<uint8_t>(std::popcount(members)); }

Members FirstOf(Members members, int count) {
  Members first = 0;
  for (; members != 0 && count > 0; --count) {
    const auto next = static_cast<Members>(members & -members);
    first |= next;
    members &= static_cast<Members>(~next);
  }
  return first;
}

// One action under way.
class Turn {
 public:
  Turn(const Bounds& bounds, const Action& action, Outcome& outcome)
      : bounds_(bounds),
        action_(action),
        outcome_(outcome),
        server_(outcome.next.server),
        me_(outcome.next.instances[action.instance]),
        name_(static_cast<uint8_t>(action.instance + 1)) {}

  void Run() {
    outcome_.possible = true;
    switch (action_.kind) {
      case Kind::kRead:
        return Read();
      case Kind::kApply:
        return Apply();
      case Kind::kStep:
        return Step();
      case Kind::kMove:
        return Move();
      case Kind::kStepMove:
        return MayStepMove() ? Move() : Impossible();
      case Kind::kOpen:
        return Open();
      case Kind::kSeal:
        return Seal();
      case Kind::kRelease:
        return Release();
      case Kind::kAudit:
        return Audit();
      case Kind::kList:
        return List();
      case Kind::kLateAudit:
        return LateAudit();
      case Kind::kFinish:
        return Finish();
      case Kind::kCrash:
        return Crash();
      case Kind::kCopy:
        return Copy();
      case Kind::kFallBack:
        return FallBack();
      default:
        return Lead();
    }
  }

 private:
  void Impossible() { outcome_.possible = false; }
  void Refuse(Refusal refusal) { outcome_.refusal = refusal; }
  void Expect(bool holds, std::string_view law) {
    if (!holds && outcome_.broken.empty()) outcome_.broken = law;
  }
  bool led() const { return action_.kind == Kind::kStep || action_.kind == Kind::kStepMove; }
  Session& session() { return server_.sessions[action_.session]; }
  Memory& seen(uint8_t session) { return me_.seen[session]; }

  uint8_t NewNonce() {
    if (bounds_.flaw != Flaw::kCountedNonces) return kFresh;
    return ++server_.nonces;
  }
  bool HasNonces(uint8_t number) const {
    return bounds_.flaw != Flaw::kCountedNonces || server_.nonces + number <= bounds_.nonces;
  }

  // What the Function says that a change may not be carried out.
  Refusal MayChange(const Session& there, const Memory& seen) {
    if (there.open == 0) return Refusal::kAbsent;
    if (there.sealed != 0) return Refusal::kSealed;
    return there.nonce == seen.nonce ? Refusal::kNone : Refusal::kNonce;
  }
  Refusal MayLead() {
    const bool fenced = led() && bounds_.flaw != Flaw::kNoFence;
    return fenced && server_.leader != name_ ? Refusal::kLeader : Refusal::kNone;
  }
  // Holds for every change that was carried out.
  void ExpectDecidedOn(const Session& there, const Memory& seen) {
    Expect(there.members == seen.members && there.round == seen.round,
           "a change was carried out on a state on which it was not decided");
    Expect(!led() || server_.leader == name_, "somebody stepped who did not lead");
  }

  void Read() {
    const Session& there = session();
    // An absent one leaves nothing to remember.
    me_.seen[action_.session] =
        there.open == 0
            ? Memory{}
            : Memory{.nonce = there.nonce, .members = there.members, .round = there.round};
  }

  Members Take(int room) {
    const auto all = static_cast<Members>((1 << bounds_.members) - 1);
    const Members came = FirstOf(all & static_cast<Members>(~server_.taken),
                                 std::min<int>(action_.take, std::max(0, room)));
    server_.taken |= came;
    return came;
  }

  void Apply() {
    const Memory& seen = me_.seen[action_.session];
    if (seen.nonce == 0 || me_.half != 0 || !HasNonces(1)) return Impossible();
    Session& there = session();
    if (const Refusal refusal = MayChange(there, seen); refusal != Refusal::kNone) {
      return Refuse(refusal);
    }
    if (const Refusal refusal = MayLead(); refusal != Refusal::kNone) return Refuse(refusal);
    ExpectDecidedOn(there, seen);
    const Members gone = Pick(seen.members, action_.leave, bounds_.members) & there.members;
    // Newcomers first: nobody leaves and returns in one breath.
    const Members came = Take(bounds_.capacity - CountOf(there.members) + CountOf(gone));
    server_.taken &= static_cast<Members>(~gone);
    const auto after = static_cast<Members>((there.members & ~gone) | came);
    if (bounds_.flaw == Flaw::kTwoCalls) {
      me_.half = static_cast<uint8_t>(action_.session + 1);
      me_.written = after;
      return;
    }
    there.members = after;
    there.nonce = NewNonce();
  }

  // The second call of kTwoCalls.
  void Finish() {
    if (me_.half == 0) return Impossible();
    const auto number = static_cast<uint8_t>(me_.half - 1);
    Session& there = server_.sessions[number];
    const Refusal refusal = MayChange(there, me_.seen[number]);
    const Members written = std::exchange(me_.written, Members{0});
    me_.half = 0;
    if (refusal != Refusal::kNone) return Refuse(refusal);
    there.members = written;
    there.nonce = NewNonce();
  }

  // A zombie with a memory that fits no more tries its luck as well.
  void Step() {
    const Memory& seen = me_.seen[action_.session];
    if (me_.round == 0 || (seen.nonce != kStale && seen.round >= me_.round)) return Impossible();
    const uint8_t before = session().round;
    Apply();
    if (!outcome_.possible || outcome_.refusal != Refusal::kNone) return;
    Expect(before < me_.round, "a session was stepped twice in one round");
    session().round = me_.round;
  }

  bool MayStepMove() const {
    const Memory& seen = me_.seen[action_.session];
    return me_.round != 0 && (seen.nonce == kStale || seen.round == me_.round);
  }

  void Move() {
    const Memory& seen = me_.seen[action_.session];
    const Memory& seen_there = me_.seen[action_.to];
    if (seen.nonce == 0 || seen_there.nonce == 0 || !HasNonces(2)) return Impossible();
    Session& from = session();
    Session& to = server_.sessions[action_.to];
    for (const Refusal refusal : {MayChange(from, seen), MayChange(to, seen_there), MayLead()}) {
      if (refusal != Refusal::kNone) return Refuse(refusal);
    }
    ExpectDecidedOn(from, seen);
    ExpectDecidedOn(to, seen_there);
    // The caller keeps to the capacity, as it remembers who is there.
    const Members movers =
        Pick(seen.members, action_.leave, bounds_.capacity - CountOf(seen_there.members)) &
        from.members;
    from.members &= static_cast<Members>(~movers);
    to.members |= movers;
    from.nonce = NewNonce();
    to.nonce = NewNonce();
  }

  void Open() {
    Session& there = session();
    if (!HasNonces(1)) return Impossible();
    if (there.open != 0) return Refuse(Refusal::kExists);
    there = {.members = Take(bounds_.capacity), .open = 1, .nonce = NewNonce()};
  }
  void Seal() {
    if (session().open == 0) return Refuse(Refusal::kAbsent);
    session().sealed = 1;
  }
  void Release() {
    server_.taken &= static_cast<Members>(~session().members);
    session() = {};
  }
  void Audit() {
    Members members = 0;
    for (const Session& session : server_.sessions) members |= session.members;
    server_.taken = members;
  }

  uint8_t OpenSessions() const {
    uint8_t open = 0;
    for (size_t i = 0; i < kSessionsMax; ++i) {
      open |= static_cast<uint8_t>(server_.sessions[i].open << i);
    }
    return open;
  }
  void List() { outcome_.next.listed = static_cast<uint8_t>(OpenSessions() + 1); }
  void LateAudit() {
    if (outcome_.next.listed == 0) return Impossible();
    const auto listed = static_cast<uint8_t>(outcome_.next.listed - 1);
    if (listed != OpenSessions() && bounds_.flaw != Flaw::kBlindAudit) {
      return Refuse(Refusal::kChanged);
    }
    server_.taken = 0;
    for (size_t i = 0; i < kSessionsMax; ++i) {
      if ((listed >> i & 1) != 0) server_.taken |= server_.sessions[i].members;
    }
  }

  void Lead() {
    const bool of_another = server_.leader != kNobody && server_.leader != name_;
    switch (action_.kind) {
      case Kind::kAsk:
        if (!of_another) return Impossible();
        me_.round = 0;
        return;
      case Kind::kRenew:
        if (me_.round == 0) return Impossible();
        if (server_.leader == name_) return;
        me_.round = 0;
        return Refuse(Refusal::kLeader);
      case Kind::kYield:
        if (server_.leader == name_) server_.leader = kNobody;
        me_.round = 0;
        return;
      case Kind::kLead:
        if (server_.round == 0) return Impossible();  // the first round is due at once
        break;
      default:
        if (server_.round == bounds_.rounds) return Impossible();
        ++server_.round;
    }
    server_.leader = name_;
    me_.round = server_.round;
  }

  void Crash() {
    me_ = {};
    for (Server* server : {&server_, &outcome_.next.copy}) {
      if (server->leader == name_) server->leader = kDead;
    }
  }
  void Copy() {
    outcome_.next.copy = server_;
    outcome_.next.copied = 1;
  }
  void FallBack() {
    if (outcome_.next.copied == 0) return Impossible();
    server_ = outcome_.next.copy;
  }

  const Bounds& bounds_;
  const Action& action_;
  Outcome& outcome_;
  Server& server_;
  Instance& me_;
  const uint8_t name_;
};

// Fresh nonces mean nothing but "the same" and "another". So the present one of a session is called
// 1, another one in the copy 2, and all those that neither has, kStale.
void RenameNonces(State& state) {
  for (uint8_t i = 0; i < kSessionsMax; ++i) {
    Session& now = state.server.sessions[i];
    Session& then = state.copy.sessions[i];
    const uint8_t present = now.nonce;
    const uint8_t earlier = then.nonce;
    for (Instance& instance : state.instances) {
      Memory& seen = instance.seen[i];
      if (seen.nonce == 0) continue;
      if (seen.nonce == present) {
        seen.nonce = 1;
      } else if (seen.nonce == earlier) {
        seen.nonce = 2;
      } else {
        seen = {.nonce = kStale};
      }
    }
    if (earlier != 0) then.nonce = earlier == present ? 1 : 2;
    if (present != 0) now.nonce = 1;
  }
}

// The laws that hold in every state.
std::string_view BrokenIn(const Bounds& bounds, const State& state) {
  // Between two calls nothing can hold: that is what is wrong with them.
  for (const Instance& instance : state.instances) {
    if (instance.half != 0) return "";
  }
  Members all = 0;
  for (const Session& session : state.server.sessions) {
    if ((all & session.members) != 0) return "a member sits twice";
    if (session.open == 0 && session != Session{}) return "a released session has members";
    if (CountOf(session.members) > bounds.capacity) return "a session is over its capacity";
    all |= session.members;
  }
  return all == state.server.taken ? "" : "the bits are not the members";
}

// The laws of one step.
std::string_view BrokenBy(const State& before, const State& after, Kind kind) {
  if (kind == Kind::kFallBack) return "";
  for (uint8_t i = 0; i < kSessionsMax; ++i) {
    const Session& was = before.server.sessions[i];
    const Session& is = after.server.sessions[i];
    const bool same = is.members == was.members && is.round == was.round && is.sealed != 0;
    if (was.sealed != 0 && is.open != 0 && !same) return "a sealed session has changed";
  }
  return "";
}

// Whether somebody who reads a session now can go on with it.
std::string_view StuckIn(const Model& model, const State& state) {
  if (model.bounds().flaw != Flaw::kNone) return "";
  for (uint8_t i = 0; i < model.bounds().sessions; ++i) {
    const Session& session = state.server.sessions[i];
    Action next{.kind = Kind::kOpen, .session = i};
    if (session.sealed != 0) next.kind = Kind::kRelease;
    State read = state;
    if (session.open != 0 && session.sealed == 0) {
      read = model.Do(state, {.kind = Kind::kRead, .session = i}).next;
      next.kind = Kind::kApply;
    }
    const Outcome outcome = model.Do(read, next);
    if (!outcome.possible || outcome.refusal != Refusal::kNone) return "nobody can go on";
  }
  return "";
}

struct StateHash {
  const std::vector<State>* states;
  size_t operator()(uint32_t position) const {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(&(*states)[position]), sizeof(State)});
  }
};
struct StateEqual {
  const std::vector<State>* states;
  bool operator()(uint32_t a, uint32_t b) const { return (*states)[a] == (*states)[b]; }
};

}  // namespace

Members Pick(Members members, Who who, int most) {
  if (who == Who::kNone) return 0;
  return FirstOf(members, who == Who::kFirst ? std::min(1, most) : most);
}

std::string NameOf(const Action& action) {
  std::string name(kKindNames[static_cast<size_t>(action.kind)]);
  name += " i" + std::to_string(action.instance) + " s" + std::to_string(action.session);
  if (action.to != action.session) name += " to s" + std::to_string(action.to);
  if (action.leave != Who::kNone) name += action.leave == Who::kAll ? " all leave" : " one leaves";
  return name + (action.take > 0 ? " take " + std::to_string(action.take) : "");
}

Model::Model(const Bounds& bounds) : bounds_(bounds) {
  const auto add = [&](const Action& action) { actions_.push_back(action); };
  // What needs no memory is the same whoever does it.
  for (uint8_t s = 0; s < bounds.sessions; ++s) {
    add({.kind = Kind::kOpen, .session = s, .to = s});
    add({.kind = Kind::kOpen, .session = s, .to = s, .take = bounds.members});
    add({.kind = Kind::kSeal, .session = s, .to = s});
    add({.kind = Kind::kRelease, .session = s, .to = s});
  }
  add({.kind = Kind::kAudit});
  if (bounds.late_audits) {
    add({.kind = Kind::kList});
    add({.kind = Kind::kLateAudit});
  }
  if (bounds.falls_back) {
    add({.kind = Kind::kCopy});
    add({.kind = Kind::kFallBack});
  }
  for (uint8_t i = 0; i < bounds.instances; ++i) {
    add({.kind = Kind::kCrash, .instance = i});
    if (bounds.flaw == Flaw::kTwoCalls) add({.kind = Kind::kFinish, .instance = i});
    for (uint8_t s = 0; s < bounds.sessions; ++s) {
      const auto with = [&](Kind kind, Who leave, uint8_t take, uint8_t to) {
        add({.kind = kind, .instance = i, .session = s, .to = to, .leave = leave, .take = take});
      };
      with(Kind::kRead, Who::kNone, 0, s);
      with(Kind::kApply, Who::kNone, 0, s);
      with(Kind::kApply, Who::kNone, 1, s);
      with(Kind::kApply, Who::kFirst, 0, s);
      with(Kind::kApply, Who::kAll, bounds.members, s);
      if (bounds.rounds > 0) with(Kind::kStep, Who::kFirst, 1, s);
      for (uint8_t to = 0; to < bounds.sessions; ++to) {
        if (to == s) continue;
        with(Kind::kMove, Who::kFirst, 0, to);
        with(Kind::kMove, Who::kAll, 0, to);
        if (bounds.rounds > 0) with(Kind::kStepMove, Who::kFirst, 0, to);
      }
    }
    if (bounds.rounds == 0) continue;
    for (const Kind kind : {Kind::kAsk, Kind::kLead, Kind::kBegin, Kind::kRenew, Kind::kYield}) {
      add({.kind = kind, .instance = i});
    }
  }
}

Outcome Model::Do(const State& before, const Action& action) const {
  Outcome outcome;
  outcome.next = before;
  Turn(bounds_, action, outcome).Run();
  const bool refused = outcome.refusal != Refusal::kNone;
  if (!outcome.possible || refused || !outcome.broken.empty()) return outcome;
  if (bounds_.flaw != Flaw::kCountedNonces) RenameNonces(outcome.next);
  outcome.broken = BrokenBy(before, outcome.next, action.kind);
  if (outcome.broken.empty()) outcome.broken = BrokenIn(bounds_, outcome.next);
  return outcome;
}

std::vector<uint16_t> Exploration::PathTo(uint32_t state) const {
  std::vector<uint16_t> path;
  for (; state != 0; state = parents[state]) path.push_back(found_by[state]);
  std::reverse(path.begin(), path.end());
  return path;
}

Exploration Explore(const Model& model, size_t limit) {
  Exploration found;
  found.states.emplace_back();
  found.parents.push_back(0);
  found.found_by.push_back(0);
  absl::flat_hash_set<uint32_t, StateHash, StateEqual> known(1024, StateHash{&found.states},
                                                             StateEqual{&found.states});
  known.insert(0);
  const auto fail = [&](std::string_view law, uint32_t state) {
    found.broken = law;
    found.trace = found.PathTo(state);
  };
  uint32_t level_end = 1;  // where the states of the next distance begin
  for (uint32_t at = 0; at < found.states.size() && found.states.size() < limit; ++at) {
    if (at == level_end) {
      ++found.depth;
      level_end = static_cast<uint32_t>(found.states.size());
    }
    if (const auto stuck = StuckIn(model, found.states[at]); !stuck.empty()) {
      fail(stuck, at);
      return found;
    }
    for (uint16_t i = 0; i < model.actions().size(); ++i) {
      const Outcome outcome = model.Do(found.states[at], model.actions()[i]);
      if (!outcome.possible) continue;
      ++found.transitions;
      found.refused += outcome.refusal != Refusal::kNone;
      if (!outcome.broken.empty()) {
        fail(outcome.broken, at);
        found.trace.push_back(i);
        return found;
      }
      if (outcome.next == found.states[at]) continue;
      const auto next = static_cast<uint32_t>(found.states.size());
      found.states.push_back(outcome.next);
      if (!known.insert(next).second) {
        found.states.pop_back();
        continue;
      }
      found.parents.push_back(at);
      found.found_by.push_back(i);
    }
    found.complete = at + 1 == found.states.size();
  }
  return found;
}

}  // namespace streaming::audience::model
