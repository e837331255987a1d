// A strict reader of Prometheus's text format 0.0.4, stricter than Prometheus: what names and units
// should be by its conventions is demanded as well.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace story {

struct Series {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct Family {
  std::string type;
  std::string help;
  std::vector<Series> series;
};

struct Exposition {
  std::map<std::string, Family> families;  // by name
  std::vector<std::string> problems;       // every one, in words
};

Exposition ReadExposition(std::string_view text);

}  // namespace story
