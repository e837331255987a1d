// What a record of a simulation comes to: the figures that are published of live audiences.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "services/streaming/simulation/record.h"

namespace streaming::simulation {

// The quantile of values, 0 to 1, between neighbours in proportion. 0 of none.
double Quantile(std::vector<double> values, double share);

struct Concentration {
  double top_average = 0;  // heads: the average that 1 % of the channels exceed
  double top_share = 0;    // of all viewing, that goes to the top 1 %
  double tail_ratio = 0;   // the averages that 1 % and 7 % exceed, one by the other
};

struct Dwell {
  double mean = 0;          // minutes
  double median = 0;        // minutes
  double long_share = 0;    // of all minutes, in views of more than kGlanceMinutes
  double log_mean = 0;      // of the logarithm of minutes
  double log_spread = 0;    // its standard deviation
  double log_distance = 0;  // between the views and the lognormal: Kolmogorov's, 0 to 1
};
inline constexpr double kGlanceMinutes = 5;

struct Figures {
  std::vector<double> averages;  // heads, of each channel that had a stream, the largest first
  size_t streams = 0;
  double mean_live = 0;   // streams at a time
  double mean_heads = 0;  // in all audiences at a time
  Concentration concentration;
  Dwell dwell;
  double dispersion = 0;                 // of arrivals in a minute: variance by mean, 1 = Poisson
  std::array<double, 3> peak_mean = {};  // quartiles over streams of at least kSteadyHeads
  size_t steady_streams = 0;
  // Per 1000 viewer-hours, the 10th, 50th and 90th of 100 channels with at least kWatchedHours.
  std::array<double, 3> follows = {};
  size_t watched_channels = 0;
  double follows_overall = 0;  // of all channels together
  double raid_share = 0;       // of the heads that were sent, who went
  size_t raids = 0;
  double trains_per_hour = 0;  // hype trains in an hour of stream
  double train_level = 0;      // the highest that one reaches, on average
};
// Below this average a peak is the chance of a few.
inline constexpr double kSteadyHeads = 100;
// With fewer viewer-hours a channel's follows are a handful.
inline constexpr double kWatchedHours = 1000;

Figures FiguresOf(const Record& record);
// The share of channels that average at most `heads`.
double ShareUpTo(const std::vector<double>& averages, double heads);

// Channels' average audiences, the largest first.
std::vector<double> Averages(const Record& record);
// Follows per 1000 viewer-hours of the channels with at least kWatchedHours, ascending.
std::vector<double> FollowRates(const Record& record);
// Peak by mean of the streams of at least kSteadyHeads, ascending.
std::vector<double> PeakRatios(const Record& record);

// Emotions, from the rules of mood: how much more a good feeling of the same strength moves an
// audience than an ill one, and how much longer the ill one lasts.
struct Emotions {
  double spread = 0;
  double lasting = 0;
};
Emotions EmotionsOf(double mood_decay_rate, uint64_t pool_seed);

}  // namespace streaming::simulation
