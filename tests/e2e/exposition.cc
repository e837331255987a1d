#include "tests/e2e/exposition.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <regex>
#include <set>

namespace story {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr const char* kBucket = "le";

bool Ends(std::string_view text, std::string_view ending) { return text.ends_with(ending); }

std::optional<double> ReadValue(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

// The labels between the braces; nullopt when they are malformed or one comes twice.
std::optional<Labels> ReadLabels(std::string text) {
  static const std::regex kLabel(
      R"re(^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$))re");
  Labels labels;
  std::smatch match;
  while (!text.empty()) {
    if (!std::regex_search(text, match, kLabel)) return std::nullopt;
    if (!labels.emplace(match[1], match[2]).second) return std::nullopt;
    text = match.suffix();
  }
  return labels;
}

// Takes lines and keeps what they say.
class Reader {
 public:
  void Read(const std::string& line) {
    static const std::regex kHelp(R"(^# HELP ([a-z][a-z0-9_]*) (.+)$)");
    static const std::regex kType(R"(^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$)");
    static const std::regex kSample(R"(^([a-z][a-z0-9_]*)(?:\{(.*)\})? (\S+)$)");
    std::smatch match;
    if (std::regex_match(line, match, kHelp)) {
      Begin(match[1], match[2]);
    } else if (std::regex_match(line, match, kType)) {
      if (name_ != match[1] || !Current().type.empty()) Complain("TYPE not after its HELP", line);
      Current().type = match[2];
    } else if (std::regex_match(line, match, kSample)) {
      Sample(match[1], match[2], match[3], line);
    } else {
      Complain("not a line of the format", line);
    }
  }

  void Complain(const std::string& what, const std::string& where) {
    exposition_.problems.push_back(what + ": " + where);
  }
  Exposition& exposition() { return exposition_; }

 private:
  Family& Current() { return exposition_.families[name_]; }

  void Begin(const std::string& name, const std::string& help) {
    name_ = name;
    if (exposition_.families.contains(name)) Complain("told twice", name);
    Current().help = help;
  }

  void Sample(const std::string& name, const std::string& labels, const std::string& value,
              const std::string& line) {
    const std::string ending = name.starts_with(name_) ? name.substr(name_.size()) : "?";
    const bool fits = Current().type == "histogram"
                          ? ending == "_bucket" || ending == "_sum" || ending == "_count"
                          : ending.empty() && !Current().type.empty();
    if (name_.empty() || !fits) return Complain("a sample without HELP and TYPE before it", line);
    const auto read_labels = ReadLabels(labels);
    const auto read_value = ReadValue(value);
    if (!read_labels || !read_value) return Complain("malformed labels or value", line);
    if (!seen_.insert({name, *read_labels}).second) Complain("a series twice", line);
    Current().series.push_back({name, *read_labels, *read_value});
  }

  std::string name_;
  std::set<std::pair<std::string, Labels>> seen_;
  Exposition exposition_;
};

void CheckName(const std::string& name, const Family& family, Reader& reader) {
  static const std::regex kOtherUnit(
      "_(ms|milliseconds|micros|microseconds|minutes|hours|days|kb|mb|kilobytes|megabytes|percent)"
      "(_|$)");
  const bool counter = family.type == "counter";
  if (counter != Ends(name, "_total")) reader.Complain("_total is of counters, and of all", name);
  if (std::regex_search(name, kOtherUnit)) reader.Complain("not a base unit", name);
  const std::string base = counter ? name.substr(0, name.rfind("_total")) : name;
  for (const std::string unit : {"seconds", "bytes"}) {
    if (base.find(unit) != std::string::npos && !Ends(base, "_" + unit)) {
      reader.Complain("the unit is not at the end", name);
    }
  }
  if (family.type == "histogram" && !Ends(name, "_seconds")) reader.Complain("of which unit", name);
  if (!Ends(family.help, ".")) reader.Complain("the help is no sentence", name);
  if (family.series.empty()) reader.Complain("no series", name);
}

void CheckSeries(const std::string& name, const Family& family, Reader& reader) {
  std::set<std::set<std::string>> label_names;
  for (const Series& series : family.series) {
    std::set<std::string> names;
    for (const auto& [label, value] : series.labels) {
      if (value.empty()) reader.Complain("an empty label " + label, name);
      if (label != kBucket) names.insert(label);
    }
    label_names.insert(names);
    const bool bad = std::isnan(series.value) || (family.type != "gauge" && series.value < 0) ||
                     (family.type != "gauge" && std::isinf(series.value));
    if (bad) reader.Complain("an impossible value", name);
  }
  if (label_names.size() > 1) reader.Complain("series with different labels", name);
}

void CheckBuckets(const std::string& name, const Family& family, Reader& reader) {
  struct Buckets {
    double bound = -std::numeric_limits<double>::infinity();
    double count = 0;
    bool sum = false;
    std::optional<double> total;
  };
  std::map<Labels, Buckets> all;
  for (const Series& series : family.series) {
    Labels labels = series.labels;
    labels.erase(kBucket);
    Buckets& buckets = all[labels];
    if (Ends(series.name, "_sum")) buckets.sum = true;
    if (Ends(series.name, "_count")) buckets.total = series.value;
    if (!Ends(series.name, "_bucket")) continue;
    const auto found = series.labels.find(kBucket);
    const auto bound = found == series.labels.end() ? std::nullopt : ReadValue(found->second);
    if (!bound || *bound <= buckets.bound || series.value < buckets.count) {
      reader.Complain("buckets that do not rise", name);
    }
    buckets.bound = bound.value_or(buckets.bound);
    buckets.count = series.value;
  }
  for (const auto& [labels, buckets] : all) {
    if (!buckets.sum || buckets.total != buckets.count || !std::isinf(buckets.bound)) {
      reader.Complain("a histogram whose parts do not fit", name);
    }
  }
}

}  // namespace

Exposition ReadExposition(std::string_view text) {
  Reader reader;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) reader.Complain("no line break at the end", "");
    reader.Read(std::string(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  for (const auto& [name, family] : reader.exposition().families) {
    CheckName(name, family, reader);
    CheckSeries(name, family, reader);
    if (family.type == "histogram") CheckBuckets(name, family, reader);
  }
  return std::move(reader.exposition());
}

}  // namespace story
