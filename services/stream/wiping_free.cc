// Whatever this process frees is overwritten first. People's words pass through memory that others
// own: receive buffers of gRPC, curl and OpenSSL, and strings inside them. None of them wipes what
// it gives back, and a memory image taken hours later would still show a line of chat.
//
// The program's own free takes the place of glibc's for every library in the process (its manual,
// "Replacing malloc", allows it; memory still comes from glibc's malloc). A block that is moved is
// freed at its old place, hence realloc.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <malloc.h>

// clang-format off
extern "C" {
void* __libc_malloc(size_t size);
void __libc_free(void* at);

void free(void* at) noexcept {
  if (at == nullptr) return;
  const int error = errno;
  explicit_bzero(at, malloc_usable_size(at));
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
