#include "libs/common/base/uuid.h"

#include <cstdlib>
#include <cstring>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace common {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

bool IsDashPosition(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void SetVersion(std::array<uint8_t, 16>& bytes, uint8_t version) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
}

void FillRandom(uint8_t* out, size_t size) {
  // Without randomness no id is safe to hand out; there is nothing to fall back to.
  if (RAND_bytes(out, static_cast<int>(size)) != 1) std::abort();
}

}  // namespace

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid id;
  size_t nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDashPosition(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = HexValue(text[i]);
    if (value < 0) return std::nullopt;
    uint8_t& byte = id.bytes_[nibble / 2];
    byte = static_cast<uint8_t>(byte << 4 | value);
    ++nibble;
  }
  return id;
}

std::optional<Uuid> Uuid::FromBytes(std::string_view bytes) {
  Uuid id;
  if (bytes.size() != id.bytes_.size()) return std::nullopt;
  std::memcpy(id.bytes_.data(), bytes.data(), bytes.size());
  return id;
}

Uuid Uuid::V4() {
  Uuid id;
  FillRandom(id.bytes_.data(), id.bytes_.size());
  SetVersion(id.bytes_, 4);
  return id;
}

Uuid Uuid::V7(Time now) {
  Uuid id;
  FillRandom(id.bytes_.data(), id.bytes_.size());
  const auto millis = static_cast<uint64_t>(ToMicros(now) / 1000);
  for (size_t i = 0; i < 6; ++i) id.bytes_[i] = static_cast<uint8_t>(millis >> (40 - 8 * i));
  SetVersion(id.bytes_, 7);
  return id;
}

Uuid Uuid::V5(const Uuid& name_space, std::string_view name) {
  std::string input = name_space.ToBytes();
  input.append(name);
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    std::abort();
  }
  Uuid id;
  std::memcpy(id.bytes_.data(), digest.data(), id.bytes_.size());
  SetVersion(id.bytes_, 5);
  return id;
}

Uuid Uuid::FromRandomBits(uint64_t high, uint64_t low) {
  Uuid id;
  for (size_t i = 0; i < 8; ++i) {
    id.bytes_[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    id.bytes_[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  SetVersion(id.bytes_, 4);
  return id;
}

std::string Uuid::ToString() const {
  std::string text;
  text.reserve(36);
  for (const uint8_t byte : bytes_) {
    if (IsDashPosition(text.size())) text.push_back('-');
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

std::string Uuid::ToBytes() const {
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

}  // namespace common

size_t std::hash<common::Uuid>::operator()(const common::Uuid& id) const noexcept {
  size_t value = 0;
  std::memcpy(&value, id.bytes().data() + 8, sizeof(value));
  size_t high = 0;
  std::memcpy(&high, id.bytes().data(), sizeof(high));
  return value ^ (high * 0x9e3779b97f4a7c15ull);
}
