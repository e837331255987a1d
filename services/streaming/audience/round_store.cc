#include "services/streaming/audience/round_store.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/errors.h"

namespace streaming::audience {
namespace {

constexpr common::redis::CallOptions kRepeatable{.idempotent = true};
// Long enough for any instance to finish a round that it began, and the one before it.
constexpr std::chrono::seconds kViewLifeLeast{600};
std::chrono::seconds LifeOf(const View& view, const RoundSettings& settings) {
  return kViewLifeLeast +
         std::chrono::seconds(std::llround(2 * view.stretch * settings.interval_seconds));
}

}  // namespace

RoundStore::RoundStore(common::redis::Redis& redis, common::redis::Functions& functions,
                       AudienceStore& audience, LiveStore& live, pool::PoolStore& pools,
                       const RoundSettings& settings)
    : redis_(redis),
      functions_(functions),
      audience_(audience),
      live_(live),
      pools_(pools),
      settings_(settings) {}

absl::StatusOr<Lead> RoundStore::TakeLead(const Shard& shard, std::string_view who,
                                          std::chrono::milliseconds lease,
                                          std::chrono::milliseconds interval, uint32_t intervals) {
  ASSIGN_OR_RETURN(const auto reply,
                   functions_.Call("rounds_v1_lead", {RoundsKey(shard)},
                                   {std::string(who), std::to_string(lease.count()),
                                    std::to_string(interval.count()), std::to_string(kRoundLimit),
                                    std::to_string(intervals)},
                                   kRepeatable));
  if (reply.size() != 4) return absl::InternalError("rounds_v1_lead gave something else");
  Lead lead{.round = static_cast<uint32_t>(reply[0].integer()),
            .before = static_cast<uint32_t>(reply[3].integer()),
            .next = std::chrono::milliseconds(reply[1].integer())};
  if (reply[2].integer() >= 0) lead.late = std::chrono::milliseconds(reply[2].integer());
  return lead;
}

absl::Status RoundStore::RenewLead(const Shard& shard, std::string_view who,
                                   std::chrono::milliseconds lease) {
  return functions_
      .Call("rounds_v1_renew", {RoundsKey(shard)},
            {std::string(who), std::to_string(lease.count())}, kRepeatable)
      .status();
}

absl::StatusOr<uint64_t> RoundStore::Audit(const Shard& shard) {
  ASSIGN_OR_RETURN(const Audited audited, audience_.Audit(shard));
  return audited.bits_after > audited.bits_before ? audited.bits_after - audited.bits_before
                                                  : audited.bits_before - audited.bits_after;
}

absl::Status RoundStore::YieldLead(const Shard& shard, std::string_view who) {
  return functions_.Call("rounds_v1_yield", {RoundsKey(shard)}, {std::string(who)}, kRepeatable)
      .status();
}

absl::StatusOr<std::optional<View>> RoundStore::Find(const Shard& shard, uint32_t round) {
  ASSIGN_OR_RETURN(const auto stored, redis_.Command({"GET", ViewKey(shard, round)}, kRepeatable));
  if (stored.is_nil()) return std::nullopt;
  ASSIGN_OR_RETURN(View view, DecodeView(stored.text()));
  return view;
}

absl::StatusOr<View> RoundStore::OfRound(const Shard& shard, uint32_t round, float stretch,
                                         uint32_t cohorts, common::Time now) {
  ASSIGN_OR_RETURN(auto found, Find(shard, round));
  if (found) return *std::move(found);
  ASSIGN_OR_RETURN(View built, Build(shard, round, stretch, now));
  built.cohorts = cohorts;
  ASSIGN_OR_RETURN(const std::string settled,
                   audience_.SettleView(shard, round, EncodeView(built), LifeOf(built, settings_)));
  return DecodeView(settled);
}

absl::StatusOr<View> RoundStore::Recent(const Shard& shard, common::Time now) {
  ASSIGN_OR_RETURN(const auto rounds,
                   redis_.Command({"HMGET", RoundsKey(shard), "round", "before"}, kRepeatable));
  uint32_t newest = 0;
  // Between the beginning of a round and its view the one before it has to do.
  for (size_t i = 0; i < rounds.size(); ++i) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(common::ToAbsl(rounds[i].text()), &number) || number == 0) continue;
    newest = std::max(newest, number);
    ASSIGN_OR_RETURN(auto found, Find(shard, number));
    if (found) return *std::move(found);
  }
  return Build(shard, newest, 1, now);
}

absl::StatusOr<std::shared_ptr<const SurveyedView>> RoundStore::Outlook(const Shard& shard,
                                                                        common::Time now,
                                                                        uint32_t least) {
  const std::string name = ShardPrefix(shard);
  const std::optional<Kept> kept = outlooks_.Find(name);
  if (kept && kept->seen->view.round >= least && std::chrono::abs(now - kept->at) < kOutlookLife) {
    return kept->seen;
  }
  ASSIGN_OR_RETURN(View view, Recent(shard, now));
  auto seen = Surveyed(std::move(view));
  outlooks_.Put(name, {.seen = seen, .at = now});
  return seen;
}

absl::StatusOr<View> RoundStore::Build(const Shard& shard, uint32_t round, float stretch,
                                       common::Time now) {
  ASSIGN_OR_RETURN(const auto pool, pools_.Get(shard.game_service_id));
  ASSIGN_OR_RETURN(auto sessions, live_.List(shard));
  ASSIGN_OR_RETURN(const auto taken, redis_.Command({"GET", TakenKey(shard)}, kRepeatable));
  View view = {.round = round,
               .stretch = stretch,
               .at = now,
               .free_heads = FreeHeads(*pool, shard.number, taken.text()),
               .pool_heads = pool->HeadsOfShard(shard.number),
               .pool_members = pool->spec().size};
  // Their order decides who finds whom free, so it must not be an accident of the server's.
  std::sort(sessions.begin(), sessions.end());
  sessions.resize(std::min(sessions.size(), kMaxSessionsInView));
  for (size_t begin = 0; begin < sessions.size(); begin += LiveStore::kLoadManyMost) {
    std::vector<LiveKey> keys;
    for (size_t i = begin; i < std::min(sessions.size(), begin + LiveStore::kLoadManyMost); ++i) {
      keys.push_back(
          {.game = shard.game_service_id, .shard = shard.number, .session = sessions[i]});
    }
    ASSIGN_OR_RETURN(const auto loaded, live_.LoadMany(keys));
    for (const auto& session : loaded) {
      // The others ended while we were looking.
      if (session && !session->sealed)
        view.sessions.push_back(ViewOf(settings_, *pool, *session, now));
    }
  }
  return view;
}

}  // namespace streaming::audience
