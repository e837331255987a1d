#include "services/streaming/simulation/career_story.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

namespace streaming::simulation {
namespace {

using careers::Milestone;
using careers::MilestoneType;
using careers::Phase;

constexpr double kDay = 86400;

constexpr std::array<const char*, 5> kPhases = {"Unknown", "Rising", "Popular", "Celebrity",
                                                "Legend"};
constexpr std::array<const char*, pool::kInterests> kInterestNames = {
    "Combat", "Exploration", "Social",    "Crafting",     "Technical",
    "PvP",    "Discovery",   "Narrative", "Speedrunning", "Creative"};

const char* NameOf(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

std::string NameOf(pool::InterestMask tags) {
  std::vector<const char*> names;
  for (size_t interest = 0; interest < pool::kInterests; ++interest) {
    if (tags.Has(static_cast<pool::Interest>(interest))) names.push_back(kInterestNames[interest]);
  }
  return absl::StrJoin(names, " and ");
}

std::string NameOf(const Milestone& milestone) {
  const auto count = [&](const char* one, const char* many) {
    return absl::StrCat(milestone.value, " ", milestone.value == 1 ? one : many);
  };
  switch (milestone.type) {
    case MilestoneType::kFollowerCount:
      return count("follower", "followers");
    case MilestoneType::kStreamHours:
      return count("hour live", "hours live");
    case MilestoneType::kHypeTrainCount:
      return count("hype train", "hype trains");
    case MilestoneType::kWorldFirstCount:
      return count("world first", "world firsts");
    case MilestoneType::kPhaseAdvance:
      return absl::StrCat("becomes ", NameOf(static_cast<Phase>(milestone.value)));
  }
  return "";
}

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Takes the streamer's next stream in.
void Add(CareerStory& career, const StreamRecord& stream, double first_start) {
  ++career.streams;
  career.live_hours += stream.live_minutes / 60;
  career.watch_hours += stream.viewer_minutes / 60;
  Chapter chapter{
      .day = (stream.ended_second - first_start) / kDay,
      .stream = career.streams,
      .mean_heads = stream.live_minutes > 0 ? stream.viewer_minutes / stream.live_minutes : 0,
      .peak_heads = stream.peak_heads,
      .followers = stream.career.followers};
  for (const Milestone& milestone : careers::Crossed(career.stats, stream.career)) {
    // Followers may fall and rise again past a milestone, which counts once.
    const bool known = std::ranges::any_of(career.chapters, [&](const Chapter& earlier) {
      return std::ranges::find(earlier.reached, milestone) != earlier.reached.end();
    });
    if (!known) chapter.reached.push_back(milestone);
  }
  career.stats = stream.career;
  if (career.streams == 1 || !chapter.reached.empty()) career.chapters.push_back(chapter);
}

const Chapter* ChapterOf(const CareerStory& career, Phase phase) {
  const Milestone wanted{MilestoneType::kPhaseAdvance, static_cast<uint32_t>(phase)};
  for (const Chapter& chapter : career.chapters) {
    if (std::ranges::find(chapter.reached, wanted) != chapter.reached.end()) return &chapter;
  }
  return nullptr;
}

std::string FormatStory(const Schedule& schedule, const CareerStory& career) {
  const Streamer& streamer = schedule.streamers[career.streamer];
  std::string text = absl::StrFormat(
      "\nChannel %d, %s, talent %.2f: %s, growth %.1f\n", career.streamer, NameOf(streamer.tags),
      streamer.talent, NameOf(careers::PhaseOf(career.stats.growth)),
      static_cast<double>(careers::TotalOf(career.stats.growth)) / 1000);
  for (const Chapter& chapter : career.chapters) {
    std::vector<std::string> reached;
    if (chapter.stream == 1) reached.push_back("first stream");
    for (const Milestone& milestone : chapter.reached) reached.push_back(NameOf(milestone));
    absl::StrAppendFormat(&text,
                          "  day %5.1f  stream %3d  %5.0f watch, %5d at most, %6d follow  %s\n",
                          chapter.day, chapter.stream, chapter.mean_heads, chapter.peak_heads,
                          chapter.followers, absl::StrJoin(reached, ", "));
  }
  absl::StrAppendFormat(
      &text, "  then       stream %3d  %.0f hours live, %.0f watched, %d follow\n", career.streams,
      career.live_hours, career.watch_hours, career.stats.followers);
  return text;
}

}  // namespace

std::vector<CareerStory> CareersOf(const Schedule& schedule, const Record& record) {
  std::vector<CareerStory> careers(schedule.newcomers);
  std::vector<double> first_start(schedule.newcomers, -1);
  for (uint32_t i = 0; i < schedule.newcomers; ++i) careers[i].streamer = i;
  for (const Airing& airing : schedule.airings) {
    if (airing.streamer >= schedule.newcomers) continue;
    double& start = first_start[airing.streamer];
    if (start < 0) start = airing.start_second;
  }
  for (const StreamRecord& stream : record.streams) {  // in the order of their ends
    if (stream.streamer >= schedule.newcomers) continue;
    Add(careers[stream.streamer], stream, first_start[stream.streamer]);
  }
  return careers;
}

std::vector<PhaseFigures> PhaseFiguresOf(const std::vector<CareerStory>& careers) {
  std::vector<PhaseFigures> all;
  for (const Phase phase : {Phase::kRising, Phase::kPopular, Phase::kCelebrity, Phase::kLegend}) {
    std::vector<double> days;
    std::vector<double> streams;
    for (const CareerStory& career : careers) {
      const Chapter* chapter = ChapterOf(career, phase);
      if (chapter == nullptr) continue;
      days.push_back(chapter->day);
      streams.push_back(chapter->stream);
    }
    all.push_back({.phase = phase,
                   .reached = static_cast<uint32_t>(days.size()),
                   .first_day = days.empty() ? 0 : *std::ranges::min_element(days),
                   .median_day = MedianOf(days),
                   .median_streams = MedianOf(streams)});
  }
  return all;
}

std::string FormatCareers(const Schedule& schedule, const std::vector<CareerStory>& careers) {
  std::string text = absl::StrFormat("%-10s %12s %10s %11s %14s\n", "phase", "reached by",
                                     "first day", "median day", "median stream");
  for (const PhaseFigures& figures : PhaseFiguresOf(careers)) {
    absl::StrAppendFormat(&text, "%-10s %5d of %3d", NameOf(figures.phase), figures.reached,
                          careers.size());
    if (figures.reached > 0) {
      absl::StrAppendFormat(&text, " %10.1f %11.1f %14.0f", figures.first_day, figures.median_day,
                            figures.median_streams);
    }
    text += "\n";
  }
  std::vector<CareerStory> ranked = careers;
  std::ranges::stable_sort(ranked, std::greater<>(), [](const CareerStory& career) {
    return careers::TotalOf(career.stats.growth);
  });
  if (ranked.empty()) return text;
  for (const size_t rank : std::set<size_t>{0, ranked.size() / 2, ranked.size() - 1}) {
    text += FormatStory(schedule, ranked[rank]);
  }
  return text;
}

}  // namespace streaming::simulation
