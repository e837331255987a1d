// How watchers become followers and followers drift away. Only sessions that a member attended are
// looked at; what the missed ones cost is worked out when it is needed.
#pragma once
#include <cstdint>
#include <optional>

namespace streaming::follows {

struct Settings {
  double interest_threshold = 0.8;  // mean interest of a session that counts toward a follow
  uint32_t sessions_in_a_row = 3;   // of those attended, at least 1
};

// What a member was to a streamer so far.
struct Attendance {
  uint32_t last_ordinal = 0;  // of the streamer's sessions, the one attended last; 0 = none
  uint32_t attended = 0;
  uint32_t interested_run = 0;  // attended sessions in a row above the threshold, up to the last
  double loyalty = 0;           // 0 to 1, as of last_ordinal
  bool follows = false;
  // While it follows: the first session whose end finds the follow lapsed, if it misses all until
  // then. An index over it finds the lost follows without looking at the others.
  std::optional<uint32_t> lapse_ordinal = std::nullopt;
  bool operator==(const Attendance&) const = default;
};

struct Attended {
  Attendance attendance;
  bool followed = false;  // it became a follower in this session
};

// The member attended session `ordinal`, above last_ordinal, with this mean interest. A follow that
// had lapsed before is gone first.
Attended Attend(const Settings& settings, const Attendance& before, uint32_t ordinal,
                double mean_interest);

// Whether the end of session `ordinal`, which it missed, finds its follow lapsed.
bool Lapsed(const Attendance& attendance, uint32_t ordinal);

// The attendance of one whose follow lapsed: it may follow again like anyone.
Attendance Lapse(const Attendance& attendance);

// The loyalty after the streamer's session `ordinal`: each missed one costs a tenth of it.
double LoyaltyAt(const Attendance& attendance, uint32_t ordinal);

}  // namespace streaming::follows
