// The webhooks of a running stream daemon, as impolite strangers see them: bytes over raw sockets.
// Whatever they send is answered or ended, in bounded memory, and honest messages get through.
#include <deque>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/http/url.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/raw_peer.h"
#include "tests/e2e/channel.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::RawPeer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

// The daemon's limits, which are no settings.
constexpr seconds kTimeout{10};  // of a header, and of a body
constexpr size_t kMaxBodyBytes = 256 * 1024;
constexpr size_t kMaxHeaderBytes = 8 * 1024;

constexpr const char* kAccepted = "stream_webhooks_total{outcome=\"accepted\",platform=\"twitch\"}";

size_t ResidentBytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  size_t total = 0;
  size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

class WebhookEdge : public testing::Test {
 protected:
  struct Side {
    PlatformSide platform;
    Channel channel{platform};

    Side() {
      channel.Link();
      channel.GoLive();
      channel.AwaitQuiet();
    }
  };
  static void SetUpTestSuite() { side_ = std::make_unique<Side>(); }
  static void TearDownTestSuite() { side_ = nullptr; }

  static Daemon& daemon() { return side_->platform.daemon; }
  static uint16_t port() {
    const std::string& address = side_->platform.http_address;
    return static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  }
  static std::string LinkId() { return side_->channel.Links().value().platforms(0).link_id(); }
  static std::string Path() { return "/stream/webhook/twitch/" + LinkId(); }

  // One line of chat in the channel as Twitch sends it; `more` are further lines of the header.
  static std::string Signed(const std::string& path, const std::string& version = "HTTP/1.1",
                            const std::string& more = "Host: h\r\n") {
    const nlohmann::json event{{"broadcaster_user_id", side_->channel.user_id()},
                               {"chatter_user_id", "4711"},
                               {"message_id", Uuid::V4().ToString()},
                               {"message", {{"text", "well played"}}}};
    const std::string body = nlohmann::json{{"event", event}}.dump();
    const std::string id = Uuid::V4().ToString();
    const std::string sent_at = common::FormatTime(common::Now());
    const common::config::Secret secret(PlatformSide::kWebhookSecret);
    const std::string mac =
        common::crypto::HexEncode(common::crypto::HmacSha256(secret, {id, sent_at, body}));
    return "POST " + path + " " + version + "\r\n" + more + "Twitch-Eventsub-Message-Id: " + id +
           "\r\nTwitch-Eventsub-Message-Timestamp: " + sent_at +
           "\r\nTwitch-Eventsub-Message-Signature: sha256=" + mac +
           "\r\nTwitch-Eventsub-Message-Type: notification"
           "\r\nTwitch-Eventsub-Subscription-Type: channel.chat.message"
           "\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  // An honest message on a connection of its own.
  static void ExpectHonestMessageTaken() {
    RawPeer peer(port());
    peer.Send(Signed(Path()));
    EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 204"));
  }

  // The answer has that status, and nothing follows it but the end.
  static void ExpectRefused(const std::string& bytes, int status) {
    RawPeer peer(port());
    peer.Send(bytes);
    const std::string answer = peer.ReadAll();
    const std::string shown = bytes.substr(0, 200);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(status) + " ")) << shown;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << answer << "\n" << shown;
    EXPECT_TRUE(peer.closed()) << shown;
  }
  // The answer has that status; the connection serves the next request if there is one.
  static std::string Ask(const std::string& bytes) {
    RawPeer peer(port());
    peer.Send(bytes);
    return peer.ReadAnswer();
  }
  static void ExpectAnswered(const std::string& bytes, int status) {
    EXPECT_THAT(Ask(bytes), StartsWith("HTTP/1.1 " + std::to_string(status) + " ")) << bytes;
  }

  static std::string Post(const std::string& path, const std::string& header) {
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + header + "\r\n";
  }
  static std::string PostTwitch(const std::string& header) {
    return Post("/stream/webhook/twitch", header);
  }

 private:
  static inline std::unique_ptr<Side> side_;
};

TEST_F(WebhookEdge, WhatIsNotOneRequestForSureIsRefusedAndEndsTheConnection) {
  const std::string both =
      PostTwitch("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n";
  const std::string next = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string malformed[] = {
      // Two peers could disagree about where these end.
      both + next,
      PostTwitch("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "0\r\n\r\n" + next,
      PostTwitch("Content-Length: 4\r\nContent-Length: 40\r\n") + "abcd" + next,
      PostTwitch("Content-Length: +4\r\n") + "abcd" + next,
      PostTwitch("Content-Length: 0x4\r\n") + "abcd" + next,
      PostTwitch("Content-Length: 4 4\r\n") + "abcd" + next,
      PostTwitch("Content-Length: 99999999999999999999\r\n") + "abcd" + next,
      PostTwitch("Content-Length : 4\r\n") + "abcd" + next,
      PostTwitch("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n" + next,
      PostTwitch("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n" + next,
      PostTwitch("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n" + next,
      // Line ends and characters that do not belong there.
      "POST /stream/webhook/twitch HTTP/1.1\nHost: h\n\n" + next,
      PostTwitch("X-Mark: a\n") + next,
      PostTwitch(std::string("X-Mark: a\0b\r\n", 13)) + next,
      std::string("POST /stream/webhook\0/twitch HTTP/1.1\r\nHost: h\r\n\r\n", 49) + next,
      PostTwitch("X Mark: a\r\n") + next,
      PostTwitch(": a\r\n") + next,
      // Nobody, or two, asked for.
      "POST /stream/webhook/twitch HTTP/1.1\r\n\r\n",
      PostTwitch("Host: other\r\n"),
      // Something else altogether.
      "POST http://h/stream/webhook/twitch HTTP/1.1\r\nHost: h\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(501, '\x5a'),
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      "CONNECT example.com:443 HTTP/1.1\r\nHost: h\r\n\r\n",
      Post("/stream/webhook/twitch/%zz", ""),
  };
  for (const std::string& bytes : malformed) ExpectRefused(bytes, 400);
  ExpectHonestMessageTaken();
}

TEST_F(WebhookEdge, ChunksThatPlayTricksAreRefused) {
  const std::string head = PostTwitch("Transfer-Encoding: chunked\r\n");
  const std::string end = "\r\n0\r\n\r\n";
  for (const std::string& size :
       {std::string("-1"), std::string("0x4"), std::string("+4"), std::string("4 4"),
        std::string("fffffffffffffffff"), std::string("g"), std::string("")}) {
    ExpectRefused(head + size + "\r\nabcd" + end, 400);
  }
  ExpectRefused(head + "4\nabcd" + end, 400);
  ExpectRefused(head + "4\r\nabcdefgh" + end, 400);
  ExpectRefused(head + "4;" + std::string(3 * kMaxHeaderBytes, 'x') + "\r\nabcd" + end, 400);
  ExpectRefused(head + "ffffffffffffffff\r\nabcd", 413);
  ExpectRefused(head + "40001\r\n" + std::string(kMaxBodyBytes + 1, 'x'), 413);
  // As many bytes in chunks as it can take, one too many.
  std::string drops;
  for (size_t i = 0; i <= kMaxBodyBytes / 64; ++i) {
    drops += "40\r\n" + std::string(64, 'x') + "\r\n";
  }
  ExpectRefused(head + drops + "0\r\n\r\n", 413);
  // And what is sound: read to its end, then refused as nobody signed it. A length said twice is
  // one.
  ExpectAnswered(PostTwitch("Content-Length: 4, 4\r\n") + "abcd", 403);
  ExpectAnswered(head + "0004;a=b\r\nabcd\r\n0\r\nX-Trailer: a\r\n\r\n", 403);
  ExpectHonestMessageTaken();
}

TEST_F(WebhookEdge, OversizedHeadersAndBodiesAreRefusedBeforeTheyAreRead) {
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": a\r\n";
  ExpectRefused(PostTwitch(many), 431);
  ExpectRefused(PostTwitch("X-Large: " + std::string(1 << 20, 'x') + "\r\n"), 431);
  ExpectRefused("POST /" + std::string(1 << 20, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431);
  ExpectRefused(std::string(1 << 20, 'X'), 431);
  for (const size_t size : {kMaxBodyBytes + 1, size_t{1} << 40}) {
    ExpectRefused(PostTwitch("Content-Length: " + std::to_string(size) + "\r\n"), 413);
  }
  ExpectRefused(PostTwitch("Content-Length: 18446744073709551615\r\n"), 413);
  ExpectRefused(PostTwitch("Expect: 100-continue\r\nContent-Length: 9000000\r\n"), 413);
  ExpectHonestMessageTaken();
}

TEST_F(WebhookEdge, WrongMethodsAndPathsAreToldApart) {
  const std::string link = LinkId();
  const auto with = [](const std::string& method, const std::string& path) {
    return Ask(method + " " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  for (const char* method : {"GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "post", "BREW"}) {
    const std::string twitch = with(method, "/stream/webhook/twitch/" + link);
    EXPECT_THAT(twitch, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(twitch, HasSubstr("Allow: POST\r\n")) << method;
  }
  EXPECT_THAT(with("DELETE", "/stream/webhook/youtube/" + link),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, POST\r\n")));
  for (const std::string& path : std::initializer_list<std::string>{
           "/", "/stream/webhook", "/stream/webhook/", "/stream/webhook/facebook/" + link,
           "/stream/webhook/twitch/" + link + "/more", "/stream/webhook/youtube",
           // A link is named by its id and by nothing that only looks like a path to it.
           "/stream/webhook/twitch/not-a-uuid", "/stream/webhook/twitch/" + link + "0",
           "/stream/webhook/twitch/{" + link + "}", "/stream/webhook/custom/1",
           "/stream/webhook/twitch/..", "/stream/webhook/twitch/%2e%2e",
           "/stream/webhook/youtube/../twitch/" + link, "/stream/webhook/twitch/..%2f" + link,
           "//stream/webhook/twitch/" + link, "/stream/webhook/twitch//" + link,
           "/stream%2fwebhook/twitch/" + link, "/stream/webhook/twitch/%00",
           "/stream/webhook/twitch/../../../etc/passwd"}) {
    EXPECT_THAT(with("POST", path), StartsWith("HTTP/1.1 404 ")) << path;
  }
  ExpectHonestMessageTaken();
}

TEST_F(WebhookEdge, HonestMessagesInUnusualDressAreTaken) {
  // Every character of the link's id in its percent-encoded form.
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string encoded;
  for (const char c : LinkId()) encoded += {'%', kHex[c >> 4], kHex[c & 15]};
  ExpectAnswered(Signed("/stream/webhook/twitch/" + encoded), 204);
  ExpectAnswered(Signed(Path() + "?q=1"), 204);

  RawPeer old(port());
  old.Send(Signed(Path(), "HTTP/1.0", ""));
  EXPECT_THAT(old.ReadAll(), StartsWith("HTTP/1.1 204"));
  EXPECT_TRUE(old.closed());

  RawPeer asking(port());
  const std::string message = Signed(Path(), "HTTP/1.1", "Host: h\r\nExpect: 100-continue\r\n");
  const size_t body = message.find("\r\n\r\n") + 4;
  asking.Send(message.substr(0, body));
  EXPECT_EQ(asking.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  asking.Send(message.substr(body));
  EXPECT_THAT(asking.ReadAnswer(), StartsWith("HTTP/1.1 204"));
}

TEST_F(WebhookEdge, FiftyMessagesAtOnceOnOneConnectionAreAllTaken) {
  constexpr int kMessages = 50;
  const double before = daemon().Metric(kAccepted);
  RawPeer peer(port());
  std::string burst;
  for (int i = 0; i < kMessages; ++i) burst += Signed(Path());
  peer.Send(burst);
  for (int i = 0; i < kMessages; ++i) {
    EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 204")) << i;
  }
  EXPECT_EQ(daemon().Metric(kAccepted), before + kMessages);
}

// Each of a kind; none is answered, since nothing whole came.
std::vector<std::string> SlowStarts(const std::string& path) {
  const std::string post = "POST " + path + " HTTP/1.1\r\nHost: h\r\n";
  return {
      "",
      "POST /stream/web",
      post + "X-Slow: ",
      post + "Content-Length: 2000\r\n\r\n" + std::string(1000, 'x'),
      post + "Transfer-Encoding: chunked\r\n\r\n400\r\n" + std::string(1000, 'x'),
      post + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
  };
}

TEST_F(WebhookEdge, SlowHeadersAndBodiesAreCutOffInTime) {
  std::deque<RawPeer> peers;
  for (const std::string& start : SlowStarts(Path())) {
    peers.emplace_back(port(), 2 * kTimeout).Send(start);
  }
  // A byte now and then prolongs nothing.
  RawPeer& header = peers.emplace_back(port(), 2 * kTimeout);
  RawPeer& body = peers.emplace_back(port(), 2 * kTimeout);
  header.Send(PostTwitch("X-Slow: ").substr(0, 60));
  body.Send(PostTwitch("Transfer-Encoding: chunked\r\n"));
  std::jthread drip([&](const std::stop_token& stop) {
    const auto stopped = [&] { return stop.stop_requested(); };
    while (!Eventually(stopped, milliseconds(200))) {
      header.Send("x");
      body.Send("1\r\nx\r\n");
    }
  });
  for (RawPeer& peer : peers) {
    EXPECT_EQ(peer.ReadAll(), "");
    EXPECT_TRUE(peer.closed());
  }
}

TEST_F(WebhookEdge, FiveHundredSlowPeersCostLittleAndHonestMessagesGetThrough) {
  constexpr size_t kPeers = 500;
  // Two buffers of a header's size each, and what a socket and a coroutine need.
  constexpr size_t kBytesEach = 40 * 1024;
  constexpr const char* kConnections = "http_server_connections{listener=\"public\"}";
  ExpectHonestMessageTaken();
  const double others = daemon().Metric(kConnections);  // platform_sim keeps some
  const size_t before = ResidentBytes(daemon().pid());
  std::deque<RawPeer> peers;
  const std::vector<std::string> starts = SlowStarts(Path());
  while (peers.size() < kPeers)
    peers.emplace_back(port()).Send(starts[peers.size() % starts.size()]);
  const auto grown = [&] {
    const size_t now = ResidentBytes(daemon().pid());
    return now > before ? now - before : 0;
  };
  const auto until = std::chrono::steady_clock::now() + kTimeout / 2;
  size_t most = 0;
  while (std::chrono::steady_clock::now() < until) {
    ExpectHonestMessageTaken();
    most = std::max(most, grown());
  }
  // Until the daemon has thrown the last one out.
  const auto thrown_out = [&] {
    most = std::max(most, grown());
    return daemon().Metric(kConnections) <= others;
  };
  EXPECT_TRUE(Eventually(thrown_out, 6 * kTimeout, milliseconds(100)));
  EXPECT_LT(most, kPeers * kBytesEach);
  ExpectHonestMessageTaken();
}

}  // namespace
}  // namespace story
