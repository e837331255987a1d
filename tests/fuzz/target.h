// A fuzz target: a name, and what it does with any bytes. It lies in one file of targets/, which
// both builds find by themselves: libFuzzer's, one program a target, and the test that runs the
// kept corpus through all of them.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};

inline std::vector<Target>& Targets() {
  static std::vector<Target> targets;
  return targets;
}

struct Registered {
  Registered(const char* name, void (*run)(std::string_view bytes)) {
    Targets().push_back({name, run});
  }
};

// What must hold of any bytes at all. The fuzzer keeps those of which it does not.
inline void Check(bool holds, const char* condition, const char* file, int line) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  std::abort();
}

// Whether a view was cut out of `whole`. An empty one may point anywhere.
inline bool IsPartOf(std::string_view view, std::string_view whole) {
  return view.empty() ||
         (view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size());
}

}  // namespace fuzz

#define FUZZ_CHECK(condition) ::fuzz::Check((condition), #condition, __FILE__, __LINE__)

// FUZZ_TARGET(name, bytes) { … } in targets/<name>.cc.
#define FUZZ_TARGET(name, bytes)                                         \
  static void Run_##name(std::string_view bytes);                        \
  static const ::fuzz::Registered registered_##name(#name, &Run_##name); \
  static void Run_##name(std::string_view bytes)
