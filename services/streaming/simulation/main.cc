// simulate: plays the rules of the daemon without servers and reports what the crowd does.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <unistd.h>

#include "services/streaming/rule_settings.h"
#include "services/streaming/settings.h"
#include "services/streaming/simulation/career_story.h"
#include "services/streaming/simulation/facts.h"
#include "services/streaming/simulation/plots.h"
#include "services/streaming/simulation/run.h"

namespace streaming::simulation {
namespace {

using common::config::Environment;

// The settings that shape the crowd.
constexpr const char* kShaping[] = {
    "STREAMING_AUDIENCE_CHECK_IN_INTERVAL_SECONDS",
    "STREAMING_COLLECTIVE_SHARE",
    "STREAMING_COLLECTIVE_SIZE",
    "STREAMING_FOLLOW_CONVERSION_SESSION_COUNT",
    "STREAMING_HYPE_TRAIN_COOLDOWN_SECONDS",
    "STREAMING_HYPE_TRAIN_DURATION_SECONDS",
    "STREAMING_HYPE_TRAIN_LEVELS",
    "STREAMING_INTEREST_DECAY_RATE",
    "STREAMING_INTEREST_THRESHOLD_FOR_FOLLOW",
    "STREAMING_MATCHING_WEIGHT_CONTENT",
    "STREAMING_MATCHING_WEIGHT_CONTEXT",
    "STREAMING_MATCHING_WEIGHT_ENGAGEMENT",
    "STREAMING_MATCHING_WEIGHT_FOLLOWER",
    "STREAMING_MATCHING_WEIGHT_REPUTATION",
    "STREAMING_MAX_CHECKED_OUT_PER_SESSION",
    "STREAMING_REAL_DERIVED_VIEWER_DECAY_RATE",
    "STREAMING_WORLD_FIRST_HYPE_MULTIPLIER",
};
constexpr std::string_view kWeights = "STREAMING_MATCHING_WEIGHT_";

struct Arguments {
  uint32_t members = 100000;
  Plan plan;
  std::vector<std::string> set;
  std::string compare;
  std::string out = "build/simulation";
  uint32_t careers = 0;
  bool csv = false;
  bool check = false;
};

[[noreturn]] void Refuse(const std::string& problem) { throw std::invalid_argument(problem); }

std::pair<std::string, std::string> NameAndValue(const std::string& text) {
  const size_t at = text.find('=');
  if (at == std::string::npos) Refuse(text + ": write NAME=VALUE");
  const std::string name = text.substr(0, at);
  if (std::ranges::find(kShaping, name) == std::end(kShaping)) {
    Refuse(name + " is none of the settings that shape the crowd:\n  " +
           absl::StrJoin(kShaping, "\n  "));
  }
  return {name, text.substr(at + 1)};
}

Settings Load(const Environment& environment) {
  Settings settings;
  auto report = common::config::Load(settings, SettingsTable(), "STREAMING_", environment);
  // Servers are missing here, and are not needed: only what was given can be wrong.
  std::erase_if(report.errors, [&](const std::string& error) {
    return !environment.contains(error.substr(0, error.find(':')));
  });
  for (const std::string& error : Check(settings)) report.errors.push_back(error);
  if (!report.errors.empty()) Refuse(absl::StrJoin(report.errors, "\n"));
  return settings;
}

WorldSettings WorldOf(const Settings& settings, uint32_t members) {
  WorldSettings world{.pool = {.size = members,
                               .collective_share = settings.collective_share,
                               .collective_size = static_cast<uint32_t>(settings.collective_size)},
                      .round = RoundSettingsOf(settings),
                      .hype = HypeSettingsOf(settings),
                      .follow = FollowSettingsOf(settings),
                      .world_first_multiplier = settings.world_first_hype_multiplier};
  const absl::Status status = pool::Validate(world.pool);
  if (!status.ok()) Refuse("--members: " + std::string(status.message()));
  return world;
}

// One line that renews itself on a terminal, otherwise a line for every tenth.
class Bar {
 public:
  void operator()(double done, const World& world) {
    constexpr int kCells = 30;
    const int cells = static_cast<int>(done * kCells);
    if (isatty(STDERR_FILENO) != 0) {
      std::fprintf(stderr, "\r  [%s%s] %3.0f %%  day %.1f, %zu live, %u watch \033[K%s",
                   std::string(static_cast<size_t>(cells), '#').c_str(),
                   std::string(static_cast<size_t>(kCells - cells), '.').c_str(), 100 * done,
                   world.seconds() / 86400, world.live(), world.heads(), done >= 1 ? "\n" : "");
    } else if (static_cast<int>(done * 10) > tenth_) {
      tenth_ = static_cast<int>(done * 10);
      std::fprintf(stderr, "  %d0 %%\n", tenth_);
    }
  }

 private:
  int tenth_ = 0;
};

struct Timed {
  Outcome outcome;
  double seconds = 0;
};

Timed RunTimed(const WorldSettings& settings, const Plan& plan) {
  const auto begin = std::chrono::steady_clock::now();
  Bar bar;
  Timed timed{.outcome =
                  Run(settings, plan, [&](double done, const World& world) { bar(done, world); })};
  timed.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!timed.outcome.sound) throw std::runtime_error("the pool and the audiences disagree");
  return timed;
}

void Write(const std::string& folder, const std::string& name, const std::string& text) {
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/" + name;
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written");
  std::cout << "wrote " << path << "\n";
}

void PrintRun(const Arguments& arguments, const Timed& timed, const Figures& figures) {
  const Plan& plan = arguments.plan;
  const double hours = plan.hours + plan.warm_up_hours;
  const double minutes = hours * 60;
  std::cout << absl::StrFormat(
      "%d members, %d channels (%.0f to 1), seed %d: %.0f h after %.0f h of warming up\n"
      "on average %.1f streams live with %.0f heads, %.1f each; %d streams and %d raids ended\n"
      "%.1f s, %.0f simulated hours a second, %.1f us a session and round, %.0f ns a member and "
      "round\n"
      "state %016x\n\n",
      arguments.members, plan.streams, 1.0 * arguments.members / plan.streams, plan.seed,
      plan.hours, plan.warm_up_hours, figures.mean_live, figures.mean_heads,
      figures.mean_live > 0 ? figures.mean_heads / figures.mean_live : 0, figures.streams,
      figures.raids, timed.seconds, hours / timed.seconds,
      1e6 * timed.seconds / static_cast<double>(std::max<uint64_t>(1, timed.outcome.steps)),
      1e9 * timed.seconds / std::max(1.0, figures.mean_heads * minutes), timed.outcome.hash);
}

// Returns whether all facts hold.
bool Report(const Arguments& arguments, const Settings& settings) {
  const Timed timed = RunTimed(WorldOf(settings, arguments.members), arguments.plan);
  const Record& record = timed.outcome.record;
  const Figures figures = FiguresOf(record);
  const auto facts =
      FactsOf(figures, EmotionsOf(settings.real_derived_viewer_decay_rate, arguments.plan.seed),
              1.0 * arguments.members / arguments.plan.streams);
  PrintRun(arguments, timed, figures);
  std::cout << FormatFacts(facts) << "\n";
  const double round_minutes = static_cast<double>(settings.check_in_interval.count()) / 60;
  const Plot plot = OverviewOf(record, round_minutes);
  Write(arguments.out, plot.name + ".svg", plot.svg);
  if (arguments.csv) Write(arguments.out, "facts.csv", CsvOf(facts));
  return AllHold(facts);
}

// Careers begin with the script, so that nothing of them is left out.
void TellCareers(Arguments arguments, const Settings& settings) {
  Plan& plan = arguments.plan;
  plan.newcomers = std::min(arguments.careers, plan.streams);
  plan.hours += plan.warm_up_hours;
  plan.warm_up_hours = 0;
  const Timed timed = RunTimed(WorldOf(settings, arguments.members), plan);
  const Record& record = timed.outcome.record;
  PrintRun(arguments, timed, FiguresOf(record));
  const Schedule& schedule = timed.outcome.schedule;
  std::cout << FormatCareers(schedule, CareersOf(schedule, record));
}

// The environment with the setting at this value. A weight takes from the other four, or gives
// them, in their shares, so that the five still sum to 1.
Environment With(Environment environment, const std::string& name, const std::string& text) {
  environment[name] = text;
  double value = 0;
  if (!name.starts_with(kWeights) || !absl::SimpleAtod(text, &value)) return environment;
  double others = 0;
  std::vector<std::pair<std::string, double>> weights;
  for (const auto& row : SettingsTable()) {
    if (!row.env.starts_with(kWeights) || row.env == name) continue;
    const auto given = environment.find(row.env);
    double weight = 0;
    if (!absl::SimpleAtod(given == environment.end() ? row.fallback : given->second, &weight)) {
      return environment;
    }
    weights.emplace_back(row.env, weight);
    others += weight;
  }
  for (const auto& [other, weight] : weights) {
    environment[other] = absl::StrFormat("%.9f", weight * (1 - value) / others);
  }
  return environment;
}

void CompareRuns(const Arguments& arguments, const Environment& environment) {
  const auto [name, values] = NameAndValue(arguments.compare);
  std::vector<Compared> runs;
  std::string table =
      absl::StrFormat("%-10s %8s %8s %9s %9s %9s %9s %9s\n", "value", "heads", "dwell", "peak/mean",
                      "follows", "top 1 %", "trains/h", "level");
  for (const std::string& text : std::vector<std::string>(absl::StrSplit(values, ','))) {
    double value = 0;
    if (!absl::SimpleAtod(text, &value)) Refuse(absl::StrCat(name, ": not a number: ", text));
    const Settings settings = Load(With(environment, name, text));
    std::cerr << name << "=" << text << "\n";
    const Timed timed = RunTimed(WorldOf(settings, arguments.members), arguments.plan);
    runs.push_back({.value = value, .figures = FiguresOf(timed.outcome.record)});
    const Figures& found = runs.back().figures;
    table +=
        absl::StrFormat("%-10s %8.0f %8.1f %9.2f %9.2f %9.2f %9.2f %9.1f\n", text, found.mean_heads,
                        found.dwell.mean, found.peak_mean[1], found.follows_overall,
                        found.concentration.top_share, found.trains_per_hour, found.train_level);
  }
  std::cout << name << "\n" << table << "\n";
  const Plot plot = ComparisonOf(name, runs);
  Write(arguments.out, plot.name + ".svg", plot.svg);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  arguments.plan.seed = 42;
  CLI::App app("Plays the rules of the audience without servers and reports what the crowd does.");
  app.add_option("--members", arguments.members, "members of the pool")
      ->check(CLI::Range(1u, pool::kMaxPoolSize))
      ->capture_default_str();
  app.add_option("--streams", arguments.plan.streams, "channels; each streams about once a day")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str();
  app.add_option("--hours", arguments.plan.hours, "simulated hours that count")
      ->check(CLI::Range(1.0, 8760.0))
      ->capture_default_str();
  app.add_option("--warm-up", arguments.plan.warm_up_hours, "simulated hours before them")
      ->check(CLI::Range(0.0, 8760.0))
      ->capture_default_str();
  app.add_option("--seed", arguments.plan.seed, "equal seeds give equal results")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--set", arguments.set, "NAME=VALUE of a setting that shapes the crowd")
      ->take_all();
  app.add_option("--compare", arguments.compare, "NAME=V1,V2,…: one run for each value");
  app.add_option("--careers", arguments.careers,
                 "tell how so many channels fare that begin without a past; 0 = tell the facts")
      ->check(CLI::Range(0u, 100000u));
  app.add_option("--out", arguments.out, "folder of the pictures")->capture_default_str();
  app.add_flag("--csv", arguments.csv, "write the facts as facts.csv, too");
  app.add_flag("--check", arguments.check, "fail unless all facts hold");
  try {
    CLI11_PARSE(app, argc, argv);
    Environment environment;
    for (const std::string& text : arguments.set)
      environment.insert_or_assign(NameAndValue(text).first, NameAndValue(text).second);
    if (!arguments.compare.empty()) {
      CompareRuns(arguments, environment);
      return 0;
    }
    if (arguments.careers > 0) {
      TellCareers(arguments, Load(environment));
      return 0;
    }
    const bool hold = Report(arguments, Load(environment));
    return hold || !arguments.check ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "simulate: " << error.what() << "\n";
    return 2;
  }
}

}  // namespace
}  // namespace streaming::simulation

int main(int argc, char** argv) { return streaming::simulation::Main(argc, argv); }
