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

TEST(Classify, UnknownWordsAreNoEvidence) {
  for (const char* text :
       {"xqzvlw", "Qrxpltz Vbnmkj", "\xE0\xB8\x81\xE0\xB8\x82", "zxcvqw 9x8y7z"}) {
    const Sentiment sentiment = Classify(text);
    EXPECT_LE(sentiment.intensity, 0.2f) << text;
  }
  EXPECT_EQ(Classify("").category, Category::kCurious);
  EXPECT_EQ(Classify("").intensity, kNeutralIntensity);
}

TEST(Classify, EmphasisKeepsTheCategoryStrong) {
  for (const char* text : {"love it", "LOVE IT", "love it!!!", "looooove it", "love it love it"}) {
    EXPECT_EQ(Classify(text).category, Category::kSupportive) << text;
    EXPECT_GT(Classify(text).intensity, 0.5f) << text;
  }
  EXPECT_GT(Classify("PogChamp PogChamp PogChamp").intensity, Classify("PogChamp").intensity);
}

TEST(Classify, RepetitionDoesNotTurnALine) {
  for (const char* text : {"KEKW", "ResidentSleeper", "PogChamp", "monkaS", "you idiot", "gg"}) {
    const Category once = Classify(text).category;
    std::string wall;
    while (wall.size() < 450) wall += std::string(text) + " ";
    EXPECT_EQ(Classify(wall).category, once) << text;
    EXPECT_GE(Classify(wall).intensity, Classify(text).intensity - 0.05f) << text;
  }
}

TEST(Classify, NegationTurnsPraise) {
  EXPECT_EQ(Classify("good").category, Category::kSupportive);
  EXPECT_EQ(Classify("not good").category, Category::kCritical);
  EXPECT_EQ(Classify("not bad").category, Category::kSupportive);
}

TEST(Classify, DigitsReadAsLetters) {
  EXPECT_EQ(Classify("n00b").category, Classify("noob").category);
  EXPECT_EQ(Classify("1d10t").category, Category::kHostile);
}

TEST(Classify, AnEmoteOfAChannelIsReadByItsTail) {
  EXPECT_EQ(Classify("somechannelLove").category, Category::kSupportive);
  EXPECT_EQ(Classify("somechannelKEKW").category, Category::kAmused);
  EXPECT_EQ(Classify("somechannelHype").category, Category::kExcited);
}

TEST(Classify, SpeakingToABotOrOfALinkIsNoFeeling) {
  for (const char* text : {"!sr i hate everything about you", "!gamble all", "@somebody",
                           "https://example.org/omg-so-boring-lol", "www.lol.com"}) {
    EXPECT_LE(Classify(text).intensity, 0.2f) << text;
  }
}

TEST(Classify, ReadsSomeOfOtherLanguages) {
  for (const Line& line :
       {Line{"jajajajaja", Category::kAmused}, Line{"кто это?", Category::kCurious},
        Line{"merci", Category::kSupportive}, Line{"ㅋㅋㅋㅋㅋㅋㅋㅋ", Category::kAmused},
        Line{"すごい！", Category::kExcited}, Line{"无聊", Category::kBored},
        Line{"СПАСИБО", Category::kSupportive}}) {
    EXPECT_EQ(Classify(line.text).category, line.category) << line.text;
    EXPECT_GT(Classify(line.text).intensity, 0.25f) << line.text;
  }
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
