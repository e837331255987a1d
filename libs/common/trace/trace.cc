#include "libs/common/trace/trace.h"

#include <algorithm>
#include <random>

namespace common::trace {
namespace {

thread_local const Context* current = nullptr;

// Trace ids need to be unique, not secret.
std::mt19937_64& Generator() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator;
}

template <size_t N>
void Randomise(std::array<uint8_t, N>& bytes) {
  do {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(Generator()());
  } while (std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; }));
}

template <size_t N>
void AppendHex(std::string& out, const std::array<uint8_t, N>& bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

// Lower-case hex only, as the specification demands; false also for all zeros.
template <size_t N>
bool ReadHex(std::string_view text, std::array<uint8_t, N>& bytes) {
  bool any = false;
  for (size_t i = 0; i < 2 * N; ++i) {
    const char c = text[i];
    int value;
    if (c >= '0' && c <= '9') {
      value = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      value = c - 'a' + 10;
    } else {
      return false;
    }
    any |= value != 0;
    bytes[i / 2] = static_cast<uint8_t>(bytes[i / 2] << 4 | value);
  }
  return any;
}

}  // namespace

std::string Context::TraceIdHex() const {
  std::string text;
  AppendHex(text, trace_id);
  return text;
}

std::string Context::ToTraceparent() const {
  std::string text = "00-";
  AppendHex(text, trace_id);
  text.push_back('-');
  AppendHex(text, span_id);
  text.append(flags & 1 ? "-01" : "-00");
  return text;
}

Context NewRoot() {
  Context context;
  Randomise(context.trace_id);
  Randomise(context.span_id);
  return context;
}

Context ChildOf(const Context& parent) {
  Context child = parent;
  Randomise(child.span_id);
  return child;
}

std::optional<Context> Parse(std::string_view text) {
  if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  Context context;
  if (!ReadHex(text.substr(3, 32), context.trace_id)) return std::nullopt;
  if (!ReadHex(text.substr(36, 16), context.span_id)) return std::nullopt;
  if (text[53] != '0' || (text[54] != '0' && text[54] != '1')) return std::nullopt;
  context.flags = static_cast<uint8_t>(text[54] - '0');
  return context;
}

Context Continue(std::string_view traceparent) {
  const std::optional<Context> parent = Parse(traceparent);
  return parent ? ChildOf(*parent) : NewRoot();
}

const Context* Current() { return current; }

std::string CurrentTraceparent() {
  return current != nullptr ? current->ToTraceparent() : NewRoot().ToTraceparent();
}

Scope::Scope(const Context& context) : context_(context), previous_(current) {
  current = &context_;
}
Scope::~Scope() { current = previous_; }

}  // namespace common::trace
