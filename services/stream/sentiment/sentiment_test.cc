#include "services/stream/sentiment/sentiment.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace stream::sentiment {
namespace {

struct Line {
  const char* text;
  Category category;
};

TEST(Classify, ReadsPlainChat) {
  for (const Line& line : {
           Line{"LETS GOOOO", Category::kExcited},
           Line{"PogChamp PogChamp PogChamp", Category::kExcited},
           Line{"that was insane!!", Category::kExcited},
           Line{"\xF0\x9F\x94\xA5\xF0\x9F\x94\xA5", Category::kExcited},
           Line{"love this, thank you <3", Category::kSupportive},
           Line{"gg well played", Category::kSupportive},
           Line{"this is terrible, so laggy", Category::kCritical},
           Line{"not good at all", Category::kCritical},
           Line{"how do you do that?", Category::kCurious},
           Line{"OMG wtf just happened", Category::kSurprised},
           Line{"hahahaha LUL", Category::kAmused},
           Line{"\xF0\x9F\x98\x82\xF0\x9F\x98\x82", Category::kAmused},
           Line{"so boring ResidentSleeper", Category::kBored},
           Line{"stfu you idiot", Category::kHostile},
       }) {
    const Sentiment sentiment = Classify(line.text);
    EXPECT_EQ(sentiment.category, line.category) << line.text;
    EXPECT_GT(sentiment.intensity, 0.25f) << line.text;
  }
}

TEST(Classify, NeutralLinesAreFaintAndNeverBored) {
  for (const char* text : {"", "   ", "the third door on the left", "12345", "\xff\xfe",
                           "i am at work until five today"}) {
    const Sentiment sentiment = Classify(text);
    EXPECT_LE(sentiment.intensity, 0.2f) << text;
    EXPECT_NE(sentiment.category, Category::kBored) << text;
  }
}

TEST(Classify, EmphasisStrengthensAndDoesNotTurn) {
  const Sentiment plain = Classify("amazing");
  for (const char* text : {"AMAZING", "amazing!!!", "amaaaazing", "amazing amazing"}) {
    EXPECT_EQ(Classify(text).category, plain.category) << text;
    EXPECT_GT(Classify(text).intensity, plain.intensity) << text;
  }
}

TEST(Classify, EmotesAreCaseSensitiveNames) {
  EXPECT_EQ(Classify("Kappa").category, Category::kAmused);
  EXPECT_EQ(Classify("kappa").intensity, kNeutralIntensity);
}

TEST(Classify, AnyBytesGiveAValidAnswer) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 120, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const Sentiment sentiment = Classify(text);
    ASSERT_GE(static_cast<int>(sentiment.category), 1);
    ASSERT_LE(static_cast<int>(sentiment.category), kCategories);
    ASSERT_GE(sentiment.intensity, 0);
    ASSERT_LE(sentiment.intensity, 1);
  }
  std::string endless;
  for (int i = 0; i < 100'000; ++i) endless += "omg ";
  EXPECT_LE(Classify(endless).intensity, 1);
}

}  // namespace
}  // namespace stream::sentiment
