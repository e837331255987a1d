// Little-endian integers in byte strings: the packed records that Redis keeps and Lua cuts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace streaming::audience {

// Appends the low `bytes` bytes of `value`.
inline void PutLittleEndian(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// Reads `bytes` bytes at `data`, which must exist.
inline uint64_t GetLittleEndian(const char* data, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(data[i])) << (8 * i);
  }
  return value;
}

// Takes integers off the front of a string. Reading past the end gives zeros and leaves ok() false,
// so that a decoder checks once, at its end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Take(size_t bytes) {
    const std::string_view taken = TakeBytes(bytes);
    return taken.size() == bytes ? GetLittleEndian(taken.data(), bytes) : 0;
  }

  std::string_view TakeBytes(size_t bytes) {
    if (bytes > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, bytes);
    bytes_.remove_prefix(bytes);
    return taken;
  }

  bool ok() const { return ok_; }
  // Everything was there and nothing is left over.
  bool Complete() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace streaming::audience
