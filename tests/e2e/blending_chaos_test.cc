// The consumer of pulses under crashes: whatever is killed, repeated or put out of order on the
// way, a session has felt each pulse once, and is what it would be had nothing happened.
//
// CHAOS_SEED repeats a run's choices; daemons and servers still differ in time.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <limits>
#include <mutex>
#include <random>
#include <set>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "tests/e2e/game.h"
#include "tests/e2e/real_crowd.h"

namespace story {
namespace {

namespace platform = bannou::stream::v1;
using common::Uuid;
using common::testing::Eventually;
using common::testing::NatsServer;
using common::testing::SharedMariaDb;
using common::testing::SharedRedis;
using Pulse = RealCrowd::Pulse;

constexpr int kMembers = 5000;
constexpr int kUsualAudience = 200;
constexpr int kPulses = 30;  // a session
constexpr int kEntries = 20;
constexpr int kTracked = 6;  // viewers who speak again and again
constexpr std::chrono::seconds kPatience{90};

// No round interferes but the first: what a session has felt is only what pulses brought.
std::vector<std::string> WithoutRounds(std::vector<std::string> more = {}) {
  more.insert(more.end(), {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600",
                           "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600"});
  return more;
}

// What some pulses feel, and who in them.
using Feelings = std::vector<platform::SentimentEntry>;
std::vector<Feelings> MakeFeelings(std::mt19937_64& random) {
  std::vector<Feelings> all(kPulses);
  for (Feelings& feelings : all) {
    for (int i = 0; i < kEntries; ++i) {
      platform::SentimentEntry entry;
      entry.set_category(static_cast<platform::SentimentCategory>(1 + random() % 8));
      entry.set_intensity(static_cast<float>(random() % 21) / 20);
      if (i < kTracked && random() % 2 == 0) {
        entry.set_tracking_id(
            absl::StrCat("7a0c0000-0000-4000-8000-00000000000", i));  // as long as the session
        entry.set_viewer_type(static_cast<platform::TrackedViewerType>(1 + i % 5));
      }
      feelings.push_back(entry);
    }
  }
  return all;
}

// A live session with a real channel, and the pulses that are to reach it.
struct Fed {
  Stream stream;
  std::string channel;
  std::vector<Pulse> pulses;
};

// All that admins see of a session's real crowd, but for names and times.
std::string Picture(const v1::GetAudienceTruthResponse& truth, const std::string& channel) {
  std::string picture;
  for (const std::string& word :
       std::set<std::string>{"Excited", "Supportive", "Critical", "Curious", "Surprised", "Amused",
                             "Bored", "Hostile"}) {
    absl::StrAppend(&picture, word, "=", truth.mood().at(word), " ");
  }
  // Whether a voice finds somebody to stand for it is up to the audience, which is another one here
  // than there.
  absl::StrAppend(&picture, "applied=", truth.pulses_applied(), " stale=", truth.pulses_stale(),
                  " voices=", truth.real_derived_count() + truth.unseated_count());
  for (const std::string& feeder : truth.platform_session_ids()) {
    absl::StrAppend(&picture, " feeder=", feeder == channel ? "its own" : feeder);
  }
  return picture;
}

// --- Crashes. ------------------------------------------------------------------------------------

class BlendingChaos : public testing::Test {
 protected:
  BlendingChaos() {
    game_.Seed(kMembers);
    // The first round of a game begins at once, and takes in whoever is live then.
    const auto begun = [&] {
      return std::ranges::any_of(std::array{&desk_, &one_, &other_}, [](const Daemon* daemon) {
        return daemon->Metric("streaming_round_shards_led") > 0;
      });
    };
    if (!Eventually(begun, kPatience)) throw std::runtime_error("no round");
  }

  static uint64_t Seed() {
    const char* const text = std::getenv("CHAOS_SEED");
    return text == nullptr ? std::random_device()() : std::strtoull(text, nullptr, 10);
  }

  Fed GoLive(const std::vector<Feelings>& all) {
    Fed fed{
        .stream = game_.GoLive({.usual_audience = kUsualAudience}), .channel = {}, .pulses = {}};
    fed.channel = crowd_.GoLive(fed.stream.account);
    for (const Feelings& feelings : all) {
      Pulse pulse = RealCrowd::PulseOf(fed.channel, fed.stream.session);
      pulse.mutable_sentiments()->Assign(feelings.begin(), feelings.end());
      fed.pulses.push_back(std::move(pulse));
    }
    return fed;
  }
  // The same feelings, undisturbed and in order.
  std::string PictureOfCalm(const std::vector<Feelings>& all) {
    const Fed calm = GoLive(all);
    for (const Pulse& pulse : calm.pulses) crowd_.Send(pulse);
    EXPECT_TRUE(Eventually([&] { return crowd_.AllAreTaken(); }, kPatience));
    const auto truth = game_.Truth(calm.stream);
    EXPECT_EQ(truth.pulses_applied(), kPulses);
    EXPECT_GT(truth.mood().at("Excited"), 0);
    EXPECT_GT(truth.real_derived_count(), 0);
    EXPECT_EQ(truth.real_derived_count() + truth.unseated_count(), kTracked);
    return Picture(truth, calm.channel);
  }
  int64_t Applied(const std::vector<Fed>& all) {
    int64_t applied = 0;
    for (const Fed& fed : all) applied += game_.Truth(fed.stream).pulses_applied();
    return applied;
  }

  // One delivery of a pulse.
  struct Sending {
    const Pulse* pulse;
    bool as_new;
  };
  // Half of the sessions get every pulse once, so that nothing makes up for one that is lost; the
  // others up to three times, to the bus the same message or another one. In any order.
  static std::vector<Sending> Shuffle(const std::vector<Fed>& all, std::mt19937_64& random) {
    std::vector<Sending> sendings;
    for (size_t i = 0; i < all.size(); ++i) {
      for (const Pulse& pulse : all[i].pulses) {
        sendings.push_back({&pulse, random() % 2 == 0});
        if (i % 2 == 0) continue;
        if (random() % 2 == 0) sendings.push_back({&pulse, false});
        if (random() % 2 == 0) sendings.push_back({&pulse, true});
      }
    }
    std::shuffle(sendings.begin(), sendings.end(), random);
    return sendings;
  }
  void Send(const Sending& sending) {
    sending.as_new ? crowd_.SendAsNew(*sending.pulse) : crowd_.Send(*sending.pulse);
  }
  // In the middle of a pulse, for which each waits for the database.
  void KillWhoWaits(const std::vector<Daemon*>& daemons) {
    int64_t before = -1;
    EXPECT_TRUE(Eventually(
        [&] {
          const int64_t now = crowd_.Unanswered();
          return std::exchange(before, now) == now;
        },
        kPatience, std::chrono::milliseconds(50)));
    for (Daemon* daemon : daemons) daemon->Kill();
    SharedMariaDb().Resume();
    EXPECT_GT(before, 0) << "they had nothing to do";
    for (Daemon* daemon : daemons) daemon->Start();
  }
  void ExpectEach(const std::vector<Fed>& all, const std::string& picture) {
    EXPECT_TRUE(Eventually([&] { return crowd_.AllAreTaken(); }, kPatience));
    for (const Fed& fed : all) {
      EXPECT_EQ(Picture(game_.Truth(fed.stream), fed.channel), picture);
    }
  }

  NatsServer nats_;
  const Servers servers_{nats_, SharedRedis(), SharedMariaDb()};
  // Here everybody calls; it blends nothing and lives on.
  Daemon desk_{"streaming", "STREAMING", WithoutRounds({"REAL_AUDIENCE_BLENDING_ENABLED=false"}),
               servers_};
  const std::string database_ = "MYSQL_DATABASE=" + desk_.database();
  Daemon one_{"streaming", "STREAMING", WithoutRounds({database_}), servers_};
  Daemon other_{"streaming", "STREAMING", WithoutRounds({database_}), servers_};
  Game game_{desk_};
  RealCrowd crowd_{nats_.url()};
};

TEST_F(BlendingChaos, CrashesLeaveWhatAnUndisturbedRunLeaves) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("CHAOS_SEED=", seed));
  std::mt19937_64 random(seed);
  const auto feelings = MakeFeelings(random);
  const std::string calm = PictureOfCalm(feelings);

  // Killed in the middle of a burst. What an instance had taken and not answered comes again, half
  // a minute later.
  std::vector<Fed> crashed;
  for (int i = 0; i < 6; ++i) crashed.push_back(GoLive(feelings));
  const auto sendings = Shuffle(crashed, random);
  const std::vector<std::vector<Daemon*>> victims = {{&one_}, {&other_}, {&one_, &other_}};
  const size_t burst = sendings.size() / (2 * victims.size());
  auto next = sendings.begin();
  const auto send = [&](size_t count) {
    for (; count > 0 && next != sendings.end(); --count) Send(*next++);
  };
  for (const auto& daemons : victims) {
    send(burst);
    SharedMariaDb().Pause();
    send(burst);
    KillWhoWaits(daemons);
  }
  send(sendings.size());
  ExpectEach(crashed, calm);
}

TEST_F(BlendingChaos, ARestartOfNatsLeavesWhatAnUndisturbedRunLeaves) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("CHAOS_SEED=", seed));
  std::mt19937_64 random(seed);
  const auto feelings = MakeFeelings(random);
  const std::string calm = PictureOfCalm(feelings);

  std::vector<Fed> fed;
  for (int i = 0; i < 6; ++i) fed.push_back(GoLive(feelings));
  auto sendings = Shuffle(fed, random);
  for (size_t i = 0; i < sendings.size() / 2; ++i) Send(sendings[i]);
  EXPECT_TRUE(Eventually([&] { return Applied(fed) > 0; }, kPatience));
  // Pulses live in its memory: it has forgotten them, who took which, and their ids. So all of them
  // are told again.
  nats_.Kill();
  one_.Kill();
  nats_.Start();
  one_.Start();
  std::shuffle(sendings.begin(), sendings.end(), random);
  for (const Sending& sending : sendings) Send(sending);
  ExpectEach(fed, calm);
}

// --- What is none of a session's pulses. ---------------------------------------------------------

class BlendingRefuses : public testing::Test {
 protected:
  // Everybody is beside themselves.
  Pulse Cheers() const { return CheersOf(channel_); }
  Pulse CheersOf(const std::string& channel) const {
    Pulse pulse = RealCrowd::PulseOf(channel, stream_.session);
    RealCrowd::Feel(pulse, platform::SENTIMENT_CATEGORY_EXCITED, 1);
    return pulse;
  }
  double Outcomes(const std::string& outcome) const {
    return daemon_.Metric("streaming_pulses_total{outcome=\"" + outcome + "\"}");
  }
  // All that came before it was looked at once the session has felt one more.
  v1::GetAudienceTruthResponse AfterOnePulse() {
    Pulse last = RealCrowd::PulseOf(channel_, stream_.session);
    RealCrowd::Feel(last, platform::SENTIMENT_CATEGORY_AMUSED, 0.5f);
    crowd_.Send(last);
    EXPECT_TRUE(Eventually([&] { return game_.Truth(stream_).pulses_applied() == 1; }));
    return game_.Truth(stream_);
  }
  void ExpectOnlyThat(const v1::GetAudienceTruthResponse& truth, int stale = 0) {
    EXPECT_EQ(truth.pulses_applied(), 1);
    EXPECT_EQ(truth.pulses_stale(), stale);
    for (const auto& [word, level] : truth.mood()) {
      EXPECT_EQ(level > 0, word == "Amused") << word << " " << level;
    }
    EXPECT_EQ(truth.real_derived_count() + truth.unseated_count(), 0);
    ASSERT_EQ(truth.platform_session_ids_size(), 1);
    EXPECT_EQ(truth.platform_session_ids(0), channel_);
  }

  NatsServer nats_;
  Daemon daemon_{"streaming", "STREAMING", WithoutRounds(),
                 Servers{nats_, SharedRedis(), SharedMariaDb()}};
  Game game_{daemon_};
  RealCrowd crowd_{nats_.url()};
  const int members_ = game_.Seed(kMembers);
  const Stream stream_ = game_.GoLive({.usual_audience = kUsualAudience});
  const std::string channel_ = crowd_.GoLive(stream_.account);
};

// Bytes that no platform side sends. Anybody who believed one of them would cheer.
std::vector<std::string> Poisons(const Pulse& good) {
  std::vector<std::string> poisons = {"", "\xff\xff\xff garbage", std::string(1000, '\0')};
  const auto with = [&](const std::function<void(Pulse&)>& spoil) {
    Pulse pulse = good;
    spoil(pulse);
    poisons.push_back(pulse.SerializeAsString());
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  for (const float intensity : {nan, infinite, -0.1f, 1.1f}) {
    with([&](Pulse& pulse) { pulse.mutable_sentiments(0)->set_intensity(intensity); });
  }
  for (const int category : {0, 9, -1, 1'000'000}) {
    with([&](Pulse& pulse) {
      pulse.mutable_sentiments(0)->set_category(static_cast<platform::SentimentCategory>(category));
    });
  }
  with([](Pulse& pulse) { pulse.clear_timestamp(); });
  for (const int64_t second :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(),
        int64_t{253'402'300'800}, good.timestamp().seconds() + 600}) {
    with([&](Pulse& pulse) { pulse.mutable_timestamp()->set_seconds(second); });
  }
  with([](Pulse& pulse) { pulse.mutable_timestamp()->set_nanos(-1); });
  with([](Pulse& pulse) {
    for (int i = 0; i < 10'000; ++i) {
      RealCrowd::Feel(pulse, platform::SENTIMENT_CATEGORY_EXCITED, 1);
    }
  });
  with([](Pulse& pulse) { pulse.set_pulse_id("7"); });
  with([](Pulse& pulse) { pulse.set_platform_session_id("the main channel"); });
  with([](Pulse& pulse) { pulse.set_in_game_session_id("' OR 1=1 --"); });
  with([](Pulse& pulse) { pulse.mutable_sentiments(0)->set_tracking_id("somebody"); });
  return poisons;
}

TEST_F(BlendingRefuses, PoisonedPulsesArePutAsideAndCounted) {
  std::mutex mutex;
  std::multiset<std::string> put_aside;
  const auto bus = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
  ASSERT_TRUE(bus->Subscribe("dead.stream.audience.pulse",
                             [&](std::string_view, std::string_view payload) {
                               const std::lock_guard lock(mutex);
                               put_aside.emplace(payload);
                             })
                  .ok());
  const auto poisons = Poisons(Cheers());
  for (const std::string& poison : poisons) crowd_.SendBytes(poison);
  ExpectOnlyThat(AfterOnePulse());
  EXPECT_EQ(Outcomes("malformed"), static_cast<double>(poisons.size()));
  EXPECT_TRUE(Eventually([&] { return crowd_.AllAreTaken(); })) << "one comes again and again";
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return put_aside.size() >= poisons.size();
  }));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(put_aside == std::multiset<std::string>(poisons.begin(), poisons.end()))
      << put_aside.size() << " of " << poisons.size();
}

TEST_F(BlendingRefuses, WhatIsForeignStaleOrOfNobodyChangesNothing) {
  crowd_.Send(CheersOf(crowd_.GoLive(Uuid::V4())));  // of somebody else's channel
  Pulse stale = Cheers();
  *stale.mutable_timestamp() = RealCrowd::Stamp(common::Now() - std::chrono::minutes(3));
  crowd_.Send(stale);
  Pulse elsewhere = Cheers();
  elsewhere.set_in_game_session_id(Uuid::V4().ToString());
  crowd_.Send(elsewhere);
  crowd_.Send(CheersOf(Uuid::V4().ToString()));  // of a channel that nobody has announced
  ExpectOnlyThat(AfterOnePulse(), 1);
  EXPECT_TRUE(Eventually([&] { return Outcomes("foreign") == 1; }));
  EXPECT_EQ(Outcomes("stale"), 1);
  EXPECT_EQ(Outcomes("no_session"), 1);
  EXPECT_EQ(Outcomes("applied"), 1);
  EXPECT_EQ(Outcomes("malformed"), 0);
  ExpectOnlyThat(game_.Truth(stream_), 1);
}

TEST_F(BlendingRefuses, APulseWaitsForItsChannel) {
  const std::string late = Uuid::V4().ToString();
  crowd_.Send(CheersOf(late));
  ExpectOnlyThat(AfterOnePulse());
  crowd_.Announce(late, stream_.account);
  EXPECT_TRUE(Eventually([&] { return game_.Truth(stream_).pulses_applied() == 2; }, kPatience));
  EXPECT_GT(game_.Truth(stream_).mood().at("Excited"), 0);
  EXPECT_EQ(game_.Truth(stream_).platform_session_ids_size(), 2);
  EXPECT_EQ(Outcomes("unknown"), 0);
}

}  // namespace
}  // namespace story
