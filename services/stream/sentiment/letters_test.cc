#include "services/stream/sentiment/letters.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace stream::sentiment {
namespace {

uint32_t Folded(std::string_view text) { return CharacterAt(text, 0).folded; }

TEST(CharacterAt, FoldsCaseAndAccents) {
  EXPECT_EQ(Folded("Q"), 'q');
  EXPECT_EQ(Folded("É"), 'e');
  EXPECT_EQ(Folded("é"), 'e');
  EXPECT_EQ(Folded("Ж"), Folded("ж"));
  EXPECT_EQ(Folded("Ё"), Folded("ё"));
  EXPECT_EQ(Folded("Ω"), Folded("ω"));
  EXPECT_EQ(Folded("Ａ"), 'a');
  EXPECT_TRUE(CharacterAt("É", 0).capital);
  EXPECT_FALSE(CharacterAt("é", 0).capital);
}

TEST(CharacterAt, TellsScriptsApart) {
  EXPECT_EQ(CharacterAt("a", 0).type, Type::kLetter);
  EXPECT_EQ(CharacterAt("7", 0).type, Type::kDigit);
  EXPECT_EQ(CharacterAt("草", 0).type, Type::kIdeograph);
  EXPECT_EQ(CharacterAt("ㅋ", 0).type, Type::kIdeograph);
  EXPECT_EQ(CharacterAt("😂", 0).type, Type::kSymbol);
  EXPECT_EQ(CharacterAt("’", 0).type, Type::kApostrophe);
  EXPECT_EQ(CharacterAt("？", 0).folded, '?');
  EXPECT_EQ(CharacterAt("\xEF\xB8\x8F", 0).type, Type::kIgnored);
}

TEST(CharacterAt, AlwaysGoesForwardAndNeverBeyondTheEnd) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(1 + random() % 12, '\0');
    for (char& c : text) c = static_cast<char>(0x70 + random() % 0x90);
    for (size_t at = 0; at < text.size();) {
      const Character c = CharacterAt(text, at);
      ASSERT_GE(c.bytes, 1);
      at += c.bytes;
      ASSERT_LE(at, text.size());
    }
  }
}

TEST(LetterLike, ReadsDigitsAsTheyAreMeant) {
  EXPECT_EQ(LetterLike('0'), 'o');
  EXPECT_EQ(LetterLike('4'), 'a');
  EXPECT_EQ(LetterLike('9'), '9');
  EXPECT_EQ(LetterLike('x'), 'x');
}

}  // namespace
}  // namespace stream::sentiment
