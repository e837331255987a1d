#include "services/stream/ingest/json_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

bool IsRead(std::string_view text) {
  JsonReader json(text);
  return json.Skip() && json.Finish();
}

TEST(JsonReader, ReadsEveryKindOfValue) {
  for (const char* text :
       {"0", "-0", "10", "-1.50e+07", "1E0", "null", "true", "false", "\"\"", "[]", "{}",
        " [ 1 , \"a\" ] ", R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\uD800")",
        R"({"a":{"b":[null,{}]},"":0})"}) {
    EXPECT_TRUE(IsRead(text)) << text;
  }
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  for (const char* text :
       {"",        "01",       "-01",       "-",           "+1",       ".5",    "1.",
        "1e",      "0x1",      "NaN",       "nul",         "True",     "[1,]",  "[,1]",
        "{\"a\"}", "{\"a\":}", "{a:1}",     "{\"a\":1,}",  "[1 2]",    "[1]]",  "[[1]",
        "1 1",     "\"",       "\"a",       "'a'",         "\"\n\"",   R"("\)", R"("\")",
        R"("\q")", R"("\u")",  R"("\u12")", R"("\u12g4")", "\"\\\n\"", "/**/1"}) {
    EXPECT_FALSE(IsRead(text)) << text;
  }
}

TEST(JsonReader, BoundsTheDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(IsRead(nested(JsonReader::kMaxDepth)));
  EXPECT_FALSE(IsRead(nested(JsonReader::kMaxDepth + 1)));
  EXPECT_FALSE(IsRead(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace stream::ingest
