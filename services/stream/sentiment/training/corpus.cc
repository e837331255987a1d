#include "services/stream/sentiment/training/corpus.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace stream::sentiment::training {
namespace {

int LabelOf(std::string_view name) {
  const auto* found = std::find(std::begin(kLabelNames), std::end(kLabelNames), name);
  if (found == std::end(kLabelNames)) throw std::runtime_error("no such category");
  return static_cast<int>(found - kLabelNames);
}

template <typename ParseLine>
std::vector<Line> ReadLines(const std::string& path, ParseLine parse) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::vector<Line> lines;
  std::string line;
  try {
    while (std::getline(in, line)) lines.push_back(parse(line));
  } catch (const std::exception& error) {
    throw std::runtime_error(path + ":" + std::to_string(lines.size() + 1) + ": " + error.what());
  }
  return lines;
}

void AppendUtf8(std::string& text, uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xE0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Reads the string that starts after at, which is moved behind its closing quote.
std::string ReadString(std::string_view json, size_t& at) {
  std::string text;
  while (at < json.size() && json[at] != '"') {
    if (json[at] != '\\') {
      text += json[at++];
      continue;
    }
    const char escaped = at + 1 < json.size() ? json[at + 1] : '\0';
    at += 2;
    switch (escaped) {
      case 'n':
        text += '\n';
        break;
      case 't':
        text += '\t';
        break;
      case 'r':
        text += '\r';
        break;
      case 'u':
        AppendUtf8(text,
                   static_cast<uint32_t>(std::stoul(std::string(json.substr(at, 4)), nullptr, 16)));
        at += 4;
        break;
      default:
        text += escaped;
    }
  }
  ++at;
  return text;
}

// Objects of strings only, which is all that the data are.
Line ParseJsonLine(std::string_view json) {
  std::optional<std::string> text, label;
  for (size_t at = json.find('"'); at < json.size(); at = json.find('"', at)) {
    const std::string key = ReadString(json, ++at);
    at = json.find('"', at);
    if (at >= json.size()) break;
    std::string value = ReadString(json, ++at);
    if (key == "text") {
      text = std::move(value);
    } else if (key == "label8") {
      label = std::move(value);
    }
  }
  if (!text || !label) throw std::runtime_error("no text or no label8");
  return {std::move(*text), LabelOf(*label)};
}

Line ParseTableLine(std::string_view line) {
  const size_t tab = line.find('\t');
  if (tab == line.npos) throw std::runtime_error("no tab");
  return {std::string(line.substr(tab + 1)), LabelOf(line.substr(0, tab))};
}

}  // namespace

std::vector<Line> ReadTable(const std::string& path) { return ReadLines(path, ParseTableLine); }

std::vector<Line> ReadJsonLines(const std::string& path) { return ReadLines(path, ParseJsonLine); }

void Append(std::vector<Line>& lines, std::vector<Line> more) {
  lines.insert(lines.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

}  // namespace stream::sentiment::training
