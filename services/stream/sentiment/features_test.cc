#include "services/stream/sentiment/features.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stream::sentiment {
namespace {

std::vector<uint64_t> Features(std::string_view text) {
  std::vector<uint64_t> features;
  ReadFeatures(text, [&](uint64_t feature) { features.push_back(feature); });
  return features;
}

bool Has(std::string_view text, Kind kind, std::string_view ascii) {
  const auto features = Features(text);
  const uint64_t wanted = internal::Feature(kind, internal::Hash(ascii));
  return std::find(features.begin(), features.end(), wanted) != features.end();
}

TEST(ReadFeatures, WordsAreWithoutCaseEmotesWithIt) {
  EXPECT_TRUE(Has("so Good!", Kind::kWord, "good"));
  EXPECT_TRUE(Has("PogChamp", Kind::kExact, "PogChamp"));
  EXPECT_FALSE(Has("pogchamp", Kind::kExact, "PogChamp"));
  EXPECT_TRUE(Has("don’t", Kind::kWord, "dont"));
  EXPECT_TRUE(Has("don't", Kind::kWord, "dont"));
}

TEST(ReadFeatures, ElongatedWordsAreCutToTwoAndToOne) {
  EXPECT_TRUE(Has("goooood", Kind::kWord, "good"));
  EXPECT_TRUE(Has("nooooo", Kind::kWord, "no"));
  EXPECT_TRUE(Has(":)))))", Kind::kEmoticon, ":)"));
}

TEST(ReadFeatures, WordsAfterANegationAreOthers) {
  EXPECT_TRUE(Has("not good", Kind::kNegated, "good"));
  EXPECT_FALSE(Has("not good", Kind::kWord, "good"));
  EXPECT_TRUE(Has("not in any way at all good", Kind::kWord, "good"));
}

TEST(ReadFeatures, NamesLinksAndCommandsAreNotRead) {
  EXPECT_EQ(Features("@anna"), Features("@bob"));
  EXPECT_EQ(Features("https://a.example/hate"), Features("https://b.example/love"));
  EXPECT_EQ(Features("!play one"), Features("!stop"));
  EXPECT_NE(Features("!!!"), Features("!stop"));
}

TEST(ReadFeatures, EmojiCountWithoutTheirColour) {
  EXPECT_EQ(Features("👍"), Features("👍🏿"));
  EXPECT_EQ(Features("❤"), Features("❤️"));
}

TEST(ReadFeatures, ALongWordIsBounded) {
  const std::string word(1'500, 'q');
  EXPECT_LE(Features(word).size(), 20u);
  std::string mixed;
  for (int i = 0; i < 1'500; ++i) mixed += static_cast<char>('a' + i * 7 % 26);
  EXPECT_LE(Features(mixed).size(), 60u);
}

TEST(ReadFeatures, TellsHowLoudALineIs) {
  const Emphasis loud = ReadFeatures("NOOOO WAY!!", [](uint64_t) {});
  EXPECT_EQ(loud.exclamations, 2);
  EXPECT_EQ(loud.elongated, 1);
  EXPECT_EQ(loud.capitals, 8);
  EXPECT_FALSE(loud.has_small);
  const Emphasis calm = ReadFeatures("Way, no", [](uint64_t) {});
  EXPECT_EQ(calm.exclamations, 0);
  EXPECT_EQ(calm.elongated, 0);
  EXPECT_TRUE(calm.has_small);
}

// Short words take another way than the rest; it must not lead elsewhere.
TEST(ShortWordAt, SpellsAsReadingByCharactersDoes) {
  for (const std::string word : {"a", "lol", "KEKW", "PogChamp", "catJAM", "monkaS", "xqcL",
                                 "great", "letter", "LUL", "peepoSad", "Kappa", "aabbccdd"}) {
    // What cannot be seen of it makes it no short word.
    EXPECT_EQ(Features(word), Features(word + "\xE2\x80\x8D")) << word;
    EXPECT_EQ(Features(word + " b"), Features(word + "\xE2\x80\x8D b")) << word;
  }
}

TEST(ShortWordAt, LeavesOtherWordsAlone) {
  for (const char* word : {"", "1", "nooo", "don't", "n00b", "a1", "qu\xC3\xA9", "ninelette",
                           "\xC3\xA9", " a", "zzz", "heyyyy"}) {
    EXPECT_EQ(ShortWordAt(word, 0).size, 0) << word;
  }
  EXPECT_EQ(ShortWordAt("eightlet", 0).size, 8);
  EXPECT_EQ(ShortWordAt("look", 0).size, 4);
  EXPECT_EQ(ShortWordAt("so good!", 3).size, 4);
}

}  // namespace
}  // namespace stream::sentiment
