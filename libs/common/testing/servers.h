// The real servers, private to one test process: own data directory, own port on 127.0.0.1.
//
// A server dies with the thread that started it (PR_SET_PDEATHSIG), so that nothing survives a
// crashed test: start servers from the test's main thread. Failures to start throw
// std::runtime_error with the end of the server's output, which GoogleTest reports.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace common::testing {

// A port on 127.0.0.1 that nobody listened on a moment ago, outside the range from which the kernel
// takes the source ports of clients: a client that keeps calling a stopped server's port inside
// that range ends up connected to itself.
int FreePort();

// A directory of its own, removed with everything in it by the destructor.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What the three servers share. The port and the data stay the same over Stop, Kill and Start.
class Server {
 public:
  virtual ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns once the server answers. No effect while it runs.
  void Start();
  // Asks it to end (SIGTERM) and waits; after ten seconds as Kill.
  void Stop();
  // SIGKILL: what a crash leaves on disk is what the next Start finds.
  void Kill();
  // SIGSTOP and SIGCONT: alive but silent, the case of which only time-outs tell.
  void Pause();
  void Resume();

  static constexpr const char* host() { return "127.0.0.1"; }
  int port() const { return port_; }
  std::string address() const;        // "127.0.0.1:port"
  pid_t pid() const { return pid_; }  // -1 while it does not run
  // What the last Stop ended with: its exit code, or -1 for one that a signal ended.
  int exit_code() const { return exit_code_; }
  const std::filesystem::path& directory() const { return directory_.path(); }

 protected:
  // `options` are further words of the command line.
  explicit Server(std::vector<std::string> options = {}) : options_(std::move(options)) {}

 private:
  virtual std::vector<std::string> Command() const = 0;
  // What the first answer must contain, and what has to be said to get it ("" = the server greets).
  virtual std::string_view Question() const = 0;
  virtual std::string_view Answer() const = 0;

  bool AwaitReady();
  void End(int signal);

  const std::vector<std::string> options_;
  TempDir directory_;
  int port_ = 0;
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

// redis-server that writes every command to its append-only file (fsync each second).
class RedisServer final : public Server {
 public:
  explicit RedisServer(std::vector<std::string> options = {}) : Server(std::move(options)) {
    Start();
  }

 private:
  std::vector<std::string> Command() const override;
  std::string_view Question() const override { return "PING\r\n"; }
  std::string_view Answer() const override { return "+PONG"; }
};

// nats-server with JetStream.
class NatsServer final : public Server {
 public:
  explicit NatsServer(std::vector<std::string> options = {}) : Server(std::move(options)) {
    Start();
  }
  std::string url() const { return "nats://" + address(); }

 private:
  std::vector<std::string> Command() const override;
  std::string_view Question() const override { return ""; }
  std::string_view Answer() const override { return "INFO "; }
};

// MariaDB with one all-powerful user that comes over TCP, with or without TLS.
class MariaDbServer final : public Server {
 public:
  explicit MariaDbServer(std::vector<std::string> options = {});

  static constexpr const char* user() { return "tester"; }
  static constexpr const char* password() { return "tester-password"; }
  // Creates an empty database and returns its name, which is unique on this server.
  std::string CreateDatabase();
  // Runs statements as that user, without TLS.
  void Run(const std::string& sql);

 private:
  std::vector<std::string> Command() const override;
  std::string_view Question() const override { return ""; }
  std::string_view Answer() const override { return "MariaDB"; }

  int databases_ = 0;
};

// One of each for the tests of a binary that do not stop it: started at the first call, stopped at
// exit. Tests keep apart by key prefix, stream name or database.
RedisServer& SharedRedis();
NatsServer& SharedNats();
MariaDbServer& SharedMariaDb();

}  // namespace common::testing
