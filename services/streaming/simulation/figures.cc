#include "services/streaming/simulation/figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::simulation {
namespace {

constexpr double kTopShare = 0.01;
constexpr double kLargeShare =
    0.07;  // of the channels, that the published 5 viewers part from the others
constexpr size_t kPieceRounds = 10;  // of a stream, in which arrivals are taken for even
constexpr size_t kSettledRounds = 30;

struct Channel {
  double live_minutes = 0;
  double viewer_minutes = 0;
  double follows = 0;
};

std::map<uint32_t, Channel> ChannelsOf(const Record& record) {
  std::map<uint32_t, Channel> channels;
  for (const StreamRecord& stream : record.streams) {
    Channel& channel = channels[stream.streamer];
    channel.live_minutes += stream.live_minutes;
    channel.viewer_minutes += stream.viewer_minutes;
    channel.follows += stream.followers_gained;
  }
  return channels;
}

Concentration ConcentrationOf(const Record& record) {
  Concentration result;
  const std::vector<double> averages = Averages(record);
  const std::map<uint32_t, Channel> channels = ChannelsOf(record);
  if (averages.empty()) return result;
  result.top_average = Quantile(averages, 1 - kTopShare);
  const double large = Quantile(averages, 1 - kLargeShare);
  if (large > 0) result.tail_ratio = result.top_average / large;
  std::vector<double> viewing;
  viewing.reserve(channels.size());
  for (const auto& [streamer, channel] : channels) viewing.push_back(channel.viewer_minutes);
  std::ranges::sort(viewing, std::greater());
  const auto top = static_cast<std::ptrdiff_t>(
      std::max(1.0, std::round(kTopShare * static_cast<double>(viewing.size()))));
  const double all = std::accumulate(viewing.begin(), viewing.end(), 0.0);
  if (all > 0)
    result.top_share = std::accumulate(viewing.begin(), viewing.begin() + top, 0.0) / all;
  return result;
}

// Views of less than a minute count as half of one.
double MinutesOf(size_t minute) { return minute == 0 ? 0.5 : static_cast<double>(minute); }

double Phi(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

void FitLognormal(const std::vector<double>& views, double all, Dwell& dwell) {
  double squares = 0;
  for (size_t minute = 0; minute < views.size(); ++minute) {
    dwell.log_mean += views[minute] / all * std::log(MinutesOf(minute));
    squares += views[minute] / all * std::pow(std::log(MinutesOf(minute)), 2);
  }
  dwell.log_spread = std::sqrt(std::max(0.0, squares - dwell.log_mean * dwell.log_mean));
  if (dwell.log_spread == 0) return;
  double passed = 0;
  for (size_t minute = 0; minute < views.size(); ++minute) {
    passed += views[minute] / all;
    // Whole minutes stand for half a minute either side.
    const double edge = std::log(static_cast<double>(minute) + (minute == 0 ? 0.75 : 0.5));
    const double fitted = Phi((edge - dwell.log_mean) / dwell.log_spread);
    dwell.log_distance = std::max(dwell.log_distance, std::abs(passed - fitted));
  }
}

Dwell DwellOf(const std::vector<double>& views) {
  Dwell dwell;
  const double all = std::accumulate(views.begin(), views.end(), 0.0);
  if (all == 0) return dwell;
  double minutes = 0;
  double long_minutes = 0;
  double passed = 0;
  for (size_t minute = 0; minute < views.size(); ++minute) {
    const double here = views[minute] * MinutesOf(minute);
    minutes += here;
    if (static_cast<double>(minute) > kGlanceMinutes) long_minutes += here;
    if (passed < all / 2 && passed + views[minute] >= all / 2) dwell.median = MinutesOf(minute);
    passed += views[minute];
  }
  dwell.mean = minutes / all;
  dwell.long_share = long_minutes / minutes;
  FitLognormal(views, all, dwell);
  return dwell;
}

// Arrivals are Poisson with a rate that changes: within a piece of some minutes it hardly does, and
// there the variance is the mean. Over all pieces of all settled streams.
double DispersionOf(const Record& record) {
  double variances = 0;
  double means = 0;
  for (const StreamRecord& stream : record.streams) {
    for (size_t at = kSettledRounds; at + kPieceRounds <= stream.arrivals.size();
         at += kPieceRounds) {
      const auto begin = stream.arrivals.begin() + static_cast<std::ptrdiff_t>(at);
      const double mean = std::accumulate(begin, begin + kPieceRounds, 0.0) / kPieceRounds;
      double squares = 0;
      for (auto it = begin; it != begin + kPieceRounds; ++it)
        squares += (*it - mean) * (*it - mean);
      variances += squares / (kPieceRounds - 1);
      means += mean;
    }
  }
  return means > 0 ? variances / means : 0;
}

double MeanOf(const std::vector<uint32_t>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

std::vector<double> Averages(const Record& record) {
  std::vector<double> averages;
  for (const auto& [streamer, channel] : ChannelsOf(record)) {
    if (channel.live_minutes > 0) {
      averages.push_back(channel.viewer_minutes / channel.live_minutes);
    }
  }
  std::ranges::sort(averages, std::greater());
  return averages;
}

std::vector<double> FollowRates(const Record& record) {
  std::vector<double> rates;
  for (const auto& [streamer, channel] : ChannelsOf(record)) {
    const double hours = channel.viewer_minutes / 60;
    if (hours >= kWatchedHours) rates.push_back(1000 * channel.follows / hours);
  }
  std::ranges::sort(rates);
  return rates;
}

std::vector<double> PeakRatios(const Record& record) {
  std::vector<double> ratios;
  for (const StreamRecord& stream : record.streams) {
    const double mean = stream.live_minutes > 0 ? stream.viewer_minutes / stream.live_minutes : 0;
    if (mean >= kSteadyHeads) ratios.push_back(stream.peak_heads / mean);
  }
  std::ranges::sort(ratios);
  return ratios;
}

double ShareUpTo(const std::vector<double>& averages, double heads) {
  if (averages.empty()) return 0;
  const auto up_to = std::ranges::count_if(averages, [&](double a) { return a <= heads; });
  return static_cast<double>(up_to) / static_cast<double>(averages.size());
}

Figures FiguresOf(const Record& record) {
  Figures figures{.averages = Averages(record),
                  .streams = record.streams.size(),
                  .mean_live = MeanOf(record.live),
                  .mean_heads = MeanOf(record.heads),
                  .concentration = ConcentrationOf(record),
                  .dwell = DwellOf(record.views),
                  .dispersion = DispersionOf(record),
                  .raids = record.raids.size()};
  const auto channels = ChannelsOf(record);
  const std::vector<double> ratios = PeakRatios(record);
  figures.steady_streams = ratios.size();
  figures.peak_mean = {Quantile(ratios, 0.25), Quantile(ratios, 0.5), Quantile(ratios, 0.75)};
  const std::vector<double> rates = FollowRates(record);
  figures.watched_channels = rates.size();
  figures.follows = {Quantile(rates, 0.1), Quantile(rates, 0.5), Quantile(rates, 0.9)};
  double hours = 0;
  double follows = 0;
  double live_hours = 0;
  for (const auto& [streamer, channel] : channels) {
    hours += channel.viewer_minutes / 60;
    live_hours += channel.live_minutes / 60;
    follows += channel.follows;
  }
  if (hours > 0) figures.follows_overall = 1000 * follows / hours;
  double sent = 0;
  double moved = 0;
  for (const RaidRecord& raid : record.raids) {
    sent += raid.heads;
    moved += raid.moved;
  }
  if (sent > 0) figures.raid_share = moved / sent;
  double trains = 0;
  double levels = 0;
  for (const StreamRecord& stream : record.streams) {
    trains += stream.trains;
    levels += stream.train_levels;
  }
  if (trains > 0) figures.train_level = levels / trains;
  if (live_hours > 0) figures.trains_per_hour = trains / live_hours;
  return figures;
}

Emotions EmotionsOf(double mood_decay_rate, uint64_t pool_seed) {
  const auto archetypes = pool::BuildArchetypes(pool_seed);
  double good = 0;
  double ill = 0;
  int good_kinds = 0;
  int ill_kinds = 0;
  double good_left = 0;
  double ill_left = 0;
  for (size_t kind = 0; kind < blending::kSentiments; ++kind) {
    blending::Mood mood;
    mood.levels[kind] = 0.5f;
    double push = 0;
    for (const auto& archetype : archetypes) {
      push += blending::MoodPush(mood, archetype.personality) / pool::kArchetypes;
    }
    // How long until a share of 1/e is left.
    const double left = blending::Fade(mood, mood_decay_rate, 1).levels[kind] / mood.levels[kind];
    const double steps = left < 1 ? -1 / std::log(left) : 0;
    if (push > 0) {
      good += push;
      good_left += steps;
      ++good_kinds;
    } else {
      ill -= push;
      ill_left += steps;
      ++ill_kinds;
    }
  }
  if (good_kinds == 0 || ill_kinds == 0 || ill == 0 || good_left == 0) return {};
  return {.spread = (good / good_kinds) / (ill / ill_kinds),
          .lasting = (ill_left / ill_kinds) / (good_left / good_kinds)};
}

}  // namespace streaming::simulation
