#include "services/streaming/audience/seats.h"

#include <algorithm>
#include <bit>
#include <map>

#include <gtest/gtest.h>

#include "services/streaming/audience/random.h"
#include "services/streaming/blending/crowd.h"

namespace streaming::audience {
namespace {

std::shared_ptr<const pool::Pool> ThePool() {
  static const auto pool = std::make_shared<const pool::Pool>(
      pool::PoolSpec{.seed = 4, .size = 20000, .collective_share = 0.2, .collective_size = 20});
  return pool;
}

std::string CrowdOf(size_t voices) {
  blending::Crowd crowd;
  crowd.voices.resize(voices / 2);
  crowd.newcomers.resize(voices - voices / 2);
  return EncodeCrowd(crowd);
}

// One member each of `parties` runs that are no collectives, or of all kinds.
LiveSession TheSession(uint32_t parties, size_t voices, uint64_t seed, bool collectives = false) {
  LiveSession session;
  session.pool = ThePool();
  session.state.viewer_secret = Mix64(seed + 1);
  for (uint32_t run = 0; session.parties.size() < parties; ++run) {
    if (!collectives && ThePool()->WeightOfRun(run) > 1) continue;
    session.parties.push_back({run, BitOf(run % pool::kRunLength), {}});
  }
  session.mood = CrowdOf(voices);
  return session;
}

uint32_t MemberOf(const Party& party) {
  return party.run * pool::kRunLength + static_cast<uint32_t>(std::countl_zero(party.members));
}

TEST(SeatsTest, AsManyAreThereAsVoices) {
  const LiveSession session = TheSession(200, 10, 1);
  const auto seats = SeatedMembers(session);
  ASSERT_EQ(seats.size(), 10u);
  EXPECT_TRUE(std::ranges::is_sorted(seats));
  for (const uint32_t member : seats) {
    EXPECT_TRUE(std::ranges::any_of(session.parties,
                                    [&](const Party& party) { return MemberOf(party) == member; }));
  }
}

TEST(SeatsTest, NobodyToSitOnIsNoSeat) {
  EXPECT_TRUE(SeatedMembers(TheSession(0, 10, 1)).empty());
  EXPECT_TRUE(SeatedMembers(TheSession(50, 0, 1)).empty());
  EXPECT_EQ(SeatedMembers(TheSession(3, 40, 1)).size(), 3u);
}

TEST(SeatsTest, OnePersonIsNeverManyHeads) {
  for (const uint32_t member : SeatedMembers(TheSession(300, 40, 1, true))) {
    EXPECT_EQ(ThePool()->WeightOf(member), 1u);
  }
}

TEST(SeatsTest, TheOrderOfPartiesDoesNotMatter) {
  LiveSession session = TheSession(200, 10, 1);
  const auto seats = SeatedMembers(session);
  std::ranges::reverse(session.parties);
  EXPECT_EQ(SeatedMembers(session), seats);
}

TEST(SeatsTest, AMoreOfVoicesTakesNobodysSeat) {
  LiveSession session = TheSession(200, 10, 1);
  const auto few = SeatedMembers(session);
  session.mood = CrowdOf(15);
  EXPECT_TRUE(std::ranges::includes(SeatedMembers(session), few));
}

TEST(SeatsTest, ALeaverConcernsItsOwnSeatOnly) {
  const LiveSession session = TheSession(200, 10, 1);
  const auto seats = SeatedMembers(session);
  for (size_t gone = 0; gone < session.parties.size(); ++gone) {
    LiveSession after = session;
    after.parties.erase(after.parties.begin() + static_cast<ptrdiff_t>(gone));
    std::vector<uint32_t> kept;
    std::ranges::set_intersection(seats, SeatedMembers(after), std::back_inserter(kept));
    const bool seated = std::ranges::binary_search(seats, MemberOf(session.parties[gone]));
    EXPECT_EQ(kept.size(), seats.size() - seated);
  }
}

TEST(SeatsTest, WhoLeftIsAsLikelyToHaveHadOneAsWhoStayed) {
  const LiveSession whole = TheSession(200, 10, 1);
  LiveSession after = whole;
  std::vector<DepartedParty> departed;
  for (size_t i = 0; i < 150; ++i) {
    departed.push_back({.party = after.parties.back()});
    after.parties.pop_back();
  }
  departed.push_back({.party = after.parties.front()});  // left, and came back
  EXPECT_EQ(SeatedAttendees(after, departed), SeatedMembers(whole));
  EXPECT_NE(SeatedMembers(after), SeatedMembers(whole));
}

TEST(SeatsTest, EverybodyIsEquallyLikely) {
  std::map<uint32_t, int> seated;
  constexpr uint64_t kSessions = 2000;
  for (uint64_t seed = 0; seed < kSessions; ++seed) {
    for (const uint32_t member : SeatedMembers(TheSession(50, 5, seed))) ++seated[member];
  }
  // Binomial: 200 expected of each, 13 the standard deviation.
  for (const auto& [member, times] : seated) EXPECT_NEAR(times, 200, 65) << member;
  EXPECT_EQ(seated.size(), 50u);
}

}  // namespace
}  // namespace streaming::audience
