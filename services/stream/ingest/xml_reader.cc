#include "services/stream/ingest/xml_reader.h"

#include <algorithm>

namespace stream::ingest {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kNoName = " \t\r\n<>/=!?&\"'";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

XmlReader::XmlReader(std::string_view text) : text_(text) { Take(kByteOrderMark); }

bool XmlReader::Take(std::string_view word) {
  if (failed_ || !text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

void XmlReader::SkipBlanks() {
  at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
}

bool XmlReader::SkipPast(std::string_view end) {
  const size_t found = text_.find(end, at_);
  if (found == std::string_view::npos) return Fail();
  at_ = found + end.size();
  return true;
}

bool XmlReader::SkipText() {
  if (depth_ > 0) {
    at_ = std::min(text_.find('<', at_), text_.size());
  } else {
    SkipBlanks();
  }
  return true;
}

bool XmlReader::ReadName(std::string_view& name) {
  const size_t end = std::min(text_.find_first_of(kNoName, at_), text_.size());
  if (failed_ || end == at_) return Fail();
  name = text_.substr(at_, end - at_);
  at_ = end;
  return true;
}

bool XmlReader::ReadAttribute(std::string_view& name, std::string_view& value) {
  if (!ReadName(name)) return false;
  SkipBlanks();
  if (!Take("=")) return Fail();
  SkipBlanks();
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '"' && quote != '\'') return Fail();
  const size_t begin = at_ + 1;
  const size_t end = text_.find(quote, begin);
  if (end == std::string_view::npos) return Fail();
  value = text_.substr(begin, end - begin);
  at_ = end + 1;
  return value.find('<') == std::string_view::npos || Fail();
}

bool XmlReader::OpenTag(std::string_view& name) {
  if (depth_ == kMaxDepth || (depth_ == 0 && has_root_) || !ReadName(name)) return Fail();
  has_root_ = true;
  open_[depth_++] = name;
  attributes_ = at_;
  while (!failed_) {
    const size_t before = at_;
    SkipBlanks();
    is_empty_ = Take("/>");
    if (is_empty_ || Take(">")) return true;
    std::string_view attribute;
    std::string_view value;
    if (at_ == before) return Fail();
    ReadAttribute(attribute, value);
  }
  return false;
}

bool XmlReader::CloseTag() {
  std::string_view name;
  if (depth_ == 0 || !ReadName(name) || name != open_[depth_ - 1]) return Fail();
  SkipBlanks();
  if (!Take(">")) return Fail();
  --depth_;
  return true;
}

bool XmlReader::NextChild(std::string_view& name) {
  if (failed_) return false;
  if (is_empty_) {
    is_empty_ = false;
    --depth_;
    return false;
  }
  while (SkipText() && at_ < text_.size()) {
    if (Take("</")) {
      CloseTag();
      return false;
    }
    if (Take("<!--")) {
      if (!SkipPast("-->")) return false;
    } else if (depth_ > 0 && Take("<![CDATA[")) {
      if (!SkipPast("]]>")) return false;
    } else if (Take("<?")) {
      if (!SkipPast("?>")) return false;
    } else {
      // A DOCTYPE ends here: it opens with no name.
      return Take("<") ? OpenTag(name) : Fail();
    }
  }
  return depth_ == 0 ? false : Fail();
}

bool XmlReader::Text(std::string_view& raw) {
  raw = {};
  if (failed_ || depth_ == 0) return Fail();
  const size_t begin = at_;
  if (!is_empty_) {
    SkipText();
    raw = text_.substr(begin, at_ - begin);
    return Take("</") ? CloseTag() : Fail();
  }
  is_empty_ = false;
  --depth_;
  return true;
}

bool XmlReader::Skip() {
  return Children([this](std::string_view) { Skip(); });
}

std::optional<std::string_view> XmlReader::Attribute(std::string_view name) const {
  // The tag was read before, so that nothing in it can fail again.
  XmlReader again(text_);
  again.at_ = attributes_;
  std::string_view found;
  std::string_view value;
  for (again.SkipBlanks(); !failed_ && again.ReadAttribute(found, value); again.SkipBlanks()) {
    if (found == name) return value;
  }
  return std::nullopt;
}

bool XmlReader::Finish() { return !failed_ && depth_ == 0 && has_root_ && at_ == text_.size(); }

}  // namespace stream::ingest
