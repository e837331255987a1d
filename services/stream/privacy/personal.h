// People's words and ids, in types that cannot be printed, logged or serialised: the only way in is
// a function that the value is lent to for the length of a call.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>

#include <absl/hash/hash.h>

namespace stream::privacy {

// What somebody wrote, where it was received. Borrowed: the buffer's owner overwrites it.
class PersonalText {
 public:
  PersonalText() = default;
  explicit PersonalText(std::string_view text) : text_(text) {}

  template <class F>
  auto Use(F&& use) const {
    return std::forward<F>(use)(text_);
  }

 private:
  std::string_view text_;
};
std::ostream& operator<<(std::ostream&, const PersonalText&) = delete;

// Somebody's id at a platform. Owned, and overwritten when it dies.
class PlatformUserId {
 public:
  // Twitch ids have up to 10 digits, YouTube channel ids 24 characters, a Custom platform's any.
  static constexpr size_t kMaxBytes = 64;

  // nullopt for an empty or a longer one.
  static std::optional<PlatformUserId> From(std::string_view id) {
    if (id.empty() || id.size() > kMaxBytes) return std::nullopt;
    PlatformUserId out;
    out.size_ = id.size();
    std::copy(id.begin(), id.end(), out.bytes_.begin());
    return out;
  }

  PlatformUserId(const PlatformUserId&) = default;
  PlatformUserId& operator=(const PlatformUserId&) = default;
  ~PlatformUserId() { explicit_bzero(bytes_.data(), bytes_.size()); }

  template <class F>
  auto Use(F&& use) const {
    return std::forward<F>(use)(std::string_view(bytes_.data(), size_));
  }

  bool operator==(const PlatformUserId&) const = default;

 private:
  PlatformUserId() = default;

  size_t size_ = 0;
  std::array<char, kMaxBytes> bytes_{};
};
std::ostream& operator<<(std::ostream&, const PlatformUserId&) = delete;

// Differs from process to process: a hash in memory tells nobody's id.
struct PlatformUserIdHash {
  size_t operator()(const PlatformUserId& id) const {
    return id.Use([](std::string_view bytes) { return absl::HashOf(bytes); });
  }
};

}  // namespace stream::privacy
