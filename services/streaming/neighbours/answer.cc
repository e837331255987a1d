#include "services/streaming/neighbours/answer.h"

#include <algorithm>

namespace streaming::neighbours {
namespace {

constexpr std::chrono::milliseconds kFirstPause{1000};
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::chrono::milliseconds kLongestAsked{300'000};
constexpr uint64_t kDoublingsMax = 6;  // a minute is reached

}  // namespace

Verdict Judge(int status) {
  if (status >= 200 && status < 300) return Verdict::kDelivered;
  switch (status) {
    case 401:  // our token
    case 403:
    case 404:  // nothing is deployed there yet, or the base URL is wrong
    case 405:
    case 407:
    case 408:  // it took too long
    case 425:  // too early
    case 429:  // too often
    case 502:  // whoever stands before it cannot reach it
    case 503:
    case 504:
      return Verdict::kUnavailable;
    default:
      break;
  }
  // Redirects are not followed: the base URL is wrong.
  if (status < 400) return Verdict::kUnavailable;
  // The usual answer to a repeat while the first with its key is still being worked on.
  if (status == 409) return Verdict::kFailed;
  return status < 500 ? Verdict::kRefused : Verdict::kFailed;
}

std::chrono::milliseconds PauseAfter(uint64_t tries, std::optional<std::chrono::seconds> asked) {
  const uint64_t doublings = std::min(std::max<uint64_t>(tries, 1) - 1, kDoublingsMax);
  const auto pause = std::min(kFirstPause * (int64_t{1} << doublings), kLongestPause);
  if (!asked) return pause;
  const auto limit = std::chrono::duration_cast<std::chrono::seconds>(kLongestAsked);
  return std::max<std::chrono::milliseconds>(pause, std::clamp(*asked, {}, limit));
}

}  // namespace streaming::neighbours
