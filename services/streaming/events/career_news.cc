#include "services/streaming/events/career_news.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/career.pb.h>
#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/events.pb.h>

#include "services/streaming/events/command.h"
#include "services/streaming/events/event.h"
#include "services/streaming/events/words.h"

namespace streaming::events {
namespace {

namespace v1 = bannou::streaming::v1;
using careers::AppliedSession;
using careers::Milestone;
using careers::Unlock;
using common::Uuid;
using common::outbox::Event;

// Enumerators of rules count from 0, those of the contract from 1.
template <class Enum>
Enum ToContract(auto value) {
  return static_cast<Enum>(static_cast<int>(value) + 1);
}

std::string Text(std::string_view text) { return std::string(text); }

class News {
 public:
  explicit News(const AppliedSession& session) : session_(session), key_(session.after.key) {}

  void Tell(const Milestone& milestone);
  void CreateSeed();
  void RecordGrowth();
  void Grant(const Unlock& unlock);
  void SubmitScores();
  void IngestSession();
  void Ingest(const Milestone& milestone);

  std::vector<Event> Take() { return std::move(events_); }

 private:
  // The id of what the session makes the career tell once.
  Uuid IdOf(std::string_view what) const { return Uuid::V5(session_.id, what); }
  template <class Command>
  void Ask(Command command, std::string_view what) {
    events_.push_back(MakeCommand(std::move(command), IdOf(what)));
  }
  void Submit(v1::LeaderboardMetric metric, double before, double after);
  // Common to all that analytics is told.
  v1::AnalyticsEventIngestCommand Analytics(const google::protobuf::Message& event) const;

  const AppliedSession& session_;
  const careers::StreamerKey& key_;
  std::vector<Event> events_;
};

// Names a milestone within a career.
std::string NameOf(const Milestone& milestone) {
  return absl::StrCat(static_cast<int>(milestone.type), "/", milestone.value);
}

void News::Tell(const Milestone& milestone) {
  v1::StreamingMilestoneReachedEvent message;
  message.set_streamer_id(key_.id.ToString());
  message.set_streamer_type(key_.type);
  message.set_game_service_id(key_.game_service_id.ToString());
  message.set_session_id(session_.id.ToString());
  message.set_milestone_type(ToContract<v1::MilestoneType>(milestone.type));
  message.set_milestone_value(static_cast<int32_t>(milestone.value));
  events_.push_back(
      MakeEvent(std::move(message), session_.ended_at, IdOf("milestone/" + NameOf(milestone))));
}

void News::CreateSeed() {
  v1::SeedCreateCommand command;
  command.set_seed_id(SeedId(key_).ToString());
  command.set_owner_id(key_.id.ToString());
  command.set_owner_type(key_.type);
  command.set_game_service_id(key_.game_service_id.ToString());
  command.set_seed_type_code("streamer");
  Ask(std::move(command), "seed.create");
}

void News::RecordGrowth() {
  const careers::Growth& before = session_.before.stats.growth;
  const careers::Growth& after = session_.after.stats.growth;
  for (size_t i = 0; i < careers::kDomains; ++i) {
    if (after[i] == before[i]) continue;
    const std::string domain = Text(careers::NameOf(static_cast<careers::Domain>(i)));
    v1::SeedGrowthRecordCommand command;
    command.set_seed_id(SeedId(key_).ToString());
    command.set_domain(domain);
    command.set_amount(careers::UnitsOf(after[i] - before[i]));
    command.set_source("streaming");
    command.set_source_event_id(session_.id.ToString());
    Ask(std::move(command), "seed.growth.record/" + domain);
  }
}

void News::Grant(const Unlock& unlock) {
  v1::CollectionEntryGrantCommand command;
  command.set_owner_id(key_.id.ToString());
  command.set_owner_type(key_.type);
  command.set_game_service_id(key_.game_service_id.ToString());
  command.set_entry_code(unlock.entry_code);
  command.set_collection_type(ToContract<v1::UnlockCategory>(unlock.category));
  Ask(std::move(command), absl::StrCat("collection.entry.grant/", static_cast<int>(unlock.category),
                                       "/", unlock.entry_code));
}

void News::Submit(v1::LeaderboardMetric metric, double before, double after) {
  if (after == before) return;
  v1::LeaderboardScoreSubmitCommand command;
  command.set_game_service_id(key_.game_service_id.ToString());
  command.set_leaderboard_id("streamer." + Text(WordOf(metric)));
  command.set_entity_id(key_.id.ToString());
  command.set_entity_type(key_.type);
  command.set_score(after);
  Ask(std::move(command), "leaderboard.score.submit/" + Text(WordOf(metric)));
}

void News::SubmitScores() {
  const careers::Stats& before = session_.before.stats;
  const careers::Stats& after = session_.after.stats;
  Submit(v1::LEADERBOARD_METRIC_FOLLOWERS, before.followers, after.followers);
  Submit(v1::LEADERBOARD_METRIC_WATCH_HOURS,
         static_cast<double>(session_.before.watch_seconds) / 3600,
         static_cast<double>(session_.after.watch_seconds) / 3600);
  Submit(v1::LEADERBOARD_METRIC_HYPE_TRAINS, before.hype_trains, after.hype_trains);
  Submit(v1::LEADERBOARD_METRIC_WORLD_FIRSTS, before.world_firsts, after.world_firsts);
}

v1::AnalyticsEventIngestCommand News::Analytics(const google::protobuf::Message& event) const {
  v1::AnalyticsEventIngestCommand command;
  command.set_game_service_id(key_.game_service_id.ToString());
  command.set_event_type(common::outbox::SubjectOf(event));
  command.set_entity_id(key_.id.ToString());
  command.set_entity_type(key_.type);
  *command.mutable_timestamp() = ToTimestamp(session_.ended_at);
  (*command.mutable_metadata())["session_id"] = session_.id.ToString();
  return command;
}

void News::IngestSession() {
  const careers::SessionResult& result = session_.result;
  auto command = Analytics(v1::StreamingSessionEndedEvent::default_instance());
  command.set_value(session_.viewer_seconds / 3600);
  auto& metadata = *command.mutable_metadata();
  metadata["live_seconds"] = absl::StrCat(result.live_seconds);
  metadata["peak_audience"] = absl::StrCat(result.peak_audience);
  metadata["attended_heads"] = absl::StrCat(result.gathering.heads);
  metadata["new_followers"] = absl::StrCat(result.new_followers);
  metadata["lost_followers"] = absl::StrCat(result.lost_followers);
  metadata["hype_trains"] = absl::StrCat(result.hype_peaks.size());
  metadata["world_firsts"] = absl::StrCat(result.world_firsts);
  metadata["phase"] = Text(WordOf(ToContract<v1::StreamerCareerPhase>(session_.after.phase)));
  Ask(std::move(command), "analytics.event.ingest/session");
}

void News::Ingest(const Milestone& milestone) {
  auto command = Analytics(v1::StreamingMilestoneReachedEvent::default_instance());
  command.set_value(milestone.value);
  (*command.mutable_metadata())["milestone_type"] =
      Text(WordOf(ToContract<v1::MilestoneType>(milestone.type)));
  Ask(std::move(command), "analytics.event.ingest/milestone/" + NameOf(milestone));
}

}  // namespace

std::vector<Event> CareerNews(const AppliedSession& session, std::span<const Milestone> milestones,
                              std::span<const Unlock> unlocks) {
  News news(session);
  for (const Milestone& milestone : milestones) news.Tell(milestone);
  if (session.before.stats.sessions == 0) news.CreateSeed();
  news.RecordGrowth();
  for (const Unlock& unlock : unlocks) news.Grant(unlock);
  news.SubmitScores();
  news.IngestSession();
  for (const Milestone& milestone : milestones) news.Ingest(milestone);
  return news.Take();
}

}  // namespace streaming::events
