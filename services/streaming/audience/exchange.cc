#include "services/streaming/audience/exchange.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "services/streaming/audience/check_out.h"
#include "services/streaming/audience/random.h"

namespace streaming::audience {
namespace {

// The parties without the leavers, in Redis' order, and the newcomers behind them.
std::vector<Party> PartiesAfter(const std::vector<Party>& parties,
                                const std::vector<Leave>& leavers,
                                const std::vector<Party>& joined) {
  std::vector<Party> after = parties;
  for (const Leave& leave : leavers) after[leave.position].members &= ~leave.members;
  std::erase_if(after, [](const Party& party) { return party.members == 0; });
  after.insert(after.end(), joined.begin(), joined.end());
  return after;
}

// Those named, first come first served, while there is room; takes theirs off it.
std::vector<Demand> NamedOf(const LiveSession& session, const Change& change, uint32_t& room) {
  std::vector<Demand> named;
  for (const Demand& demand : change.named) {
    const uint32_t weight = session.pool->WeightOfRun(demand.run);
    named.push_back(demand);
    named.back().count = static_cast<uint16_t>(std::min<uint32_t>(demand.count, room / weight));
    if (named.back().count == 0) {
      named.pop_back();
      continue;
    }
    room -= named.back().count * weight;
  }
  return named;
}

}  // namespace

std::vector<Party> PartsOf(const std::vector<Party>& parties, const std::vector<Leave>& leaves) {
  std::vector<Party> parts;
  parts.reserve(leaves.size());
  for (const Leave& leave : leaves) {
    parts.push_back(parties[leave.position]);
    parts.back().members = leave.members;
  }
  return parts;
}

LiveSession After(const LiveSession& before, Change change, const std::vector<Party>& joined,
                  std::string nonce) {
  LiveSession after = {.key = before.key,
                       .pool = before.pool,
                       .nonce = std::move(nonce),
                       .parties = PartiesAfter(before.parties, change.leavers, joined),
                       .followers = before.followers,
                       .audience = change.audience,
                       .state = change.state,
                       .moments = std::move(change.moments),
                       .hype = std::move(change.hype),
                       .mood = std::move(change.mood)};
  if (after.mood != before.mood) after.audience.chorus = ChorusOf(after);
  after.heads = HeadsOf(*after.pool, after.parties);
  after.state.peak_heads = std::max(after.state.peak_heads, after.heads);
  return after;
}

std::vector<Demand> DemandsOf(const LiveSession& session, const Change& change,
                              uint32_t room_heads) {
  std::vector<Demand> demands = NamedOf(session, change, room_heads);
  const CheckOut wish = {
      .wanted_heads = change.wanted_heads,
      .free_heads = change.free_heads,
      .joining = change.joining.value_or(JoiningNow(change.audience, 0)),
      .followers = session.followers.get(),
      .capacity_heads = room_heads,
      .key = Mix64(std::hash<common::Uuid>()(session.key.session) +
                   change.audience.last_round * 2 * pool::kRunLength + change.audience.steps)};
  const std::vector<Demand> others = PlanCheckOut(*session.pool, session.key.shard, wish);
  demands.insert(demands.end(), others.begin(), others.end());
  return demands;
}

}  // namespace streaming::audience
