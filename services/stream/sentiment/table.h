// The trained weights: rows of small integers that features are looked up in by their hash.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "services/stream/sentiment/sentiment.h"

namespace stream::sentiment {

inline constexpr int kRowBits = 18;
inline constexpr size_t kRows = size_t{1} << kRowBits;

// A row belongs to one feature; its tag tells whether the feature that asks is likely to be it. So
// words that training did not meet weigh nothing, where a plain hashed table would give them
// another word's weights. Tags lie apart from the weights, together: most strangers are sent away
// there.
inline constexpr int kTagBits = 8;

// The row of a feature, and its tag in the lowest bits; a tag of 0 says that the row is free.
constexpr uint32_t SlotOf(uint64_t feature) {
  const auto slot = static_cast<uint32_t>(feature >> (64 - kRowBits - kTagBits));
  return (slot & 0xFF) == 0 ? slot | 1 : slot;
}
constexpr size_t RowOf(uint32_t slot) { return slot >> kTagBits; }
constexpr uint8_t TagOf(uint32_t slot) { return static_cast<uint8_t>(slot); }

// The begin of weights.bin; the tags of all rows and then their weights follow. Little endian, as
// every machine that this runs on.
struct TableHeader {
  static constexpr std::array<char, 8> kName = {'m', 'o', 'o', 'd', '0', '0', '0', '2'};
  std::array<char, 8> name = kName;
  float scale = 1;  // what a weight of 1 means
  std::array<float, kCategories> bias{};
  std::array<char, 20> unused{};
};
static_assert(sizeof(TableHeader) == 64);

inline constexpr size_t kTagsAt = sizeof(TableHeader);
inline constexpr size_t kWeightsAt = kTagsAt + kRows;
inline constexpr size_t kTableBytes = kWeightsAt + kRows * kCategories;

class Table {
 public:
  // Of the bytes of a weights.bin, which must outlive it.
  static std::optional<Table> Of(std::span<const unsigned char> bytes) {
    Table table;
    if (bytes.size() != kTableBytes) return std::nullopt;
    std::memcpy(&table.header_, bytes.data(), sizeof(TableHeader));
    if (table.header_.name != TableHeader::kName) return std::nullopt;
    table.bytes_ = bytes.data();
    return table;
  }

  const TableHeader& header() const { return header_; }
  const unsigned char* tag(uint32_t slot) const { return bytes_ + kTagsAt + RowOf(slot); }
  bool Knows(uint32_t slot) const { return *tag(slot) == TagOf(slot); }
  // kCategories numbers of a byte, with sign.
  const unsigned char* weights(uint32_t slot) const {
    return bytes_ + kWeightsAt + RowOf(slot) * kCategories;
  }

 private:
  TableHeader header_;
  const unsigned char* bytes_ = nullptr;
};

// The weights.bin that is part of the program; the build defines it.
std::span<const unsigned char> ShippedBytes();

}  // namespace stream::sentiment
