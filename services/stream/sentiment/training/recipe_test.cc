#include "services/stream/sentiment/training/recipe.h"

#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

namespace stream::sentiment::training {
namespace {

const std::string kOurs = "services/stream/sentiment";

std::string_view Bytes(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<Line> OwnTestLines() {
  std::vector<Line> lines = ReadTable(kOurs + "/testdata/chat.tsv");
  Append(lines, ReadTable(kOurs + "/testdata/languages.tsv"));
  return lines;
}

TEST(ShippedTable, IsTheOneThatWasMeasured) {
  EXPECT_EQ(common::crypto::HexEncode(common::crypto::Sha256(Bytes(ShippedBytes()))),
            ReadFile(kOurs + "/testdata/weights.sha256").substr(0, 64));
}

// Intensities in thousandths. The sums are exact; what follows them may round in its own way.
TEST(ShippedTable, AnswersOurLinesAsWhenItWasMade) {
  std::istringstream expected(ReadFile(kOurs + "/testdata/expected.tsv"));
  std::istringstream found(Expectations(ShippedTable(), kOurs));
  std::string expected_category, category;
  int expected_intensity = 0, intensity = 0, lines = 0;
  while (expected >> expected_category >> expected_intensity) {
    ASSERT_TRUE(found >> category >> intensity);
    ++lines;
    EXPECT_EQ(category, expected_category) << "line " << lines;
    EXPECT_NEAR(intensity, expected_intensity, 1) << "line " << lines;
  }
  EXPECT_EQ(lines, static_cast<int>(OwnTestLines().size()));
}

TEST(OwnLines, AreEnough) {
  std::array<int, kLabels> count{};
  for (const Line& line : ReadTable(kOurs + "/testdata/chat.tsv")) ++count[line.label];
  for (const int of_label : count) EXPECT_GE(of_label, 35);
}

// One word, such as an emote, is the same word everywhere; what is composed must be new.
TEST(OwnLines, AreNotLearnedByHeart) {
  std::set<std::string> learned;
  for (const char* name : {"emotes", "emoji", "words", "languages", "chat"}) {
    for (const Line& line : ReadTable(kOurs + "/training/" + name + ".tsv"))
      learned.insert(line.text);
  }
  for (const Line& line : OwnTestLines()) {
    const bool composed = std::count(line.text.begin(), line.text.end(), ' ') >= 2;
    EXPECT_FALSE(composed && learned.contains(line.text)) << line.text;
  }
}

TEST(OwnLines, AreUnderstood) {
  const Marks marks = Judge(Ask(ShippedTable(), ReadTable(kOurs + "/testdata/chat.tsv")));
  EXPECT_GE(marks.accuracy, 0.85);
  EXPECT_GE(marks.macro_f1, 0.85);
  EXPECT_GE(marks.affect_auc, 0.95);
  EXPECT_GE(marks.hostile_recall, 0.85);
  EXPECT_GE(marks.bored_recall, 0.85);
  EXPECT_GE(marks.bored_precision, 0.85);
}

TEST(OwnLines, AreStrongWithAFeelingAndFaintWithout) {
  int faint = 0, strong = 0, none = 0, affect = 0;
  for (const Line& line : OwnTestLines()) {
    const float intensity = Classify(line.text).intensity;
    (line.label == kNone ? none : affect) += 1;
    faint += line.label == kNone && intensity <= 0.3f;
    strong += line.label != kNone && intensity >= 0.3f;
  }
  EXPECT_GE(faint, none * 9 / 10);
  EXPECT_GE(strong, affect * 9 / 10);
}

// The research data are no part of the product: these run where SENTIMENT_DATA names their folder.
class WithData : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SENTIMENT_DATA");
    if (folder == nullptr || *folder == '\0') {
      GTEST_SKIP() << "SENTIMENT_DATA names no folder with train.jsonl, dev.jsonl and *_none.jsonl";
    }
    data_ = folder;
  }

  std::string data_;
};

TEST_F(WithData, TheDevSetIsUnderstood) {
  const Marks marks = Judge(Ask(ShippedTable(), DevLines(data_)));
  EXPECT_GE(marks.macro_f1, 0.65);
  EXPECT_GE(marks.affect_auc, 0.80);
  EXPECT_GE(marks.hostile_recall, 0.40);
}

TEST_F(WithData, TrainingMakesTheShippedTableToTheBit) {
  const Model model = Model::Learn(TrainingLines(data_, kOurs), kShippedOptions);
  EXPECT_TRUE(Bytes(model.Pack()) == Bytes(ShippedBytes()));
  const double shipped = Judge(Ask(ShippedTable(), DevLines(data_))).macro_f1;
  EXPECT_NEAR(shipped, Judge(Ask(model, DevLines(data_))).macro_f1, 0.01);
}

}  // namespace
}  // namespace stream::sentiment::training
