// Texts that are looked for everywhere: many at a time, in all the forms in which they could hide.
#pragma once
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "tests/e2e/sinks.h"

namespace story {

// Finds any of many texts in one pass.
class Marks {
 public:
  // `what` says what was marked. The mark must be long enough not to occur by chance.
  void Add(const std::string& what, const std::string& mark) {
    if (mark.size() < kKey) throw std::runtime_error("too short to be told from chance: " + what);
    for (const std::string& form : FormsOf(mark)) {
      if (form.size() < kKey) continue;
      const uint64_t key = KeyOf(form);
      by_key_.emplace(key, Form{form, what});
      filter_[Slot(key)] = true;
    }
  }
  size_t size() const { return by_key_.size(); }

  // What of it is in there, each thing once, with the bytes around it made visible.
  std::map<std::string, std::string> FindIn(std::string_view bytes) const {
    std::map<std::string, std::string> found;
    for (size_t at = 0; at + kKey <= bytes.size(); ++at) {
      const uint64_t key = KeyOf(bytes.substr(at));
      if (!filter_[Slot(key)]) continue;
      const auto [begin, end] = by_key_.equal_range(key);
      for (auto form = begin; form != end; ++form) {
        if (!bytes.substr(at).starts_with(form->second.bytes)) continue;
        found.emplace(form->second.what, Around(bytes, at, form->second.bytes.size()));
      }
    }
    return found;
  }

 private:
  static constexpr size_t kKey = 8;
  static constexpr size_t kSlots = 1 << 20;
  struct Form {
    std::string bytes;
    std::string what;
  };

  static uint64_t KeyOf(std::string_view bytes) {
    uint64_t key = 0;
    std::memcpy(&key, bytes.data(), kKey);
    return key;
  }
  static size_t Slot(uint64_t key) { return (key * 0x9E3779B97F4A7C15) >> 44; }
  static std::string Around(std::string_view bytes, size_t at, size_t size) {
    constexpr size_t kContext = 60;
    const size_t begin = at < kContext ? 0 : at - kContext;
    std::string text(bytes.substr(begin, size + 2 * kContext));
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '.';
    }
    return text;
  }

  std::unordered_multimap<uint64_t, Form> by_key_;
  std::vector<bool> filter_ = std::vector<bool>(kSlots);
};

// What a process has in its memory now: everything it may write to. Only root may look; for others
// it is empty.
inline std::string MemoryImage(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const int memory = open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return {};
  std::string image;
  std::ifstream maps(folder + "/maps");
  for (std::string line; std::getline(maps, line);) {
    uint64_t begin = 0;
    uint64_t end = 0;
    char rights[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
    // A sanitizer's shadow is a reservation of terabytes.
    constexpr uint64_t kShadow = 1ull << 36;
    if (rights[1] != 'w' || end - begin > kShadow) continue;
    // Page by page, since much of what is reserved was never touched and cannot all be kept here.
    std::string block(1 << 16, '\0');
    for (uint64_t at = begin; at < end;) {
      const size_t want = std::min<uint64_t>(block.size(), end - at);
      const ssize_t got = pread(memory, block.data(), want, static_cast<off_t>(at));
      if (got <= 0) break;
      const std::string_view bytes(block.data(), static_cast<size_t>(got));
      if (bytes.find_first_not_of('\0') != std::string_view::npos) image += bytes;
      at += static_cast<uint64_t>(got);
    }
  }
  close(memory);
  return image;
}

}  // namespace story
