// Reads XML where it was received, as JsonReader reads JSON: no tree, no copies. Enough for feeds:
// elements with attributes and text. Comments, CDATA and processing instructions are skipped. A
// DOCTYPE fails, so that nobody can declare an entity, and references stay as written, so that none
// is ever expanded: what has one is no id and no time.
//
// An element is read by exactly one call. The first mistake of the text fails the reader for good;
// every later call then answers false or nothing.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace stream::ingest {

class XmlReader {
 public:
  static constexpr size_t kMaxDepth = 16;

  // `text` must outlive the reader and every view it gives.
  explicit XmlReader(std::string_view text);

  // Calls on_child(name) for each child of the element that was reached last, which must read or
  // Skip it. Before any, the whole document was reached, and its only child is the root. Names come
  // with their prefix as written.
  template <class F>
  bool Children(F&& on_child) {
    std::string_view name;
    while (NextChild(name)) {
      on_child(name);
      if (failed_) return false;
    }
    return !failed_;
  }
  // The text of an element that holds nothing else.
  bool Text(std::string_view& raw);
  // Reads an element and forgets it.
  bool Skip();
  // An attribute of the element that was reached last, before anything in it is read.
  std::optional<std::string_view> Attribute(std::string_view name) const;
  // True when the whole text was one element.
  bool Finish();
  bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }
  bool NextChild(std::string_view& name);
  // What stands before the next tag: blanks only, outside of the root.
  bool SkipText();
  bool SkipPast(std::string_view end);
  // From behind the `<` to behind the `>`.
  bool OpenTag(std::string_view& name);
  bool CloseTag();
  bool ReadAttribute(std::string_view& name, std::string_view& value);
  bool ReadName(std::string_view& name);
  void SkipBlanks();
  bool Take(std::string_view word);

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  std::array<std::string_view, kMaxDepth> open_;
  size_t attributes_ = 0;  // where those of the last opened tag begin
  bool is_empty_ = false;  // the last opened tag closed itself
  bool has_root_ = false;
  bool failed_ = false;
};

}  // namespace stream::ingest
