// How well answers agree with labels.
#pragma once
#include <array>
#include <vector>

#include "services/stream/sentiment/training/corpus.h"

namespace stream::sentiment::training {

struct Answer {
  int label = kNone;  // what the line is
  Margins margins{};  // what was found
};

struct Marks {
  double accuracy = 0;  // of lines with a feeling
  double macro_f1 = 0;  // over the categories but Bored
  std::array<double, kCategories> f1{};
  double bored_recall = 0;
  double bored_precision = 0;  // among all lines, those without a feeling too
  double affect_auc = 0;       // a line with a feeling is above one without, in this share of pairs
  double hostile_recall = 0;   // with a false alarm in 5 % of all other lines
};

Marks Judge(const std::vector<Answer>& answers);

// The share of pairs of an upper and a lower value that are in order; ties count half.
double AreaUnderCurve(const std::vector<double>& upper, std::vector<double> lower);

// The share of the upper values that are above all but a share of the lower ones.
double RecallAt(double false_alarms, const std::vector<double>& upper, std::vector<double> lower);

}  // namespace stream::sentiment::training
