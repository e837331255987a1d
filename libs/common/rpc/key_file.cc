#include "libs/common/rpc/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace common::rpc {
namespace {

class Descriptor {
 public:
  // A path that is no file, such as a pipe, must not make the opening wait.
  explicit Descriptor(const std::string& path)
      : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  const int number_;
};

int64_t Nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

// One byte beyond what a set may have, at most, so that a longer one is seen to be.
std::string ReadBounded(int descriptor) {
  std::string text(JwkSet::kBytesMax + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(descriptor, text.data() + size, text.size() - size);
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::optional<absl::StatusOr<JwkSet>> KeyFile::ReadIfChanged() {
  const Descriptor file(path_);
  struct stat status {};
  const bool readable =
      file.number() >= 0 && fstat(file.number(), &status) == 0 && S_ISREG(status.st_mode);
  // Taken before the content is read: what is written meanwhile makes another version.
  const Version version =
      readable ? Version{static_cast<int64_t>(status.st_dev), static_cast<int64_t>(status.st_ino),
                         status.st_size, Nanoseconds(status.st_mtim), Nanoseconds(status.st_ctim)}
               : Version{};
  if (seen_ == version) return std::nullopt;
  seen_ = version;
  if (!readable) return absl::NotFoundError("no readable file");
  return JwkSet::Parse(ReadBounded(file.number()));
}

}  // namespace common::rpc
