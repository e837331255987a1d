#include "services/streaming/simulation/plots.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include <absl/strings/ascii.h>

#include "services/streaming/simulation/svg.h"

namespace streaming::simulation {
namespace {

using Style = Chart::Style;

Chart CrowdChart(const Record& record, double round_minutes) {
  Chart chart("Who watches, over the day", {.label = "hours"}, {.label = "heads", .least = 0});
  std::vector<Point> heads;
  for (size_t i = 0; i < record.heads.size(); ++i) {
    heads.push_back({static_cast<double>(i) * round_minutes / 60, 1.0 * record.heads[i]});
  }
  chart.Add("", Style::kLine, std::move(heads));
  return chart;
}

Chart ConcentrationChart(const Record& record) {
  Chart chart("Channels by size", {.label = "rank", .logarithmic = true},
              {.label = "average viewers", .logarithmic = true});
  std::vector<Point> points;
  const std::vector<double> averages = Averages(record);
  for (size_t i = 0; i < averages.size(); ++i) {
    points.push_back({static_cast<double>(i + 1), averages[i]});
  }
  chart.Add("", Style::kLine, std::move(points));
  return chart;
}

Chart DwellChart(const Record& record) {
  Chart chart("Who stays longer than that", {.label = "minutes", .logarithmic = true},
              {.label = "share of views", .logarithmic = true, .least = 0.0001, .most = 1});
  const double all = std::accumulate(record.views.begin(), record.views.end(), 0.0);
  const Dwell dwell = FiguresOf(record).dwell;
  std::vector<Point> found;
  std::vector<Point> fitted;
  double passed = 0;
  for (size_t minute = 1; minute < record.views.size() && all > 0; ++minute) {
    passed += record.views[minute - 1];
    // Evenly spread over a logarithmic axis.
    if (minute > 20 && minute % (minute / 10) != 0) continue;
    const double at = static_cast<double>(minute);
    const double left = 1 - passed / all;
    const double z = (std::log(at) - dwell.log_mean) / std::max(dwell.log_spread, 1e-6);
    const double fit = 0.5 * std::erfc(z / std::sqrt(2.0));
    if (left >= 0.0001) found.push_back({at, left});
    if (fit >= 0.0001) fitted.push_back({at, fit});
  }
  chart.Add("simulated", Style::kLine, std::move(found));
  chart.Add("lognormal", Style::kDashes, std::move(fitted));
  return chart;
}

// The audience over a stream's life, by its mean: median and quartiles over streams.
Chart LifeChart(const Record& record) {
  Chart chart("A stream's audience over its life", {.label = "share of its life"},
              {.label = "heads / mean", .least = 0});
  constexpr size_t kParts = 40;
  std::vector<std::vector<double>> parts(kParts);
  for (const StreamRecord& stream : record.streams) {
    const double mean = stream.live_minutes > 0 ? stream.viewer_minutes / stream.live_minutes : 0;
    if (mean < kSteadyHeads || stream.crowd.size() < kParts) continue;
    for (size_t part = 0; part < kParts; ++part) {
      parts[part].push_back(stream.crowd[part * stream.crowd.size() / kParts] / mean);
    }
  }
  for (const auto& [label, share] :
       {std::pair{"median", 0.5}, std::pair{"quartiles", 0.25}, std::pair{"", 0.75}}) {
    std::vector<Point> points;
    for (size_t part = 0; part < kParts; ++part) {
      if (parts[part].empty()) continue;
      points.push_back({static_cast<double>(part) / kParts, Quantile(parts[part], share)});
    }
    chart.Add(label, share == 0.5 ? Style::kLine : Style::kDashes, std::move(points));
  }
  return chart;
}

// Ascending values as the share that lies below each.
Chart SortedChart(const std::string& title, const std::string& label,
                  const std::vector<double>& values, double least, double most) {
  Chart chart(title, {.label = "share of them"}, {.label = label, .least = 0});
  std::vector<Point> points;
  for (size_t i = 0; i < values.size(); ++i) {
    points.push_back(
        {(static_cast<double>(i) + 0.5) / static_cast<double>(values.size()), values[i]});
  }
  chart.Shade(least, most);
  chart.Add("", Style::kDots, std::move(points));
  return chart;
}

Chart Compare(const std::string& title, const std::string& setting,
              const std::vector<Compared>& runs,
              const std::function<double(const Figures&)>& figure) {
  Chart chart(title, {.label = setting}, {.label = "", .least = 0});
  std::vector<Point> points;
  points.reserve(runs.size());
  for (const Compared& run : runs) points.push_back({run.value, figure(run.figures)});
  chart.Add("", Style::kLine, points);
  chart.Add("", Style::kDots, points);
  return chart;
}

}  // namespace

Plot OverviewOf(const Record& record, double round_minutes) {
  return {.name = "overview",
          .svg = Picture({CrowdChart(record, round_minutes), LifeChart(record),
                          ConcentrationChart(record), DwellChart(record),
                          SortedChart("Peak / mean viewers of streams", "peak / mean",
                                      PeakRatios(record), 1.10, 1.28),
                          SortedChart("Follows per 1000 viewer-hours of channels", "follows",
                                      FollowRates(record), 2.4, 14.9)},
                         2)};
}

Plot ComparisonOf(const std::string& setting, const std::vector<Compared>& runs) {
  const auto chart = [&](const std::string& title, double (*figure)(const Figures&)) {
    return Compare(title, setting, runs, figure);
  };
  return {
      .name = absl::AsciiStrToLower(setting),
      .svg = Picture(
          {chart("Heads in all audiences", [](const Figures& f) { return f.mean_heads; }),
           chart("Mean minutes of a view", [](const Figures& f) { return f.dwell.mean; }),
           chart("Follows per 1000 viewer-hours",
                 [](const Figures& f) { return f.follows_overall; }),
           chart("Viewing of the top 1 % of channels",
                 [](const Figures& f) { return f.concentration.top_share; }),
           chart("Hype trains in an hour of stream",
                 [](const Figures& f) { return f.trains_per_hour; }),
           chart("Level that hype trains reach", [](const Figures& f) { return f.train_level; })},
          3)};
}

}  // namespace streaming::simulation
