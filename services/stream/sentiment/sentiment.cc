#include "services/stream/sentiment/sentiment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "services/stream/sentiment/lexicon.h"

namespace stream::sentiment {
namespace {

constexpr size_t kMaxWordBytes = 32;
constexpr float kExactFactor = 1.5f;   // an emote is chosen, a word may just occur
constexpr float kElongated = 1.3f;     // "sooo gooood"
constexpr float kShouted = 1.4f;       // all capitals
constexpr float kQuestionMark = 0.8f;  // a '?' is a sign of a question
constexpr float kExclamation = 0.15f;  // each '!' amplifies, up to
constexpr int kMaxExclamations = 4;
constexpr int kNegationReach = 3;        // tokens
constexpr float kEvidenceScale = 0.35f;  // evidence 2 gives an intensity of one half
constexpr size_t kShoutedLettersMin = 4;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsBlank(char c) { return static_cast<unsigned char>(c) <= ' '; }

// A token's letters in lower case, runs of three and more cut to one or two.
struct Word {
  std::array<char, kMaxWordBytes> bytes;
  size_t size = 0;
  bool elongated = false;

  std::string_view text() const { return {bytes.data(), size}; }
};

Word ReadWord(std::string_view token, size_t longest_run) {
  Word word;
  size_t run = 0;
  for (const char raw : token) {
    const char c = Lower(raw);
    if (!IsLetter(c) && !(c >= '0' && c <= '9')) continue;
    run = word.size > 0 && word.bytes[word.size - 1] == c ? run + 1 : 1;
    if (run >= 3) word.elongated = true;
    if (run > longest_run) continue;
    if (word.size == kMaxWordBytes) return {};
    word.bytes[word.size++] = c;
  }
  return word;
}

class Scores {
 public:
  void Read(std::string_view token) {
    if (const auto exact = FindExact(token)) return Add(*exact, kExactFactor);
    ReadEmoji(token);
    ReadMarks(token);
    for (const size_t longest_run : {2u, 1u}) {
      const Word word = ReadWord(token, longest_run);
      if (longest_run == 1 && !word.elongated) break;
      if (IsNegation(word.text())) {
        negated_ = kNegationReach;
        return;
      }
      if (const auto found = FindWord(word.text())) {
        return Add(Negate(*found), word.elongated ? kElongated : 1);
      }
    }
    if (negated_ > 0) --negated_;
  }

  Sentiment Result() {
    Add({Category::kCurious, kQuestionMark}, questions_ > 0 ? 1 : 0);
    const auto top = std::max_element(scores_.begin(), scores_.end());
    if (*top <= 0) return {Category::kCurious, kNeutralIntensity};
    float evidence = *top * (1 + kExclamation * std::min(exclamations_, kMaxExclamations));
    if (letters_ >= kShoutedLettersMin && capitals_ == letters_) evidence *= kShouted;
    const float intensity = 1 - std::exp(-kEvidenceScale * evidence);
    return {static_cast<Category>(top - scores_.begin() + 1),
            std::clamp(intensity, kNeutralIntensity, 1.0f)};
  }

 private:
  void Add(Evidence evidence, float factor) {
    scores_[static_cast<size_t>(evidence.category) - 1] += evidence.weight * factor;
  }

  // "not good" criticises; "not bad" is left alone, as people mean much by it.
  Evidence Negate(Evidence evidence) {
    const bool praise =
        evidence.category == Category::kExcited || evidence.category == Category::kSupportive;
    if (negated_ == 0 || !praise) return evidence;
    negated_ = 0;
    return {Category::kCritical, evidence.weight};
  }

  void ReadEmoji(std::string_view token) {
    for (size_t i = 0; i < token.size();) {
      const auto emoji =
          static_cast<unsigned char>(token[i]) >= 0x80 ? FindEmoji(token.substr(i)) : std::nullopt;
      if (emoji) Add(emoji->evidence, 1);
      i += emoji ? emoji->bytes : 1;
    }
  }

  void ReadMarks(std::string_view token) {
    for (const char c : token) {
      questions_ += c == '?';
      exclamations_ += c == '!';
      letters_ += IsLetter(c);
      capitals_ += c >= 'A' && c <= 'Z';
    }
  }

  std::array<float, kCategories> scores_{};
  int negated_ = 0;
  int questions_ = 0;
  int exclamations_ = 0;
  size_t letters_ = 0;
  size_t capitals_ = 0;
};

}  // namespace

Sentiment Classify(std::string_view text) {
  text = text.substr(0, kMaxTextBytes);
  Scores scores;
  size_t begin = 0;
  while (begin < text.size()) {
    if (IsBlank(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < text.size() && !IsBlank(text[end])) ++end;
    scores.Read(text.substr(begin, end - begin));
    begin = end;
  }
  return scores.Result();
}

}  // namespace stream::sentiment
