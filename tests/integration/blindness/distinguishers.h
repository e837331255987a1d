// Simple learners that try to tell real viewers from others by what is seen of them, and how well
// they do. They compare those who are seen together: that there are more real ones in one stream,
// or later in a stream, tells of the crowd and not who it is.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace blindness {

// One viewer: what is seen, and the truth.
struct Sample {
  std::vector<double> features;
  bool real = false;
  size_t half = 0;      // 0 or 1: what is learned of the one is judged by the other
  size_t together = 0;  // those who are seen together have the same number
};

// The chance that a real one scores above another with whom it is seen, ties counting half: 0.5 is
// guessing.
double Auc(const std::vector<double>& scores, const std::vector<Sample>& samples);

// The mean AUC on streams that a learner has not seen, two halves learning for each other, by the
// learner's name: the single feature that tells most, logistic regression, nearest neighbours, and
// boosted stumps (AdaBoost).
struct Result {
  std::map<std::string, double> auc;
  size_t samples = 0;
  size_t reals = 0;
  double Best() const;
};
Result Distinguish(std::vector<Sample> samples);

}  // namespace blindness
