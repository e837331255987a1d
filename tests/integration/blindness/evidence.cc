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
constexpr size_t kLooks = 4;        // of a session that are judged

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

// Names and values are written in one go, so that they cannot part.
class Row {
 public:
  void Add(std::string name, double value) {
    names.push_back(std::move(name));
    values.push_back(value);
  }
  template <size_t N>
  void AddWord(const std::array<const char*, N>& words, const std::string& word) {
    for (const char* candidate : words) Add(candidate, word == candidate);
  }
  std::vector<std::string> names;
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
    suits += course.At(*course.chosen).adjective == kFitting.at(arrival.sentiment);
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

Row RowOf(const Course& course) {
  Row row;
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

void FeelAlone(SessionRecord& session, std::mt19937& random) {
  std::map<ViewerId, double> delays;
  ForEachRealSight(session, [&](const Look& look, const ViewerId& viewer, Sight& sight) {
    const double delay = delays.try_emplace(viewer, random() % 3).first->second;
    for (const Known& burst : session.bursts) {
      const double since = look.round - burst.round - delay;
      if (since > 0 && since <= 2) sight.engagement += 0.05;
    }
  });
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

// The truth chosen anew: for some of the known people one of those whom `candidates` gives, from
// the time when the person first spoke.
template <typename F>
void ChooseReal(SessionRecord& session, std::mt19937& random, F&& candidates) {
  std::vector<std::pair<ViewerId, double>> chosen;
  for (const Known& arrival : session.arrivals) {
    if (random() % 4 != 0) continue;
    const std::vector<ViewerId> all = candidates(arrival);
    if (!all.empty()) chosen.emplace_back(all[random() % all.size()], arrival.round);
  }
  for (Look& look : session.looks) {
    look.real.clear();
    for (const auto& [viewer, from] : chosen) {
      if (look.round >= from && look.viewers.contains(viewer)) look.real.insert(viewer);
    }
  }
}

void ChooseRealBy(Tell tell, SessionRecord& session, std::mt19937& random) {
  ChooseReal(session, random, [&](const Known& arrival) {
    std::vector<ViewerId> fitting;
    for (const Course& course : CoursesOf(session)) {
      const double since = course.first() - arrival.round;
      const bool there = since <= 0 && course.last() >= arrival.round;
      const bool suits = course.At(*course.looks[0]).adjective == kFitting.at(arrival.sentiment);
      if (tell == Tell::kJoinsWithItsVoice ? since > 0 && since <= 2
                                           : there && (tell == Tell::kKeepsItsSeat || suits)) {
        fitting.push_back(course.viewer);
      }
    }
    return fitting;
  });
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
        samples.push_back({.features = RowOf(course).values,
                           .real = IsReal(look, course.viewer),
                           .streamer = session.streamer,
                           .together = together});
      }
    }
  }
  return samples;
}

std::string FeatureName(size_t feature) {
  SessionRecord nothing;
  Look look;
  look.viewers["x"] = {};
  const Course course = {nothing, "x", {&look}, &look};
  return RowOf(course).names.at(feature);
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
             .streamer = session.streamer,
             .together = together});
      }
    }
  }
  return samples;
}

std::vector<Sample> FollowersOf(const std::vector<FollowerSight>& followers) {
  std::vector<Sample> samples;
  for (const FollowerSight& follower : followers) {
    Sample sample = {
        .features = {static_cast<double>(follower.rank), follower.loyalty, follower.since},
        .real = follower.real,
        .streamer = follower.streamer,
        .together = follower.session};
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
