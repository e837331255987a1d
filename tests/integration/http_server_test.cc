// The HTTP server as an impolite peer sees it: bytes over a raw socket.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/executor/executor.h"
#include "libs/common/http/client.h"
#include "libs/common/http/server.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/raw_peer.h"

namespace common::http {
namespace {

using common::testing::Eventually;
using common::testing::RawPeer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr milliseconds kPatience{10'000};
constexpr size_t kMaxBody = 1000;

// Holds handlers back until the test opens it.
class Gate {
 public:
  void Pass() {
    ++waiting_;
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  int waiting() const { return waiting_; }

 private:
  std::atomic<int> waiting_{0};
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override { gate_.Open(); }

  void Start(ServerOptions options = {}) {
    options.executor = [this](std::function<void()> task) {
      return executor_.TrySubmit(std::move(task));
    };
    options.observe = [this](const Served& served) {
      const std::lock_guard lock(mutex_);
      served_.push_back(std::string(served.route) + " " + std::to_string(served.status));
    };
    auto server = Server::Start(std::move(options), Routes());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::vector<Route> Routes() {
    const auto echo = [](const Request& request) {
      std::string text = std::string(request.method) + " " + request.path_parameter + " ";
      for (const auto& [name, value] : request.query) text += name + "=" + value + ";";
      return TextResponse(200, text + std::string(request.Header("x-mark").value_or("-")) + " " +
                                   std::string(request.body));
    };
    return {
        {.method = "POST",
         .pattern = "/echo/{name}",
         .handler = echo,
         .max_body_bytes = kMaxBody,
         .sensitive = true},
        {.method = "POST",
         .pattern = "/sensitive",
         .handler =
             [this](const Request& request) {
               kept_ = request.body;
               return TextResponse(200, std::string(request.body));
             },
         .max_body_bytes = kMaxBody,
         .sensitive = true},
        {.method = "GET",
         .pattern = "/kept",
         .handler =
             [this](const Request&) {
               return TextResponse(200,
                                   kept_ == std::string(kept_.size(), '\0') ? "wiped" : "kept");
             }},
        {.method = "GET", .pattern = "/inline", .handler = echo, .run_inline = true},
        {.method = "GET",
         .pattern = "/empty",
         .handler = [](const Request&) { return Response{.status = 204}; }},
        {.method = "GET",
         .pattern = "/throw",
         .handler = [](const Request&) -> Response { throw std::runtime_error("hidden"); }},
        {.method = "GET",
         .pattern = "/gate",
         .handler =
             [this](const Request&) {
               gate_.Pass();
               return TextResponse(200, "through");
             }},
    };
  }

  std::string Ask(std::string_view bytes) {
    RawPeer peer(server_->port());
    peer.Send(bytes);
    return peer.ReadAnswer();
  }

  std::vector<std::string> served() {
    const std::lock_guard lock(mutex_);
    return served_;
  }

  std::mutex mutex_;
  std::vector<std::string> served_;
  std::string_view kept_;  // a handler's view, looked at while its connection still lives
  Gate gate_;
  executor::Executor executor_{1, 2};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServerTest, GivesAHandlerTheWholeRequest) {
  Start();
  const std::string answer = Ask(
      "POST /echo/a%20b?q=1%262&r=x+y HTTP/1.1\r\nHost: h\r\nX-MARK: m\r\nContent-Length: 4\r\n\r\n"
      "body");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("POST a b q=1&2;r=x y;m body"));
}

TEST_F(HttpServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  Start();
  RawPeer peer(server_->port());
  std::string burst;
  for (int i = 0; i < 50; ++i) {
    burst += "POST /echo/" + std::to_string(i) +
             " HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\n" +
             std::string(300, static_cast<char>('a' + i % 26));
  }
  peer.Send(burst);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(peer.ReadAnswer(), HasSubstr("POST " + std::to_string(i) + " - " +
                                             std::string(300, static_cast<char>('a' + i % 26))));
  }
  peer.Send("GET /inline HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.ReadAll(), HasSubstr("Connection: close"));
  EXPECT_TRUE(peer.closed());
}

TEST_F(HttpServerTest, TakesAChunkedBody) {
  Start();
  const std::string head = "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(Ask(head + "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n"), HasSubstr("- abcdefg"));
  EXPECT_THAT(Ask(head + "0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(head + "zz\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(head + "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  std::string drops;
  for (int i = 0; i < 1001; ++i) drops += "1\r\nx\r\n";
  EXPECT_THAT(Ask(head + drops + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Ask(head + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AsksForABodyOnlyWhenItWantsIt) {
  Start();
  RawPeer peer(server_->port());
  peer.Send(
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(peer.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("ok");
  EXPECT_THAT(peer.ReadAnswer(), HasSubstr("- ok"));
  EXPECT_THAT(Ask("POST /echo/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                  "Content-Length: 2000\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Ask("POST /echo/x HTTP/1.1\r\nHost: h\r\nExpect: pizza\r\nContent-Length: 2\r\n\r\n"),
              StartsWith("HTTP/1.1 417"));
}

TEST_F(HttpServerTest, RefusesWhatIsNotARequest) {
  Start();
  const std::string malformed[] = {
      "nonsense\r\n\r\n",
      "GET\r\n\r\n",
      "GET /inline\r\n\r\n",
      "GET inline HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET http://h/inline HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /inline HTTP/2.0\r\nHost: h\r\n\r\n",
      "GET /inline HTTP/1.1\r\n\r\n",
      "GET /inline HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n",
      "GET /inline HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
      "GET /inline?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /echo/%f HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
  };
  for (const std::string& bytes : malformed) {
    const std::string answer = Ask(bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bytes;
    EXPECT_THAT(answer, HasSubstr(R"({"error":"malformed request"})")) << bytes;
  }
}

TEST_F(HttpServerTest, SurvivesMutatedRequests) {
  Start({.header_timeout = milliseconds(500), .body_timeout = milliseconds(500)});
  const std::string valid[] = {
      "POST /echo/a%20b?q=1&r=x+y HTTP/1.1\r\nHost: h\r\nX-Mark: m\r\nContent-Length: "
      "4\r\n\r\nbody",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\n\r\n",
      "POST /echo/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
  };
  std::mt19937 random(20261123);
  for (int round = 0; round < 600; ++round) {
    std::string bytes = valid[random() % 3];
    for (uint32_t changes = 1 + random() % 4; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1 + random() % 8);
          break;
        case 2:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 16));
          break;
        default:
          bytes.insert(at, 1, "\r\n :;%?&0f"[random() % 11]);
      }
      if (bytes.empty()) bytes = "x";
    }
    RawPeer peer(server_->port());
    peer.Send(bytes);
    peer.Finish();
    const std::string answer = peer.ReadAll();
    EXPECT_TRUE(peer.closed()) << bytes;
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 ")) << bytes;
  }
  EXPECT_THAT(Ask("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TellsWrongMethodsAndPathsApart) {
  Start();
  const std::string wrong = Ask("DELETE /echo/x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(wrong, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(wrong, HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(Ask("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404 Not Found"));
  RawPeer peer(server_->port());
  peer.Send("GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET /inline HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RefusesOversizedHeadersAndBodies) {
  Start();
  const std::string large(9000, 'x');
  EXPECT_THAT(Ask("GET /inline HTTP/1.1\r\nHost: h\r\nX-Large: " + large + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  EXPECT_THAT(Ask("GET /" + std::string(100'000, 'x')), StartsWith("HTTP/1.1 431"));
  const std::string post = "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  RawPeer peer(server_->port());
  peer.Send(post + "200000\r\n\r\n" + std::string(200'000, 'x'));
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
  peer.ReadAll();
  EXPECT_TRUE(peer.closed());
  EXPECT_THAT(Ask(post + "18446744073709551615\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Ask(post + "1000\r\n\r\n" + std::string(1000, 'x')), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, CutsASlowHeaderAndASlowBody) {
  Start({.header_timeout = milliseconds(100), .body_timeout = milliseconds(100)});
  for (const char* start :
       {"", "GET /inline HT", "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"}) {
    RawPeer peer(server_->port());
    peer.Send(start);
    EXPECT_EQ(peer.ReadAll(), "") << start;
    EXPECT_TRUE(peer.closed()) << start;
  }
  // A byte now and then does not prolong the deadline.
  RawPeer dripping(server_->port());
  std::jthread drip([&](const std::stop_token& stop) {
    const auto stopped = [&] { return stop.stop_requested(); };
    while (!Eventually(stopped, milliseconds(10))) dripping.Send("G");
  });
  dripping.ReadAll();
  EXPECT_TRUE(dripping.closed());
  EXPECT_EQ(served().size(), 0u);
}

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
  Start({.idle_timeout = milliseconds(50)});
  RawPeer peer(server_->port());
  peer.Send("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(peer.ReadAll(), "");
  EXPECT_TRUE(peer.closed());
}

TEST_F(HttpServerTest, RefusesConnectionsOverTheLimitAndTakesThemAgainLater) {
  Start({.max_connections = 2});
  {
    RawPeer first(server_->port());
    RawPeer second(server_->port());
    for (RawPeer* peer : {&first, &second}) {
      peer->Send("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n");
      EXPECT_THAT(peer->ReadAnswer(), StartsWith("HTTP/1.1 200"));
    }
    RawPeer third(server_->port());
    const std::string answer = third.ReadAll();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"));
    EXPECT_TRUE(third.closed());
  }
  EXPECT_TRUE(Eventually(
      [&] { return Ask("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, BoundsTheRequestsOfAConnection) {
  Start({.max_requests_per_connection = 2});
  RawPeer peer(server_->port());
  for (int i = 0; i < 3; ++i) peer.Send("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(peer.ReadAnswer(), HasSubstr("Connection: close"));
  EXPECT_EQ(peer.ReadAll(), "");
}

TEST_F(HttpServerTest, SaysWhenTheExecutorIsFull) {
  Start();
  std::deque<RawPeer> peers;
  for (int i = 0; i < 3; ++i) {
    peers.emplace_back(server_->port()).Send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    // One runs, two are queued: the next is one too many.
    if (i == 0) {
      ASSERT_TRUE(Eventually([&] { return gate_.waiting() == 1; }));
    }
  }
  std::string answer;
  EXPECT_TRUE(Eventually([&] {
    RawPeer extra(server_->port());
    extra.Send("GET /throw HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    answer = extra.ReadAnswer();
    return answer.starts_with("HTTP/1.1 503");
  }));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  gate_.Open();
  for (RawPeer& peer : peers) EXPECT_THAT(peer.ReadAnswer(), HasSubstr("through"));
}

TEST_F(HttpServerTest, AnswersARequestWhoseTaskIsDroppedUnrun) {
  auto server =
      Server::Start({.executor = [](const std::function<void()>&) { return true; }}, Routes());
  ASSERT_TRUE(server.ok()) << server.status();
  RawPeer peer((*server)->port());
  peer.Send("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.ReadAnswer(), StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, OverwritesASensitiveBodyAfterItsHandler) {
  Start();
  RawPeer peer(server_->port());
  peer.Send("POST /sensitive HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nsecret");
  EXPECT_THAT(peer.ReadAnswer(), HasSubstr("secret"));
  peer.Send("GET /kept HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.ReadAnswer(), HasSubstr("wiped"));
}

TEST_F(HttpServerTest, HidesWhatAHandlerThrows) {
  Start();
  const std::string answer = Ask("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, Not(HasSubstr("hidden")));
}

TEST_F(HttpServerTest, SpeaksHttp10AndSendsNoLengthWithoutABody) {
  Start();
  RawPeer old(server_->port());
  old.Send("GET /inline HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.ReadAll(), HasSubstr("GET  - "));
  EXPECT_TRUE(old.closed());
  const std::string empty = Ask("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(empty, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(empty, Not(HasSubstr("Content-Length")));
}

TEST_F(HttpServerTest, ReportsRoutesNeverPaths) {
  Start();
  Ask("POST /echo/secret?code=secret HTTP/1.1\r\nHost: h\r\n\r\n");
  Ask("GET /secret HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(Eventually([&] { return served().size() == 2; }));
  EXPECT_THAT(served(), ::testing::UnorderedElementsAre("/echo/{name} 200", " 404"));
}

TEST_F(HttpServerTest, StopWaitsForRequestsInFlightAndClosesIdleConnections) {
  Start();
  RawPeer idle(server_->port());
  idle.Send("GET /inline HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.ReadAnswer();
  RawPeer busy(server_->port());
  busy.Send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate_.waiting() == 1; }));
  std::thread stopper([&] { EXPECT_TRUE(server_->Stop(kPatience)); });
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(Eventually([&] { return !RawPeer(server_->port()).connected(); }));
  gate_.Open();
  EXPECT_THAT(busy.ReadAll(), HasSubstr("through"));
  stopper.join();
}

TEST_F(HttpServerTest, AHandlerMayOutliveTheServer) {
  Start();
  RawPeer busy(server_->port());
  busy.Send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate_.waiting() == 1; }));
  EXPECT_FALSE(server_->Stop(milliseconds(1)));
  server_.reset();
  gate_.Open();
  EXPECT_EQ(busy.ReadAll(), "");
}

TEST_F(HttpServerTest, RefusesWhatItCannotServe) {
  Start();
  EXPECT_EQ(Server::Start({}, Routes()).status().code(), absl::StatusCode::kInvalidArgument);
  const std::vector<Route> cheap = {{.method = "GET",
                                     .pattern = "/",
                                     .handler = [](const Request&) { return Response{}; },
                                     .run_inline = true}};
  EXPECT_EQ(Server::Start({.address = "localhost"}, cheap).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Server::Start({.address = "192.0.2.1"}, cheap).status().code(),
            absl::StatusCode::kUnavailable);
}

class HttpClientTest : public HttpServerTest {
 protected:
  std::string Url(std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(path);
  }
};

TEST_F(HttpClientTest, SendsAndReceives) {
  Start();
  Client client;
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Send({.method = "POST",
                                     .url = Url("/echo/x?a=b"),
                                     .headers = {{"X-Mark", "m"}},
                                     .body = "hello"});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST x a=b;m hello");
    EXPECT_EQ(FindHeader(answer->headers, "content-type"), "text/plain");
  }
  EXPECT_EQ(client.Send({.url = Url("/inline")})->body, "GET  - ");
  EXPECT_EQ(client.Send({.method = "POST", .url = Url("/echo/x")})->body, "POST x - ");
  EXPECT_EQ(client.Send({.method = "DELETE", .url = Url("/echo/x")})->status, 405);
  EXPECT_EQ(client.Send({.url = Url("/empty")})->status, 204);
}

TEST_F(HttpClientTest, ErrorsCarryNoPartOfTheRequest) {
  Start();
  Client client;
  const auto refused = client.Send({.url = "http://127.0.0.1:1/secret"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(refused.status().message(), "HTTP call failed, curl error 7");
  for (const char* url : {"ftp://127.0.0.1/secret", "file:///etc/hostname", "", "http://"}) {
    EXPECT_EQ(client.Send({.url = url}).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  EXPECT_EQ(client.Send({.url = Url("/inline"), .headers = {{"A", "b\r\nC: d"}}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(HttpClientTest, BoundsTimeAnswersAndHandles) {
  Start();
  Client client({.max_in_flight = 1});
  EXPECT_EQ(client.Send({.url = Url("/inline"), .max_response_bytes = 3}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(client.Send({.url = Url("/gate"), .timeout = milliseconds(50)}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  std::thread holder([&] { EXPECT_EQ(client.Send({.url = Url("/gate")})->body, "through"); });
  ASSERT_TRUE(Eventually([&] {
    return client.Send({.url = Url("/inline"), .timeout = milliseconds(5)}).status().message() ==
           "no free HTTP handle in time";
  }));
  gate_.Open();
  holder.join();
}

}  // namespace
}  // namespace common::http
