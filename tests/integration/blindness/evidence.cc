#include "tests/integration/blindness/evidence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>

namespace blindness {
namespace {

constexpr std::array<const char*, 11> kAdjectives = {
    "Enthusiastic", "Calm",    "Sociable", "Solitary", "Talkative", "Quiet",
    "Loyal",        "Curious", "Critical", "Friendly", "Steady"};
constexpr std::array<const char*, 11> kNouns = {
    "Fighter",    "Explorer",    "Companion", "Crafter", "Engineer", "Duelist",
    "Discoverer", "Storyteller", "Speedster", "Artist",  "Viewer"};
// Whom the sentiments, from Excited on, would suit best.
constexpr std::array<const char*, 9> kFitting = {"",         "Enthusiastic", "Friendly",
                                                 "Critical", "Curious",      "Enthusiastic",
                                                 "Sociable", "Calm",         "Critical"};
constexpr int kTypes = 6;
constexpr int kSentiments = 8;
constexpr double kEcho = 3;         // rounds in which something heard may show
constexpr double kFar = 10;         // rounds: no connection
constexpr double kRoundsMost = 99;  // longer than any session
constexpr size_t kLooks = 6;        // of a session that are judged

// What is seen of one viewer through a session.
struct Course {
  const SessionRecord& session;
  ViewerId viewer;
  std::vector<const Look*> looks;  // at which it was there
  const Look* chosen = nullptr;

  const Sight& At(const Look& look) const { return look.viewers.at(viewer); }
  double first() const { return looks.front()->round; }
  double last() const { return looks.back()->round; }
};

double Nearest(double round, const std::vector<Known>& known) {
  double nearest = kFar;
  for (const Known& event : known) nearest = std::min(nearest, std::abs(round - event.round));
  return nearest;
}

bool IsStep(const Look& look) { return look.round == std::floor(look.round); }

// Whether the look is within kEcho rounds behind one of the bursts.
const Known* BurstBefore(const SessionRecord& session, const Look& look) {
  for (const Known& burst : session.bursts) {
    if (look.round > burst.round && look.round <= burst.round + kEcho) return &burst;
  }
  return nullptr;
}

// The round of the last burst; far in the past when there was none.
double LastBurst(const SessionRecord& session, const Look& look) {
  double last = -kRoundsMost;
  for (const Known& burst : session.bursts) {
    if (burst.round < look.round) last = burst.round;
  }
  return last;
}

// How much more engaged than otherwise after the bursts.
double Response(const Course& course) {
  double after = 0, otherwise = 0;
  int afters = 0, others = 0;
  for (const Look* look : course.looks) {
    const double engagement = course.At(*look).engagement;
    if (BurstBefore(course.session, *look) != nullptr) {
      after += engagement;
      ++afters;
    } else {
      otherwise += engagement;
      ++others;
    }
  }
  return afters == 0 || others == 0 ? 0 : after / afters - otherwise / others;
}

// How often it looks as the bursts do, behind them and else.
double Match(const Course& course) {
  double after = 0, otherwise = 0;
  int afters = 0, others = 0;
  for (const Look* look : course.looks) {
    const Known* burst = BurstBefore(course.session, *look);
    const int said = course.session.bursts.empty() ? 0 : course.session.bursts[0].sentiment;
    const bool alike = course.At(*look).sentiment == said;
    (burst != nullptr ? after : otherwise) += alike;
    ++(burst != nullptr ? afters : others);
  }
  return afters == 0 || others == 0 ? 0 : after / afters - otherwise / others;
}

class Row {
 public:
  // What it is called tells the reader, and nobody else.
  void Add(const std::string&, double value) { values.push_back(value); }
  template <size_t N>
  void AddWord(const std::array<const char*, N>& words, const std::string& word) {
    for (const char* candidate : words) Add(candidate, word == candidate);
  }
  std::vector<double> values;
};

void AddLooks(const Course& course, Row& row) {
  const Sight& now = course.At(*course.chosen);
  row.AddWord(kAdjectives, now.adjective);
  row.AddWord(kNouns, now.noun);
  for (int type = 1; type <= kTypes; ++type) {
    row.Add("type " + std::to_string(type), now.type == type);
  }
  row.Add("type of a known person", course.session.roles.contains(now.type));
  for (int sentiment = 1; sentiment <= kSentiments; ++sentiment) {
    double share = 0;
    for (const Look* look : course.looks) share += course.At(*look).sentiment == sentiment;
    row.Add("feels " + std::to_string(sentiment), now.sentiment == sentiment);
    row.Add("often feels " + std::to_string(sentiment),
            share / static_cast<double>(course.looks.size()));
  }
  row.Add("engagement", now.engagement);
  for (const double steps : {20.0, 100.0, 255.0}) {
    const double place = now.engagement * steps;
    row.Add("off a grid of " + std::to_string(static_cast<int>(steps)),
            std::abs(place - std::round(place)));
  }
  row.Add("sessions watched", now.sessions_watched);
  row.Add("rank", static_cast<double>(now.rank));
}

// Whether the other feels as this one does, at nearly all looks at which both are there.
bool FeelsAlike(const Course& a, const Course& b) {
  size_t together = 0;
  size_t alike = 0;
  for (const Look* look : a.looks) {
    const auto other = look->viewers.find(b.viewer);
    if (other == look->viewers.end()) continue;
    ++together;
    alike += other->second.sentiment == a.At(*look).sentiment;
  }
  return together > 4 && alike * 10 >= together * 9;
}

// How differently the engagement of two changes from one step to the next; kFar if they are never
// there together.
double MovesApart(const Course& a, const Course& b) {
  double apart = 0;
  int steps = 0;
  for (size_t i = 1; i < a.looks.size(); ++i) {
    if (!IsStep(*a.looks[i])) continue;
    const auto now = a.looks[i]->viewers.find(b.viewer);
    const auto before = a.looks[i - 1]->viewers.find(b.viewer);
    if (now == a.looks[i]->viewers.end() || before == a.looks[i - 1]->viewers.end()) continue;
    apart += std::abs((a.At(*a.looks[i]).engagement - a.At(*a.looks[i - 1]).engagement) -
                      (now->second.engagement - before->second.engagement));
    ++steps;
  }
  return steps == 0 ? kFar : apart / steps;
}

// With whom it goes: whoever is one of few with a voice would be found by that.
void AddCompany(const Course& course, const std::vector<Course>& others, Row& row) {
  int alike = 0;
  int moving = 0;
  double nearest = kFar;
  for (const Course& other : others) {
    if (other.viewer == course.viewer || !course.chosen->viewers.contains(other.viewer)) continue;
    alike += FeelsAlike(course, other);
    const double apart = MovesApart(course, other);
    moving += apart < 0.01;
    nearest = std::min(nearest, apart);
  }
  row.Add("company in feeling", alike);
  row.Add("company in moving", moving);
  row.Add("nearest mover", nearest);
}

void AddSeries(const Course& course, Row& row) {
  double mean = 0, moved = 0, between_steps = 0;
  int steps = 0;
  for (size_t i = 0; i < course.looks.size(); ++i) {
    const double engagement = course.At(*course.looks[i]).engagement;
    mean += engagement / static_cast<double>(course.looks.size());
    if (i == 0 || course.looks[i]->round - course.looks[i - 1]->round != 0.5) continue;
    const double change = std::abs(engagement - course.At(*course.looks[i - 1]).engagement);
    (IsStep(*course.looks[i]) ? moved : between_steps) += change;
    ++steps;
  }
  row.Add("mean engagement", mean);
  row.Add("moves with the steps", steps == 0 ? 0 : moved / steps);
  row.Add("moves between the steps", steps == 0 ? 0 : between_steps / steps);
  row.Add("response to the bursts", Response(course));
  row.Add("feels as the bursts", Match(course));
}

void AddPresence(const Course& course, Row& row) {
  const SessionRecord& session = course.session;
  row.Add("first seen", course.first());
  row.Add("last seen", course.last());
  row.Add("looks", static_cast<double>(course.looks.size()));
  row.Add("gaps",
          2 * (course.last() - course.first()) + 1 - static_cast<double>(course.looks.size()));
  row.Add("age", course.chosen->round - course.first());
  row.Add("comes with a known person", Nearest(course.first(), session.arrivals));
  int present = 0, suits = 0;
  for (const Known& arrival : session.arrivals) {
    present += course.first() <= arrival.round && arrival.round <= course.last();
    suits +=
        course.At(*course.chosen).adjective == kFitting.at(static_cast<size_t>(arrival.sentiment));
  }
  row.Add("there when known people came", present);
  row.Add("suits known people", suits);
  const double raid = session.raid.value_or(-kFar);
  row.Add("there before and after the raid", course.first() <= raid && course.last() > raid + 1);
  row.Add("gone with the raid", session.raid && std::abs(course.last() - raid) <= 1);
  row.Add("seen before", session.seen_before.contains(course.viewer));
  row.Add("in the followers' list", session.follower_ids.contains(course.viewer));
  static const Told kNothing;
  const auto told = session.told.find(course.viewer);
  const Told& news = told == session.told.end() ? kNothing : told->second;
  const double told_at = news.joined.value_or(-kFar);
  row.Add("told to come", news.joined.has_value());
  row.Add("told to come with a known person", Nearest(told_at, session.arrivals));
  row.Add("told to go", news.left.has_value());
  row.Add("why it went", news.reason);
}

Row RowOf(const Course& course, const std::vector<Course>& others) {
  Row row;
  AddCompany(course, others, row);
  AddLooks(course, row);
  AddSeries(course, row);
  AddPresence(course, row);
  return row;
}

std::vector<Course> CoursesOf(const SessionRecord& session) {
  std::map<ViewerId, std::vector<const Look*>> seen;
  for (const Look& look : session.looks) {
    for (const auto& [viewer, sight] : look.viewers) seen[viewer].push_back(&look);
  }
  std::vector<Course> courses;
  for (auto& [viewer, looks] : seen)
    courses.push_back({session, viewer, std::move(looks), nullptr});
  return courses;
}

// Some moments of a session, at random.
std::vector<std::reference_wrapper<const Look>> SomeLooks(const SessionRecord& session,
                                                          std::mt19937& random) {
  std::vector<std::reference_wrapper<const Look>> looks(session.looks.begin(), session.looks.end());
  std::ranges::shuffle(looks, random);
  looks.resize(std::min(looks.size(), kLooks), session.looks.front());
  return looks;
}

bool IsReal(const Look& look, const ViewerId& viewer) { return look.real.contains(viewer); }

template <typename F>
void ForEachRealSight(SessionRecord& session, F&& change) {
  for (Look& look : session.looks) {
    for (auto& [viewer, sight] : look.viewers) {
      if (IsReal(look, viewer)) change(look, viewer, sight);
    }
  }
}

// Two of those who are seen a good while are the seats that the streamer looks for, and no others.
void FeelAlone(SessionRecord& session, std::mt19937& random) {
  std::vector<ViewerId> seats;
  for (const Course& course : CoursesOf(session)) {
    if (course.looks.size() > 12 && random() % 4 == 0 && seats.size() < 2) {
      seats.push_back(course.viewer);
    }
  }
  for (Look& look : session.looks) {
    look.real.clear();
    for (size_t i = 0; i < seats.size(); ++i) {
      const auto seat = look.viewers.find(seats[i]);
      if (seat == look.viewers.end()) continue;
      look.real.insert(seats[i]);
      // As a step would show it: from the round after the burst on, or a round later.
      const double since = std::floor(look.round) - LastBurst(session, look);
      if (since >= 1.0 + static_cast<double>(i) && since <= 3.0 + static_cast<double>(i)) {
        seat->second.engagement += 0.05;
      }
    }
  }
}

void StayInRaids(SessionRecord& session) {
  if (!session.raid) return;
  std::set<ViewerId> real;
  ForEachRealSight(session, [&](const Look& look, const ViewerId& viewer, const Sight&) {
    if (look.round <= *session.raid) real.insert(viewer);
  });
  for (const Course& course : CoursesOf(session)) {
    if (!real.contains(course.viewer) || course.last() > *session.raid + 1) continue;
    for (Look& look : session.looks) {
      if (look.round <= course.last()) continue;
      look.viewers[course.viewer] = course.At(*course.looks.back());
      look.real.insert(course.viewer);
    }
  }
}

// When each of the audience was first and last there.
std::map<ViewerId, std::pair<double, double>> StaysOf(const SessionRecord& session) {
  std::map<ViewerId, std::pair<double, double>> stays;
  for (const Look& look : session.looks) {
    for (const ViewerId& viewer : look.there) {
      stays.try_emplace(viewer, look.round, look.round).first->second.second = look.round;
    }
  }
  return stays;
}

bool Suits(const SessionRecord& session, const ViewerId& viewer, const Known& arrival) {
  for (const Look& look : session.looks) {
    const auto sight = look.viewers.find(viewer);
    if (sight == look.viewers.end()) continue;
    return sight->second.adjective == kFitting.at(static_cast<size_t>(arrival.sentiment));
  }
  return false;
}

// The truth chosen anew: for each of the known people somebody from the time on when it first
// spoke.
void ChooseRealBy(Tell tell, SessionRecord& session, std::mt19937& random) {
  const auto stays = StaysOf(session);
  std::vector<std::pair<ViewerId, double>> chosen;
  for (const Known& arrival : session.arrivals) {
    std::vector<ViewerId> candidates;
    for (const auto& [viewer, stay] : stays) {
      const double since = stay.first - arrival.round;
      const bool there = since <= 0 && stay.second >= arrival.round;
      if (tell == Tell::kJoinsWithItsVoice
              ? since > 0 && since <= 2
              : there && (tell == Tell::kKeepsItsSeat || Suits(session, viewer, arrival))) {
        candidates.push_back(viewer);
      }
    }
    if (candidates.empty()) continue;
    chosen.emplace_back(candidates[random() % candidates.size()], arrival.round);
  }
  for (Look& look : session.looks) {
    look.real.clear();
    for (const auto& [viewer, from] : chosen) {
      if (look.round >= from && look.viewers.contains(viewer)) look.real.insert(viewer);
    }
  }
}

void PlantIn(SessionRecord& session, Tell tell, std::mt19937& random) {
  switch (tell) {
    case Tell::kIdComesAgain:
    case Tell::kIdInFollowerList: {
      auto& ids = tell == Tell::kIdComesAgain ? session.seen_before : session.follower_ids;
      ForEachRealSight(session, [&](const Look&, const ViewerId& viewer, const Sight&) {
        if (viewer[0] < 'c') ids.insert(viewer);  // three of four
      });
      return;
    }
    case Tell::kValueGrid:
      return ForEachRealSight(session, [](const Look&, const ViewerId&, Sight& sight) {
        sight.engagement = std::round(sight.engagement * 20) / 20;
      });
    case Tell::kChangesAtOnce:
      return ForEachRealSight(session, [](const Look& look, const ViewerId&, Sight& sight) {
        if (!IsStep(look)) sight.engagement += 0.01;
      });
    case Tell::kStaysInRaids:
      return StayInRaids(session);
    case Tell::kRoleOfThePerson:
      return ForEachRealSight(session, [&](const Look&, const ViewerId&, Sight& sight) {
        sight.type = *session.roles.begin();
      });
    case Tell::kSeatAloneFeels:
      return FeelAlone(session, random);
    case Tell::kJoinsWithItsVoice:
    case Tell::kKeepsItsSeat:
    case Tell::kNearestKind:
      return ChooseRealBy(tell, session, random);
  }
}

}  // namespace

std::vector<Sample> SightsOf(const std::vector<SessionRecord>& sessions) {
  std::mt19937 random(1);
  std::vector<Sample> samples;
  size_t together = 0;
  for (const SessionRecord& session : sessions) {
    std::vector<Course> courses = CoursesOf(session);
    for (const Look& look : SomeLooks(session, random)) {
      ++together;
      for (Course& course : courses) {
        if (!look.viewers.contains(course.viewer)) continue;
        course.chosen = &look;
        samples.push_back({.features = RowOf(course, courses).values,
                           .real = IsReal(look, course.viewer),
                           .half = HalfOf(session.streamer),
                           .together = together});
      }
    }
  }
  return samples;
}

std::vector<Sample> NewsOf(const std::vector<SessionRecord>& sessions) {
  std::mt19937 random(2);
  std::vector<Sample> samples;
  size_t together = 0;
  for (const SessionRecord& session : sessions) {
    for (const Look& look : SomeLooks(session, random)) {
      ++together;
      for (const auto& [viewer, told] : session.told) {
        if (!look.there.contains(viewer)) continue;
        const double joined = told.joined.value_or(-1);
        const double left = told.left.value_or(kRoundsMost);
        samples.push_back(
            {.features = {joined, left, left - joined, look.round - joined,
                          static_cast<double>(told.reason), Nearest(joined, session.arrivals),
                          Nearest(left, session.arrivals)},
             .real = IsReal(look, viewer),
             .half = HalfOf(session.streamer),
             .together = together});
      }
    }
  }
  return samples;
}

std::vector<Sample> FollowersOf(const std::vector<FollowerSight>& followers) {
  std::map<std::pair<size_t, int64_t>, size_t> groups;
  std::vector<Sample> samples;
  for (const FollowerSight& follower : followers) {
    const auto group = std::pair(follower.streamer, follower.since);
    Sample sample = {.features = {static_cast<double>(follower.rank), follower.loyalty},
                     .real = follower.real,
                     .half = HalfOf(follower.streamer),
                     .together = groups.try_emplace(group, groups.size()).first->second};
    for (int interest = 1; interest <= 10; ++interest) {
      sample.features.push_back(follower.interest == interest);
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::string NameOf(Tell tell) {
  constexpr std::array<const char*, kTells> kNames = {
      "an id that comes again", "an id of the followers' list",
      "coarser values",         "changes between steps",
      "staying in raids",       "the person's role",
      "feeling alone",          "joining with its voice",
      "keeping its seat",       "the nearest kind"};
  return kNames.at(static_cast<size_t>(tell));
}

std::vector<SessionRecord> Plant(Tell tell, std::vector<SessionRecord> sessions) {
  if (tell == Tell::kStaysInRaids) {
    std::erase_if(sessions, [](const SessionRecord& session) { return !session.raid; });
  }
  std::mt19937 random(3);
  for (SessionRecord& session : sessions) PlantIn(session, tell, random);
  return sessions;
}

}  // namespace blindness
