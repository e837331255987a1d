#include "services/streaming/simulation/svg.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streaming::simulation {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SvgTest, DrawsWhatItCanAndLeavesTheRestOut) {
  Chart chart("a < b & c", {.label = "x", .logarithmic = true}, {.label = "y"});
  chart.Add("some", Chart::Style::kLine, {{0, 1}, {1, 1}, {10, 2}, {100, INFINITY}});
  chart.Add("", Chart::Style::kDots, {{1, 1.5}});
  chart.Shade(1, 2);
  const std::string svg = Picture({chart}, 2);
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(svg, HasSubstr("<circle"));
  EXPECT_THAT(svg, HasSubstr("width=\"360\" height=\"240\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(SvgTest, AnEmptyChartIsOne) {
  for (const bool logarithmic : {false, true}) {
    const Chart chart("nothing", {.label = "x", .logarithmic = logarithmic}, {.label = "y"});
    EXPECT_THAT(Picture({chart, chart, chart}, 2), HasSubstr("width=\"720\" height=\"480\""));
  }
}

TEST(SvgTest, ThinningKeepsTheEnds) {
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({1.0 * i, 0});
  const auto thinned = Thinned(points, 10);
  ASSERT_EQ(thinned.size(), 10u);
  EXPECT_EQ(thinned.front().x, 0);
  EXPECT_EQ(thinned.back().x, 999);
  EXPECT_EQ(Thinned(points, 5000).size(), 1000u);
}

}  // namespace
}  // namespace streaming::simulation
