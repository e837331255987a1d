// What single tokens say: words, emotes, emoticons and emoji with the feeling they carry.
#pragma once
#include <optional>
#include <string_view>

#include "services/stream/sentiment/sentiment.h"

namespace stream::sentiment {

struct Evidence {
  Category category;
  float weight;  // 1 is a plain sign; 2 a strong one
};

// A lower-case word without punctuation.
std::optional<Evidence> FindWord(std::string_view word);
// A whole token, its case as written: emotes are case-sensitive names ("LUL" is not "lul"), and
// emoticons are punctuation.
std::optional<Evidence> FindExact(std::string_view token);
// The emoji that the text begins with; `bytes` is its length.
struct Emoji {
  Evidence evidence;
  size_t bytes;
};
std::optional<Emoji> FindEmoji(std::string_view text);
// "not", "never", "isn't": turns praise that follows into criticism.
bool IsNegation(std::string_view word);

}  // namespace stream::sentiment
