#include "services/streaming/audience/round.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "services/streaming/audience/check_out.h"

namespace streaming::audience {
namespace {

constexpr uint32_t kPoolSize = 20000;

const pool::Pool& ThePool() {
  static const pool::Pool pool({.seed = 77, .size = kPoolSize});
  return pool;
}

uint32_t Sum(const pool::PerArchetype<uint32_t>& heads) {
  return std::accumulate(heads.begin(), heads.end(), 0u);
}

SessionView Stream(uint64_t id, pool::InterestMask tags, float draw) {
  SessionView session;
  session.session_id = common::Uuid::FromRandomBits(id, id);
  const auto attractions = Attractions({}, ThePool().archetypes(), {.tags = tags});
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    session.attraction[a] = static_cast<uint8_t>(std::lround(attractions[a] * 255));
  }
  session.draw = draw;
  return session;
}

View ViewOf(std::vector<SessionView> sessions) {
  View view;
  view.round = 10;
  view.cohorts = 1;
  view.pool_heads = kPoolSize;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    view.free_heads[a] = ThePool().HeadsOf(0, static_cast<uint8_t>(a));
  }
  view.sessions = std::move(sessions);
  return view;
}

// A shard as the Functions keep it: who is taken, and one session's parties.
class Shard {
 public:
  explicit Shard(const pool::Pool& pool) : pool_(pool), taken_(pool.runs()) {}

  std::vector<Party> Take(const std::vector<Demand>& demands) {
    std::vector<Party> parties;
    uint32_t short_of = 0;
    for (const Demand& demand : demands) {
      if (demand.count > 0) short_of = demand.count;
      RunMask gained = 0;
      ForEachPlace(demand.members & ~taken_[demand.run], [&](uint32_t place) {
        if (short_of == 0) return;
        gained |= BitOf(place);
        --short_of;
      });
      taken_[demand.run] |= gained;
      if (gained != 0) parties.push_back({demand.run, gained, demand.joining});
    }
    return parties;
  }

  void Leave(std::vector<Party>& parties, const std::vector<audience::Leave>& leavers) {
    for (const audience::Leave& leaver : leavers) {
      Party& party = parties[leaver.position];
      ASSERT_EQ(party.members & leaver.members, leaver.members);
      party.members &= ~leaver.members;
      taken_[party.run] &= ~leaver.members;
    }
    std::erase_if(parties, [](const Party& party) { return party.members == 0; });
  }

  pool::PerArchetype<uint32_t> Free() const {
    pool::PerArchetype<uint32_t> free = {};
    for (uint32_t run = 0; run < pool_.runs(); ++run) {
      free[pool_.ArchetypeOfRun(run)] += pool_.MembersOfRun(run) - CountOf(taken_[run]);
    }
    return free;
  }

  uint32_t TakenCount() const {
    uint32_t count = 0;
    for (const RunMask mask : taken_) count += CountOf(mask);
    return count;
  }

 private:
  const pool::Pool& pool_;
  std::vector<RunMask> taken_;
};

// What became of one stream that was live for `rounds` minutes, alone or beside a rival.
struct Story {
  std::vector<uint32_t> crowds;
  std::string last_audience;
};

Story Tell(const RoundSettings& settings, SessionView session, uint32_t rounds) {
  const pool::Pool& pool = ThePool();
  Shard shard(pool);
  Story story;
  View view = ViewOf({session});
  Audience audience = NewAudience(session, view.round);
  const auto check_out = [&](const pool::PerArchetype<uint32_t>& wanted) {
    return shard.Take(PlanCheckOut(pool, 0,
                                   {.wanted_heads = wanted,
                                    .free_heads = view.free_heads,
                                    .joining = JoiningNow(audience, 0),
                                    .capacity_heads = settings.capacity_heads,
                                    .key = view.round}));
  };
  std::vector<Party> parties =
      check_out(StartDraw(settings, pool, view, Survey(view), 0, {}).wanted_heads);
  story.crowds.push_back(HeadsOf(pool, parties));
  for (uint32_t i = 1; i <= rounds; ++i) {
    ++view.round;
    view.free_heads = shard.Free();
    view.sessions[0].crowd = HeadsOf(pool, parties);
    view.sessions[0].age_minutes = static_cast<float>(i);
    const Step step = StepSession(settings, pool, view, Survey(view), 0, audience, parties, {}, 0);
    shard.Leave(parties, step.leavers);
    audience = *DecodeAudience(EncodeAudience(step.audience));
    const auto joined = check_out(step.wanted_heads);
    parties.insert(parties.end(), joined.begin(), joined.end());
    EXPECT_EQ(shard.TakenCount(), HeadsOf(pool, parties));
    story.crowds.push_back(HeadsOf(pool, parties));
  }
  story.last_audience = EncodeAudience(audience);
  return story;
}

TEST(RoundTest, AStreamFindsItsAudienceAndKeepsItsSize) {
  const Story story = Tell({.seed = 5}, Stream(1, {pool::Interest::kCombat}, 100), 240);
  const double mean =
      std::accumulate(story.crowds.begin(), story.crowds.end(), 0.0) / story.crowds.size();
  const double peak = *std::max_element(story.crowds.begin(), story.crowds.end());
  RecordProperty("mean", static_cast<int>(mean));
  RecordProperty("peak", static_cast<int>(peak));
  RecordProperty("start", static_cast<int>(story.crowds[0]));
  EXPECT_GT(story.crowds[0], 10u);
  EXPECT_GT(mean, 50);
  EXPECT_LT(mean, 400);
  EXPECT_LT(peak / mean, 1.6);
}

TEST(RoundTest, AnUnknownStreamerStartsSmall) {
  const Story unknown =
      Tell({.seed = 5}, Stream(1, {pool::Interest::kCombat}, ExpectedDraw({})), 30);
  EXPECT_GT(unknown.crowds[0], 0u);
  EXPECT_LT(unknown.crowds[0], 60u);
  EXPECT_GT(unknown.crowds.back(), 10u);
}

TEST(RoundTest, TheSameSeedTellsTheSameStory) {
  const SessionView session = Stream(1, {pool::Interest::kCombat}, 60);
  const Story one = Tell({.seed = 5}, session, 40);
  const Story same = Tell({.seed = 5}, session, 40);
  const Story other = Tell({.seed = 6}, session, 40);
  EXPECT_EQ(one.crowds, same.crowds);
  EXPECT_EQ(one.last_audience, same.last_audience);
  EXPECT_NE(one.crowds, other.crowds);
}

TEST(RoundTest, CapacityHolds) {
  const Story story =
      Tell({.capacity_heads = 37, .seed = 5}, Stream(1, {pool::Interest::kCombat}, 1000), 30);
  EXPECT_EQ(*std::max_element(story.crowds.begin(), story.crowds.end()), 37u);
}

TEST(RoundTest, ADullerStreamEmptiesFasterWithAHigherDecayRate) {
  const auto interest_after = [](double decay_rate) {
    const SessionView session = Stream(1, {}, 60);
    View view = ViewOf({session});
    Audience audience = NewAudience(session, view.round);
    for (int i = 0; i < 50; ++i) {
      ++view.round;
      audience = StepSession({.decay_rate = decay_rate}, ThePool(), view, Survey(view), 0, audience,
                             {}, {}, 0)
                     .audience;
    }
    return audience.interest[3];
  };
  EXPECT_LT(interest_after(0.2), interest_after(0.05));
  EXPECT_NEAR(interest_after(0), interest_after(0), 1e-6);
}

Audience Interested(const SessionView& session, float interest) {
  Audience audience = NewAudience(session, 10);
  audience.interest.fill(interest);
  return audience;
}

// A full audience of everybody in the pool.
std::vector<Party> Everybody(uint32_t joined_round) {
  std::vector<Party> parties;
  for (uint32_t run = 0; run < ThePool().runs(); ++run) {
    const uint32_t absent = pool::kRunLength - ThePool().MembersOfRun(run);
    parties.push_back({run, kWholeRun << absent, {.round = joined_round}});
  }
  return parties;
}

uint32_t Leaving(const SessionView& session, float interest, uint32_t joined_round,
                 RoundSettings settings = {.seed = 3}) {
  View view = ViewOf({session});
  view.round = 1000;
  view.cohorts = 2;
  return StepSession(settings, ThePool(), view, Survey(view), 0, Interested(session, interest),
                     Everybody(joined_round), {}, 1)
      .leaving_heads;
}

TEST(RoundTest, LeavingFallsWithInterestAndDwell) {
  const SessionView session = Stream(1, {}, 10);
  EXPECT_GT(Leaving(session, 0.2f, 999), Leaving(session, 0.6f, 999));
  EXPECT_GT(Leaving(session, 0.4f, 999), 3 * Leaving(session, 0.4f, 970));
  // Half of the pool steps in this cohort; the formula of the hazard, with 1 minute of dwell.
  const double expected = kPoolSize / 2 * BoredChance(0.4f, 1, 1);
  EXPECT_NEAR(Leaving(session, 0.4f, 999), expected, 4 * std::sqrt(expected));
  EXPECT_NEAR(BoredChance(0.4f, 0, 1), 1 - std::exp(-0.25 * (0.1 + 1)), 1e-6);
}

// The chorus of a few voices that feel all sorts of things.
blending::Chorus SomeVoices(uint64_t seed) {
  std::vector<blending::Voice> voices(3);
  for (uint64_t i = 0; i < voices.size(); ++i) {
    for (size_t k = 0; k < blending::kSentiments; ++k) {
      voices[i].felt.levels[k] = static_cast<float>(Uniform(Mix64(seed * 100 + i * 10 + k + 1)));
    }
  }
  return {std::move(voices), seed};
}

TEST(RoundTest, EveryMemberLeavesByWhatItFeelsWithItsVoice) {
  View view = ViewOf({Stream(1, {}, 10)});
  view.round = 1000;
  view.cohorts = 2;
  std::vector<Party> parties = Everybody(990);
  for (size_t i = 0; i < parties.size(); i += 2) parties[i].joining.flags = kFollows;
  const RoundSettings settings = {.seed = 3};
  uint32_t otherwise = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Audience audience = Interested(view.sessions[0], 0.3f);
    const auto alone =
        StepSession(settings, ThePool(), view, Survey(view), 0, audience, parties, {}, 1);
    audience.chorus = SomeVoices(seed);
    const auto together =
        StepSession(settings, ThePool(), view, Survey(view), 0, audience, parties, {}, 1);
    std::vector<RunMask> expected(parties.size());
    for (size_t i = 0; i < parties.size(); ++i) {
      const uint32_t run = parties[i].run;
      const uint8_t a = ThePool().ArchetypeOfRun(run);
      ForEachPlace(
          parties[i].members & CohortMask(run, {.number = 1, .of = 2}), [&](uint32_t place) {
            const uint32_t member = run * pool::kRunLength + place;
            const float push =
                audience.chorus.PushOn(member, ThePool().archetypes()[a].personality);
            const double chance = MemberBoredChance(settings, ThePool(), parties[i], member,
                                                    audience.interest[a] + push, view.round, 1);
            if (LeaveDraw(settings.seed, view.round, member) < chance) {
              expected[i] |= BitOf(place);
            }
          });
    }
    for (const Leave& leave : together.leavers) expected[leave.position] ^= leave.members;
    for (const RunMask difference : expected) EXPECT_EQ(difference, 0u);
    otherwise += alone.leaving_heads != together.leaving_heads;
  }
  EXPECT_GT(otherwise, 0u);
}

TEST(RoundTest, CohortsPartitionTheMembers) {
  const SessionView session = Stream(1, {}, 10);
  View view = ViewOf({session});
  view.cohorts = 6;
  const Audience audience = Interested(session, 0.2f);
  const auto parties = Everybody(9);
  std::vector<RunMask> left(parties.size());
  uint32_t heads = 0;
  for (uint32_t cohort = 0; cohort < 6; ++cohort) {
    const Step step = StepSession({.decay_rate = 0}, ThePool(), view, Survey(view), 0, audience,
                                  parties, {}, cohort);
    heads += step.leaving_heads;
    for (const Leave& leaver : step.leavers) {
      EXPECT_EQ(left[leaver.position] & leaver.members, 0u);
      left[leaver.position] |= leaver.members;
    }
  }
  uint32_t distinct = 0;
  for (const RunMask mask : left) distinct += CountOf(mask);
  EXPECT_EQ(distinct, heads);
  EXPECT_GT(heads, kPoolSize / 20);
}

TEST(RoundTest, NobodyIsAskedInTheRoundInWhichHeCame) {
  const SessionView session = Stream(1, {}, 10);
  EXPECT_GT(Leaving(session, 0.0f, 999), 0u);
  EXPECT_EQ(Leaving(session, 0.0f, 1000), 0u);
}

TEST(MoversTest, ABetterStreamWinsMembersAway) {
  const SessionView dull = Stream(1, {}, 10);
  SessionView great = Stream(2, {}, 10);
  great.attraction.fill(255);
  const View view = ViewOf({dull, great});
  const auto movers = [&](uint32_t self, float interest, uint32_t joined_round) {
    return MoversOf({.seed = 1}, ThePool(), view, Survey(view), self,
                    Interested(view.sessions[self], interest), Everybody(joined_round), 0);
  };
  const auto heads = [](const std::vector<Mover>& some) {
    uint32_t count = 0;
    for (const Mover& mover : some) count += CountOf(mover.leave.members);
    return count;
  };
  const auto won = movers(0, 0.3f, 0);
  ASSERT_FALSE(won.empty());
  for (const Mover& mover : won) {
    EXPECT_EQ(mover.destination, 1u);
    EXPECT_EQ(mover.leave.members & ~Everybody(0)[mover.leave.position].members, 0u);
  }
  EXPECT_GT(heads(won), 2 * heads(movers(0, 0.6f, 0)));  // the less they like it here, the more
  EXPECT_TRUE(movers(0, 0.9f, 0).empty());               // within the margin nobody moves
  EXPECT_TRUE(movers(1, 0.6f, 0).empty());               // nor to one that is not much better
  EXPECT_TRUE(movers(0, 0.3f, 10).empty());              // nor in the round in which he came
}

TEST(FollowersTest, ComeFirstAndByName) {
  SessionView session = Stream(1, {pool::Interest::kCombat}, 10);
  View view = ViewOf({session});
  std::vector<uint32_t> members;
  for (uint32_t member = 0; member < 3000; member += 3) members.push_back(member);
  const Followers followers(members);
  const auto joining = JoiningNow(NewAudience(session, view.round), kFollows);
  const auto coming = [&](float minutes, Cohort cohort = {}) {
    return FollowersComing({}, ThePool(), view, 0, followers, joining, minutes, cohort);
  };
  const auto count = [](const std::vector<Demand>& demands) {
    uint32_t all = 0;
    for (const Demand& demand : demands) {
      EXPECT_EQ(demand.count, CountOf(demand.members));
      EXPECT_EQ(demand.joining.flags, kFollows);
      all += demand.count;
    }
    return all;
  };
  for (const Demand& demand : coming(60)) {
    EXPECT_EQ(demand.members & ~followers.In(demand.run), 0u);
  }
  EXPECT_GT(count(coming(60)), count(coming(6)));
  EXPECT_EQ(count(coming(60, {0, 4})) + count(coming(60, {1, 4})) + count(coming(60, {2, 4})) +
                count(coming(60, {3, 4})),
            count(coming(60)));
  // The chance of a follower is far above that of a stranger.
  pool::PerArchetype<float> minutes;
  minutes.fill(60);
  const uint32_t strangers = Sum(Newcomers(view, Survey(view), 0, minutes, 100000, 9));
  EXPECT_GT(count(coming(60)) / 1000.0, 5.0 * strangers / kPoolSize);
  view.sessions[0].paused = true;
  EXPECT_TRUE(coming(60).empty());
}

TEST(FollowersTest, SurvivePacking) {
  const Followers followers(std::vector<uint32_t>{70, 3, 64, 3, 1000});
  EXPECT_EQ(followers.In(0), BitOf(3));
  EXPECT_EQ(followers.In(1), BitOf(0) | BitOf(6));
  EXPECT_EQ(followers.In(2), 0u);
  const std::string bytes = EncodeFollowers(followers);
  EXPECT_EQ(bytes.size(), 3 * 12u);
  const auto copy = DecodeFollowers(bytes);
  ASSERT_TRUE(copy.ok());
  EXPECT_TRUE(std::ranges::equal(copy->runs(), followers.runs()));
  EXPECT_FALSE(DecodeFollowers(bytes.substr(1)).ok());
  EXPECT_FALSE(DecodeFollowers(bytes + bytes).ok());  // not in order
  EXPECT_TRUE(DecodeFollowers("").ok());
  const std::vector<uint32_t> many(kFollowersMax + 500, 1);
  EXPECT_EQ(Followers(many).runs().size(), 1u);
}

TEST(ProgressTest, ASessionKnowsHowFarItHasCome) {
  View view = ViewOf({Stream(1, {}, 10)});
  view.cohorts = 4;
  Audience audience = NewAudience(view.sessions[0], view.round - 1);
  for (uint32_t cohort = 0; cohort < 4; ++cohort) {
    EXPECT_EQ(NextCohort(audience, view), cohort);
    EXPECT_FALSE(MayMove(audience, view, cohort));
    audience = StepSession({}, ThePool(), view, Survey(view), 0, audience, {}, {}, cohort).audience;
    audience = *DecodeAudience(EncodeAudience(audience));
    EXPECT_TRUE(MayMove(audience, view, cohort));
    if (cohort == 2) ++audience.steps;  // its movers have gone
  }
  EXPECT_EQ(NextCohort(audience, view), 4u);
  audience.last_round = view.round + 1;
  EXPECT_EQ(NextCohort(audience, view), 4u);
}

TEST(RoundTest, FollowersStayLonger) {
  const SessionView session = Stream(1, {}, 10);
  const View view = ViewOf({session});
  auto parties = Everybody(9);
  const Audience audience = Interested(session, 0.4f);
  const auto leaving = [&] {
    return StepSession({}, ThePool(), view, Survey(view), 0, audience, parties, {}, 0)
        .leaving_heads;
  };
  const uint32_t strangers = leaving();
  for (Party& party : parties) party.joining.flags = kFollows;
  EXPECT_LT(leaving(), strangers);
}

TEST(NewcomersTest, ComeByAttractionDrawAndFreeHeads) {
  SessionView small = Stream(1, {pool::Interest::kCombat}, 50);
  SessionView big = Stream(2, {pool::Interest::kCombat}, 500);
  View view = ViewOf({small, big});
  pool::PerArchetype<float> minutes;
  minutes.fill(60);
  const auto come = [&](uint32_t self) {
    return Newcomers(view, Survey(view), self, minutes, 100000, 9);
  };
  EXPECT_GT(Sum(come(1)), 5 * Sum(come(0)));
  uint32_t fans = 0;
  uint32_t fans_free = 0;
  uint32_t others = 0;
  uint32_t others_free = 0;
  const auto heads = come(1);
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    EXPECT_LE(heads[a], view.free_heads[a]);
    const bool fan = ThePool().archetypes()[a].interests.Has(pool::Interest::kCombat);
    (fan ? fans : others) += heads[a];
    (fan ? fans_free : others_free) += view.free_heads[a];
  }
  EXPECT_GT(static_cast<double>(fans) / fans_free, 2.0 * others / others_free);
  EXPECT_EQ(Sum(Newcomers(view, Survey(view), 1, minutes, 7, 9)), 7u);
  view.sessions[1].paused = true;
  EXPECT_EQ(Sum(come(1)), 0u);
  view.free_heads.fill(0);
  EXPECT_EQ(Sum(come(0)), 0u);
}

TEST(NewcomersTest, ComeInTheExpectedNumber) {
  const View view = ViewOf({Stream(1, {}, 200)});
  pool::PerArchetype<float> minutes;
  minutes.fill(2);
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 400;
  for (uint64_t key = 0; key < kDraws; ++key) {
    const double heads = Sum(Newcomers(view, Survey(view), 0, minutes, 100000, Mix64(key)));
    sum += heads;
    squares += heads * heads;
  }
  const double mean = sum / kDraws;
  const double variance = squares / kDraws - mean * mean;
  EXPECT_GT(mean, 2);
  EXPECT_NEAR(variance / mean, 1, 0.25);  // Poisson
}

TEST(ExpectedDrawTest, LeansOnThePastAsItGrows) {
  EXPECT_LT(ExpectedDraw({.recent_sessions = 1, .recent_mean_audience = 0}), ExpectedDraw({}));
  EXPECT_NEAR(ExpectedDraw({.recent_sessions = 100, .recent_mean_audience = 900}), 900, 30);
  // Who follows comes by name and is not expected twice, but strangers never stay away altogether.
  const StreamerPast known{.recent_sessions = 100, .recent_mean_audience = 900, .followers = 1000};
  EXPECT_NEAR(ExpectedDraw(known), 800, 30);
  EXPECT_GT(ExpectedDraw({.followers = 100000}), 0);
}

TEST(InterestTest, MeansAreExactFromTheSums) {
  const SessionView session = Stream(1, {pool::Interest::kCombat}, 60);
  View view = ViewOf({session});
  Audience audience = NewAudience(session, view.round);
  for (uint32_t& sum : audience.sums) sum = kSumModulus - 100;  // so that they wrap
  const Joining joining = JoiningNow(audience, 0)[8];
  double total = 0;
  for (int i = 0; i < 20; ++i) {
    ++view.round;
    audience = StepSession({}, ThePool(), view, Survey(view), 0, audience, {}, {}, 0).audience;
    total += audience.interest[8];
  }
  EXPECT_NEAR(MeanInterest(audience, 8, joining), total / 20, 1e-3);
  EXPECT_EQ(MeanInterest(audience, 8, JoiningNow(audience, 0)[8]), audience.interest[8]);
}

TEST(InterestTest, WhatTheyCameWithFades) {
  const Joining thrilled{.round = 10, .offset = 64};
  float before = 2;
  for (uint32_t round = 10; round < 30; ++round) {
    const float interest = MemberInterest({}, 0.3f, thrilled, 0, round);
    EXPECT_LT(interest, before);
    before = interest;
  }
  EXPECT_NEAR(MemberInterest({}, 0.3f, thrilled, 0, 10), 0.8f, 1e-5);
  EXPECT_NEAR(before, 0.3f, 0.01f);
  EXPECT_EQ(MemberInterest({}, 0.9f, thrilled, pool::kEngagementSpread, 10), 1);
  EXPECT_GT(MemberInterest({}, 0.5f, {.flags = kFollows}, 0, 10), 0.5f);
  EXPECT_GT(MeanMemberInterest({}, 0.3f, thrilled, 0, 12),
            MeanMemberInterest({}, 0.3f, thrilled, 0, 40));
}

TEST(ViewTest, SurvivesPacking) {
  View view = ViewOf({Stream(1, {pool::Interest::kPvp}, 3.5f), Stream(2, {}, 7)});
  view.sessions[1].paused = true;
  view.sessions[1].mood.levels[2] = 1;
  view.sessions[0].age_minutes = 4.5f;
  const std::string bytes = EncodeView(view);
  const auto copy = DecodeView(bytes);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(EncodeView(*copy), bytes);
  EXPECT_EQ(copy->sessions[1].session_id, view.sessions[1].session_id);
  EXPECT_EQ(copy->sessions[0].attraction, view.sessions[0].attraction);
  for (size_t size = 0; size < bytes.size(); size += 13) {
    EXPECT_FALSE(DecodeView(std::string_view(bytes).substr(0, size)).ok());
  }
  EXPECT_FALSE(DecodeView(bytes + "x").ok());
}

TEST(AudienceTest, SurvivesPacking) {
  Audience audience = NewAudience(Stream(1, {pool::Interest::kPvp}, 1), 99);
  audience.excitement = 0.25f;
  audience.steps = 7;
  audience.sums[255] = kSumModulus - 1;
  const std::string bytes = EncodeAudience(audience);
  EXPECT_EQ(bytes.size(), 8 + 256 * 5u);
  const auto copy = DecodeAudience(bytes);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(EncodeAudience(*copy), bytes);
  EXPECT_EQ(copy->sums, audience.sums);
  EXPECT_EQ(copy->interest, AsStored(audience).interest);
  EXPECT_EQ(copy->excitement, AsStored(audience).excitement);
  EXPECT_EQ(copy->steps, 7);
  EXPECT_FALSE(DecodeAudience(bytes.substr(1)).ok());
}

}  // namespace
}  // namespace streaming::audience
