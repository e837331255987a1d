// classifier_bench LINES [DATA]: speed and quality of the sentiment classifier, as rows of a table
// that classifier.mjs goes on with. Writes the lines that the speed was measured on to the file
// LINES.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "services/stream/sentiment/sentiment.h"
#include "services/stream/sentiment/training/recipe.h"

namespace {

namespace sentiment = stream::sentiment;
using sentiment::training::Answer;
using sentiment::training::Line;

constexpr int kLines = 20'000;
constexpr double kSeconds = 2;
// Of chat as it is: half of the lines have 12 bytes or fewer, the mean is 30.
constexpr double kMedianBytes = 9.5;  // before whole words are made of it
constexpr double kSpread = 1.4;
constexpr double kLongest = 500;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The number in [0, 1) that the generator's next draw stands for; libraries' distributions differ.
double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

// Log-normal, by Box and Muller.
size_t Length(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(random)));
  const double normal = radius * std::cos(2 * std::numbers::pi * Uniform(random));
  const double length = kMedianBytes * std::exp(kSpread * normal);
  return static_cast<size_t>(std::clamp(length, 1.0, kLongest));
}

// Our own chat lines, glued together and cut at blanks to the lengths of real chat.
std::vector<std::string> SpeedLines(const std::vector<Line>& pool) {
  std::mt19937_64 random(1);
  std::vector<std::string> lines;
  while (lines.size() < kLines) {
    const size_t length = Length(random);
    std::string line = pool[random() % pool.size()].text;
    while (line.size() < length) line += " " + pool[random() % pool.size()].text;
    const size_t blank = line.rfind(' ', length);
    if (line.size() > length && blank != line.npos && blank > 0) line.resize(blank);
    if (line.size() <= length + length / 2 + 3) lines.push_back(std::move(line));
  }
  return lines;
}

void WriteLines(const std::vector<std::string>& lines, const char* path) {
  std::ofstream out(path);
  std::vector<size_t> sizes;
  size_t sum = 0;
  for (const std::string& line : lines) {
    out << line << '\n';
    sizes.push_back(line.size());
    sum += line.size();
  }
  std::nth_element(sizes.begin(), sizes.begin() + sizes.size() / 2, sizes.end());
  std::printf("%zu lines, mean %.1f bytes, median %zu\n", lines.size(),
              static_cast<double>(sum) / static_cast<double>(lines.size()),
              sizes[sizes.size() / 2]);
}

double MessagesPerSecond(const std::vector<std::string>& lines) {
  float sum = 0;
  const double begin = CpuSeconds();
  double now = begin;
  size_t messages = 0;
  while (now - begin < kSeconds) {
    for (const std::string& line : lines) sum += sentiment::Classify(line).intensity;
    messages += lines.size();
    now = CpuSeconds();
  }
  if (!(sum > 0)) std::printf("no line has a feeling\n");
  return static_cast<double>(messages) / (now - begin);
}

// In how many of the lines with a good or a bad feeling the better of the two sides is right.
double PolarityAccuracy(const std::vector<Answer>& answers) {
  int right = 0, all = 0;
  for (const auto& [label, margins] : answers) {
    const float good = std::max({margins[0], margins[1], margins[5]});
    const float bad = std::max(margins[2], margins[7]);
    const bool is_good = label == 0 || label == 1 || label == 5;
    if (!is_good && label != 2 && label != 7) continue;
    ++all;
    right += is_good == (good > bad);
  }
  return static_cast<double>(right) / all;
}

void PrintQuality(const char* name, const std::vector<Line>& lines) {
  const auto answers = Ask(sentiment::ShippedTable(), lines);
  const auto marks = Judge(answers);
  std::printf("%-9s %-17s %8.3f %8.3f %8.3f %8.3f %8.3f", name, "ours", marks.accuracy,
              marks.macro_f1, PolarityAccuracy(answers), marks.affect_auc, marks.hostile_recall);
  if (marks.bored_recall > 0) {
    std::printf("   Bored: recall %.2f, precision %.2f", marks.bored_recall, marks.bored_precision);
  }
  std::printf("\n");
}

void Run(const char* path, const char* data) {
  const std::string ours = "services/stream/sentiment";
  const auto chat = sentiment::training::ReadTable(ours + "/testdata/chat.tsv");
  auto pool = chat;
  Append(pool, sentiment::training::ReadTable(ours + "/training/chat.tsv"));
  const auto lines = SpeedLines(pool);
  WriteLines(lines, path);
  std::printf("%-9s %-17s %8s %8s %8s %8s %8s\n", "lines", "classifier", "accuracy", "macro-F1",
              "polarity", "AUC", "hostile");
  PrintQuality("chat.tsv", chat);
  if (data != nullptr) PrintQuality("dev", sentiment::training::DevLines(data));
  std::printf("speed %.0f\n", MessagesPerSecond(lines));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: classifier_bench LINES [DATA]\n");
    return 2;
  }
  try {
    Run(argv[1], argc > 2 ? argv[2] : nullptr);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classifier_bench: %s\n", error.what());
    return 1;
  }
}
