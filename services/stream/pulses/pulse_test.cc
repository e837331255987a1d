#include "services/stream/pulses/pulse.h"

#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace stream::pulses {
namespace {

using common::Time;
using common::Uuid;
using sentiment::Category;
using std::chrono::seconds;

const Time kNow = common::FromMicros(1'800'000'123'456'789);

privacy::RandomBits Random() {
  return [state = uint64_t{42}]() mutable {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 11;
  };
}

Entry From(uint64_t contributor, float intensity = 0.5f, seconds age = seconds(1)) {
  return {{Category::kAmused, intensity}, std::nullopt, contributor, kNow - age};
}

std::vector<Entry> FromEach(int people, int entries_each = 1) {
  std::vector<Entry> out;
  for (int i = 0; i < people * entries_each; ++i) {
    out.push_back(From(1 + static_cast<uint64_t>(i % people)));
  }
  return out;
}

TEST(Entry, SurvivesTheBuffer) {
  Entry entry{{Category::kHostile, 0.35f},
              privacy::Tracked{Uuid::V4(), privacy::ViewerType::kVip},
              0xFFFFFFFFFFFFFFFF,
              kNow};
  const auto read = Decode(Encode(entry));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tracked, entry.tracked);
  EXPECT_EQ(read->contributor, entry.contributor);
  EXPECT_EQ(read->received, kNow);
  EXPECT_EQ(read->sentiment.category, Category::kHostile);
  EXPECT_EQ(read->sentiment.intensity, 0.35f);
  entry.tracked = std::nullopt;
  EXPECT_EQ(Decode(Encode(entry))->tracked, std::nullopt);
}

TEST(Entry, RefusesWhatItDidNotWrite) {
  const std::string good = Encode(From(1));
  ASSERT_EQ(good.size(), kRecordBytes);
  EXPECT_FALSE(Decode(good.substr(1)));
  for (const char category : {'\0', '\x09'}) {
    std::string bad = good;
    bad[20] = category;
    EXPECT_FALSE(Decode(bad));
  }
}

TEST(Assemble, NeedsEnoughEntriesAndEnoughPeople) {
  EXPECT_TRUE(Assemble(FromEach(4), {}, kNow, false, Random()).publish.empty());
  EXPECT_EQ(Assemble(FromEach(5), {}, kNow, false, Random()).publish.size(), 5u);
  const Batch two_people = Assemble(FromEach(2, 3), {}, kNow, false, Random());
  EXPECT_TRUE(two_people.publish.empty());
  EXPECT_EQ(two_people.hold.size(), 6u);
  EXPECT_TRUE(
      Assemble({}, {.min_batch = 0, .min_contributors = 0}, kNow, false, Random()).publish.empty());
}

TEST(Assemble, NobodyFillsAPulseAlone) {
  auto entries = FromEach(3, 2);
  for (int i = 0; i < 50; ++i) entries.push_back(From(99, 0.9f));
  const Batch batch = Assemble(std::move(entries), {}, kNow, false, Random());
  std::map<uint64_t, int> counts;
  for (const Entry& entry : batch.publish) ++counts[entry.contributor];
  EXPECT_EQ(counts[99], 5);
  EXPECT_EQ(batch.overflow, 45);
}

TEST(Assemble, OverflowDropsTheFaintest) {
  std::vector<Entry> entries;
  for (int i = 0; i < 300; ++i) {
    entries.push_back(From(1 + static_cast<uint64_t>(i), static_cast<float>(i) / 300));
  }
  const Batch batch = Assemble(std::move(entries), {}, kNow, false, Random());
  ASSERT_EQ(batch.publish.size(), 200u);
  EXPECT_EQ(batch.overflow, 100);
  for (const Entry& entry : batch.publish) EXPECT_GE(entry.sentiment.intensity, 0.3f);
}

TEST(Assemble, WaitingEndsAfterMaxHold) {
  auto entries = FromEach(2);
  entries.push_back(From(9, 0.5f, seconds(121)));
  const Batch batch = Assemble(std::move(entries), {}, kNow, false, Random());
  EXPECT_EQ(batch.expired, 1);
  EXPECT_EQ(batch.hold.size(), 2u);
}

TEST(Assemble, ALastFlushBelowTheBoundsIsDropped) {
  const Batch batch = Assemble(FromEach(2), {}, kNow, true, Random());
  EXPECT_TRUE(batch.publish.empty());
  EXPECT_TRUE(batch.hold.empty());
  EXPECT_EQ(batch.below_bounds, 2);
}

TEST(Assemble, OrderTellsNothingAndIntensityComesInSteps) {
  std::vector<Entry> entries;
  for (int i = 0; i < 100; ++i) {
    entries.push_back(From(1 + static_cast<uint64_t>(i), static_cast<float>(i) / 100));
  }
  const Batch batch = Assemble(std::move(entries), {}, kNow, false, Random());
  ASSERT_EQ(batch.publish.size(), 100u);
  int in_place = 0;
  std::set<uint64_t> all;
  for (size_t i = 0; i < batch.publish.size(); ++i) {
    const Entry& entry = batch.publish[i];
    in_place += entry.contributor == i + 1 || entry.contributor == 100 - i;
    all.insert(entry.contributor);
    const float steps = entry.sentiment.intensity * 20;
    EXPECT_NEAR(steps, std::round(steps), 1e-4);
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_LT(in_place, 12);
}

TEST(Assemble, LosesNothingUncounted) {
  const auto random = Random();
  for (int round = 0; round < 500; ++round) {
    std::vector<Entry> entries;
    const int size = static_cast<int>(random() % 300);
    for (int i = 0; i < size; ++i) {
      entries.push_back(
          From(random() % 12, static_cast<float>(random() % 100) / 100, seconds(random() % 200)));
    }
    const bool last = random() % 2 == 0;
    const Batch batch = Assemble(std::move(entries), {}, kNow, last, random);
    EXPECT_EQ(static_cast<int>(batch.publish.size() + batch.hold.size()) + batch.expired +
                  batch.overflow + batch.below_bounds,
              size);
    EXPECT_TRUE(batch.publish.empty() || batch.hold.empty());
    EXPECT_TRUE(!last || batch.hold.empty());
  }
}

TEST(CutToInterval, IsTheStartOfTheInterval) {
  const Time cut = CutToInterval(kNow, seconds(15));
  EXPECT_LE(cut, kNow);
  EXPECT_GT(cut + seconds(15), kNow);
  EXPECT_EQ(common::ToMicros(cut) % 15'000'000, 0);
  EXPECT_EQ(CutToInterval(cut, seconds(15)), cut);
}

TEST(Assemble, ASessionThatChangedHandsDoesNotCountItsPeopleTwice) {
  std::vector<Entry> entries;
  for (const uint64_t reign : {1, 2}) {
    for (uint64_t person = 1; person <= 2; ++person) {
      for (int line = 0; line < 2; ++line) {
        Entry entry;
        entry.sentiment = {Category::kExcited, 0.5f};
        entry.contributor = reign << privacy::kReignShift | person;
        entries.push_back(entry);
      }
    }
  }
  const auto assemble = [&](int heads) {
    return Assemble(entries, {.min_batch = 5, .min_contributors = heads}, common::Time(), false,
                    [] { return uint64_t{1}; });
  };
  EXPECT_TRUE(assemble(3).publish.empty());
  EXPECT_EQ(assemble(2).publish.size(), 8u);
}

}  // namespace
}  // namespace stream::pulses
