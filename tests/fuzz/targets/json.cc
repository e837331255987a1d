// JsonReader against nlohmann's parser: both accept the same texts and find the same in them.
#include <algorithm>
#include <cctype>
#include <string>

#include <nlohmann/json.hpp>

#include "services/stream/ingest/json_reader.h"
#include "tests/fuzz/target.h"

namespace {

using nlohmann::json;
using stream::ingest::JsonReader;
using stream::ingest::UnescapeBuffer;

// What a text holds, one line each. Of numbers only that they are there.
class Listing final : public nlohmann::json_sax<json> {
 public:
  const std::string& text() const { return text_; }
  int deepest() const { return deepest_; }
  size_t longest() const { return longest_; }

  void Add(char kind, std::string_view what = {}) {
    longest_ = std::max(longest_, what.size());
    text_.append(1, kind).append(what).append(1, '\n');
  }
  bool null() override { return Put('n'); }
  bool boolean(bool value) override { return Put(value ? 't' : 'f'); }
  bool number_integer(int64_t) override { return Put('#'); }
  bool number_unsigned(uint64_t) override { return Put('#'); }
  bool number_float(double, const std::string&) override { return Put('#'); }
  bool string(std::string& value) override { return Put('s', value); }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Enter('{'); }
  bool key(std::string& value) override { return Put('k', value); }
  bool end_object() override { return Leave('}'); }
  bool start_array(size_t) override { return Enter('['); }
  bool end_array() override { return Leave(']'); }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 private:
  bool Put(char kind, std::string_view what = {}) {
    Add(kind, what);
    return true;
  }
  bool Enter(char bracket) {
    deepest_ = std::max(deepest_, ++depth_);
    return Put(bracket);
  }
  bool Leave(char bracket) {
    --depth_;
    return Put(bracket);
  }

  std::string text_;
  int depth_ = 0;
  int deepest_ = 0;
  size_t longest_ = 0;
};

// The same by JsonReader.
class Walk {
 public:
  Walk(JsonReader& reader, Listing& listing) : reader_(reader), listing_(listing) {}

  void Value() {
    switch (reader_.Peek()) {
      case '{':
        return Object();
      case '[':
        return Array();
      case '"':
        return String();
      case 't':
      case 'f':
        return Bool();
      case 'n':
        if (reader_.Null()) return listing_.Add('n');
        [[fallthrough]];
      default:
        if (reader_.Skip()) listing_.Add('#');
    }
  }

 private:
  void Object() {
    listing_.Add('{');
    const bool done = reader_.Object([this](std::string_view key) {
      Text('k', key);
      Value();
    });
    if (done) listing_.Add('}');
  }
  void Array() {
    listing_.Add('[');
    if (reader_.Array([this] { Value(); })) listing_.Add(']');
  }
  void String() {
    std::string_view raw;
    if (reader_.String(raw)) Text('s', raw);
  }
  void Bool() {
    bool value = false;
    if (reader_.Bool(value)) listing_.Add(value ? 't' : 'f');
  }
  void Text(char kind, std::string_view raw) {
    UnescapeBuffer buffer;
    const auto text = buffer.Unescape(raw);
    FUZZ_CHECK(text.has_value());  // what is accepted has no broken escape
    listing_.Add(kind, *text);
  }

  JsonReader& reader_;
  Listing& listing_;
};

bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// nlohmann is stricter than the grammar where values are concerned: text must be UTF-8 without lone
// surrogates, and numbers must fit a double. This takes such values out and leaves the form.
std::string FormOf(std::string_view bytes) {
  std::string form(bytes);
  bool inside = false;
  for (size_t i = 0; i < form.size(); ++i) {
    if (static_cast<unsigned char>(form[i]) >= 0x80) {
      if (inside) form[i] = 'x';
    } else if (inside && form[i] == '\\') {
      ++i;
      const bool unit = i + 4 < form.size() && form[i] == 'u' && (form[i + 1] | 0x20) == 'd';
      if (unit && IsHex(form[i + 2])) form[i + 1] = '0';
    } else if (form[i] == '"') {
      inside = !inside;
    } else if (!inside && (form[i] == 'e' || form[i] == 'E')) {
      size_t at = i + 1;
      if (at < form.size() && (form[at] == '+' || form[at] == '-')) ++at;
      while (at < form.size() && form[at] >= '0' && form[at] <= '9') form[at++] = '0';
    }
  }
  return form;
}

// A whole part of more digits than a double has room for.
bool HasHugeNumber(std::string_view bytes) {
  size_t run = 0;
  for (const char c : bytes) {
    run = c >= '0' && c <= '9' ? run + 1 : 0;
    if (run > 300) return true;
  }
  return false;
}

void CheckInt(std::string_view bytes) {
  JsonReader reader(bytes);
  int64_t value = 0;
  if (!reader.Int(value) || !reader.Finish()) return;
  const json parsed = json::parse(bytes, nullptr, false);
  FUZZ_CHECK(parsed.is_number_integer() && parsed.get<int64_t>() == value);
}

}  // namespace

FUZZ_TARGET(json, bytes) {
  Listing ours;
  JsonReader reader(bytes);
  Walk(reader, ours).Value();
  const bool accepted = reader.Finish();

  JsonReader skipping(bytes);
  skipping.Skip();
  FUZZ_CHECK(skipping.Finish() == accepted);
  CheckInt(bytes);
  if (accepted && !HasHugeNumber(bytes)) FUZZ_CHECK(json::accept(FormOf(bytes)));

  // nlohmann takes a byte order mark for nothing and a zero byte for the end.
  Listing theirs;
  if (bytes.starts_with("\xEF\xBB\xBF") || bytes.find('\0') != std::string_view::npos) return;
  if (!json::sax_parse(bytes, &theirs) || theirs.deepest() > JsonReader::kMaxDepth) return;
  FUZZ_CHECK(accepted);
  // Longer texts with escapes are cut.
  if (theirs.longest() < 4000) FUZZ_CHECK(ours.text() == theirs.text());
}
