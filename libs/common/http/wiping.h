// Memory that is overwritten before it is given back. Internal to libs/common/http.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include <openssl/crypto.h>

namespace common::http {

// For Beast's header fields: they hold signatures, authorizations and one-time codes.
template <typename T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT: allocators convert implicitly

  T* allocate(size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* at, size_t count) {
    OPENSSL_cleanse(at, count * sizeof(T));
    std::allocator<T>().deallocate(at, count);
  }
  template <typename U>
  bool operator==(const WipingAllocator<U>&) const {
    return true;
  }
};

// A body's receive buffer, kept from one request of a connection to the next.
class WipedBytes {
 public:
  WipedBytes() = default;
  ~WipedBytes() { Wipe(); }
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;

  // At least `size` bytes (and never null) whose content is unspecified; forgets the previous body.
  // All count as written until SetSize tells how many were: wiping touches no more than that, so
  // that room which a slow peer does not use costs no memory.
  char* Prepare(size_t size) {
    if (!bytes_ || capacity_ < size) {
      Wipe();
      bytes_ = std::make_unique_for_overwrite<char[]>(size + 1);
      capacity_ = size;
    }
    size_ = size;
    return bytes_.get();
  }
  void SetSize(size_t size) { size_ = size; }
  std::string_view view() const { return {bytes_.get(), size_}; }

  void Wipe() {
    if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
    size_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

}  // namespace common::http
