// W3C Trace Context (https://www.w3.org/TR/trace-context/): where a piece of work came from.
// The current context is per thread; the edge opens a Scope and everything below finds it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace common::trace {

struct Context {
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> span_id{};
  uint8_t flags = 0;

  std::string ToTraceparent() const;
  std::string TraceIdHex() const;
};

// A new trace that belongs to nobody's request.
Context NewRoot();
// The same trace, a new span.
Context ChildOf(const Context& parent);
// nullopt unless `traceparent` is valid; such a caller starts a new trace instead.
std::optional<Context> Parse(std::string_view traceparent);
// A child of the context that a header tells of; a new root when it tells of none.
Context Continue(std::string_view traceparent);

// The innermost Scope's context of this thread, if any.
const Context* Current();
// The current context as a header value; a new root when there is none.
std::string CurrentTraceparent();

class Scope {
 public:
  explicit Scope(const Context& context);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Context context_;
  const Context* previous_;
};

}  // namespace common::trace
