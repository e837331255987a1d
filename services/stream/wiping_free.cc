// Whatever this process frees is overwritten first. People's words pass through memory that others
// own: receive buffers of gRPC, curl and OpenSSL, and strings inside them. None of them wipes what
// it gives back, and a memory image taken hours later would still show a line of chat.
//
// The program's own free takes the place of glibc's for every library in the process (its manual,
// "Replacing malloc", allows it; memory still comes from glibc's malloc). A block that is moved is
// freed at its old place, hence realloc.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>

namespace {

// From here on it costs less to give pages back to the kernel, which hands out empty ones, than to
// overwrite them; and of a large block most was often never touched.
constexpr size_t kManyBytes = 64 * 1024;
#ifndef MADV_DONTNEED_LOCKED
constexpr int MADV_DONTNEED_LOCKED = 24;  // since Linux 5.18: of locked memory, too
#endif

void Wipe(char* begin, size_t size) {
  if (size >= kManyBytes) {
    const size_t page = static_cast<size_t>(getauxval(AT_PAGESZ));
    const auto at = reinterpret_cast<uintptr_t>(begin);
    const size_t before = (page - at % page) % page;
    const size_t pages = (size - before) / page * page;
    char* const first = begin + before;
    if (madvise(first, pages, MADV_DONTNEED_LOCKED) == 0 ||
        madvise(first, pages, MADV_DONTNEED) == 0) {
      explicit_bzero(begin, before);
      explicit_bzero(first + pages, size - before - pages);
      return;
    }
  }
  explicit_bzero(begin, size);
}

}  // namespace

// clang-format off
extern "C" {
// glibc's own names.
void* __libc_malloc(size_t size);  // NOLINT(bugprone-reserved-identifier)
void __libc_free(void* at);        // NOLINT(bugprone-reserved-identifier)

void free(void* at) noexcept {
  if (at == nullptr) return;
  const int error = errno;
  Wipe(static_cast<char*>(at), malloc_usable_size(at));
  __libc_free(at);
  errno = error;
}

void* realloc(void* at, size_t size) noexcept {
  if (at == nullptr) return __libc_malloc(size);
  if (size == 0) {
    free(at);
    return nullptr;
  }
  const size_t room = malloc_usable_size(at);
  if (size <= room && size > room / 2) return at;
  void* const moved = __libc_malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, at, std::min(size, room));
  free(at);
  return moved;
}
}  // extern "C"
// clang-format on
