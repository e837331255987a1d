// What `./dev demo` runs against its stack.
#include <cstdio>

#include "libs/common/base/status.h"
#include "tests/story/story.h"

int main() {
  const auto stack = story::StackFromEnvironment();
  absl::Status status = stack.status();
  if (stack.ok()) {
    // Well below the two minutes that it may take, on any machine.
    const story::Options options{.youtube = true, .whole = std::chrono::seconds(110)};
    story::Story story(*stack, options, [](const std::string& line) {
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
