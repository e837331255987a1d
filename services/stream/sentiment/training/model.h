// Learns what features weigh: one linear support vector machine a label, found by dual coordinate
// descent (Hsieh et al. 2008) on features scaled by how much they tell (Wang and Manning 2012).
// The same input gives the same bytes on any machine: only additions, multiplications, divisions
// and square roots, which IEEE 754 fixes to the bit, in a fixed order on one thread.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "services/stream/sentiment/table.h"
#include "services/stream/sentiment/training/corpus.h"

namespace stream::sentiment::training {

struct Options {
  double cost = 0.1;      // of a line on the wrong side
  double balance = 0.5;   // in eighths; 0: all lines cost the same; 1: all labels do
  double telling = 0.75;  // 0: a plain SVM; 1: features count by how much they tell
  double rare = 2;        // features in fewer lines are dropped
  int rounds = 12;
};

// A weight for each label, in floating point.
using Weights = std::array<double, kLabels>;

class Model {
 public:
  static Model Learn(const std::vector<Line>& lines, const Options& options);

  // How much a line speaks for each category before weights are rounded to bytes.
  Margins MarginsOf(const std::string& text) const;

  // The bytes of weights.bin.
  std::vector<unsigned char> Pack() const;

  size_t rows() const { return features_.size(); }

 private:
  friend class Learner;

  int Find(uint64_t feature) const;

  std::vector<uint64_t> features_;  // sorted; no two share a row
  std::vector<Weights> weights_;    // of each
  Weights bias_{};
};

// log2 of a positive number by arithmetic alone: libraries differ in the last bit.
double Log2(double x);

}  // namespace stream::sentiment::training
