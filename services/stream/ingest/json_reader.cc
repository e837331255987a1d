#include "services/stream/ingest/json_reader.h"

#include <charconv>

namespace stream::ingest {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The value of four hexadecimal digits.
std::optional<uint32_t> Hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    const int digit = IsDigit(c)               ? c - '0'
                      : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                      : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                               : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  return value;
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// Reads what follows "\u", with its second half if it has one.
std::optional<uint32_t> ReadCodePoint(std::string_view& rest) {
  constexpr uint32_t kReplacement = 0xFFFD;
  const auto unit = Hex4(rest);
  if (!unit) return std::nullopt;
  rest.remove_prefix(4);
  if (IsLowSurrogate(*unit)) return kReplacement;
  if (!IsHighSurrogate(*unit)) return unit;
  if (!rest.starts_with("\\u")) return kReplacement;
  const auto low = Hex4(rest.substr(2));
  if (!low || !IsLowSurrogate(*low)) return kReplacement;
  rest.remove_prefix(6);
  return 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
}

size_t PutUtf8(uint32_t point, char* out) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    out[0] = static_cast<char>(point);
    return 1;
  }
  if (point < 0x800) {
    out[0] = static_cast<char>(0xC0 | point >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (point < 0x10000) {
    out[0] = static_cast<char>(0xE0 | point >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | point >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

std::optional<char> SimpleEscape(char c) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const size_t at = kNames.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return kValues[at];
}

}  // namespace

void JsonReader::SkipBlanks() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JsonReader::Take(char c) {
  SkipBlanks();
  if (failed_ || at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonReader::Literal(std::string_view word) {
  SkipBlanks();
  if (failed_ || !text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonReader::Open(char bracket) {
  if (depth_ >= kMaxDepth || !Take(bracket)) return Fail();
  ++depth_;
  first_ = true;
  return true;
}

bool JsonReader::Close(char bracket) {
  if (!Take(bracket)) return false;
  --depth_;
  first_ = false;
  return true;
}

bool JsonReader::Separator() {
  if (first_) {
    first_ = false;
    return true;
  }
  return Take(',');
}

bool JsonReader::String(std::string_view& raw) {
  if (!Take('"')) return Fail();
  const size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (static_cast<unsigned char>(text_[at_]) < 0x20) return Fail();
    if (text_[at_] != '\\') {
      ++at_;
    } else if (!Escape()) {
      return Fail();
    }
  }
  if (at_ >= text_.size()) return Fail();
  raw = text_.substr(begin, at_ - begin);
  ++at_;
  return true;
}

bool JsonReader::Escape() {
  const std::string_view rest = text_.substr(at_ + 1);
  if (rest.empty()) return false;
  const bool is_unit = rest[0] == 'u';
  at_ += is_unit ? 6 : 2;
  return is_unit ? Hex4(rest.substr(1)).has_value() : SimpleEscape(rest[0]).has_value();
}

bool JsonReader::Bool(bool& out) {
  if (Literal("true")) {
    out = true;
  } else if (Literal("false")) {
    out = false;
  } else {
    return Fail();
  }
  return true;
}

bool JsonReader::Int(int64_t& out) {
  SkipBlanks();
  const size_t begin = at_;
  if (failed_ || !Number()) return Fail();
  const char* const end = text_.data() + at_;
  const auto [stop, error] = std::from_chars(text_.data() + begin, end, out);
  return (error == std::errc() && stop == end) || Fail();
}

bool JsonReader::Null() { return Literal("null"); }

std::optional<std::string_view> JsonReader::StringIf() {
  std::string_view raw;
  if (Peek() == '"') return String(raw) ? std::optional(raw) : std::nullopt;
  Skip();
  return std::nullopt;
}

std::optional<bool> JsonReader::BoolIf() {
  bool value = false;
  const char first = Peek();
  if (first == 't' || first == 'f') return Bool(value) ? std::optional(value) : std::nullopt;
  Skip();
  return std::nullopt;
}

std::optional<int64_t> JsonReader::IntIf() {
  std::string_view text;
  if (Peek() == '"') {
    String(text);
  } else {
    const size_t begin = at_;
    Skip();
    if (!failed_) text = text_.substr(begin, at_ - begin);
  }
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

bool JsonReader::Number() {
  const auto digits = [this] {
    const size_t begin = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ > begin;
  };
  const auto next = [this](char c) { return at_ < text_.size() && text_[at_] == c && ++at_ > 0; };
  next('-');
  if (!next('0') && !digits()) return Fail();
  if (next('.') && !digits()) return Fail();
  if (next('e') || next('E')) {
    if (!next('+')) next('-');
    if (!digits()) return Fail();
  }
  return true;
}

bool JsonReader::Skip() {
  SkipBlanks();
  if (failed_ || at_ >= text_.size()) return Fail();
  std::string_view ignored;
  bool unused = false;
  switch (text_[at_]) {
    case '{':
      return Object([this](std::string_view) { Skip(); });
    case '[':
      return Array([this] { Skip(); });
    case '"':
      return String(ignored);
    case 't':
    case 'f':
      return Bool(unused);
    case 'n':
      return Null() || Fail();
    default:
      return Number();
  }
}

bool JsonReader::Finish() {
  SkipBlanks();
  return !failed_ && depth_ == 0 && at_ == text_.size();
}

std::optional<std::string_view> UnescapeBuffer::Unescape(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  size_t size = 0;
  while (!raw.empty() && size + kLongestCharacter <= bytes_.size()) {
    if (raw[0] != '\\') {
      bytes_[size++] = raw[0];
      raw.remove_prefix(1);
      continue;
    }
    if (raw.size() < 2) return std::nullopt;
    const char escape = raw[1];
    raw.remove_prefix(2);
    if (escape == 'u') {
      const auto point = ReadCodePoint(raw);
      if (!point) return std::nullopt;
      size += PutUtf8(*point, bytes_.data() + size);
    } else if (const auto simple = SimpleEscape(escape)) {
      bytes_[size++] = *simple;
    } else {
      return std::nullopt;
    }
  }
  return std::string_view(bytes_.data(), size);
}

}  // namespace stream::ingest
