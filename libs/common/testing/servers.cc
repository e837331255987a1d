#include "libs/common/testing/servers.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libs/common/testing/eventually.h"

namespace common::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr auto kStartDeadline = seconds(60);  // two busy cores, six test binaries
constexpr auto kStopDeadline = seconds(10);
constexpr int kPortAttempts = 20;

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what); }

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool CanBind(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool bound =
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(socket);
  return bound;
}

// Starts a program whose output goes to `log` and which dies with this thread.
pid_t Spawn(std::vector<std::string> command, const fs::path& log) {
  command.insert(command.begin(), {"setpriv", "--pdeathsig", "KILL", "--"});
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, "setpriv", &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) Fail("cannot start setpriv");
  return pid;
}

std::string LogTail(const fs::path& log) {
  constexpr size_t kTailBytes = 2000;
  std::ifstream in(log);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.size() > kTailBytes ? text.substr(text.size() - kTailBytes) : text;
}

// Runs a program to its end; throws unless it succeeds.
void RunToEnd(const std::vector<std::string>& command, const fs::path& log) {
  int status = 0;
  if (waitpid(Spawn(command, log), &status, 0) < 0 || status != 0) {
    Fail(command[0] + " failed: " + LogTail(log));
  }
}

// Whether a new connection, told `question`, answers something that contains `answer`.
bool Answers(int port, std::string_view question, std::string_view answer) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  const sockaddr_in address = Loopback(port);
  char buffer[512];
  ssize_t length = -1;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::send(socket, question.data(), question.size(), MSG_NOSIGNAL) >= 0) {
    length = ::recv(socket, buffer, sizeof(buffer), 0);
  }
  ::close(socket);
  return length > 0 && std::string_view(buffer, static_cast<size_t>(length)).find(answer) !=
                           std::string_view::npos;
}

// mariadbd removes what looks like its own temporary tables when it starts, others' included.
std::string TmpDirOption(const fs::path& directory) { return "--tmpdir=" + directory.string(); }

// mariadbd refuses to run as root unless told so, and refuses the option from anyone else.
void AppendUserIfRoot(std::vector<std::string>& command) {
  if (geteuid() == 0) command.push_back("--user=root");
}

}  // namespace

int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(20000, 32000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (const int port = ports(random); CanBind(port)) return port;
  }
  Fail("no free port on 127.0.0.1");
}

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "bannou-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Fail("cannot create " + pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Server::~Server() { Kill(); }

std::string Server::address() const { return std::string(host()) + ":" + std::to_string(port_); }

void Server::Start() {
  if (pid_ > 0) return;
  const bool first = port_ == 0;
  const fs::path log = directory() / "log";
  std::vector<std::string> command;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    // Somebody may take a port between our look and the server's bind, but not one in use before.
    if (first) port_ = FreePort();
    command = Command();
    command.insert(command.end(), options_.begin(), options_.end());
    pid_ = Spawn(command, log);
    if (AwaitReady()) return;
    Kill();
  }
  Fail(command[0] + " does not start: " + LogTail(log));
}

bool Server::AwaitReady() {
  bool exited = false;
  const bool answered = Eventually(
      [&] {
        exited = waitpid(pid_, nullptr, WNOHANG) == pid_;
        return exited || Answers(port_, Question(), Answer());
      },
      kStartDeadline);
  if (exited) pid_ = -1;
  return answered && !exited;
}

void Server::Stop() { End(SIGTERM); }
void Server::Kill() { End(SIGKILL); }

void Server::End(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  int status = 0;
  if (!Eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, kStopDeadline)) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  pid_ = -1;
}

void Server::Pause() {
  kill(pid_, SIGSTOP);
  // Its threads stop one after the other; until the last has, it may still answer.
  waitpid(pid_, nullptr, WUNTRACED);
}
void Server::Resume() { kill(pid_, SIGCONT); }

std::vector<std::string> RedisServer::Command() const {
  return {
      "redis-server", "--bind", host(),   "--port", std::to_string(port()), "--dir", directory(),
      "--appendonly", "yes",    "--save", ""};
}

std::vector<std::string> NatsServer::Command() const {
  return {"nats-server", "-js", "-a", host(), "-p", std::to_string(port()), "-sd", directory()};
}

MariaDbServer::MariaDbServer(std::vector<std::string> options) : Server(std::move(options)) {
  std::vector<std::string> install = {"mariadb-install-db",
                                      "--no-defaults",
                                      "--datadir=" + (directory() / "data").string(),
                                      TmpDirOption(directory()),
                                      "--innodb-log-file-size=16M",
                                      "--skip-test-db",
                                      "--auth-root-authentication-method=normal"};
  AppendUserIfRoot(install);
  RunToEnd(install, directory() / "log");
  std::ofstream(directory() / "init.sql")
      << "CREATE USER IF NOT EXISTS '" << user() << "'@'" << host() << "' IDENTIFIED BY '"
      << password() << "';\nGRANT ALL ON *.* TO '" << user() << "'@'" << host()
      << "' WITH GRANT OPTION;\n";
  Start();
}

std::vector<std::string> MariaDbServer::Command() const {
  std::vector<std::string> command = {"mariadbd",
                                      "--no-defaults",
                                      "--datadir=" + (directory() / "data").string(),
                                      TmpDirOption(directory()),
                                      "--socket=" + (directory() / "socket").string(),
                                      "--pid-file=" + (directory() / "pid").string(),
                                      "--init-file=" + (directory() / "init.sql").string(),
                                      "--bind-address=" + std::string(host()),
                                      "--port=" + std::to_string(port()),
                                      "--skip-name-resolve",
                                      "--innodb-flush-log-at-trx-commit=2",
                                      "--innodb-buffer-pool-size=32M",
                                      "--innodb-log-file-size=16M",
                                      "--performance-schema=off"};
  AppendUserIfRoot(command);
  return command;
}

std::string MariaDbServer::CreateDatabase() {
  const std::string name = "test_" + std::to_string(++databases_);
  Run("CREATE DATABASE " + name);
  return name;
}

void MariaDbServer::Run(const std::string& sql) {
  RunToEnd({"mariadb", "--no-defaults", "--protocol=tcp", "--host=" + std::string(host()),
            "--port=" + std::to_string(port()), "--user=" + std::string(user()),
            "--password=" + std::string(password()), "--execute=" + sql},
           directory() / "log");
}

RedisServer& SharedRedis() {
  static RedisServer server;
  return server;
}

NatsServer& SharedNats() {
  static NatsServer server;
  return server;
}

MariaDbServer& SharedMariaDb() {
  static MariaDbServer server;
  return server;
}

}  // namespace common::testing
