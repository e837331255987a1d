// Reads JSON where it was received: no tree, no copies. A webhook's body holds people's words, and
// whatever copies them has to be found and wiped later.
//
// A value is read by exactly one call. The first mistake of the text, or a value of another type
// than asked for, fails the reader for good; every later call then answers false or nothing.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace stream::ingest {

class JsonReader {
 public:
  static constexpr int kMaxDepth = 16;

  // `text` must outlive the reader and every view it gives.
  explicit JsonReader(std::string_view text) : text_(text) {}

  // Calls on_member(key) for each member, which must read or Skip its value. Keys come as written:
  // one with escapes is no key that we know.
  template <class F>
  bool Object(F&& on_member) {
    if (!Open('{')) return false;
    while (!Close('}')) {
      std::string_view key;
      if (!Separator() || !String(key) || !Take(':')) return Fail();
      on_member(key);
      if (failed_) return false;
    }
    return !failed_;
  }
  // Calls on_element() for each element, which must read or Skip it.
  template <class F>
  bool Array(F&& on_element) {
    if (!Open('[')) return false;
    while (!Close(']')) {
      if (!Separator()) return Fail();
      on_element();
      if (failed_) return false;
    }
    return !failed_;
  }
  // The text between the quotes, escapes and all; see Unescape.
  bool String(std::string_view& raw);
  bool Bool(bool& out);
  // A whole number.
  bool Int(int64_t& out);
  // Reads a null if there is one.
  bool Null();
  // The next value if it is of that kind; any other is skipped.
  std::optional<std::string_view> StringIf();
  std::optional<bool> BoolIf();
  std::optional<int64_t> IntIf();  // also in a string, as Google writes them
  // Reads any value and forgets it.
  bool Skip();
  // The next value's first character, '\0' at the end: what kind of value it is.
  char Peek() {
    SkipBlanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  // True when the whole text was one value.
  bool Finish();
  bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }
  void SkipBlanks();
  bool Take(char c);
  bool Literal(std::string_view word);
  bool Number();
  // From a backslash to behind what it escapes.
  bool Escape();
  bool Open(char bracket);
  bool Close(char bracket);
  bool Separator();

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool first_ = false;  // just inside a bracket, where no comma belongs
  bool failed_ = false;
};

// Room for one text without its escapes; overwritten when it dies.
class UnescapeBuffer {
 public:
  UnescapeBuffer() = default;
  ~UnescapeBuffer() { explicit_bzero(bytes_.data(), bytes_.size()); }
  UnescapeBuffer(const UnescapeBuffer&) = delete;
  UnescapeBuffer& operator=(const UnescapeBuffer&) = delete;

  // `raw` itself when it has no escapes, else its text in this buffer, cut at the buffer's end. A
  // lone surrogate becomes U+FFFD. nullopt for a broken escape.
  std::optional<std::string_view> Unescape(std::string_view raw);

 private:
  static constexpr size_t kLongestCharacter = 4;
  std::array<char, 4096> bytes_;
};

}  // namespace stream::ingest
