// A wire between one daemon and its servers that kills the daemon at a chosen request.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace story {

// Passes bytes both ways and counts what the daemon asks of its servers, a request being what one
// read from the daemon gives: MySQL and Redis are asked one thing at a time on a connection, so
// that this is close to it.
class Tripwire {
 public:
  // A server on 127.0.0.1. Of a server that is asked steadily for nothing, only the requests that
  // contain `mark` count; "" = all.
  struct Server {
    int port = 0;
    std::string mark = {};
  };
  // At which side of a request the daemon dies: the server never gets it, or it does and the daemon
  // never gets the answer.
  enum class Moment { kBefore, kAfter };

  explicit Tripwire(const std::vector<Server>& servers);
  ~Tripwire();
  Tripwire(const Tripwire&) = delete;
  Tripwire& operator=(const Tripwire&) = delete;

  // Where a server is to be had through the wire: 127.0.0.1:port, in the order given.
  std::string address(size_t server) const;

  // Counts from now on, and kills `daemon` (SIGKILL, without waiting for its end) at the n-th
  // request from now, from 1. Nothing that it sends later reaches a server.
  void Arm(pid_t daemon, uint64_t n, Moment moment);

  struct Seen {
    uint64_t requests = 0;  // since Arm
    bool tripped = false;
  };
  Seen seen() const;
  // Counts no longer, and lets the next daemon through.
  Seen Disarm();

 private:
  struct Listener {
    int socket = -1;
    int port = 0;
    Server server;
  };
  struct Line {
    int daemon = -1;
    int server = -1;
    size_t listener = 0;
    bool cut = false;  // the daemon's side is closed; what the server still says is read away
  };

  void Run();
  void Accept(size_t listener);
  // Each takes what one side has said. False when the line is over.
  bool FromDaemon(Line& line);
  bool FromServer(Line& line);
  // Whether the request may go to the server; kills before or after, as it was told.
  bool Passes(const Line& line, const std::string& request);
  void CutAll();

  std::vector<Listener> listeners_;
  int wake_ = -1;             // an eventfd: the thread is to end
  mutable std::mutex mutex_;  // of what follows
  pid_t daemon_ = -1;
  uint64_t n_ = 0;  // 0 = not armed
  Moment moment_ = Moment::kBefore;
  Seen seen_;
  bool cut_due_ = false;
  std::vector<Line> lines_;  // of the thread
  std::thread thread_;
};

}  // namespace story
