#include "services/stream/sentiment/training/model.h"

#include <cmath>

#include <gtest/gtest.h>

#include "services/stream/sentiment/training/judge.h"

namespace stream::sentiment::training {
namespace {

std::vector<Line> Lines() {
  std::vector<Line> lines;
  for (int i = 0; i < 40; ++i) {
    const std::string tail = " w" + std::string(1, static_cast<char>('a' + i % 20));
    lines.push_back({"laughing" + tail, 5});
    lines.push_back({"marvellous" + tail, 0});
    lines.push_back({"the table" + tail, kNone});
  }
  return lines;
}

TEST(Log2, IsTheLibrarys) {
  for (double x = 1e-6; x < 1e6; x *= 1.37) EXPECT_NEAR(Log2(x), std::log2(x), 1e-12);
}

TEST(Model, LearnsWhatTellsLabelsApart) {
  const Model model = Model::Learn(Lines(), {});
  const auto bytes = model.Pack();
  const auto table = Table::Of(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(ClassifyWith(*table, "laughing we").category, Category::kAmused);
  EXPECT_EQ(ClassifyWith(*table, "marvellous we").category, Category::kExcited);
  EXPECT_LT(ClassifyWith(*table, "the table").intensity,
            ClassifyWith(*table, "laughing").intensity);
}

TEST(Model, BytesSayWhatFloatingPointSays) {
  const Model model = Model::Learn(Lines(), {});
  const auto bytes = model.Pack();
  const auto table = Table::Of(bytes);
  for (const char* text : {"laughing wa", "marvellous", "the table wq", "nothing known"}) {
    const Margins rounded = MarginsOf(*table, text), exact = model.MarginsOf(text);
    for (int i = 0; i < kCategories; ++i) EXPECT_NEAR(rounded[i], exact[i], 0.05) << text;
  }
}

TEST(Model, TheSameLinesMakeTheSameBytes) {
  EXPECT_EQ(Model::Learn(Lines(), {}).Pack(), Model::Learn(Lines(), {}).Pack());
}

TEST(Table, OtherBytesAreRefused) {
  std::vector<unsigned char> bytes = Model::Learn(Lines(), {}).Pack();
  EXPECT_FALSE(Table::Of(std::span(bytes).first(100)));
  bytes[0] ^= 1;
  EXPECT_FALSE(Table::Of(bytes));
}

TEST(Judge, CountsWhatAgrees) {
  const auto answer = [](int label, int top, float margin) {
    Answer one{label, {}};
    one.margins.fill(-2);
    one.margins[top] = margin;
    return one;
  };
  const Marks marks = Judge({answer(0, 0, 1), answer(0, 1, 1), answer(7, 7, 2), answer(6, 6, 1),
                             answer(kNone, 6, -1), answer(kNone, 2, 1)});
  EXPECT_DOUBLE_EQ(marks.accuracy, 0.75);
  EXPECT_DOUBLE_EQ(marks.f1[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(marks.bored_recall, 1);
  EXPECT_DOUBLE_EQ(marks.bored_precision, 0.5);
  EXPECT_DOUBLE_EQ(marks.affect_auc, (3 * 1.5 + 2) / 8);
  EXPECT_DOUBLE_EQ(marks.hostile_recall, 1);
}

}  // namespace
}  // namespace stream::sentiment::training
