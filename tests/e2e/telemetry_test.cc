// What an operator sees of both daemons after a story: every metric, every log line and every
// trace, and that none of them tells of a person.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <set>
#include <sstream>

#include <bannou/stream/v1/events.pb.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/base/time.h"
#include "libs/common/nats/connection.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/samples.h"
#include "libs/common/trace/trace.h"
#include "tests/e2e/exposition.h"
#include "tests/story/processes.h"
#include "tests/story/story.h"

namespace story {
namespace {

namespace stream = bannou::stream::v1;
using common::testing::Eventually;
using common::testing::SampleOf;
using Lines = std::vector<nlohmann::json>;

constexpr const char* kPulse = "stream.audience.pulse";
constexpr const char* kPage = "docs/metrics.md";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Scrape(const Daemon& daemon) {
  const auto answer = common::http::Client().Send(
      {.method = "GET", .url = "http://" + daemon.address() + "/metrics"});
  EXPECT_TRUE(answer.ok() && answer->status == 200) << answer.status();
  return answer.ok() ? answer->body : "";
}

// A daemon's log; a line that is no JSON object becomes null.
Lines ReadLog(const Daemon& daemon) {
  std::istringstream log(ReadFile(daemon.directory() / "log"));
  Lines lines;
  for (std::string line; std::getline(log, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
    if (!lines.back().is_object()) lines.back() = nullptr;
  }
  return lines;
}

bool Has(const Lines& lines, const std::string& event, const std::string& trace_id) {
  return std::any_of(lines.begin(), lines.end(), [&](const nlohmann::json& line) {
    return line.is_object() && line.value("event", "") == event &&
           line.value("trace_id", "") == trace_id;
  });
}

// What the page says of one metric.
struct PageEntry {
  std::string type;
  std::map<std::string, std::set<std::string>> labels;  // with its values, where the page has them
};
using Page = std::map<std::string, PageEntry>;

// The metrics of a daemon by the page: its own and those of both.
Page ReadPage(const std::string& daemon) {
  static const std::regex kRow(R"(^\| `(\w+)` \| (\w+) \| (?:\w*) ?\| (.*?) ?\| .+ \|$)");
  static const std::regex kLabel(R"(`(\w+)`(?: \(([^)]*)\))?)");
  std::istringstream text(ReadFile(kPage));
  Page page;
  bool ours = false;
  for (std::string line; std::getline(text, line);) {
    std::smatch row;
    if (line.starts_with("## ")) {
      ours = line == "## Both daemons" || line == "## " + daemon;
    } else if (ours && std::regex_match(line, row, kRow)) {
      PageEntry& entry = page[row[1]];
      entry.type = row[2];
      const std::string labels = row[3];
      for (std::sregex_iterator label(labels.begin(), labels.end(), kLabel), end; label != end;
           ++label) {
        std::istringstream values((*label)[2]);
        auto& known = entry.labels[(*label)[1]];
        for (std::string value; values >> value;) known.insert(value);
      }
    }
  }
  return page;
}

class Telemetry : public ::testing::Test {
 protected:
  // The story once for all tests, with every line logged, and in it one call of a known trace.
  static void SetUpTestSuite() { run_ = std::make_unique<Run>(); }
  static void TearDownTestSuite() { run_ = nullptr; }

  struct Heard {
    std::string subject;
    std::string trace_id;
  };
  struct Run {
    Run() {
      Listen();
      const Stack stack{.stream_grpc = platform_side.daemon.grpc_address(),
                        .streaming_grpc = game_side.grpc_address(),
                        .platform_sim = platform_side.sim.address(),
                        .auth_key = common::config::Secret(kAuthKey)};
      Story story(stack, {.chat_seconds = 4}, [this](const std::string& line) {
        if (line.starts_with("6.")) before_end = Scrape(game_side);
      });
      for (auto step : {&Story::SeedPool, &Story::LinkTwitch, &Story::StartStream, &Story::GoLive,
                        &Story::PlayMoments, &Story::EndStream}) {
        Expect((story.*step)());
      }
      outcome = story.outcome();
      RestartPlatformSession(stack);
      Expect(story.GoOffline());
      AwaitPulses();
      scrapes = {{"stream", Scrape(platform_side.daemon)}, {"streaming", Scrape(game_side)}};
      platform_side.daemon.Stop();
      game_side.Stop();
      logs = {{"stream", ReadLog(platform_side.daemon)}, {"streaming", ReadLog(game_side)}};
    }

    static void Expect(const absl::Status& status) {
      if (!status.ok()) throw std::runtime_error(std::string(common::ToStd(status.message())));
    }

    // The link's session stops and starts by hand; the start is the call whose way is followed.
    void RestartPlatformSession(const Stack& stack) {
      const Stubs stubs(stack);
      const std::string token = MakeToken(stack, outcome.account_id, {"user"}, {"in_game"});
      stream::StopPlatformSessionRequest stop;
      stop.set_platform_session_id(outcome.twitch.session.platform_session_id());
      Expect(Caller(token)
                 .Call(stubs.platform_sessions,
                       &stream::PlatformSessionService::Stub::StopPlatformSession, stop)
                 .status());
      stream::StartPlatformSessionRequest start;
      start.set_link_id(outcome.twitch.link.link_id());
      Expect(Caller(token, known.ToTraceparent())
                 .Call(stubs.platform_sessions,
                       &stream::PlatformSessionService::Stub::StartPlatformSession, start)
                 .status());
      // Until it has arrived everywhere.
      Eventually([&] { return Has(ReadLog(game_side), "message.handled", known.TraceIdHex()); });
    }

    // Until the game side has handled every pulse that was published.
    void AwaitPulses() {
      Eventually([&] {
        const Lines lines = ReadLog(game_side);
        const std::lock_guard lock(mutex);
        return std::all_of(heard.begin(), heard.end(), [&](const Heard& event) {
          return event.subject != kPulse || Has(lines, "message.handled", event.trace_id);
        });
      });
    }

    void Listen() {
      for (const char* subjects : {"stream.>", "streaming.>"}) {
        Expect(nats->Subscribe(subjects, [this](std::string_view subject, std::string_view) {
          const std::lock_guard lock(mutex);
          heard.push_back({std::string(subject), common::trace::Current()->TraceIdHex()});
        }));
      }
    }

    const common::trace::Context known = common::trace::NewRoot();
    PlatformSide platform_side{std::vector<std::string>{"LOG_LEVEL=debug"}};
    Daemon game_side{"streaming",
                     "STREAMING",
                     {std::string("AUTH_HS256_KEY=") + kAuthKey, "LOG_LEVEL=debug",
                      "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1",
                      "NEIGHBOURS_BASE_URL=http://" + Local(common::testing::FreePort())}};
    Outcome outcome;
    std::string before_end;                      // a scrape of streaming while it is live
    std::map<std::string, std::string> scrapes;  // by daemon, after the story
    std::map<std::string, Lines> logs;
    std::mutex mutex;
    std::vector<Heard> heard;
    // Last, so that it ends first: its threads use the rest.
    std::unique_ptr<common::nats::Connection> nats =
        common::nats::Connection::Connect(
            {.url = common::testing::SharedNats().url(), .name = "test"})
            .value();
  };

  static inline std::unique_ptr<Run> run_;
};

TEST_F(Telemetry, BothDaemonsAnswerStrictText) {
  for (const auto& [daemon, text] : run_->scrapes) {
    const Exposition exposition = ReadExposition(text);
    EXPECT_GT(exposition.families.size(), 30u) << daemon;
    for (const std::string& problem : exposition.problems)
      ADD_FAILURE() << daemon << ": " << problem;
  }
}

TEST_F(Telemetry, ThePageHasEveryMetricAndNoOther) {
  for (const auto& [daemon, text] : run_->scrapes) {
    Page page = ReadPage(daemon);
    for (const auto& [name, family] : ReadExposition(text).families) {
      const auto entry = page.find(name);
      if (entry == page.end()) {
        ADD_FAILURE() << daemon << " has " << name << ", which " << kPage << " has not";
        continue;
      }
      EXPECT_EQ(entry->second.type, family.type) << name;
      for (const Series& series : family.series) {
        for (const auto& [label, value] : series.labels) {
          if (label == "le") continue;
          const auto known = entry->second.labels.find(label);
          ASSERT_NE(known, entry->second.labels.end()) << name << " has a label " << label;
          EXPECT_TRUE(known->second.empty() || known->second.contains(value))
              << name << " has " << label << "=" << value;
        }
      }
      page.erase(entry);
    }
    for (const auto& [name, entry] : page) {
      ADD_FAILURE() << kPage << " has " << name << ", which " << daemon << " has not";
    }
  }
}

TEST_F(Telemetry, NoLabelIsAnIdAnAddressOrAPersonsWord) {
  static const std::regex kWord(R"([A-Za-z0-9_./{}+-]{1,80})");
  static const std::regex kId(
      R"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}|[0-9a-fA-F]{12,}|[0-9]{5,}|\d+\.\d+\.\d+\.\d+)");
  EXPECT_TRUE(std::regex_search(run_->outcome.account_id.ToString(), kId));
  EXPECT_FALSE(run_->outcome.twitch.link.platform_display_name().empty());
  for (const auto& [daemon, text] : run_->scrapes) {
    for (const auto& [name, family] : ReadExposition(text).families) {
      for (const Series& series : family.series) {
        for (const auto& [label, value] : series.labels) {
          if (label == "le") continue;
          EXPECT_TRUE(std::regex_match(value, kWord)) << name << " " << label << "=" << value;
          EXPECT_FALSE(std::regex_search(value, kId)) << name << " " << label << "=" << value;
        }
      }
    }
    EXPECT_EQ(text.find(run_->outcome.twitch.link.platform_display_name()), std::string::npos);
    for (const auto& moment : run_->outcome.summary.top_moments()) {
      if (moment.description().empty()) continue;
      EXPECT_EQ(text.find(moment.description()), std::string::npos);
    }
  }
}

TEST_F(Telemetry, TheMetricsTellTheStory) {
  const std::string& live = run_->before_end;
  EXPECT_EQ(SampleOf(live, "streaming_live_sessions"), 1);
  EXPECT_GT(SampleOf(live, "streaming_audience_heads"), 0);
  EXPECT_EQ(SampleOf(live, "streaming_pool_heads"), 10000);
  EXPECT_LT(SampleOf(live, "streaming_pool_free_heads"), 10000);
  const std::string& game = run_->scrapes["streaming"];
  const std::string& platform = run_->scrapes["stream"];
  EXPECT_GE(SampleOf(platform, "stream_pulses_published_total"), 1);
  EXPECT_GE(SampleOf(game, "streaming_pulses_total{outcome=\"applied\"}"), 1);
  EXPECT_EQ(SampleOf(game, "streaming_pulse_lag_seconds_count"),
            SampleOf(game, "streaming_pulses_total{outcome=\"applied\"}"));
  EXPECT_GE(SampleOf(game, "streaming_round_lateness_seconds_count"), 2);
  EXPECT_GE(SampleOf(game, "streaming_hype_transitions_relayed_total"), 1);
  EXPECT_EQ(SampleOf(game, "streaming_career_sessions_total{result=\"applied\"}"), 2);
  EXPECT_EQ(SampleOf(game, "streaming_raids_total"), 1);
  for (const std::string* text : {&game, &platform}) {
    EXPECT_EQ(SampleOf(*text, "outbox_leading"), 1);
    EXPECT_GE(SampleOf(*text, "outbox_published_total"), 1);
    EXPECT_EQ(SampleOf(*text, "nats_connected"), 1);
    EXPECT_EQ(SampleOf(*text, "dependency_up{dependency=\"mysql\"}"), 1);
    EXPECT_EQ(SampleOf(*text, "executor_threads"), 8);
    EXPECT_EQ(SampleOf(*text, "pool_connections_limit{pool=\"redis\"}"), 16);
    EXPECT_GE(SampleOf(*text, "pool_connections_open{pool=\"redis\"}"), 1);
    EXPECT_GE(SampleOf(*text, "http_server_connections{listener=\"admin\"}"), 1);
    // Nobody is late: every worker's step is due now or later.
    for (const auto& series :
         ReadExposition(*text).families["worker_due_timestamp_seconds"].series) {
      EXPECT_GT(series.value, SampleOf(*text, "process_start_time_seconds"))
          << series.labels.at("worker");
    }
  }
}

TEST_F(Telemetry, ACallsTraceGoesThroughTheOutboxAndBothDaemons) {
  const std::string trace_id = run_->known.TraceIdHex();
  EXPECT_TRUE(Has(run_->logs["stream"], "rpc.handled", trace_id));
  EXPECT_TRUE(Has(run_->logs["streaming"], "message.handled", trace_id));
  const std::lock_guard lock(run_->mutex);
  std::vector<std::string> subjects;
  for (const Heard& heard : run_->heard) {
    if (heard.trace_id == trace_id) subjects.push_back(heard.subject);
  }
  EXPECT_EQ(subjects, std::vector<std::string>{"stream.platform.session.started"});
}

// A pulse tells of many people and of no request: nothing else may share its trace.
TEST_F(Telemetry, EveryPulseIsATraceOfItsOwn) {
  const std::lock_guard lock(run_->mutex);
  std::map<std::string, int> uses;
  for (const Heard& heard : run_->heard) ++uses[heard.trace_id];
  int pulses = 0;
  for (const Heard& heard : run_->heard) {
    if (heard.subject != kPulse) continue;
    ++pulses;
    EXPECT_EQ(uses[heard.trace_id], 1);
    EXPECT_FALSE(Has(run_->logs["stream"], "rpc.handled", heard.trace_id));
    EXPECT_TRUE(Has(run_->logs["streaming"], "message.handled", heard.trace_id));
  }
  EXPECT_GT(pulses, 0);
}

TEST_F(Telemetry, EveryLogLineIsAnObjectThatTellsItsTrace) {
  // What happens in no call, message or worker: the process begins and ends, a library speaks.
  const std::set<std::string> outside = {"http.listening", "grpc.listening", "started",
                                         "draining",       "stopped",        "grpc.core"};
  static const std::regex kEvent(R"([a-z_]+(\.[a-z_]+)*)");
  static const std::regex kTraceId("[0-9a-f]{32}");
  for (const auto& [daemon, lines] : run_->logs) {
    EXPECT_GT(lines.size(), 20u);
    for (const nlohmann::json& line : lines) {
      ASSERT_TRUE(line.is_object()) << daemon;
      const std::string event = line.value("event", "");
      EXPECT_TRUE(common::ParseTime(line.value("time", ""))) << line;
      EXPECT_EQ(line.value("service", ""), daemon);
      EXPECT_TRUE((std::set<std::string>{"debug", "info", "warning", "error"})
                      .contains(line.value("level", "")))
          << line;
      EXPECT_TRUE(std::regex_match(event, kEvent)) << line;
      EXPECT_TRUE(outside.contains(event) || std::regex_match(line.value("trace_id", ""), kTraceId))
          << line;
      for (const std::string& secret : {run_->outcome.twitch.link.platform_display_name(),
                                        run_->outcome.account_id.ToString()}) {
        EXPECT_EQ(line.dump().find(secret), std::string::npos) << line;
      }
    }
  }
}

TEST(TelemetryOutage, AScrapeAnswersWhileEveryServerHangs) {
  namespace servers = common::testing;
  const Daemon game_side("streaming", "STREAMING", {std::string("AUTH_HS256_KEY=") + kAuthKey});
  servers::SharedNats().Pause();
  servers::SharedRedis().Pause();
  servers::SharedMariaDb().Pause();
  const bool told = Eventually(
      [&] { return SampleOf(Scrape(game_side), "dependency_up{dependency=\"mysql\"}") == 0; },
      std::chrono::seconds(30));
  servers::SharedNats().Resume();
  servers::SharedRedis().Resume();
  servers::SharedMariaDb().Resume();
  EXPECT_TRUE(told);
  EXPECT_TRUE(Eventually(
      [&] { return SampleOf(Scrape(game_side), "dependency_up{dependency=\"mysql\"}") == 1; },
      std::chrono::seconds(30)));
}

TEST(Exposition, WhatIsWrongIsNamed) {
  const std::string head = "# HELP a_total A.\n# TYPE a_total counter\n";
  EXPECT_TRUE(ReadExposition(head + "a_total{b=\"c\"} 1\na_total{b=\"d\"} 2\n").problems.empty());
  for (const std::string& bad :
       {std::string("a_total 1\n"), head, head + "a_total 1", head + "a_total 1\na_total 2\n",
        head + head + "a_total 1\n", head + "a_total -1\n", head + "a_total one\n",
        head + "a_total{b=\"c} 1\n", head + "a_total{b=\"c\",b=\"d\"} 1\n",
        head + "a_total{b=\"c\"} 1\na_total{d=\"e\"} 1\n", head + "a_total 1\n\n",
        std::string("# TYPE a gauge\n# HELP a A.\na 1\n"),
        std::string("# HELP a A.\n# TYPE a counter\na 1\n"),
        std::string("# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n"),
        std::string("# HELP a_ms A.\n# TYPE a_ms gauge\na_ms 1\n"),
        std::string("# HELP a_seconds_b A.\n# TYPE a_seconds_b gauge\na_seconds_b 1\n"),
        std::string("# HELP a_seconds A.\n# TYPE a_seconds histogram\n"
                    "a_seconds_bucket{le=\"1\"} 2\na_seconds_bucket{le=\"+Inf\"} 1\n"
                    "a_seconds_sum 1\na_seconds_count 1\n")}) {
    EXPECT_FALSE(ReadExposition(bad).problems.empty()) << bad;
  }
}

}  // namespace
}  // namespace story
