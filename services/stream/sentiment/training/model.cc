#include "services/stream/sentiment/training/model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "services/stream/sentiment/features.h"

namespace stream::sentiment::training {
namespace {

// A line as the machine sees it.
struct Example {
  int label = kNone;
  double weight = 1;
  std::vector<std::pair<uint32_t, float>> values;  // place of the feature, value
};

std::vector<uint64_t> FeaturesOf(const std::string& text) {
  std::vector<uint64_t> features;
  ReadFeatures(text, [&](uint64_t feature) { features.push_back(feature); });
  return features;
}

struct Candidate {
  uint64_t feature = 0;
  double lines = 0;
  bool is_ours = false;

  bool operator<(const Candidate& other) const { return feature < other.feature; }

  // Which of two that share a row keeps it.
  bool Outranks(const Candidate& other) const {
    if (is_ours != other.is_ours) return is_ours;
    if (lines != other.lines) return lines > other.lines;
    return feature < other.feature;
  }
};

std::vector<Candidate> Count(const std::vector<Line>& lines) {
  std::vector<Candidate> all;
  for (const Line& line : lines) {
    std::vector<uint64_t> features = FeaturesOf(line.text);
    std::sort(features.begin(), features.end());
    features.erase(std::unique(features.begin(), features.end()), features.end());
    for (const uint64_t feature : features) all.push_back({feature, line.weight, line.is_ours});
  }
  std::stable_sort(all.begin(), all.end());
  std::vector<Candidate> counted;
  for (const Candidate& one : all) {
    if (counted.empty() || counted.back().feature != one.feature) {
      counted.push_back(one);
    } else {
      counted.back().lines += one.lines;
      counted.back().is_ours |= one.is_ours;
    }
  }
  return counted;
}

// The features that get a row, sorted.
std::vector<uint64_t> Choose(const std::vector<Line>& lines, double rare) {
  std::vector<uint64_t> chosen;
  Candidate best;
  const auto keep = [&] {
    if (best.lines > 0) chosen.push_back(best.feature);
  };
  for (const Candidate& one : Count(lines)) {
    if (one.lines < rare && !one.is_ours) continue;
    if (best.lines > 0 && RowOf(SlotOf(best.feature)) == RowOf(SlotOf(one.feature))) {
      if (one.Outranks(best)) best = one;
      continue;
    }
    keep();
    best = one;
  }
  keep();
  return chosen;
}

// A fixed order that has nothing to do with that of the files.
std::vector<uint32_t> Shuffled(size_t size) {
  std::vector<uint32_t> order(size);
  for (size_t i = 0; i < size; ++i) order[i] = static_cast<uint32_t>(i);
  uint64_t state = 1;
  for (size_t i = size; i > 1; --i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::swap(order[i - 1], order[state % i]);
  }
  return order;
}

}  // namespace

class Learner {
 public:
  Learner(const std::vector<Line>& lines, const Options& options)
      : options_(options), order_(Shuffled(lines.size())) {
    model_.features_ = Choose(lines, options.rare);
    model_.weights_.resize(model_.features_.size());
    for (const Line& line : lines) examples_.push_back(ExampleOf(line));
  }

  Model Learn() {
    for (int label = 0; label < kLabels; ++label) LearnLabel(label);
    return std::move(model_);
  }

 private:
  static constexpr float kBiasValue = 0.3f;

  // The last value stands for the bias.
  uint32_t BiasPlace() const { return static_cast<uint32_t>(model_.features_.size()); }

  Example ExampleOf(const Line& line) const {
    Example example{line.label, line.weight, {}};
    const std::vector<uint64_t> features = FeaturesOf(line.text);
    std::vector<uint32_t> places;
    for (const uint64_t feature : features) {
      const int place = model_.Find(feature);
      if (place >= 0) places.push_back(static_cast<uint32_t>(place));
    }
    std::sort(places.begin(), places.end());
    const double length = std::sqrt(static_cast<double>(std::max<size_t>(features.size(), 1)));
    for (const uint32_t place : places) {
      if (example.values.empty() || example.values.back().first != place) {
        example.values.emplace_back(place, 0.0f);
      }
      example.values.back().second += static_cast<float>(1 / length);
    }
    example.values.emplace_back(BiasPlace(), kBiasValue);
    return example;
  }

  // How much each feature tells of a label: the logarithm of how much more often lines of the label
  // have it than others.
  std::vector<double> Telling(int label) const {
    const size_t size = model_.features_.size();
    std::vector<double> with(size, 1), without(size, 1);
    for (const Example& example : examples_) {
      auto& counts = example.label == label ? with : without;
      for (const auto& [place, value] : example.values) {
        if (place < size) counts[place] += example.weight;
      }
    }
    double all_with = 0, all_without = 0;
    for (size_t i = 0; i < size; ++i) all_with += with[i], all_without += without[i];
    constexpr double kNatural = 0.6931471805599453;
    std::vector<double> telling(size + 1, 1);
    for (size_t i = 0; i < size; ++i) {
      const double ratio = (with[i] / all_with) / (without[i] / all_without);
      const double tells = Log2(ratio) * kNatural;
      telling[i] = options_.telling * (tells < 0 ? -tells : tells) + (1 - options_.telling);
    }
    return telling;
  }

  void LearnLabel(int label) {
    const std::vector<double> telling = Telling(label);
    double in = 0, out = 0;
    for (const Example& example : examples_) {
      (example.label == label ? in : out) += example.weight;
    }
    if (in == 0) return;
    // A power by square roots: balance is a multiple of an eighth.
    const double favour = Power(out / in, options_.balance);
    const std::vector<double> found = Descend(label, telling, favour);
    for (size_t i = 0; i < model_.features_.size(); ++i) {
      model_.weights_[i][label] = found[i] * telling[i];
    }
    model_.bias_[label] = found[BiasPlace()] * kBiasValue;
  }

  static double Power(double base, double exponent) {
    double result = 1;
    for (int i = 0; i < 3; ++i) {
      base = std::sqrt(base);
      exponent *= 2;
      if (exponent >= 1) {
        result *= base;
        exponent -= 1;
      }
    }
    return result;
  }

  std::vector<double> Descend(int label, const std::vector<double>& telling, double favour) const {
    std::vector<double> weights(telling.size(), 0), dual(examples_.size(), 0);
    std::vector<double> square(examples_.size(), 0);
    for (size_t i = 0; i < examples_.size(); ++i) {
      for (const auto& [place, value] : examples_[i].values) {
        const double scaled = value * telling[place];
        square[i] += scaled * scaled;
      }
    }
    for (int round = 0; round < options_.rounds; ++round) {
      for (const uint32_t i : order_) {
        const Example& example = examples_[i];
        const bool is_in = example.label == label;
        const double side = is_in ? 1 : -1;
        const double slack = 0.5 / (options_.cost * example.weight * (is_in ? favour : 1));
        double score = 0;
        for (const auto& [place, value] : example.values) {
          score += weights[place] * (value * telling[place]);
        }
        const double gradient = side * score - 1 + dual[i] * slack;
        const double moved = std::max(dual[i] - gradient / (square[i] + slack), 0.0);
        const double step = (moved - dual[i]) * side;
        if (step == 0) continue;
        dual[i] = moved;
        for (const auto& [place, value] : example.values) {
          weights[place] += step * (value * telling[place]);
        }
      }
    }
    return weights;
  }

  Options options_;
  std::vector<uint32_t> order_;
  std::vector<Example> examples_;
  Model model_;
};

Model Model::Learn(const std::vector<Line>& lines, const Options& options) {
  return Learner(lines, options).Learn();
}

int Model::Find(uint64_t feature) const {
  const auto found = std::lower_bound(features_.begin(), features_.end(), feature);
  if (found == features_.end() || *found != feature) return -1;
  return static_cast<int>(found - features_.begin());
}

Margins Model::MarginsOf(const std::string& text) const {
  Weights sums{};
  const std::vector<uint64_t> features = FeaturesOf(text);
  for (const uint64_t feature : features) {
    const int place = Find(feature);
    if (place < 0) continue;
    for (int label = 0; label < kLabels; ++label) sums[label] += weights_[place][label];
  }
  const double length = std::sqrt(static_cast<double>(std::max<size_t>(features.size(), 1)));
  Margins margins;
  for (int i = 0; i < kCategories; ++i) {
    margins[i] = static_cast<float>((sums[i] - sums[kNone]) / length + bias_[i] - bias_[kNone]);
  }
  return margins;
}

// One scale for all: what matters most has the largest weights, and they must not be cut.
std::vector<unsigned char> Model::Pack() const {
  double largest = 0;
  for (const Weights& weights : weights_) {
    for (int i = 0; i < kCategories; ++i) {
      largest = std::max(largest, std::fabs(weights[i] - weights[kNone]));
    }
  }
  TableHeader header;
  header.scale = static_cast<float>(largest / 127);
  for (int i = 0; i < kCategories; ++i) {
    header.bias[i] = static_cast<float>(bias_[i] - bias_[kNone]);
  }
  std::vector<unsigned char> bytes(kTableBytes, 0);
  std::memcpy(bytes.data(), &header, sizeof(header));
  for (size_t i = 0; i < features_.size(); ++i) {
    const uint32_t slot = SlotOf(features_[i]);
    bytes[kTagsAt + RowOf(slot)] = TagOf(slot);
    for (int c = 0; c < kCategories; ++c) {
      const double steps = (weights_[i][c] - weights_[i][kNone]) / header.scale;
      const auto rounded = static_cast<int8_t>(std::floor(steps + 0.5));
      bytes[kWeightsAt + RowOf(slot) * kCategories + c] = static_cast<unsigned char>(rounded);
    }
  }
  return bytes;
}

double Log2(double x) {
  int exponent = 0;
  double fraction = std::frexp(x, &exponent);  // exact, from 0.5 to 1
  // log2(f) = 2/ln 2 · atanh((f − 1)/(f + 1)), whose series converges fast here.
  const double y = (fraction - 1) / (fraction + 1);
  const double square = y * y;
  double sum = 0;
  for (int i = 41; i >= 1; i -= 2) sum = sum * square + 1.0 / i;
  constexpr double kTwoByLn2 = 2.8853900817779268;
  return exponent + kTwoByLn2 * y * sum;
}

}  // namespace stream::sentiment::training
