// Charts as SVG texts: lines and dots over two axes, linear or logarithmic. Small enough to live in
// a repository.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace streaming::simulation {

struct Point {
  double x = 0;
  double y = 0;
};

struct Axis {
  std::string label;
  bool logarithmic = false;                    // values of 0 or less are then left out
  std::optional<double> least = std::nullopt;  // absent: as the data have it
  std::optional<double> most = std::nullopt;
};

class Chart {
 public:
  enum class Style { kLine, kDots, kDashes };

  Chart(std::string title, Axis x, Axis y);

  // A label of "" does not appear in the legend.
  void Add(std::string label, Style style, std::vector<Point> points);
  // A shaded stripe between two values of y: where a value should lie.
  void Shade(double least, double most);

  // The chart as a part of a larger picture, its corner at (x, y).
  std::string Draw(double x, double y) const;

  static constexpr double kWidth = 360;
  static constexpr double kHeight = 240;

 private:
  struct Series {
    std::string label;
    Style style = Style::kLine;
    std::vector<Point> points;
  };
  struct Range {
    double least = 0;
    double most = 1;
  };

  bool Shows(const Point& point) const;
  Range RangeOf(const Axis& axis, double Point::*value) const;
  std::string DrawAxes(const Range& x, const Range& y) const;
  std::string DrawSeries(size_t number, const Range& x, const Range& y) const;

  std::string title_;
  Axis x_;
  Axis y_;
  std::vector<Series> series_;
  std::optional<Range> shade_;
};

// The charts in rows of `columns`, as one document.
std::string Picture(const std::vector<Chart>& charts, size_t columns);

// At most `most` of the points, evenly spread, the first and the last among them.
std::vector<Point> Thinned(const std::vector<Point>& points, size_t most);

}  // namespace streaming::simulation
