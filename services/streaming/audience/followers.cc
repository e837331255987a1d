#include "services/streaming/audience/followers.h"

#include <algorithm>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {

Followers::Followers(std::span<const uint32_t> members) {
  std::vector<uint32_t> sorted(members.begin(),
                               members.begin() + std::min(members.size(), kFollowersMax));
  std::sort(sorted.begin(), sorted.end());
  for (const uint32_t member : sorted) {
    const uint32_t run = member / pool::kRunLength;
    if (runs_.empty() || runs_.back().run != run) runs_.push_back({.run = run});
    runs_.back().members |= BitOf(member % pool::kRunLength);
  }
}

RunMask Followers::In(uint32_t run) const {
  const auto found = std::ranges::lower_bound(runs_, run, {}, &OfRun::run);
  return found != runs_.end() && found->run == run ? found->members : 0;
}

std::string EncodeFollowers(const Followers& followers) {
  std::string bytes;
  for (const auto& [run, members] : followers.runs()) {
    PutLittleEndian(bytes, run, 4);
    AppendMask(bytes, members);
  }
  return bytes;
}

absl::StatusOr<Followers> DecodeFollowers(std::string_view bytes) {
  ByteReader reader(bytes);
  Followers followers;
  while (reader.ok() && !reader.Complete()) {
    const auto run = static_cast<uint32_t>(reader.Take(4));
    const RunMask members = TakeMask(reader);
    if (!followers.runs_.empty() && followers.runs_.back().run >= run) break;
    followers.runs_.push_back({.run = run, .members = members});
  }
  if (!reader.Complete()) return absl::InvalidArgumentError("the followers are malformed");
  return followers;
}

}  // namespace streaming::audience
