// What players see of the viewers of a stream while it is live, and what they are told besides;
// with the truth, which only admins see.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace blindness {

using ViewerId = std::string;

// One viewer at one look.
struct Sight {
  std::string adjective;
  std::string noun;
  int type = 0;
  int sentiment = 0;
  double engagement = 0;
  int sessions_watched = 0;
  size_t rank = 0;  // in the list
  bool operator==(const Sight&) const = default;
};

struct Look {
  double round = 0;  // since the stream began; half ones lie between two steps
  std::map<ViewerId, Sight> viewers;
  std::set<ViewerId> there;  // all of the audience
  std::set<ViewerId> real;   // the truth
};

// Something that the streamer, who knows the real crowd, did there or saw there.
struct Known {
  double round = 0;
  int sentiment = 0;
};

// Who came and went by name.
struct Told {
  std::optional<double> joined;
  std::optional<double> left;
  int reason = 0;
};

// Streamer n has a crowd and an audience of kind n % kKinds.
inline constexpr size_t kKinds = 12;
// No streamer is in both, every kind is.
inline size_t HalfOf(size_t streamer) { return streamer / kKinds % 2; }

struct SessionRecord {
  size_t streamer = 0;
  std::vector<Look> looks;
  std::vector<Known> bursts;    // of people whom the streamer had speak to a rhythm
  std::vector<Known> arrivals;  // when each of the people who are told apart first spoke, and how
  std::set<int> roles;          // of those people at the platform
  std::optional<double> raid;   // when it raided another stream
  std::map<ViewerId, Told> told;
  std::set<ViewerId> seen_before;   // in earlier sessions of the streamer
  std::set<ViewerId> follower_ids;  // in the streamer's list afterwards
};

// A follower in the streamer's list.
struct FollowerSight {
  size_t streamer = 0;
  size_t rank = 0;
  int interest = 0;
  double loyalty = 0;
  int64_t since = 0;  // microseconds; those of one session follow at once
  bool real = false;
};

}  // namespace blindness
