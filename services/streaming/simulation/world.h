// A pool shard, its live streams and its streamers in memory: the rules of the daemon at full
// speed, without servers.
//
// Nothing is decided here. The order of things is the daemon's: a round's view, the steps of each
// cohort in every session, those whom another stream has won; between rounds starts, moments,
// raids and ends.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libs/common/base/time.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/follows/follow.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/pool/pool.h"
#include "services/streaming/reactions/session_reaction.h"
#include "services/streaming/simulation/chance.h"
#include "services/streaming/simulation/record.h"
#include "services/streaming/simulation/schedule.h"
#include "services/streaming/simulation/shard.h"

namespace streaming::simulation {

struct WorldSettings {
  pool::PoolSpec pool;  // with one shard
  audience::RoundSettings round;
  hype::Settings hype;
  follows::Settings follow;
  double world_first_multiplier = 10;
};

// What lasts of a streamer.
struct Standing {
  careers::Stats stats;
  double usual_audience = 0;
  uint32_t sessions_here = 0;                                    // in this world
  std::unordered_map<uint32_t, follows::Attendance> attendance;  // by member
};

class World {
 public:
  // Keeps a reference to the schedule.
  World(const WorldSettings& settings, const Schedule& schedule);

  // One round and what lies between it and the next. Writes down what happened if `record` is not
  // null.
  void PlayRound(Record* record);

  double seconds() const { return common::ToSeconds(now_ - kBeginning); }
  uint32_t heads() const;
  size_t live() const { return live_.size(); }
  // The same for equal settings, seeds and rounds played: all that lasts goes into it.
  uint64_t Hash() const;
  // Whether the bitmap and the audiences agree and nobody has more than the capacity.
  bool IsSound() const;

 private:
  static constexpr common::Time kBeginning{};

  struct Live {
    audience::LiveSession session;
    std::vector<audience::DepartedParty> departed;
    const Airing* airing = nullptr;
    size_t next_moment = 0;
    std::vector<uint8_t> train_peaks;  // the highest level of each hype train
    StreamRecord record;
  };

  bool IsDue(double second) const { return second <= seconds(); }
  void StartDue();
  void Start(const Airing& airing);
  void EndDue(Record* record);
  void Raid(Live& live, Record* record);
  // One of the live streams whose content is most like this one's; null when there is no other.
  Live* RaidTarget(const Live& live, Chance& chance) const;
  void End(Live& live, Record* record);
  void RecordAttendance(const Live& live, Standing& standing, StreamRecord& stream,
                        Record* record) const;

  void BuildView();
  void Step(uint32_t self, uint32_t cohort, Record* record);
  void Cross(uint32_t self, uint32_t cohort, Record* record);
  void PlayMoments(uint32_t self, Record* record);
  void ExpireTrain(Live& live, Record* record);

  // Carries a change out, as LiveStore::Update and the Function `apply` do. Returns the heads that
  // came.
  uint32_t Carry(Live& live, audience::Change change, Record* record);
  // Likewise LiveStore::Cross and `move`. `to[i]` is where movers with the destination i go.
  // Returns the heads that went.
  uint32_t Carry(Live& live, audience::Crossing crossing, const std::vector<Live*>& to,
                 Record* record);
  static void NoteTrain(Live& live, std::string_view pending);
  void Depart(Live& live, const std::vector<audience::Party>& parts,
              const audience::Audience& audience, Record* record) const;
  double StayMinutes(const audience::Party& party, uint32_t left_round) const;
  uint32_t RoomOf(const audience::LiveSession& session) const;

  const WorldSettings settings_;
  const Schedule& schedule_;
  const std::shared_ptr<const pool::Pool> pool_;
  const audience::RoundSettings round_settings_;  // with the shard's seed
  Shard shard_;
  std::vector<Standing> standings_;  // by streamer
  std::vector<std::unique_ptr<Live>> live_;
  size_t next_airing_ = 0;
  uint32_t raids_ = 0;
  common::Time now_ = kBeginning;
  // The round's; sessions as in live_, those that started since behind.
  const std::shared_ptr<audience::SurveyedView> scene_ = std::make_shared<audience::SurveyedView>();
};

}  // namespace streaming::simulation
