// What a daemon's main calls: the command line, the settings, and the App's life.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>

#include "libs/common/base/status.h"
#include "libs/common/config/settings.h"
#include "libs/common/runtime/app.h"
#include "libs/common/runtime/settings.h"

namespace common::runtime {

// Work that the program does in place of serving: `<daemon> <name>`, with the daemon's settings.
template <class S>
struct Command {
  std::string name;
  std::string help;
  std::function<absl::Status(const S&)> run;
};

template <class S>
struct Daemon {
  std::string name;    // "stream": the `service` of log lines, and ErrorInfo's domain
  std::string prefix;  // "STREAM": of its environment variables
  config::Table<S> table;
  ServerSettings S::*server;
  // What no single row can see; every problem, empty when all is well.
  std::function<std::vector<std::string>(const S&)> check;
  // Builds the parts. It must not talk to anything outside: that is for App::OnStart.
  std::function<absl::Status(const S&, App&)> bind;
  std::vector<Command<S>> commands = {};
  // It holds what must not be found in a core file or in swap.
  bool private_memory = false;
};

struct CommandLine {
  std::string command;  // one of those offered, or empty
  bool strict = false;
  bool print_config = false;
  bool print_config_docs = false;
  bool check_config = false;
  bool healthcheck = false;
  std::optional<int> exit_code;  // set when the command line alone ends the process
};
// `commands` are names with their help.
CommandLine ParseCommandLine(int argc, char** argv, const std::string& name,
                             const std::vector<std::pair<std::string, std::string>>& commands,
                             const std::string& settings_help);
// Prints every problem; false when any ends the process.
bool Report(const config::LoadReport& report, bool strict);
void PrepareProcess(const std::string& name, const ServerSettings& settings);
// No core file, no debugger but root's, and no swap where RLIMIT_MEMLOCK allows; the log says where
// it does not.
void KeepMemoryPrivate();
int CheckHealth(const config::Address& admin);
std::string Version();

template <class S>
int Run(int argc, char** argv, const Daemon<S>& daemon) {
  std::vector<std::pair<std::string, std::string>> offered;
  for (const Command<S>& one : daemon.commands) offered.emplace_back(one.name, one.help);
  const CommandLine command =
      ParseCommandLine(argc, argv, daemon.name, offered, config::Document(daemon.table));
  if (command.exit_code) return *command.exit_code;
  const config::Environment environment = config::ReadEnvironment();
  if (command.print_config_docs)
    return std::fputs(config::Document(daemon.table).c_str(), stdout) < 0;
  if (command.print_config)
    return std::fputs(config::Print(daemon.table, environment).c_str(), stdout) < 0;

  S settings;
  config::LoadReport report =
      config::Load(settings, daemon.table, daemon.prefix + "_", environment);
  config::AddErrors(report, Check(settings.*daemon.server, daemon.prefix));
  config::AddErrors(report, daemon.check(settings));
  if (command.healthcheck) return CheckHealth((settings.*daemon.server).admin_addr);
  if (!Report(report, command.strict)) return 2;
  if (command.check_config) return std::fputs("the settings are good\n", stdout) < 0;

  PrepareProcess(daemon.name, settings.*daemon.server);
  if (daemon.private_memory) KeepMemoryPrivate();
  for (const Command<S>& one : daemon.commands) {
    if (one.name != command.command) continue;
    const absl::Status done = one.run(settings);
    if (done.ok()) return 0;
    return Report({.errors = {std::string(ToStd(done.message()))}}, false) ? 0 : 1;
  }
  App app(daemon.name, settings.*daemon.server);
  if (const absl::Status status = daemon.bind(settings, app); !status.ok()) {
    return Report({.errors = {std::string(ToStd(status.message()))}}, false) ? 0 : 2;
  }
  return app.RunUntilSignal();
}

}  // namespace common::runtime
