#include "services/stream/sentiment/training/recipe.h"

#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace stream::sentiment::training {
namespace {

// Our own lines are few and say what the data do not.
constexpr double kTableWeight = 3;
constexpr double kChatWeight = 6;

// Chat says one word over and over.
std::vector<Line> Walls(const std::vector<Line>& table) {
  std::vector<Line> walls;
  for (Line line : table) {
    if (line.label == kNone || line.text.find(' ') != line.text.npos) continue;
    line.text = line.text + ' ' + line.text + ' ' + line.text;
    line.weight = 1;
    walls.push_back(std::move(line));
  }
  return walls;
}

}  // namespace

std::vector<Line> TrainingLines(const std::string& data, const std::string& ours) {
  std::vector<Line> lines = ReadJsonLines(data + "/train.jsonl");
  Append(lines, ReadJsonLines(data + "/train_none.jsonl"));
  for (const std::string name : {"emotes", "emoji", "words", "languages", "chat"}) {
    std::vector<Line> table =
        ReadTable(std::string(ours).append("/training/").append(name).append(".tsv"));
    for (Line& line : table) {
      line.is_ours = true;
      line.weight = name == "chat" ? kChatWeight : kTableWeight;
    }
    if (name != "chat") Append(lines, Walls(table));
    Append(lines, std::move(table));
  }
  return lines;
}

std::vector<Line> DevLines(const std::string& data) {
  std::vector<Line> lines = ReadJsonLines(data + "/dev.jsonl");
  Append(lines, ReadJsonLines(data + "/dev_none.jsonl"));
  return lines;
}

std::vector<Answer> Ask(const Table& table, const std::vector<Line>& lines) {
  std::vector<Answer> answers;
  answers.reserve(lines.size());
  for (const Line& line : lines) answers.push_back({line.label, MarginsOf(table, line.text)});
  return answers;
}

std::vector<Answer> Ask(const Model& model, const std::vector<Line>& lines) {
  std::vector<Answer> answers;
  answers.reserve(lines.size());
  for (const Line& line : lines) answers.push_back({line.label, model.MarginsOf(line.text)});
  return answers;
}

std::string Expectations(const Table& table, const std::string& ours) {
  std::ostringstream out;
  for (const char* name : {"chat", "languages"}) {
    for (const Line& line : ReadTable(ours + "/testdata/" + name + ".tsv")) {
      const Sentiment felt = ClassifyWith(table, line.text);
      out << kLabelNames[static_cast<int>(felt.category) - 1] << '\t'
          << std::lround(felt.intensity * 1000) << '\n';
    }
  }
  return out.str();
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace stream::sentiment::training
