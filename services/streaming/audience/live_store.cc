#include "services/streaming/audience/live_store.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/check_out.h"
#include "services/streaming/audience/exchange.h"
#include "services/streaming/audience/passage.h"
#include "services/streaming/errors.h"

namespace streaming::audience {
namespace {

using common::Uuid;
using common::redis::ErrorCode;

// Transitions that a shard's pending list may hold.
constexpr uint32_t kHypePendingLimit = 100'000;

// The fields of a session's hash that are ours.
constexpr char kAudienceField[] = "audience";
constexpr char kStateField[] = "state";
constexpr char kMomentsField[] = "moments";
constexpr char kHypeField[] = "hype";
constexpr char kMoodField[] = "mood";
// Heads but for those whom the last change brought, 4 bytes: see AudienceGlimpse.
constexpr char kHeadsField[] = "heads";
constexpr size_t kHeadsBytes = 4;

std::string EncodeHeads(uint32_t heads) {
  std::string bytes;
  PutLittleEndian(bytes, heads, kHeadsBytes);
  return bytes;
}

// `staying`: the session's heads without those whom this change brings. The crowd may be long, and
// is written only when it is another than `mood`.
Fields FieldsOf(const Change& change, uint32_t staying, std::string_view mood) {
  Fields fields = {{kHeadsField, EncodeHeads(staying)},
                   {kAudienceField, EncodeAudience(change.audience)},
                   {kStateField, EncodeState(change.state)},
                   {kMomentsField, EncodeMoments(change.moments)},
                   {kHypeField, change.hype}};
  if (change.mood != mood) fields.emplace_back(kMoodField, change.mood);
  return fields;
}

Shard ShardOf(const LiveKey& key) { return {.game_service_id = key.game, .number = key.shard}; }

absl::Status NotLive() {
  return common::errors::Make(kSessionNotLive, "the session has no audience that could change");
}

constexpr char kRecalled[] = "streaming_audience_recalled_total";
constexpr char kRecalledHelp[] =
    "Changes of a live session that were decided on what was remembered of it, by whether it was "
    "still so; if not, it was read.";

// Runs that a pool must have for these parties.
uint32_t RunsOf(const std::vector<Party>& parties) {
  uint32_t runs = 0;
  for (const Party& party : parties) runs = std::max(runs, party.run + 1);
  return runs;
}

// What is kept of a request: its digest, the answer's length and the answer, and behind it, added
// by the Function, who came.
constexpr size_t kDigestBytes = 32;

std::string EncodeAnswer(const Request& request, const std::string& answer) {
  std::string bytes = request.digest;
  PutLittleEndian(bytes, answer.size(), 4);
  return bytes + answer;
}

struct KeptAnswer {
  std::string digest;
  std::string answer;
  std::vector<Party> joined;
};

absl::StatusOr<KeptAnswer> DecodeAnswer(std::string_view bytes) {
  ByteReader reader(bytes);
  KeptAnswer kept;
  kept.digest = reader.TakeBytes(kDigestBytes);
  kept.answer = reader.TakeBytes(reader.Take(4));
  if (!reader.ok()) return absl::InternalError("a kept answer is malformed");
  ASSIGN_OR_RETURN(kept.joined, DecodeParties(bytes.substr(kDigestBytes + 4 + kept.answer.size())));
  return kept;
}

Effects EffectsOf(const LiveSession& before, const Change& change, uint32_t staying,
                  const std::optional<Request>& request, std::string_view leader) {
  Effects effects = {.fields = FieldsOf(change, staying, before.mood),
                     .leader = std::string(leader)};
  if (!change.command.empty()) {
    // With the place between the steps at which it happened.
    effects.command =
        absl::StrCat("round=", change.audience.last_round,
                     " cohorts=", (change.audience.steps + 1) / 2, " ", change.command);
  }
  if (request) {
    effects.request_id = request->id.ToBytes();
    effects.answer = EncodeAnswer(*request, change.answer);
  }
  for (const std::string& transition : change.hype_pending) {
    effects.pushes.push_back({.list = HypePendingKey(ShardOf(before.key)),
                              .value = transition,
                              .limit = kHypePendingLimit,
                              .must_fit = true});
  }
  return effects;
}

uint32_t MembersOf(const std::vector<Party>& parties) {
  uint32_t members = 0;
  for (const Party& party : parties) members += CountOf(party.members);
  return members;
}

// Heads that a change asks for.
uint32_t NewcomersOf(const pool::Pool& pool, const Change& change) {
  uint32_t heads = std::accumulate(change.wanted_heads.begin(), change.wanted_heads.end(), 0u);
  for (const Demand& demand : change.named) heads += demand.count * pool.WeightOfRun(demand.run);
  return heads;
}

}  // namespace

LiveStore::LiveStore(AudienceStore& audience, pool::PoolStore& pools, NewsQueue& news,
                     common::metrics::Registry& metrics, Options options)
    : store_(audience),
      pools_(pools),
      news_(news),
      options_(options),
      conflicts_(metrics.GetCounter("streaming_audience_conflicts_total",
                                    "Changes of a live session that another one overtook.")),
      forgotten_(metrics.GetCounter(
          "streaming_departed_forgotten_total",
          "Parties of viewers who left and whose attendance no end will know, as too many left.")),
      recalled_(metrics.GetCounter(kRecalled, kRecalledHelp, {{"session", "unchanged"}})),
      outdated_(metrics.GetCounter(kRecalled, kRecalledHelp, {{"session", "changed"}})) {}

std::mutex& LiveStore::StripeOf(const LiveKey& key) {
  return stripes_[std::hash<Uuid>()(key.session) % kStripes];
}

absl::StatusOr<LiveSession> LiveStore::ToSession(const LiveKey& key, StoredAudience stored) {
  LiveSession session = {.key = key,
                         .nonce = std::move(stored.nonce),
                         .parties = std::move(stored.parties),
                         .sealed = stored.sealed,
                         .hype = std::move(stored.fields[kHypeField]),
                         .mood = std::move(stored.fields[kMoodField])};
  ASSIGN_OR_RETURN(session.pool, pools_.Get(key.game, RunsOf(session.parties)));
  session.heads = HeadsOf(*session.pool, session.parties);
  ASSIGN_OR_RETURN(session.audience, DecodeAudience(stored.fields[kAudienceField]));
  ASSIGN_OR_RETURN(session.state, DecodeState(stored.fields[kStateField]));
  // Who came with the last change was not known yet when its state was written.
  session.state.peak_heads = std::max(session.state.peak_heads, session.heads);
  ASSIGN_OR_RETURN(session.moments, DecodeMoments(stored.fields[kMomentsField]));
  session.audience.chorus = ChorusOf(session);
  return session;
}

absl::StatusOr<LiveSession> LiveStore::Load(const LiveKey& key) {
  ASSIGN_OR_RETURN(auto stored, store_.Read(ShardOf(key), key.session));
  if (!stored) return NotLive();
  return ToSession(key, *std::move(stored));
}

absl::StatusOr<std::vector<std::optional<LiveSession>>> LiveStore::LoadMany(
    std::span<const LiveKey> keys) {
  if (keys.size() > kLoadManyMost) {
    return absl::InvalidArgumentError("too many sessions for one round trip");
  }
  std::vector<std::pair<Shard, Uuid>> wanted;
  for (const LiveKey& key : keys) wanted.emplace_back(ShardOf(key), key.session);
  ASSIGN_OR_RETURN(auto stored, store_.ReadMany(wanted));
  std::vector<std::optional<LiveSession>> sessions(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!stored[i]) continue;
    ASSIGN_OR_RETURN(sessions[i], ToSession(keys[i], *std::move(stored[i])));
  }
  return sessions;
}

absl::StatusOr<Glimpse> LiveStore::Glance(const LiveKey& key) {
  ASSIGN_OR_RETURN(const auto stored,
                   store_.Glance(ShardOf(key), key.session, {kStateField, kHeadsField}));
  if (!stored || stored->sealed) return NotLive();
  if (stored->fields[1].empty()) {  // an earlier version opened it, and nobody has changed it since
    ASSIGN_OR_RETURN(LiveSession session, Load(key));
    session.state.peak_heads = std::max(session.state.peak_heads, session.heads);
    return Glimpse{.heads = session.heads, .state = session.state};
  }
  Glimpse glimpse;
  ASSIGN_OR_RETURN(glimpse.state, DecodeState(stored->fields[0]));
  ByteReader heads(stored->fields[1]);
  glimpse.heads = static_cast<uint32_t>(heads.Take(kHeadsBytes));
  if (!heads.Complete()) return absl::InternalError("a session's heads are malformed");
  if (!stored->joined.empty()) {
    ASSIGN_OR_RETURN(const auto pool, pools_.Get(key.game, RunsOf(stored->joined)));
    glimpse.heads += HeadsOf(*pool, stored->joined);
  }
  glimpse.state.peak_heads = std::max(glimpse.state.peak_heads, glimpse.heads);
  return glimpse;
}

absl::StatusOr<std::optional<LiveSession>> LiveStore::Recall(const LiveKey& key) {
  std::optional<LiveSession> session = remembered_.Take(key.session);
  if (!session) return std::nullopt;
  // It may have grown since.
  ASSIGN_OR_RETURN(session->pool, pools_.Get(key.game, session->pool->runs()));
  return session;
}

void LiveStore::Remember(LiveSession session) {
  session.audience = AsStored(session.audience);  // what was stored decides, see EncodeAudience
  const Uuid id = session.key.session;
  remembered_.Put(id, std::move(session));
}

absl::StatusOr<LiveSession> LiveStore::ReadOpen(const LiveKey& key) {
  ASSIGN_OR_RETURN(auto stored, store_.Read(ShardOf(key), key.session));
  if (!stored || stored->sealed) {
    Drop(key.session);
    return NotLive();
  }
  ASSIGN_OR_RETURN(LiveSession session, ToSession(key, *std::move(stored)));
  ASSIGN_OR_RETURN(session.followers, FollowersOf(key));
  return session;
}

absl::StatusOr<std::optional<Applied>> LiveStore::FindReplay(const LiveKey& key,
                                                             const Request& request) {
  ASSIGN_OR_RETURN(const auto bytes,
                   store_.ReadAnswer(ShardOf(key), key.session, request.id.ToBytes()));
  if (!bytes) return std::nullopt;
  ASSIGN_OR_RETURN(KeptAnswer kept, DecodeAnswer(*bytes));
  if (kept.digest != request.digest) {
    return common::errors::Make(common::errors::kRequestIdReused,
                                "the request id was used with another request");
  }
  Applied applied;
  ASSIGN_OR_RETURN(applied.session, Load(key));
  if (applied.session.pool->runs() < RunsOf(kept.joined)) {
    ASSIGN_OR_RETURN(applied.session.pool, pools_.Get(key.game, RunsOf(kept.joined)));
  }
  applied.joined_heads = HeadsOf(*applied.session.pool, kept.joined);
  applied.joined = std::move(kept.joined);
  applied.answer = std::move(kept.answer);
  applied.replayed = true;
  return applied;
}

absl::StatusOr<Applied> LiveStore::Update(const LiveKey& key, common::Time now, const Rule& rule,
                                          const std::optional<Request>& request,
                                          std::string_view leader) {
  const std::lock_guard lock(StripeOf(key));
  ASSIGN_OR_RETURN(std::optional<LiveSession> session, Recall(key));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (request) {
      ASSIGN_OR_RETURN(auto replay, FindReplay(key, *request));
      if (replay) return *std::move(replay);
    }
    const bool recalled = session.has_value();
    if (!recalled) {
      ASSIGN_OR_RETURN(session, ReadOpen(key));
    }
    Accrue(*session, *session->pool, now);
    absl::StatusOr<Change> change = rule(*session);
    if (!change.ok()) {
      if (!recalled) return change.status();
      session.reset();  // what was refused may not be so any more
      continue;
    }
    absl::StatusOr<Applied> applied = Apply(*session, *std::move(change), request, leader);
    session.reset();
    if (applied.ok()) {
      if (recalled) recalled_.Increment();
      if (recalled || leader.empty()) Remember(applied->session);
      return applied;
    }
    const auto refusal = ErrorCode(applied.status());
    if (!refusal) return applied;
    if (*refusal == kAbsent || *refusal == kSealed) {
      Drop(key.session);
      return NotLive();
    }
    if (*refusal == kFull) {
      return common::errors::Make(common::errors::kUnavailable,
                                  "the relay of hype transitions lags too far behind");
    }
    if (*refusal != kStaleNonce && *refusal != kAnswered) return applied;
    (recalled ? outdated_ : conflicts_).Increment();
  }
  return common::errors::Make(common::errors::kConflict, "the session changes too quickly");
}

absl::StatusOr<Applied> LiveStore::Apply(const LiveSession& session, Change change,
                                         const std::optional<Request>& request,
                                         std::string_view leader) {
  const pool::Pool& pool = *session.pool;
  Applied applied;
  applied.left = PartsOf(session.parties, change.leavers);
  applied.left_heads = HeadsOf(pool, applied.left);
  const uint32_t room = Room(session.heads - applied.left_heads);
  change.state.peak_heads = session.state.peak_heads;
  change.state.left_heads = session.state.left_heads + applied.left_heads;
  const uint32_t individuals =
      TakeNewsShare(change.state, change.audience.last_round,
                    applied.left_heads + std::min(room, NewcomersOf(pool, change)));

  AudienceChange exchange = {
      .expected = session.nonce,
      .demands = DemandsOf(session, change, room),
      .capacity = MembersOf(session.parties) - MembersOf(applied.left) + room,
      .effects = EffectsOf(session, change, session.heads - applied.left_heads, request, leader)};
  for (const Leave& leave : change.leavers) {
    AppendLeave(exchange.leaves, leave);
    AppendDeparture(exchange.departures,
                    DepartureOf(pool, change.audience, session.parties[leave.position]));
  }
  ASSIGN_OR_RETURN(Changed changed,
                   store_.Apply(ShardOf(session.key), session.key.session, exchange));

  applied.joined = std::move(changed.parties);
  applied.answer = change.answer;
  applied.joined_heads = HeadsOf(pool, applied.joined);
  news_.Push(TellOf(pool, session,
                    {{.left = change.reason, .parties = applied.left},
                     {.left = std::nullopt, .parties = applied.joined}},
                    individuals));
  applied.session = After(session, std::move(change), applied.joined, std::move(changed.nonce));
  return applied;
}

bool LiveStore::IsOvertaken(const absl::Status& status) {
  const auto refusal = ErrorCode(status);
  return refusal && (*refusal == kStaleNonce || *refusal == kAbsent || *refusal == kSealed ||
                     *refusal == kAnswered);
}

absl::StatusOr<std::shared_ptr<const Followers>> LiveStore::FollowersOf(const LiveKey& key) {
  {
    const std::lock_guard lock(followers_mutex_);
    const auto found = followers_.find(key.session);
    if (found != followers_.end()) return found->second;
  }
  ASSIGN_OR_RETURN(const std::string bytes, store_.ReadFollowers(ShardOf(key), key.session));
  ASSIGN_OR_RETURN(Followers decoded, DecodeFollowers(bytes));
  auto followers = std::make_shared<const Followers>(std::move(decoded));
  Keep(key.session, followers);
  return followers;
}

void LiveStore::Keep(const Uuid& session, std::shared_ptr<const Followers> followers) {
  const std::lock_guard lock(followers_mutex_);
  if (followers_.contains(session)) return;
  if (followers_.size() >= kFollowersSessions || follower_runs_ >= kFollowersRuns) {
    followers_.clear();
    follower_runs_ = 0;
  }
  follower_runs_ += followers->runs().size();
  followers_[session] = std::move(followers);
}

void LiveStore::Drop(const Uuid& session) {
  remembered_.Erase(session);
  const std::lock_guard lock(followers_mutex_);
  const auto found = followers_.find(session);
  if (found == followers_.end()) return;
  follower_runs_ -= found->second->runs().size();
  followers_.erase(found);
}

uint32_t LiveStore::Room(uint32_t heads) const {
  return options_.max_heads - std::min(options_.max_heads, heads);
}

absl::StatusOr<uint32_t> LiveStore::Cross(LiveSession& from, std::span<LiveSession* const> to,
                                          Crossing crossing, common::Time now,
                                          const std::optional<Request>& request,
                                          std::string_view leader) {
  std::vector<uint32_t> room;
  for (const LiveSession* there : to) room.push_back(Room(there->heads));
  const Passage passage = PassageOf(*from.pool, from.parties, crossing.movers, std::move(room));
  Change& change = crossing.change;
  change.state.left_heads = from.state.left_heads + passage.heads;
  const uint32_t told = TakeNewsShare(change.state, change.audience.last_round, passage.heads);
  Transfer transfer = {
      .expected = from.nonce,
      .effects = EffectsOf(from, change, from.heads - passage.heads, request, leader)};
  std::vector<Arrival> arrivals;
  for (const auto& [number, heads] : passage.destinations) {
    LiveSession& there = *to[number];
    // Whoever comes may be of a run that the pool had not yet when this one was read.
    if (there.pool->runs() < from.pool->runs()) there.pool = from.pool;
    Accrue(there, *there.pool, now);
    Arrival& arrival = arrivals.emplace_back(Arrival{.state = there.state});
    arrival.state.peak_heads = std::max(there.state.peak_heads, there.heads + heads);
    arrival.told = TakeNewsShare(arrival.state, there.audience.last_round, heads);
    transfer.to.push_back({.session_id = there.key.session,
                           .expected = there.nonce,
                           .fields = {{kStateField, EncodeState(arrival.state)},
                                      {kHeadsField, EncodeHeads(there.heads + heads)}}});
  }
  for (const auto& [leave, destination] : passage.movers) {
    const Party& party = from.parties[leave.position];
    const LiveSession& there = *to[passage.destinations[destination].number];
    const uint8_t archetype = from.pool->ArchetypeOfRun(party.run);
    AppendMover(transfer.movers, leave, destination, JoiningNow(there.audience, archetype, 0));
    AppendDeparture(transfer.departures, DepartureOf(*from.pool, change.audience, party));
  }
  ASSIGN_OR_RETURN(const Moved moved, store_.Move(ShardOf(from.key), from.key.session, transfer));
  Arrive(passage, moved, to, arrivals);
  std::vector<Leave> leaves;
  for (const Mover& mover : passage.movers) leaves.push_back(mover.leave);
  news_.Push(TellOf(*from.pool, from,
                    {{.left = LeftReason::kCompeted, .parties = PartsOf(from.parties, leaves)}},
                    told));
  change.leavers = std::move(leaves);
  from = After(from, std::move(change), {}, moved.nonce);
  return passage.heads;
}

// Takes the moved into their sessions, as Redis has done.
void LiveStore::Arrive(const Passage& passage, const Moved& moved, std::span<LiveSession* const> to,
                       std::span<const Arrival> arrivals) {
  std::vector<std::vector<Party>> parties(passage.destinations.size());
  for (size_t i = 0; i < passage.movers.size(); ++i) {
    parties[passage.movers[i].destination].push_back(moved.parties[i]);
  }
  for (size_t i = 0; i < parties.size(); ++i) {
    LiveSession& there = *to[passage.destinations[i].number];
    there.state = arrivals[i].state;
    there.nonce = moved.to_nonces[i];
    there.heads += passage.destinations[i].heads;
    there.parties.insert(there.parties.end(), parties[i].begin(), parties[i].end());
    news_.Push(TellOf(*there.pool, there,
                      {{.left = std::nullopt, .parties = std::move(parties[i])}},
                      arrivals[i].told));
  }
}

absl::StatusOr<LiveSession> LiveStore::Open(const LiveKey& key, common::Time now,
                                            const Change& first, const Followers& followers) {
  const std::lock_guard lock(StripeOf(key));
  LiveSession blank = {.key = key};
  ASSIGN_OR_RETURN(blank.pool, pools_.Get(key.game));
  blank.followers = std::make_shared<const Followers>(followers);
  Change change = first;
  change.state.accrued_until = now;
  const uint32_t room = Room(0);
  const uint32_t individuals = TakeNewsShare(change.state, change.audience.last_round,
                                             std::min(room, NewcomersOf(*blank.pool, change)));
  const auto opened = store_.Open(ShardOf(key), key.session,
                                  {.demands = DemandsOf(blank, change, room),
                                   .capacity = room,
                                   .followers = EncodeFollowers(followers),
                                   .fields = FieldsOf(change, 0, "")});
  if (ErrorCode(opened.status()) == kExists) return Load(key);
  RETURN_IF_ERROR(opened.status());
  Keep(key.session, blank.followers);
  blank.state.viewer_secret = change.state.viewer_secret;
  news_.Push(TellOf(*blank.pool, blank, {{.left = std::nullopt, .parties = opened->parties}},
                    individuals));
  return After(blank, std::move(change), opened->parties, opened->nonce);
}

absl::StatusOr<std::optional<Sealed>> LiveStore::Seal(const LiveKey& key, common::Time now) {
  absl::StatusOr<SealedAudience> stored = store_.Seal(ShardOf(key), key.session);
  if (ErrorCode(stored.status()) == kAbsent) return std::nullopt;
  RETURN_IF_ERROR(stored.status());
  Sealed sealed;
  ASSIGN_OR_RETURN(sealed.session, ToSession(key, std::move(stored->live)));
  sealed.departed = std::move(stored->departed);
  if (stored->forgotten > 0) forgotten_.Increment(stored->forgotten);
  uint32_t runs = 0;
  for (const DepartedParty& gone : sealed.departed) runs = std::max(runs, gone.party.run + 1);
  if (runs > sealed.session.pool->runs()) {
    ASSIGN_OR_RETURN(sealed.session.pool, pools_.Get(key.game, runs));
  }
  Accrue(sealed.session, *sealed.session.pool, now);
  return sealed;
}

absl::StatusOr<uint32_t> LiveStore::Release(const LiveKey& key) {
  Drop(key.session);
  return store_.Release(ShardOf(key), key.session);
}

absl::StatusOr<std::vector<Uuid>> LiveStore::List(const Shard& shard) {
  return store_.Sessions(shard);
}

}  // namespace streaming::audience
