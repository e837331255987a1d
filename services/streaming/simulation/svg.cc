#include "services/streaming/simulation/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

namespace streaming::simulation {
namespace {

// The plot's frame inside a chart.
constexpr double kLeft = 48;
constexpr double kTop = 28;
constexpr double kRight = 12;
constexpr double kBottom = 40;
constexpr double kInnerWidth = Chart::kWidth - kLeft - kRight;
constexpr double kInnerHeight = Chart::kHeight - kTop - kBottom;
constexpr size_t kPointsMax = 120;  // of a line
constexpr std::array<std::string_view, 5> kColours = {"#1f6f8b", "#c8553d", "#588157", "#8f5aa8",
                                                      "#b08900"};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Text(double x, double y, std::string_view anchor, const std::string& text,
                 std::string_view more = "") {
  return absl::StrFormat("<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\"%s>%s</text>\n", x, y,
                         anchor, more, Escaped(text));
}

// 0 at the least value, 1 at the most.
double Place(const Axis& axis, double least, double most, double value) {
  if (axis.logarithmic) return std::log(value / least) / std::log(most / least);
  return (value - least) / (most - least);
}

// Values at which an axis has marks: powers of ten, or some four round steps.
std::vector<double> MarksOf(const Axis& axis, double least, double most) {
  std::vector<double> marks;
  if (axis.logarithmic) {
    for (double mark = std::pow(10, std::ceil(std::log10(least) - 1e-9)); mark <= most * 1.000001;
         mark *= 10) {
      marks.push_back(mark);
    }
    return marks;
  }
  double step = std::pow(10, std::floor(std::log10((most - least) / 2)));
  for (const double factor : {1.0, 2.0, 2.5}) {
    if ((most - least) / step <= 5) break;
    step *= factor;
  }
  for (double mark = std::ceil(least / step - 1e-9) * step; mark <= most + step * 1e-6;
       mark += step) {
    marks.push_back(std::abs(mark) < step * 1e-6 ? 0 : mark);
  }
  return marks;
}

}  // namespace

Chart::Chart(std::string title, Axis x, Axis y)
    : title_(std::move(title)), x_(std::move(x)), y_(std::move(y)) {}

void Chart::Add(std::string label, Style style, std::vector<Point> points) {
  std::erase_if(points, [&](const Point& point) { return !Shows(point); });
  series_.push_back({std::move(label), style, Thinned(points, kPointsMax)});
}

void Chart::Shade(double least, double most) { shade_ = Range{least, most}; }

bool Chart::Shows(const Point& point) const {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!x_.logarithmic || point.x > 0) &&
         (!y_.logarithmic || point.y > 0);
}

Chart::Range Chart::RangeOf(const Axis& axis, double Point::*value) const {
  Range range{INFINITY, -INFINITY};
  for (const Series& series : series_) {
    for (const Point& point : series.points) {
      range.least = std::min(range.least, point.*value);
      range.most = std::max(range.most, point.*value);
    }
  }
  if (range.least > range.most) range = {1, 1};
  range.least = axis.least.value_or(range.least);
  range.most = axis.most.value_or(range.most);
  if (range.most - range.least > 1e-12) return range;
  if (axis.logarithmic) return {range.least / 2, range.least * 2};
  return {range.least - 0.5, range.least + 0.5};
}

std::string Chart::DrawAxes(const Range& x, const Range& y) const {
  std::string out;
  for (const double mark : MarksOf(x_, x.least, x.most)) {
    const double at = kLeft + kInnerWidth * Place(x_, x.least, x.most, mark);
    out += absl::StrFormat("<path class=\"g\" d=\"M%.1f %.1fV%.1f\"/>\n", at, kTop,
                           kTop + kInnerHeight);
    out += Text(at, kTop + kInnerHeight + 14, "middle", absl::StrFormat("%g", mark));
  }
  for (const double mark : MarksOf(y_, y.least, y.most)) {
    const double at = kTop + kInnerHeight * (1 - Place(y_, y.least, y.most, mark));
    out += absl::StrFormat("<path class=\"g\" d=\"M%.1f %.1fH%.1f\"/>\n", kLeft, at,
                           kLeft + kInnerWidth);
    out += Text(kLeft - 5, at + 4, "end", absl::StrFormat("%g", mark));
  }
  out += Text(kLeft, 16, "start", title_, " font-weight=\"bold\"");
  out += Text(kLeft + kInnerWidth / 2, kHeight - 8, "middle", x_.label);
  const double middle = kTop + kInnerHeight / 2;
  out += Text(11, middle, "middle", y_.label,
              absl::StrFormat(" transform=\"rotate(-90 11 %.0f)\"", middle));
  return out;
}

std::string Chart::DrawSeries(size_t number, const Range& x, const Range& y) const {
  const Series& series = series_[number];
  const std::string_view colour = kColours[number % kColours.size()];
  std::string out;
  std::string path;
  for (const Point& point : series.points) {
    const double at_x = kLeft + kInnerWidth * Place(x_, x.least, x.most, point.x);
    const double at_y = kTop + kInnerHeight * (1 - Place(y_, y.least, y.most, point.y));
    if (series.style == Style::kDots) {
      out += absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"%s\"/>\n", at_x, at_y,
                             colour);
    }
    path += absl::StrFormat("%s%.1f %.1f", path.empty() ? "M" : "L", at_x, at_y);
  }
  if (series.style != Style::kDots && !path.empty()) {
    out += absl::StrFormat("<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s d=\"%s\"/>\n",
                           colour,
                           series.style == Style::kDashes ? " stroke-dasharray=\"4 3\"" : "", path);
  }
  if (!series.label.empty()) {
    const double line = 13 * static_cast<double>(series_.size() - number);
    out += Text(kLeft + 6, kTop + kInnerHeight + 6 - line, "start", series.label,
                absl::StrFormat(" fill=\"%s\"", colour));
  }
  return out;
}

std::string Chart::Draw(double x, double y) const {
  const Range across = RangeOf(x_, &Point::x);
  const Range up = RangeOf(y_, &Point::y);
  std::string out = absl::StrFormat("<g transform=\"translate(%.0f %.0f)\">\n", x, y);
  if (shade_) {
    const auto height = [&](double value) {
      return kTop + kInnerHeight * (1 - std::clamp(Place(y_, up.least, up.most, value), 0.0, 1.0));
    };
    out += absl::StrFormat(
        "<rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" fill=\"#e8f0d8\"/>\n", kLeft,
        height(shade_->most), kInnerWidth, height(shade_->least) - height(shade_->most));
  }
  out += DrawAxes(across, up);
  for (size_t number = 0; number < series_.size(); ++number) {
    out += DrawSeries(number, across, up);
  }
  return out + "</g>\n";
}

std::string Picture(const std::vector<Chart>& charts, size_t columns) {
  const size_t rows = (charts.size() + columns - 1) / columns;
  const double width = Chart::kWidth * static_cast<double>(std::min(columns, charts.size()));
  const double height = Chart::kHeight * static_cast<double>(rows);
  std::string out = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
      "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"11\">\n"
      "<style>.g{stroke:#ddd;fill:none}</style>\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      width, height, width, height);
  for (size_t i = 0; i < charts.size(); ++i) {
    out += charts[i].Draw(Chart::kWidth * static_cast<double>(i % columns),
                          Chart::kHeight * static_cast<double>(i / columns));
  }
  return out + "</svg>\n";
}

std::vector<Point> Thinned(const std::vector<Point>& points, size_t most) {
  if (points.size() <= most || most < 2) return points;
  std::vector<Point> thinned;
  for (size_t i = 0; i < most; ++i) {
    thinned.push_back(points[i * (points.size() - 1) / (most - 1)]);
  }
  return thinned;
}

}  // namespace streaming::simulation
