#include "services/streaming/simulation/world.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "services/streaming/audience/check_out.h"
#include "services/streaming/audience/exchange.h"
#include "services/streaming/audience/passage.h"
#include "services/streaming/audience/raid.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/careers/usual_audience.h"
#include "services/streaming/hype/hum.h"
#include "services/streaming/hype/session_hype.h"
#include "services/streaming/sessions/beginning.h"
#include "services/streaming/simulation/chance.h"

namespace streaming::simulation {
namespace {

using audience::Change;
using audience::Crossing;
using audience::LiveSession;
using audience::Party;

// What Redis keeps of those who left, see redis/audience.lua.
constexpr size_t kDepartedMax =
    (size_t{4} << 20) / (audience::kPartyBytes + audience::kDepartureBytes);

common::Duration Seconds(double seconds) {
  return common::Duration(static_cast<int64_t>(std::llround(seconds * 1e6)));
}

// A departure as the store gives it back: the mean has one byte.
audience::DepartedParty Stored(const Party& party, const audience::Departure& departure) {
  std::string bytes;
  audience::AppendParty(bytes, party);
  audience::AppendDeparture(bytes, departure);
  return audience::DecodeDeparted(bytes)->front();
}

// The attendees, each once: of one who is named twice the first counts, as follows/ has it.
std::vector<audience::Attendee> Once(std::vector<audience::Attendee> attendees) {
  std::ranges::stable_sort(attendees, {}, &audience::Attendee::member);
  const auto repeated = std::ranges::unique(attendees, {}, &audience::Attendee::member);
  attendees.erase(repeated.begin(), repeated.end());
  return attendees;
}

uint32_t MembersOf(const LiveSession& session) {
  uint32_t members = 0;
  for (const Party& party : session.parties) members += audience::CountOf(party.members);
  return members;
}

}  // namespace

World::World(const WorldSettings& settings, const Schedule& schedule)
    : settings_(settings),
      schedule_(schedule),
      pool_(std::make_shared<const pool::Pool>(settings.pool)),
      round_settings_(audience::SettingsOf(settings.round, *pool_, 0)),
      shard_(pool_->runs()) {
  for (const Streamer& streamer : schedule.streamers) {
    standings_.push_back({.stats = streamer.past, .usual_audience = streamer.usual_audience});
  }
  BuildView();
}

uint32_t World::heads() const {
  uint32_t heads = 0;
  for (const auto& live : live_) heads += live->session.heads;
  return heads;
}

uint32_t World::RoomOf(const LiveSession& session) const {
  return settings_.round.capacity_heads - std::min(settings_.round.capacity_heads, session.heads);
}

double World::StayMinutes(const Party& party, uint32_t left_round) const {
  return (left_round - std::min(left_round, party.joining.round)) *
         settings_.round.interval_seconds / 60.0;
}

void World::PlayRound(Record* record) {
  EndDue(record);
  StartDue();
  BuildView();
  const uint32_t cohorts = scene_->view.cohorts;
  const auto interval = Seconds(settings_.round.interval_seconds);
  const common::Time begin = now_;
  for (uint32_t cohort = 0; cohort < cohorts; ++cohort) {
    now_ = begin + interval * cohort / cohorts;
    for (uint32_t i = 0; i < live_.size(); ++i) Step(i, cohort, record);
    for (uint32_t i = 0; i < live_.size(); ++i) Cross(i, cohort, record);
  }
  now_ = begin + interval;
  for (uint32_t i = 0; i < live_.size(); ++i) PlayMoments(i, record);
  for (const auto& live : live_) {
    live->record.crowd.push_back(live->session.heads);
  }
  if (record == nullptr) return;
  record->heads.push_back(heads());
  record->live.push_back(static_cast<uint32_t>(live_.size()));
}

void World::BuildView() {
  audience::View& view = scene_->view;
  view.round = view.round + 1;
  view.free_heads = audience::FreeHeads(*pool_, 0, shard_.taken());
  view.at = now_;
  view.pool_heads = pool_->HeadsOfShard(0);
  view.pool_members = pool_->spec().size;
  view.sessions.clear();
  for (const auto& live : live_) {
    view.sessions.push_back(audience::ViewOf(round_settings_, *pool_, live->session, now_));
  }
  scene_->field = audience::Survey(view);
}

void World::Step(uint32_t self, uint32_t cohort, Record* record) {
  Live& live = *live_[self];
  LiveSession& session = live.session;
  audience::Accrue(session, *pool_, now_);
  Change change = audience::ChangeOf(
      session, scene_->view,
      audience::StepSession(round_settings_, *pool_, scene_->view, scene_->field, self,
                            session.audience, session.parties, *session.followers, cohort));
  hype::HumAtStep(settings_.hype, round_settings_, scene_->view, self, change).IgnoreError();
  if (record != nullptr && cohort == 0) record->member_steps += MembersOf(session);
  const uint32_t came = Carry(live, std::move(change), record);
  if (cohort == 0) live.record.arrivals.push_back(0);
  live.record.arrivals.back() += came;
}

void World::Cross(uint32_t self, uint32_t cohort, Record* record) {
  Live& live = *live_[self];
  const LiveSession& session = live.session;
  auto movers = audience::MoversOf(round_settings_, *pool_, scene_->view, scene_->field, self,
                                   session.audience, session.parties, cohort);
  if (movers.empty()) return;
  Crossing crossing(session);
  crossing.movers = std::move(movers);
  crossing.change.audience.steps = static_cast<uint8_t>(2 * cohort + 2);
  std::vector<Live*> to;
  for (const auto& other : live_) to.push_back(other.get());
  Carry(live, std::move(crossing), to, record);
}

void World::PlayMoments(uint32_t self, Record* record) {
  Live& live = *live_[self];
  const auto& moments = live.airing->moments;
  const common::Time now = now_;
  while (live.next_moment < moments.size() && IsDue(moments[live.next_moment].second)) {
    const PlannedMoment& moment = moments[live.next_moment];
    now_ = std::max(live.session.state.accrued_until, kBeginning + Seconds(moment.second));
    audience::Accrue(live.session, *pool_, now_);
    auto outcome = reactions::ReactIn(
        round_settings_, settings_.hype, {.seen = scene_, .self = self}, live.session,
        {.occurrence = {.event = moment.event,
                        .significance = moment.significance,
                        .world_first_multiplier = settings_.world_first_multiplier,
                        .key =
                            audience::Extend(live.session.state.viewer_secret, live.next_moment)},
         .at = now_});
    ++live.next_moment;
    if (outcome.ok()) Carry(live, std::move(outcome->change), record);
  }
  now_ = now;
  ExpireTrain(live, record);
}

void World::ExpireTrain(Live& live, Record* record) {
  if (live.session.state.hype_progress == 0) return;
  Change change(live.session);
  const auto expired = hype::Expire(hype::ForStreamer(settings_.hype, live.session.state),
                                    live.session.key.session, now_, change);
  if (expired.ok() && *expired) Carry(live, std::move(change), record);
}

uint32_t World::Carry(Live& live, Change change, Record* record) {
  LiveSession& session = live.session;
  const auto left = audience::PartsOf(session.parties, change.leavers);
  const uint32_t left_heads = audience::HeadsOf(*pool_, left);
  change.state.peak_heads = session.state.peak_heads;
  change.state.left_heads = session.state.left_heads + left_heads;
  if (change.audience.interest != session.audience.interest ||
      change.audience.excitement != session.audience.excitement) {
    change.audience = audience::AsStored(change.audience);
  }
  Depart(live, left, change.audience, record);
  for (const std::string& bytes : change.hype_pending) NoteTrain(live, bytes);
  // Newcomers first: nobody leaves and returns in one breath.
  const uint32_t room = settings_.round.capacity_heads -
                        std::min(settings_.round.capacity_heads, session.heads - left_heads);
  const auto joined = shard_.Take(audience::DemandsOf(session, change, room), room);
  shard_.GiveBack(left);
  session = audience::After(session, std::move(change), joined, "");
  return audience::HeadsOf(*pool_, joined);
}

uint32_t World::Carry(Live& live, Crossing crossing, const std::vector<Live*>& to, Record* record) {
  LiveSession& session = live.session;
  Change& change = crossing.change;
  std::vector<uint32_t> room;
  for (const Live* there : to) room.push_back(RoomOf(there->session));
  const audience::Passage passage =
      audience::PassageOf(*pool_, session.parties, crossing.movers, std::move(room));
  for (const auto& [leave, destination] : passage.movers) {
    Party party = session.parties[leave.position];
    party.members = leave.members;
    Depart(live, {party}, change.audience, record);
    LiveSession& there = to[passage.destinations[destination].number]->session;
    audience::Accrue(there, *pool_, now_);
    party.joining = audience::JoiningNow(there.audience, pool_->ArchetypeOfRun(party.run), 0);
    there.parties.push_back(party);
    there.heads += audience::CountOf(party.members) * pool_->WeightOfRun(party.run);
    there.state.peak_heads = std::max(there.state.peak_heads, there.heads);
    change.leavers.push_back(leave);
  }
  change.state.left_heads = session.state.left_heads + passage.heads;
  session = audience::After(session, std::move(change), {}, "");
  return passage.heads;
}

void World::NoteTrain(Live& live, std::string_view pending) {
  const auto transition = hype::DecodePending(pending);
  if (!transition.ok()) return;
  const hype::Transition& train = transition->transition;
  live.train_peaks.resize(std::max<size_t>(live.train_peaks.size(), train.ordinal));
  live.train_peaks[train.ordinal - 1] = static_cast<uint8_t>(train.level);
}

void World::Depart(Live& live, const std::vector<Party>& parts, const audience::Audience& audience,
                   Record* record) const {
  for (const Party& part : parts) {
    const uint32_t heads = audience::CountOf(part.members) * pool_->WeightOfRun(part.run);
    if (record != nullptr) record->AddView(StayMinutes(part, audience.last_round), heads);
    if (live.departed.size() >= kDepartedMax) continue;
    live.departed.push_back(Stored(part, audience::DepartureOf(*pool_, audience, part)));
  }
}

void World::StartDue() {
  const auto& airings = schedule_.airings;
  for (; next_airing_ < airings.size() && IsDue(airings[next_airing_].start_second);
       ++next_airing_) {
    Start(airings[next_airing_]);
  }
}

void World::Start(const Airing& airing) {
  const Standing& standing = standings_[airing.streamer];
  auto live = std::make_unique<Live>();
  live->airing = &airing;
  live->record.streamer = airing.streamer;
  LiveSession& session = live->session;
  const uint64_t name = audience::Extend(audience::Mix64(settings_.round.seed), next_airing_);
  session.key.session = common::Uuid::FromRandomBits(name, audience::Mix64(name));
  session.pool = pool_;
  audience::LiveState& state = session.state;
  state.viewer_secret = name;
  state.started_at = state.accrued_until = state.last_call = now_;
  state.tags = schedule_.streamers[airing.streamer].tags;
  state.caller_score = schedule_.streamers[airing.streamer].talent;
  sessions::SetPast(state, standing.stats, standing.usual_audience);

  std::vector<uint32_t> following;
  for (const auto& [member, attendance] : standing.attendance) {
    if (attendance.follows) following.push_back(member);
  }
  std::ranges::sort(following);
  session.followers = std::make_shared<const audience::Followers>(following);
  Change first = sessions::FirstAudience(round_settings_, *pool_, scene_->view, *session.followers,
                                         session, now_);
  first.audience = audience::AsStored(first.audience);
  const uint32_t room = RoomOf(session);
  const auto joined = shard_.Take(audience::DemandsOf(session, first, room), room);
  session = audience::After(session, std::move(first), joined, "");
  live_.push_back(std::move(live));
}

void World::EndDue(Record* record) {
  const auto is_over = [&](const std::unique_ptr<Live>& live) {
    return IsDue(live->airing->end_second);
  };
  for (const auto& live : live_) {
    if (!is_over(live)) continue;
    audience::Accrue(live->session, *pool_, now_);
    if (live->airing->raids) Raid(*live, record);
    End(*live, record);
  }
  std::erase_if(live_, is_over);
}

World::Live* World::RaidTarget(const Live& live, Chance& chance) const {
  std::vector<Live*> akin;
  int most = 0;
  for (const auto& other : live_) {
    if (IsDue(other->airing->end_second)) continue;
    const int common = other->session.state.tags.CountCommon(live.session.state.tags);
    if (common > most) akin.clear();
    most = std::max(most, common);
    if (common == most) akin.push_back(other.get());
  }
  return akin.empty() ? nullptr : akin[chance.Below(static_cast<uint32_t>(akin.size()))];
}

void World::Raid(Live& live, Record* record) {
  Chance chance(settings_.round.seed, Choice::kRaid, raids_++);
  Live* target = RaidTarget(live, chance);
  if (target == nullptr) return;
  const LiveSession& session = live.session;
  const auto there = audience::ViewOf(round_settings_, *pool_, target->session, now_);
  Crossing crossing(session);
  for (const audience::Leave& leave :
       audience::Raiders(*pool_, session.audience, session.parties, there, chance.Bits())) {
    crossing.movers.push_back({.leave = leave, .destination = 0});
  }
  const uint32_t heads = session.heads;
  const uint32_t moved = Carry(live, std::move(crossing), {target}, record);
  if (record != nullptr) record->raids.push_back({.heads = heads, .moved = moved});
}

void World::End(Live& live, Record* record) {
  const audience::LiveState& state = live.session.state;
  Standing& standing = standings_[live.airing->streamer];
  StreamRecord& stream = live.record;
  stream.ended_second = seconds();
  stream.live_minutes = state.live_seconds / 60;
  stream.viewer_minutes = state.viewer_seconds / 60;
  stream.peak_heads = state.peak_heads;
  stream.trains = state.hype_trains;
  for (const uint8_t level : live.train_peaks) stream.train_levels += level;
  RecordAttendance(live, standing, stream, record);
  const uint32_t followers =
      standing.stats.followers + stream.followers_gained - stream.followers_lost;
  const double mean = state.live_seconds > 0 ? state.viewer_seconds / state.live_seconds : 0;
  standing.usual_audience =
      careers::UsualAudience(standing.usual_audience, mean, standing.stats.sessions == 0);
  standing.stats = careers::Advance(
      standing.stats,
      {.new_followers = stream.followers_gained,
       .lost_followers = stream.followers_lost,
       .live_seconds = static_cast<uint32_t>(std::llround(state.live_seconds)),
       .peak_audience = state.peak_heads,
       .mean_engagement =
           state.viewer_seconds > 0 ? state.interest_seconds / state.viewer_seconds : 0,
       .tags = state.tags,
       .hype_peaks = live.train_peaks,
       .world_firsts = state.world_firsts});
  standing.stats.followers = followers;
  stream.career = standing.stats;
  if (record != nullptr) {
    for (const Party& party : live.session.parties) {
      record->AddView(StayMinutes(party, live.session.audience.last_round),
                      audience::CountOf(party.members) * pool_->WeightOfRun(party.run));
    }
    record->streams.push_back(std::move(stream));
  }
  shard_.GiveBack(live.session.parties);
}

void World::RecordAttendance(const Live& live, Standing& standing, StreamRecord& stream,
                             Record* record) const {
  const uint32_t ordinal = ++standing.sessions_here;
  for (const audience::Attendee& attendee :
       Once(audience::AttendeesOf(round_settings_.weights, *pool_, live.session, live.departed))) {
    follows::Attendance& attendance = standing.attendance[attendee.member];
    const bool followed = attendance.follows;
    attendance =
        follows::Attend(settings_.follow, attendance, ordinal, attendee.mean_interest).attendance;
    const uint32_t heads = pool_->WeightOf(attendee.member);
    if (attendance.follows && !followed) stream.followers_gained += heads;
    if (record != nullptr) {
      record->interests[static_cast<size_t>(std::lround(100 * attendee.mean_interest))] += heads;
    }
    if (followed && !attendance.follows) stream.followers_lost += heads;
  }
  for (auto& [member, attendance] : standing.attendance) {
    if (!follows::Lapsed(attendance, ordinal)) continue;
    attendance = follows::Lapse(attendance);
    stream.followers_lost += pool_->WeightOf(member);
  }
}

uint64_t World::Hash() const {
  uint64_t hash = 0;
  const auto add = [&hash](uint64_t word) { hash = audience::Extend(hash, word); };
  for (const char byte : shard_.taken()) add(static_cast<uint8_t>(byte));
  for (const auto& live : live_) {
    add(std::hash<common::Uuid>()(live->session.key.session));
    for (const char byte : audience::EncodeState(live->session.state)) {
      add(static_cast<uint8_t>(byte));
    }
    for (const char byte : audience::EncodeAudience(live->session.audience)) {
      add(static_cast<uint8_t>(byte));
    }
    for (const Party& party : live->session.parties) {
      add(party.run);
      add(party.members);
      add(party.joining.round << 8 | party.joining.flags);
    }
  }
  for (const Standing& standing : standings_) {
    add(standing.stats.followers);
    add(careers::TotalOf(standing.stats.growth));
    add(std::bit_cast<uint64_t>(standing.usual_audience));
    uint64_t attendance = 0;  // in whatever order the table has them
    for (const auto& [member, one] : standing.attendance) {
      attendance += audience::Extend(audience::Extend(member, one.interested_run),
                                     std::bit_cast<uint64_t>(one.loyalty));
    }
    add(attendance);
  }
  return hash;
}

bool World::IsSound() const {
  uint32_t members = 0;
  for (const auto& live : live_) {
    const LiveSession& session = live->session;
    if (session.heads > settings_.round.capacity_heads) return false;
    if (session.heads != audience::HeadsOf(*pool_, session.parties)) return false;
    members += MembersOf(session);
  }
  uint32_t bits = 0;
  for (const char byte : shard_.taken()) {
    bits += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(byte)));
  }
  return bits == members && bits == shard_.CountTaken();
}

}  // namespace streaming::simulation
