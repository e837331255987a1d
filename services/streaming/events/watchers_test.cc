#include "services/streaming/events/watchers.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"

namespace streaming::events {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::rpc::ServerStream;

// A watcher's client, who reads when he is told to.
struct Client {
  std::shared_ptr<ServerStream> stream;
  std::vector<v1::ClientEvent> seen;
  std::optional<absl::Status> end;
  bool waits = false;  // a message is under way
  int aborts = 0;

  // Takes all that there is.
  void Read() {
    while (waits) {
      waits = false;
      stream->OnWritten(true);
    }
  }
  void Leave() {
    waits = false;
    stream->OnCancelled();
    stream->OnWritten(false);
  }
  std::vector<uint64_t> Cursors() const {
    std::vector<uint64_t> cursors;
    for (const auto& event : seen) cursors.push_back(event.cursor());
    return cursors;
  }
};

class WatchersTest : public testing::Test {
 protected:
  WatchersTest() { watchers_.Begin(100); }
  ~WatchersTest() override {
    for (const auto& client : clients_) {
      if (!client->end) client->stream->OnDone();
    }
  }

  std::shared_ptr<Client> Connect() {
    auto client = std::make_shared<Client>();
    Client* const raw = client.get();
    client->stream = std::make_shared<ServerStream>(ServerStream::Wire{
        .begin = [] {},
        .write =
            [raw](const grpc::ByteBuffer& message) {
              grpc::Slice bytes;
              ASSERT_TRUE(message.DumpToSingleSlice(&bytes).ok());
              v1::ClientEvent event;
              ASSERT_TRUE(event.ParseFromArray(bytes.begin(), static_cast<int>(bytes.size())));
              raw->seen.push_back(std::move(event));
              raw->waits = true;
            },
        .finish =
            [raw](const absl::Status& status) {
              raw->end = status;
              raw->stream->OnDone();
            },
        .cancel = [raw] { ++raw->aborts; }});
    clients_.push_back(client);
    return client;
  }
  absl::Status TryOpen(const Watch& watch, const std::shared_ptr<Client>& client) {
    const absl::Status opened = watchers_.Open(watch, client->stream);
    if (!opened.ok()) client->stream->Close(opened);
    client->stream->Begin();
    return opened;
  }
  std::shared_ptr<Client> Open(const Watch& watch) {
    auto client = Connect();
    const absl::Status opened = TryOpen(watch, client);
    EXPECT_TRUE(opened.ok()) << opened;
    return client;
  }
  std::shared_ptr<Client> Open() { return Open({.session = session_, .everything = true}); }

  Told Milestone() const {
    v1::ClientEvent event;
    event.mutable_milestone()->set_milestone_value(1);
    return {session_, event};
  }
  Told Hype() const {
    v1::ClientEvent event;
    event.mutable_hype_started()->set_session_id(session_.ToString());
    return {session_, event};
  }
  static v1::ClientEvent Snapshot(int heads) {
    v1::ClientEvent event;
    event.mutable_audience_update()->set_audience_count(heads);
    return event;
  }

  const Uuid session_ = Uuid::V4();
  common::Time now_ = common::FromMicros(1'790'000'000'000'000);
  uint64_t last_ = 0;
  common::metrics::Registry metrics_;
  std::vector<std::shared_ptr<Client>> clients_;
  Watchers watchers_{metrics_,
                     {.max = 10,
                      .per_account_max = 2,
                      .queue_max = 4,
                      .history_max = 8,
                      .clock = [this] { return now_; },
                      .last_sequence = [this]() -> absl::StatusOr<uint64_t> { return last_; }}};
};

TEST_F(WatchersTest, EverybodyGetsWhatHappensInHisSession) {
  const auto one = Open();
  const auto two = Open();
  const auto other = Open({.session = Uuid::V4()});
  watchers_.Tell(session_, Snapshot(7));
  one->Read();
  watchers_.TellStored(101, Hype());
  two->Read();
  one->Read();
  two->Read();
  for (const auto& client : {one, two}) {
    EXPECT_EQ(client->Cursors(), (std::vector<uint64_t>{100, 101}));
    EXPECT_EQ(client->seen[0].audience_update().audience_count(), 7);
  }
  EXPECT_TRUE(other->seen.empty());
  EXPECT_EQ(watchers_.Watched().size(), 2u);
}

TEST_F(WatchersTest, MilestonesAreForThoseWhoSeeEverything) {
  const auto owner = Open();
  const auto stranger = Open({.session = session_});
  watchers_.TellStored(101, Milestone());
  watchers_.TellStored(102, Hype());
  owner->Read();
  stranger->Read();
  EXPECT_EQ(owner->Cursors(), (std::vector<uint64_t>{101, 102}));
  EXPECT_EQ(stranger->Cursors(), (std::vector<uint64_t>{102}));
  const auto back = Open({.session = session_, .cursor = 100});
  back->Read();
  EXPECT_EQ(back->Cursors(), (std::vector<uint64_t>{102}));
}

TEST_F(WatchersTest, AStoredMessageThatComesAgainIsToldOnce) {
  const auto client = Open();
  watchers_.TellStored(101, Hype());
  watchers_.TellStored(101, Hype());
  client->Read();
  EXPECT_EQ(client->seen.size(), 1u);
}

TEST_F(WatchersTest, WhoResumesGetsWhatHeMissedFirst) {
  for (uint64_t sequence = 101; sequence <= 106; ++sequence) {
    watchers_.TellStored(sequence, Hype());
  }
  const auto client = Open({.session = session_, .cursor = 103, .first = Snapshot(3)});
  watchers_.TellStored(107, Hype());
  client->Read();
  EXPECT_EQ(client->Cursors(), (std::vector<uint64_t>{104, 105, 106, 106, 107}));
  EXPECT_TRUE(client->seen[3].has_audience_update());
}

TEST_F(WatchersTest, ACursorThatIsTooOldOrOfAnotherStreamHasExpired) {
  for (uint64_t sequence = 101; sequence <= 120; ++sequence) {
    watchers_.TellStored(sequence, Hype());
  }
  const auto refused = [&](uint64_t cursor) {
    const absl::Status status = TryOpen({.session = session_, .cursor = cursor}, Connect());
    return common::errors::Is(status, kCursorExpired);
  };
  EXPECT_TRUE(refused(111));
  EXPECT_FALSE(refused(112)) << "the last eight are kept";
  last_ = 121;  // this instance has not read it yet
  EXPECT_FALSE(refused(121));
  EXPECT_TRUE(refused(122));
}

TEST_F(WatchersTest, WhoHasSeenMoreThanThisInstanceSeesNothingTwice) {
  last_ = 102;
  const auto client = Open({.session = session_, .cursor = 102});
  watchers_.TellStored(101, Hype());
  watchers_.TellStored(102, Hype());
  watchers_.TellStored(103, Hype());
  client->Read();
  EXPECT_EQ(client->Cursors(), (std::vector<uint64_t>{103}));
}

TEST_F(WatchersTest, ASlowWatcherLosesSnapshotsAndIsTold) {
  const auto client = Open();
  for (int i = 0; i < 10; ++i) watchers_.Tell(session_, Snapshot(i));
  watchers_.TellStored(101, Hype());
  client->Read();
  ASSERT_EQ(client->seen.size(), 5u) << "one under way and four that wait";
  EXPECT_EQ(client->seen[1].audience_update().audience_count(), 7);
  EXPECT_EQ(client->seen[1].gap(), 6u);
  EXPECT_TRUE(client->seen[4].has_hype_started());
  EXPECT_FALSE(client->end);
}

TEST_F(WatchersTest, AWatcherWhoReadsNothingIsOutWithoutHurtingOthers) {
  const auto slow = Open();
  const auto quick = Open();
  for (uint64_t sequence = 101; sequence <= 106; ++sequence) {
    watchers_.TellStored(sequence, Hype());
    quick->Read();
  }
  EXPECT_EQ(quick->seen.size(), 6u);
  EXPECT_FALSE(slow->end) << "a message is under way to him";
  now_ += std::chrono::seconds(11);
  watchers_.Tick();
  EXPECT_EQ(slow->aborts, 1);
  slow->waits = false;
  slow->stream->OnWritten(true);
  ASSERT_TRUE(slow->end);
  EXPECT_TRUE(common::errors::Is(*slow->end, kWatcherTooSlow));
  EXPECT_EQ(common::errors::MetadataOf(*slow->end, "cursor"), "101");
  const auto back = Open({.session = session_, .cursor = 101});
  back->Read();
  EXPECT_EQ(back->Cursors(), (std::vector<uint64_t>{102, 103, 104, 105, 106}));
}

TEST_F(WatchersTest, NotMoreThanAllowed) {
  const Uuid account = Uuid::V4();
  Watch watch = {.session = session_, .account = account};
  const auto first = Open(watch);
  Open(watch);
  EXPECT_TRUE(common::errors::Is(TryOpen(watch, Connect()), kTooManyWatchers));
  first->Leave();
  EXPECT_TRUE(first->end);
  Open(watch);
  watch.account.reset();
  for (int i = 0; i < 8; ++i) Open(watch);
  EXPECT_TRUE(common::errors::Is(TryOpen(watch, Connect()), kTooManyWatchers));
}

TEST_F(WatchersTest, AWatchEndsAfterTheMilestonesOfTheEndOrInTime) {
  const auto client = Open();
  watchers_.TellEnd(101, session_);
  now_ += std::chrono::seconds(2);
  watchers_.TellStored(102, Milestone());
  watchers_.Tick();
  client->Read();
  EXPECT_FALSE(client->end);
  now_ += std::chrono::seconds(2);
  watchers_.Tick();
  ASSERT_TRUE(client->end);
  EXPECT_TRUE(client->end->ok());
  EXPECT_EQ(client->seen.size(), 1u);

  const auto late = Open({.session = session_, .cursor = 101});
  late->Read();
  EXPECT_EQ(late->seen.size(), 0u) << "milestones are the streamer's";
  now_ += std::chrono::seconds(4);
  watchers_.Tick();
  EXPECT_FALSE(late->end);
  now_ += std::chrono::seconds(1);
  watchers_.Tick();
  EXPECT_TRUE(late->end);
}

TEST_F(WatchersTest, AnEndThatNobodyToldEndsTheWatch) {
  const auto client = Open();
  watchers_.EndNow({session_, Uuid::V4()});
  now_ += std::chrono::seconds(5);
  watchers_.Tick();
  EXPECT_TRUE(client->end);
  EXPECT_TRUE(watchers_.Watched().empty());
}

TEST_F(WatchersTest, ADrainEndsAllAndRefusesMore) {
  const auto client = Open();
  watchers_.Tell(session_, Snapshot(1));
  watchers_.Close();
  EXPECT_FALSE(client->end);
  client->Read();
  ASSERT_TRUE(client->end);
  EXPECT_TRUE(common::errors::Is(*client->end, common::errors::kDraining));
  EXPECT_TRUE(
      common::errors::Is(TryOpen({.session = session_}, Connect()), common::errors::kDraining));
}

TEST_F(WatchersTest, NobodyWatchesBeforeTheHistoryIsRead) {
  Watchers fresh(metrics_, {});
  const auto client = Connect();
  const absl::Status status = fresh.Open({.session = session_}, client->stream);
  EXPECT_TRUE(common::errors::Is(status, common::errors::kUnavailable));
  fresh.TellStored(7, Hype());
  fresh.Begin(9);
  EXPECT_TRUE(fresh.Open({.session = session_}, client->stream).ok());
  EXPECT_EQ(fresh.position(), 7u);
  client->stream->Close(absl::OkStatus());
  client->stream->Begin();
}

// Clients that read, fall asleep, leave and resume at random see every hype event once, in order.
TEST_F(WatchersTest, ThroughAnyNumberOfLeavesEveryStoredEventIsSeenOnce) {
  std::mt19937_64 random(7);
  Watchers watchers(metrics_,
                    {.queue_max = 4, .history_max = 10'000, .clock = [this] { return now_; }});
  watchers.Begin(1000);
  struct Fan {
    std::shared_ptr<Client> client;
    uint64_t cursor = 1000;
    std::vector<uint64_t> stored;
  };
  std::vector<Fan> fans(5);
  const auto collect = [](Fan& fan) {
    for (const v1::ClientEvent& event : fan.client->seen) {
      fan.cursor = event.cursor();
      if (event.has_hype_started()) fan.stored.push_back(event.cursor());
    }
    fan.client->seen.clear();
  };
  const auto open = [&](Fan& fan) {
    fan.client = Connect();
    ASSERT_TRUE(
        watchers.Open({.session = session_, .cursor = fan.cursor}, fan.client->stream).ok());
    fan.client->stream->Begin();
  };
  for (Fan& fan : fans) open(fan);
  uint64_t sequence = 1000;
  for (int i = 0; i < 3000; ++i) {
    random() % 2 == 0 ? watchers.TellStored(++sequence, Hype())
                      : watchers.Tell(session_, Snapshot(i));
    Fan& fan = fans[random() % fans.size()];
    const auto what = random() % 8;
    if (what < 5) fan.client->Read();
    collect(fan);
    if (what == 7 && !fan.client->end) fan.client->Leave();
    if (fan.client->end) open(fan);
  }
  for (Fan& fan : fans) {
    fan.client->Read();
    collect(fan);
    if (fan.client->end) {
      open(fan);
      fan.client->Read();
      collect(fan);
    }
    ASSERT_EQ(fan.stored.size(), sequence - 1000);
    for (size_t i = 0; i < fan.stored.size(); ++i) ASSERT_EQ(fan.stored[i], 1001 + i);
  }
  watchers.Close();
  for (Fan& fan : fans) fan.client->Read();
}

}  // namespace
}  // namespace streaming::events
