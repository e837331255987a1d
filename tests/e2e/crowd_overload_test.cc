// Far more chat than the daemon can carry, and a Redis that stops in the middle of it: every
// message is answered in time, memory stays flat, chat is shed first, and what is no chat is never
// lost.
#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/common/redis/redis.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/webhooks.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;
using std::chrono::steady_clock;

// What a resident process takes, in MiB.
int ResidentMiB(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return static_cast<int>(resident * sysconf(_SC_PAGESIZE) >> 20);
}

class Crowd {
 public:
  Crowd(const PlatformSide& side, std::string channel)
      : url_("http://" + side.http_address + "/stream/webhook/twitch"),
        channel_(std::move(channel)) {}

  // So many connections, each of which says a line as soon as the last one is acknowledged.
  void Chat(int connections, std::chrono::seconds duration) {
    const auto end = steady_clock::now() + duration;
    std::vector<std::thread> senders;
    for (int i = 0; i < connections; ++i) {
      senders.emplace_back([this, end, i] {
        common::http::Client client;
        for (int line = 0; steady_clock::now() < end; ++line) {
          Count(Post(client, {.subscription_type = "channel.chat.message"}, Line(i, line)));
        }
      });
    }
    for (std::thread& sender : senders) sender.join();
  }
  // Cheers until told to stop; each again and again until it is acknowledged.
  void Cheer(int cheerer, const std::atomic<bool>& stop) {
    common::http::Client client;
    for (int i = 0; !stop; ++i) {
      const std::string body = json{
          {"event",
           {{"broadcaster_user_id", channel_},
            {"user_id", std::to_string(1'000'000 * (cheerer + 1) + i)},
            {"bits", 100}}}}.dump();
      const EventSubMessage message{.subscription_type = "channel.cheer"};
      int attempts = 0;
      const auto told = [&] { return ++attempts > 0 && Post(client, message, body) == 204; };
      EXPECT_TRUE(Eventually(told, std::chrono::seconds(60), std::chrono::milliseconds(100)));
      cheers_sent_again_ += attempts - 1;
      ++cheers_;
    }
  }

  int lines() const { return lines_; }
  int lines_refused() const { return refused_; }
  int cheers() const { return cheers_; }
  int cheers_sent_again() const { return cheers_sent_again_; }
  std::chrono::milliseconds slowest() const { return std::chrono::milliseconds(slowest_ms_); }

 private:
  std::string Line(int sender, int line) const {
    return json{{"event",
                 {{"broadcaster_user_id", channel_},
                  {"chatter_user_id", std::to_string(1000 + sender * 50 + line % 50)},
                  {"message_id", Uuid::V4().ToString()},
                  {"badges", json::array()},
                  {"message", {{"text", "that was insane PogChamp"}}}}}}
        .dump();
  }
  int Post(common::http::Client& client, const EventSubMessage& message, const std::string& body) {
    const auto begin = steady_clock::now();
    const auto answer = client.Send({.method = "POST",
                                     .url = url_,
                                     .headers = message.Headers(body),
                                     .body = body,
                                     .timeout = std::chrono::seconds(20)});
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
    int64_t slowest = slowest_ms_;
    while (took.count() > slowest && !slowest_ms_.compare_exchange_weak(slowest, took.count())) {
    }
    return answer.ok() ? answer->status : 0;
  }
  void Count(int status) {
    ++lines_;
    refused_ += status != 204;
  }

  const std::string url_;
  const std::string channel_;
  std::atomic<int> lines_ = 0;
  std::atomic<int> refused_ = 0;
  std::atomic<int> cheers_ = 0;
  std::atomic<int> cheers_sent_again_ = 0;
  std::atomic<int64_t> slowest_ms_ = 0;
};

TEST(CrowdOverload, IsAcknowledgedInTimeAndLosesNothingButChat) {
  constexpr int kEnough = 8;  // connections that keep two cores busy
  constexpr int kCheering = 16;
  common::testing::RedisServer redis_server;
  PlatformSide side({"REDIS_ADDR=" + redis_server.address(), "CHAT_QUEUE_MAX=500"});
  Channel channel(side);
  channel.Link();
  const std::string session = channel.GoLive();
  Crowd crowd(side, channel.user_id());
  crowd.Chat(kEnough, std::chrono::seconds(2));
  const int before = ResidentMiB(side.daemon.pid());
  const int calm_lines = crowd.lines();

  std::atomic<bool> over = false;
  // More than the daemon has threads: each of them may have to wait for Redis.
  std::vector<std::thread> cheering;
  for (int i = 0; i < kCheering; ++i) cheering.emplace_back([&, i] { crowd.Cheer(i, over); });
  std::thread chat([&] { crowd.Chat(10 * kEnough, std::chrono::seconds(8)); });
  EXPECT_TRUE(Eventually([&] { return crowd.lines() > calm_lines + 1000; }));
  redis_server.Pause();
  // The queue was full, or what came out of it found no Redis.
  const auto dropped = [&] {
    return side.daemon.Metric("stream_chat_dropped_total{reason=\"shed\"}") +
           side.daemon.Metric("stream_chat_dropped_total{reason=\"buffer_failed\"}");
  };
  const double dropped_before = dropped();
  EXPECT_TRUE(Eventually([&] { return dropped() > dropped_before + 1000; }));
  redis_server.Resume();
  chat.join();
  const int at_least = crowd.cheers() + 10;  // it has recovered
  EXPECT_TRUE(Eventually([&] { return crowd.cheers() >= at_least; }));
  over = true;
  for (std::thread& one : cheering) one.join();

  EXPECT_EQ(crowd.lines_refused(), 0) << "of " << crowd.lines();
  EXPECT_LT(crowd.slowest(), std::chrono::seconds(5));
  EXPECT_LT(ResidentMiB(side.daemon.pid()) - before, 64);
  // A mark and its sentiment are stored in one step: as many marks as there were cheers.
  common::redis::Options options;
  options.port = redis_server.port();
  common::redis::Redis redis(options);
  const auto marks = redis.Command({"KEYS", "stream:{" + session + "}:seen:*"});
  EXPECT_EQ(marks->size(), static_cast<size_t>(crowd.cheers()));
  EXPECT_GT(crowd.cheers(), 10);
  GTEST_LOG_(INFO) << crowd.lines() << " lines, " << crowd.cheers() << " cheers ("
                   << crowd.cheers_sent_again() << " sent again), slowest answer "
                   << crowd.slowest().count() << " ms";
}

}  // namespace
}  // namespace story
