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

// A row belongs to one feature; the tag tells whether the feature that asks is likely to be it. So
// words that training did not meet weigh nothing, where a plain hashed table would give them
// another word's weight.
struct Row {
  std::array<int8_t, kCategories> weights{};
  uint8_t tag = 0;  // 0: free
};
static_assert(sizeof(Row) == 9);

constexpr size_t RowOf(uint64_t feature) { return feature >> (64 - kRowBits); }
constexpr uint8_t TagOf(uint64_t feature) {
  const auto tag = static_cast<uint8_t>(feature >> (64 - kRowBits - 8));
  return tag == 0 ? 1 : tag;
}

// Precedes the rows in weights.bin. Little endian, as every machine that this runs on.
struct TableHeader {
  static constexpr std::array<char, 8> kName = {'m', 'o', 'o', 'd', '0', '0', '0', '1'};
  std::array<char, 8> name = kName;
  float scale = 1;  // what a weight of 1 means
  std::array<float, kCategories> bias{};
  std::array<char, 20> unused{};
};
static_assert(sizeof(TableHeader) == 64);

inline constexpr size_t kTableBytes = sizeof(TableHeader) + kRows * sizeof(Row);

class Table {
 public:
  // Of the bytes of a weights.bin, which must outlive it.
  static std::optional<Table> Of(std::span<const unsigned char> bytes) {
    Table table;
    if (bytes.size() != kTableBytes) return std::nullopt;
    std::memcpy(&table.header_, bytes.data(), sizeof(TableHeader));
    if (table.header_.name != TableHeader::kName) return std::nullopt;
    table.rows_ = bytes.data() + sizeof(TableHeader);
    return table;
  }

  const TableHeader& header() const { return header_; }
  const unsigned char* row(uint64_t feature) const { return rows_ + sizeof(Row) * RowOf(feature); }

 private:
  TableHeader header_;
  const unsigned char* rows_ = nullptr;
};

// The weights.bin that is part of the program; the build defines it.
std::span<const unsigned char> ShippedBytes();

}  // namespace stream::sentiment
