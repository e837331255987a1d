#include "services/stream/sentiment/training/judge.h"

#include <algorithm>
#include <functional>

namespace stream::sentiment::training {
namespace {

constexpr int kBored = static_cast<int>(Category::kBored) - 1;
constexpr int kHostile = static_cast<int>(Category::kHostile) - 1;

int Top(const Margins& margins) {
  return static_cast<int>(std::max_element(margins.begin(), margins.end()) - margins.begin());
}

// How far a category is ahead of all others, no feeling among them.
double Lead(const Margins& margins, int category) {
  float best = 0;
  for (int i = 0; i < kCategories; ++i) {
    if (i != category) best = std::max(best, margins[i]);
  }
  return margins[category] - best;
}

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

// How often a line of a label, the row, was given a category, the column.
using Confusion = std::array<std::array<double, kCategories>, kLabels>;

double Column(const Confusion& confusion, int category, int labels) {
  double sum = 0;
  for (int label = 0; label < labels; ++label) sum += confusion[label][category];
  return sum;
}

double Row(const Confusion& confusion, int label) {
  double sum = 0;
  for (const double count : confusion[label]) sum += count;
  return sum;
}

}  // namespace

Marks Judge(const std::vector<Answer>& answers) {
  Confusion confusion{};
  std::vector<double> affect, none, hostile, others;
  for (const auto& [label, margins] : answers) {
    const int top = Top(margins);
    confusion[label][top] += 1;
    (label == kNone ? none : affect).push_back(margins[top]);
    (label == kHostile ? hostile : others).push_back(Lead(margins, kHostile));
  }
  Marks marks;
  double right = 0;
  for (int i = 0; i < kCategories; ++i) {
    right += confusion[i][i];
    const double given = Column(confusion, i, kCategories);
    marks.f1[i] = Ratio(2 * confusion[i][i], given + Row(confusion, i));
    if (i != kBored) marks.macro_f1 += marks.f1[i] / (kCategories - 1);
  }
  marks.accuracy = Ratio(right, static_cast<double>(affect.size()));
  marks.bored_recall = Ratio(confusion[kBored][kBored], Row(confusion, kBored));
  marks.bored_precision = Ratio(confusion[kBored][kBored], Column(confusion, kBored, kLabels));
  marks.affect_auc = AreaUnderCurve(affect, std::move(none));
  marks.hostile_recall = RecallAt(0.05, hostile, std::move(others));
  return marks;
}

double AreaUnderCurve(const std::vector<double>& upper, std::vector<double> lower) {
  if (upper.empty() || lower.empty()) return 0;
  std::sort(lower.begin(), lower.end());
  double pairs = 0;
  for (const double value : upper) {
    const auto [first, last] = std::equal_range(lower.begin(), lower.end(), value);
    pairs += static_cast<double>(first - lower.begin()) + 0.5 * static_cast<double>(last - first);
  }
  return pairs / (static_cast<double>(upper.size()) * static_cast<double>(lower.size()));
}

double RecallAt(double false_alarms, const std::vector<double>& upper, std::vector<double> lower) {
  if (upper.empty() || lower.empty()) return 0;
  std::sort(lower.begin(), lower.end(), std::greater<>());
  const double bound = lower[static_cast<size_t>(false_alarms * static_cast<double>(lower.size()))];
  const auto above =
      std::count_if(upper.begin(), upper.end(), [&](double value) { return value > bound; });
  return static_cast<double>(above) / static_cast<double>(upper.size());
}

}  // namespace stream::sentiment::training
