#include "tests/integration/blindness/distinguishers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace blindness {
namespace {

constexpr size_t kNeighbours = 25;
constexpr int kSteps = 300;
constexpr double kPace = 0.3;
constexpr double kShrink = 1e-3;
constexpr int kStumps = 40;
constexpr size_t kShares = 7;  // thresholds that a stump may have

using Learned = std::function<double(const std::vector<double>&)>;

std::vector<double> ColumnOf(const std::vector<Sample>& samples, size_t feature) {
  std::vector<double> column;
  for (const Sample& sample : samples) column.push_back(sample.features[feature]);
  return column;
}

// Every feature with mean 0 and deviation 1 in what is learned from.
class Scale {
 public:
  explicit Scale(const std::vector<Sample>& samples) {
    const size_t features = samples.front().features.size();
    for (size_t f = 0; f < features; ++f) {
      const auto column = ColumnOf(samples, f);
      const double count = static_cast<double>(column.size());
      const double mean = std::accumulate(column.begin(), column.end(), 0.0) / count;
      double square = 0;
      for (const double value : column) square += (value - mean) * (value - mean);
      mean_.push_back(mean);
      deviation_.push_back(std::max(1e-9, std::sqrt(square / count)));
    }
  }
  std::vector<double> Of(const std::vector<double>& features) const {
    std::vector<double> scaled(features.size());
    for (size_t f = 0; f < features.size(); ++f) {
      // What the learner never met shall not drown all else.
      scaled[f] = std::clamp((features[f] - mean_[f]) / deviation_[f], -5.0, 5.0);
    }
    return scaled;
  }

 private:
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

size_t BestFeature(const std::vector<Sample>& samples) {
  size_t best = 0;
  double most = -1;
  for (size_t f = 0; f < samples.front().features.size(); ++f) {
    const double telling = std::abs(Auc(ColumnOf(samples, f), samples) - 0.5);
    if (telling > most) {
      most = telling;
      best = f;
    }
  }
  return best;
}

Learned LearnSingle(const std::vector<Sample>& samples) {
  const size_t best = BestFeature(samples);
  const double sign = Auc(ColumnOf(samples, best), samples) < 0.5 ? -1 : 1;
  return [best, sign](const std::vector<double>& features) { return sign * features[best]; };
}

Learned LearnLogistic(const std::vector<Sample>& samples) {
  const Scale scale(samples);
  std::vector<std::vector<double>> rows;
  for (const Sample& sample : samples) rows.push_back(scale.Of(sample.features));
  const size_t features = rows.front().size();
  std::vector<double> weights(features + 1, 0.0);
  const auto score = [features](const std::vector<double>& by, const std::vector<double>& row) {
    return std::inner_product(row.begin(), row.end(), by.begin(), by[features]);
  };
  for (int step = 0; step < kSteps; ++step) {
    std::vector<double> slope(features + 1, 0.0);
    for (size_t i = 0; i < rows.size(); ++i) {
      const double error = 1 / (1 + std::exp(-score(weights, rows[i]))) - samples[i].real;
      for (size_t f = 0; f < features; ++f) slope[f] += error * rows[i][f];
      slope[features] += error;
    }
    for (size_t f = 0; f <= features; ++f) {
      const double mean = slope[f] / static_cast<double>(rows.size());
      weights[f] -= kPace * (mean + kShrink * weights[f]);
    }
  }
  return [scale, weights, score](const std::vector<double>& row) {
    return score(weights, scale.Of(row));
  };
}

Learned LearnNeighbours(const std::vector<Sample>& samples) {
  const Scale scale(samples);
  std::vector<std::vector<double>> rows;
  std::vector<bool> real;
  for (const Sample& sample : samples) {
    rows.push_back(scale.Of(sample.features));
    real.push_back(sample.real);
  }
  return [scale, rows, real](const std::vector<double>& features) {
    const auto here = scale.Of(features);
    std::vector<std::pair<double, bool>> near;
    for (size_t i = 0; i < rows.size(); ++i) {
      double distance = 0;
      for (size_t f = 0; f < here.size(); ++f) {
        distance += (rows[i][f] - here[f]) * (rows[i][f] - here[f]);
      }
      near.emplace_back(distance, real[i]);
    }
    const size_t count = std::min(kNeighbours, near.size());
    std::ranges::nth_element(near, near.begin() + static_cast<ptrdiff_t>(count) - 1);
    double reals = 0;
    for (size_t i = 0; i < count; ++i) reals += near[i].second;
    return reals;
  };
}

// Pairs of a real one and another, and how many of them are ranked right.
struct Pairs {
  double wins = 0;
  double number = 0;
};

Pairs PairsOf(std::vector<std::pair<double, bool>>& ranked) {
  std::ranges::sort(ranked);
  Pairs pairs;
  double reals = 0;
  double others_below = 0;
  for (size_t first = 0; first < ranked.size();) {
    size_t end = first;
    double reals_here = 0;
    for (; end < ranked.size() && ranked[end].first == ranked[first].first; ++end) {
      reals_here += ranked[end].second;
    }
    const double others_here = static_cast<double>(end - first) - reals_here;
    pairs.wins += reals_here * (others_below + others_here / 2);
    reals += reals_here;
    others_below += others_here;
    first = end;
  }
  pairs.number = reals * others_below;
  return pairs;
}

// Features become what a viewer has more than those who are seen with it.
void Compare(std::vector<Sample>& samples) {
  std::map<size_t, std::vector<Sample*>> groups;
  for (Sample& sample : samples) groups[sample.together].push_back(&sample);
  for (const auto& [together, group] : groups) {
    for (size_t f = 0; f < group.front()->features.size(); ++f) {
      double mean = 0;
      for (const Sample* sample : group) mean += sample->features[f];
      mean /= static_cast<double>(group.size());
      for (Sample* sample : group) sample->features[f] -= mean;
    }
  }
}

// A threshold of one feature, and what being above it is worth.
struct Stump {
  size_t feature = 0;
  double threshold = 0;
  double worth = 0;
};

// The values of a feature that part its samples into equal shares.
std::vector<double> ThresholdsOf(const std::vector<Sample>& samples, size_t feature) {
  auto column = ColumnOf(samples, feature);
  std::ranges::sort(column);
  std::vector<double> thresholds;
  for (size_t i = 1; i <= kShares; ++i) {
    const double value = column[i * (column.size() - 1) / (kShares + 1)];
    if (thresholds.empty() || thresholds.back() != value) thresholds.push_back(value);
  }
  return thresholds;
}

// The stump that errs least by these weights, which sum to 1.
Stump BestStump(const std::vector<Sample>& samples, const std::vector<double>& weights,
                const std::vector<std::vector<double>>& thresholds) {
  Stump best;
  double most = -1;
  for (size_t f = 0; f < thresholds.size(); ++f) {
    for (const double threshold : thresholds[f]) {
      double right = 0;
      for (size_t i = 0; i < samples.size(); ++i) {
        if ((samples[i].features[f] > threshold) == samples[i].real) right += weights[i];
      }
      if (std::abs(right - 0.5) <= most) continue;
      most = std::abs(right - 0.5);
      const double sure = std::clamp(right, 1e-6, 1 - 1e-6);
      best = {.feature = f, .threshold = threshold, .worth = std::log(sure / (1 - sure)) / 2};
    }
  }
  return best;
}

// Freund and Schapire's AdaBoost; both classes weigh alike at first.
Learned LearnBoosted(const std::vector<Sample>& samples) {
  double reals = 0;
  for (const Sample& sample : samples) reals += sample.real;
  const double others = static_cast<double>(samples.size()) - reals;
  std::vector<double> weights;
  for (const Sample& sample : samples) weights.push_back(0.5 / (sample.real ? reals : others));
  std::vector<std::vector<double>> thresholds;
  for (size_t f = 0; f < samples.front().features.size(); ++f) {
    thresholds.push_back(ThresholdsOf(samples, f));
  }
  std::vector<Stump> stumps;
  for (int round = 0; round < kStumps; ++round) {
    const Stump stump = stumps.emplace_back(BestStump(samples, weights, thresholds));
    double sum = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      const bool right = (samples[i].features[stump.feature] > stump.threshold) == samples[i].real;
      weights[i] *= std::exp(right ? -stump.worth : stump.worth);
      sum += weights[i];
    }
    for (double& weight : weights) weight /= sum;
  }
  return [stumps](const std::vector<double>& features) {
    double score = 0;
    for (const Stump& stump : stumps) {
      score += features[stump.feature] > stump.threshold ? stump.worth : -stump.worth;
    }
    return score;
  };
}

}  // namespace

double Auc(const std::vector<double>& scores, const std::vector<Sample>& samples) {
  std::map<size_t, std::vector<std::pair<double, bool>>> groups;
  for (size_t i = 0; i < scores.size(); ++i) {
    groups[samples[i].together].emplace_back(scores[i], samples[i].real);
  }
  Pairs all;
  for (auto& [together, ranked] : groups) {
    const Pairs here = PairsOf(ranked);
    all.wins += here.wins;
    all.number += here.number;
  }
  return all.number == 0 ? 0.5 : all.wins / all.number;
}

double Result::Best() const {
  double best = 0;
  for (const auto& [name, value] : auc) best = std::max(best, value);
  return best;
}

Result Distinguish(std::vector<Sample> samples) {
  Compare(samples);
  Result result;
  const std::map<std::string, Learned (*)(const std::vector<Sample>&)> learners = {
      {"single feature", LearnSingle},
      {"logistic regression", LearnLogistic},
      {"nearest neighbours", LearnNeighbours},
      {"boosted stumps", LearnBoosted}};
  result.samples = samples.size();
  for (const Sample& sample : samples) result.reals += sample.real;
  for (const size_t half : {0, 1}) {
    std::vector<Sample> known;
    std::vector<Sample> fresh;
    for (const Sample& sample : samples) {
      (sample.half == half ? known : fresh).push_back(sample);
    }
    for (const auto& [name, learn] : learners) {
      const Learned learned = learn(known);
      std::vector<double> scores;
      for (const Sample& sample : fresh) scores.push_back(learned(sample.features));
      result.auc[name] += Auc(scores, fresh) / 2;
    }
  }
  return result;
}

}  // namespace blindness
