// platform_sim: a Twitch and a YouTube on a loopback port. See sim.h and docs/platform_sim.md.
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tests/platform_sim/sim.h"

namespace {

// Renamed into place, so that whoever waits for the file never reads half of it.
bool WritePortFile(const std::string& path, uint16_t port) {
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary);
  file << port << '\n';
  file.close();
  return file && std::rename(temporary.c_str(), path.c_str()) == 0;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App cli(
      "A Twitch and a YouTube on a loopback port: OAuth, Helix and EventSub webhooks, the YouTube "
      "Data API, live chats, a WebSub hub, and a control API under /sim that makes things happen. "
      "All state is in memory and gone when it ends, which it does on SIGINT or SIGTERM.",
      "platform_sim");
  cli.footer(
      "Once it takes requests it prints: listening http://127.0.0.1:PORT\n"
      "All endpoints and the control API, with examples: docs/platform_sim.md");
  platform_sim::SimOptions options;
  std::string port_file;
  cli.add_option("--port", options.port, "port on 127.0.0.1; 0 takes a free one")
      ->capture_default_str();
  cli.add_option("--port-file", port_file, "write the port to this file once it is open");
  cli.add_flag(
      "--allow-loopback-http", options.allow_loopback_http,
      "take EventSub callbacks over plain HTTP, and on any port, on this machine; Twitch demands "
      "HTTPS on 443");
  cli.add_option("--callback-ca", options.delivery.ca_file,
                 "PEM file of the authorities that callbacks over HTTPS are trusted by")
      ->check(CLI::ExistingFile);
  CLI11_PARSE(cli, argc, argv);

  // Blocked before any thread starts, so that only sigwait below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto sim = platform_sim::PlatformSim::Start(options);
  if (!sim.ok()) {
    std::cerr << "platform_sim: " << sim.status().message() << '\n';
    return 1;
  }
  const uint16_t port = (*sim)->port();
  if (!port_file.empty() && !WritePortFile(port_file, port)) {
    std::cerr << "platform_sim: cannot write the port file\n";
    return 1;
  }
  std::cout << "listening http://127.0.0.1:" << port << std::endl;
  int received = 0;
  sigwait(&signals, &received);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "platform_sim: " << error.what() << "\n";
  return 1;
}
