// What `./dev demo` runs against its stack.
#include <cstdio>
#include <cstdlib>

#include "libs/common/base/status.h"
#include "tests/story/story.h"

namespace {

// The token stands in the fragment, which no browser sends.
void TellWhereToLook(const story::Stack& stack) {
  const char* const address = std::getenv("STREAMING_ADMIN_ADDR");
  if (address == nullptr) return;
  const std::string token = story::MakeToken(stack, common::Uuid::V4(), {"admin"}, {});
  std::printf("Look on while it happens, in a browser on this machine:\n");
  std::printf("   http://%s/observatory#token=%s\n", address, token.c_str());
}

}  // namespace

int main() {
  const auto stack = story::StackFromEnvironment();
  absl::Status status = stack.status();
  if (stack.ok()) {
    TellWhereToLook(*stack);
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
