// The lines that the classifier learns from and is judged by.
#pragma once
#include <string>
#include <vector>

#include "services/stream/sentiment/sentiment.h"

namespace stream::sentiment::training {

// Categories are counted from 0 here, as columns are; a line without a feeling is one more.
inline constexpr int kNone = kCategories;
inline constexpr int kLabels = kCategories + 1;
inline constexpr const char* kLabelNames[kLabels] = {"Excited", "Supportive", "Critical",
                                                     "Curious", "Surprised",  "Amused",
                                                     "Bored",   "Hostile",    "None"};

struct Line {
  std::string text;
  int label = kNone;
  double weight = 1;     // how many lines it counts for
  bool is_ours = false;  // its features are kept however rare they are
};

// The lines of a file of ours: category, tab, text. Throws std::runtime_error with the reason.
std::vector<Line> ReadTable(const std::string& path);

// The lines of a file of data: a JSON object each, with the strings "text" and "label8".
std::vector<Line> ReadJsonLines(const std::string& path);

void Append(std::vector<Line>& lines, std::vector<Line> more);

}  // namespace stream::sentiment::training
