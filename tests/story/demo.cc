// What `./dev demo` runs against its stack.
#include <cstdio>

#include "libs/common/base/status.h"
#include "tests/story/story.h"

int main() {
  const auto stack = story::StackFromEnvironment();
  absl::Status status = stack.status();
  if (stack.ok()) {
    story::Story story(*stack, {}, [](const std::string& line) {
      std::printf("%s\n", line.c_str());
      std::fflush(stdout);
    });
    status = story::Tell(story, *stack);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "the story stopped: %s\n",
               std::string(common::ToStd(status.message())).c_str());
  return 1;
}
