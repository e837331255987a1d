#include "services/streaming/audience/live_store.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/bytes.h"
#include "services/streaming/audience/check_out.h"
#include "services/streaming/audience/random.h"
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

Fields FieldsOf(const Change& change) {
  return {{kAudienceField, EncodeAudience(change.audience)},
          {kStateField, EncodeState(change.state)},
          {kMomentsField, EncodeMoments(change.moments)},
          {kHypeField, change.hype},
          {kMoodField, change.mood}};
}

Shard ShardOf(const LiveKey& key) { return {.game_service_id = key.game, .number = key.shard}; }

absl::Status NotLive() {
  return common::errors::Make(kSessionNotLive, "the session has no audience that could change");
}

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

// The part of a party that leaves for one reason.
std::vector<Movement> MovementsOf(const std::vector<Party>& parties,
                                  const std::vector<Leaver>& leavers) {
  Movement bored{.left = LeftReason::kBored};
  Movement competed{.left = LeftReason::kCompeted};
  for (const Leaver& leaver : leavers) {
    Party party = parties[leaver.leave.position];
    party.members = leaver.leave.members & ~leaver.competed;
    if (party.members != 0) bored.parties.push_back(party);
    party.members = leaver.leave.members & leaver.competed;
    if (party.members != 0) competed.parties.push_back(party);
  }
  return {std::move(bored), std::move(competed)};
}

// The parties without the leavers, in Redis' order, and the newcomers behind them.
std::vector<Party> PartiesAfter(const std::vector<Party>& parties,
                                const std::vector<Leaver>& leavers,
                                const std::vector<Party>& joined) {
  std::vector<Party> after = parties;
  for (const Leaver& leaver : leavers) {
    after[leaver.leave.position].members &= ~leaver.leave.members;
  }
  std::erase_if(after, [](const Party& party) { return party.members == 0; });
  after.insert(after.end(), joined.begin(), joined.end());
  return after;
}

LiveSession After(const LiveSession& before, Change change, const std::vector<Party>& joined,
                  Nonce nonce) {
  LiveSession after = {.key = before.key,
                       .pool = before.pool,
                       .nonce = std::move(nonce),
                       .parties = PartiesAfter(before.parties, change.leavers, joined),
                       .audience = change.audience,
                       .state = std::move(change.state),
                       .moments = std::move(change.moments),
                       .hype = std::move(change.hype),
                       .mood = std::move(change.mood)};
  after.heads = HeadsOf(*after.pool, after.parties);
  after.state.peak_heads = std::max(after.state.peak_heads, after.heads);
  return after;
}

uint32_t MembersOf(const std::vector<Party>& parties) {
  uint32_t members = 0;
  for (const Party& party : parties) members += CountOf(party.members);
  return members;
}

std::vector<Demand> DemandsOf(const LiveSession& session, const Change& change,
                              uint32_t room_heads) {
  const CheckOut wish = {
      .wanted_heads = change.wanted_heads,
      .free_heads = change.free_heads,
      .joining = change.joining.value_or(JoiningNow(change.audience, 0)),
      .capacity_heads = room_heads,
      .key = Mix64(std::hash<Uuid>()(session.key.session) + change.audience.last_round)};
  std::vector<Demand> demands = PlanCheckOut(*session.pool, session.key.shard, wish);
  demands.insert(demands.end(), change.seats.begin(), change.seats.end());
  return demands;
}

uint32_t Sum(const pool::PerArchetype<uint32_t>& heads) {
  return std::accumulate(heads.begin(), heads.end(), 0u);
}

}  // namespace

LiveStore::LiveStore(AudienceStore& audience, pool::PoolStore& pools, NewsQueue& news,
                     common::metrics::Registry& metrics, Options options)
    : store_(audience),
      pools_(pools),
      news_(news),
      options_(options),
      conflicts_(metrics.GetCounter("streaming_audience_conflicts_total",
                                    "Changes of a live session that another one overtook.")) {}

std::mutex& LiveStore::StripeOf(const LiveKey& key) {
  return stripes_[std::hash<Uuid>()(key.session) % kStripes];
}

absl::StatusOr<LiveSession> LiveStore::ToSession(const LiveKey& key, StoredAudience stored) {
  LiveSession session = {.key = key,
                         .nonce = std::move(stored.nonce),
                         .parties = std::move(stored.parties),
                         .hype = std::move(stored.fields[kHypeField]),
                         .mood = std::move(stored.fields[kMoodField])};
  ASSIGN_OR_RETURN(session.pool, pools_.Get(key.game, RunsOf(session.parties)));
  session.heads = HeadsOf(*session.pool, session.parties);
  ASSIGN_OR_RETURN(session.audience, DecodeAudience(stored.fields[kAudienceField]));
  ASSIGN_OR_RETURN(session.state, DecodeState(stored.fields[kStateField]));
  ASSIGN_OR_RETURN(session.moments, DecodeMoments(stored.fields[kMomentsField]));
  return session;
}

absl::StatusOr<LiveSession> LiveStore::Load(const LiveKey& key) {
  ASSIGN_OR_RETURN(auto stored, store_.Read(ShardOf(key), key.session));
  if (!stored) return NotLive();
  return ToSession(key, *std::move(stored));
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
  applied.joined_heads = HeadsOf(*applied.session.pool, kept.joined);
  applied.joined = std::move(kept.joined);
  applied.replayed_answer = std::move(kept.answer);
  return applied;
}

absl::StatusOr<Applied> LiveStore::Update(const LiveKey& key, common::Time now, const Rule& rule,
                                          const std::optional<Request>& request) {
  const std::lock_guard lock(StripeOf(key));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (request) {
      ASSIGN_OR_RETURN(auto replay, FindReplay(key, *request));
      if (replay) return *std::move(replay);
    }
    ASSIGN_OR_RETURN(auto stored, store_.Read(ShardOf(key), key.session));
    if (!stored || stored->sealed) return NotLive();
    ASSIGN_OR_RETURN(LiveSession session, ToSession(key, *std::move(stored)));
    Accrue(session, *session.pool, now);
    ASSIGN_OR_RETURN(Change change, rule(session));
    absl::StatusOr<Applied> applied = Apply(session, std::move(change), request);
    const auto refusal = ErrorCode(applied.status());
    if (!refusal) return applied;
    if (*refusal == kAbsent || *refusal == kSealed) return NotLive();
    if (*refusal == kFull) {
      return common::errors::Make(common::errors::kUnavailable,
                                  "the relay of hype transitions lags too far behind");
    }
    if (*refusal != kStaleNonce && *refusal != kAnswered) return applied;
    conflicts_.Increment();
  }
  return common::errors::Make(common::errors::kConflict, "the session changes too quickly");
}

absl::StatusOr<Applied> LiveStore::Apply(const LiveSession& session, Change change,
                                         const std::optional<Request>& request) {
  const pool::Pool& pool = *session.pool;
  Applied applied;
  std::vector<Movement> movements = MovementsOf(session.parties, change.leavers);
  for (const Movement& movement : movements) {
    applied.left.insert(applied.left.end(), movement.parties.begin(), movement.parties.end());
  }
  applied.left_heads = HeadsOf(pool, applied.left);
  applied.competed_heads = HeadsOf(pool, movements.back().parties);
  const uint32_t room = Room(session.heads - applied.left_heads);
  change.state.peak_heads = session.state.peak_heads;
  change.state.left_heads = session.state.left_heads + applied.left_heads;
  const uint32_t individuals =
      TakeNewsShare(change.state, change.audience.last_round,
                    applied.left_heads + std::min(room, Sum(change.wanted_heads)));

  LeaveRecords records = EncodeLeavers(pool, change.audience, session.parties, change.leavers);
  AudienceChange exchange = {
      .expected = session.nonce,
      .leaves = std::move(records.leaves),
      .departures = std::move(records.departures),
      .demands = DemandsOf(session, change, room),
      .capacity = MembersOf(session.parties) - MembersOf(applied.left) + room,
      .effects = {.fields = FieldsOf(change)}};
  if (request) {
    exchange.effects.request_id = request->id.ToBytes();
    exchange.effects.answer = EncodeAnswer(*request, change.answer);
  }
  const Shard shard = ShardOf(session.key);
  for (std::string& transition : change.hype_pending) {
    exchange.effects.pushes.push_back({.list = HypePendingKey(shard),
                                       .value = std::move(transition),
                                       .limit = kHypePendingLimit,
                                       .must_fit = true});
  }
  ASSIGN_OR_RETURN(Changed changed, store_.Apply(shard, session.key.session, exchange));

  applied.joined = changed.parties;
  applied.joined_heads = HeadsOf(pool, applied.joined);
  movements.push_back({.left = std::nullopt, .parties = std::move(changed.parties)});
  news_.Push(TellOf(pool, session, movements, individuals));
  applied.session = After(session, std::move(change), applied.joined, std::move(changed.nonce));
  return applied;
}

uint32_t LiveStore::Room(uint32_t heads) const {
  return options_.max_heads - std::min(options_.max_heads, heads);
}

absl::StatusOr<LiveSession> LiveStore::Open(const LiveKey& key, common::Time now,
                                            const Change& first) {
  const std::lock_guard lock(StripeOf(key));
  LiveSession blank = {.key = key};
  ASSIGN_OR_RETURN(blank.pool, pools_.Get(key.game));
  Change change = first;
  change.state.accrued_until = now;
  const uint32_t room = Room(0);
  const uint32_t individuals = TakeNewsShare(change.state, change.audience.last_round,
                                             std::min(room, Sum(change.wanted_heads)));
  const auto opened = store_.Open(
      ShardOf(key), key.session,
      {.demands = DemandsOf(blank, change, room), .capacity = room, .fields = FieldsOf(change)});
  if (ErrorCode(opened.status()) == kExists) return Load(key);
  RETURN_IF_ERROR(opened.status());
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
  uint32_t runs = 0;
  for (const DepartedParty& gone : sealed.departed) runs = std::max(runs, gone.party.run + 1);
  if (runs > sealed.session.pool->runs()) {
    ASSIGN_OR_RETURN(sealed.session.pool, pools_.Get(key.game, runs));
  }
  Accrue(sealed.session, *sealed.session.pool, now);
  return sealed;
}

absl::StatusOr<uint32_t> LiveStore::Release(const LiveKey& key) {
  return store_.Release(ShardOf(key), key.session);
}

absl::StatusOr<std::vector<Uuid>> LiveStore::List(const Shard& shard) {
  return store_.Sessions(shard);
}

}  // namespace streaming::audience
