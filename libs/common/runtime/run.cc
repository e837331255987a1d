#include "libs/common/runtime/run.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libs/common/http/client.h"
#include "libs/common/log/log.h"
#include "libs/common/runtime/version.h"

namespace common::runtime {

std::string Version() { return BANNOU_VERSION; }

CommandLine ParseCommandLine(int argc, char** argv, const std::string& name,
                             const std::vector<std::pair<std::string, std::string>>& commands,
                             const std::string& settings_help) {
  CommandLine out;
  CLI::App cli("The " + name + " daemon. Settings come from the environment.", name);
  cli.set_version_flag("--version", Version());
  cli.add_flag("--strict", out.strict, "Treat an unknown setting as an error");
  cli.add_flag("--print-config", out.print_config, "Print the settings in force and exit");
  cli.add_flag("--print-config-docs", out.print_config_docs,
               "Print the table of all settings as Markdown and exit");
  cli.add_flag("--check-config", out.check_config,
               "Judge the settings as a start would, reach for no server, and exit 0 or 2");
  cli.add_flag("--healthcheck", out.healthcheck,
               "Ask the running daemon's admin port whether it is ready; exit 0 or 1");
  for (const auto& [command, help] : commands) {
    cli.add_subcommand(command, help)->callback([&out, command = command] {
      out.command = command;
    });
  }
  cli.footer("Settings:\n" + settings_help);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& end) {
    out.exit_code = cli.exit(end);
  }
  return out;
}

bool Report(const config::LoadReport& report, bool strict) {
  for (const std::string& warning : report.warnings) {
    std::fprintf(stderr, "%s: %s\n", strict ? "error" : "warning", warning.c_str());
  }
  for (const std::string& error : report.errors) {
    std::fprintf(stderr, "error: %s\n", error.c_str());
  }
  return report.errors.empty() && (!strict || report.warnings.empty());
}

namespace {

// gRPC and protobuf print what peers sent them, line breaks included: anybody could write our log.
// Where a message came from is told, its text is not.
void SilenceLibraries() {
  gpr_set_log_function([](gpr_log_func_args* message) {
    log::Write(
        message->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kWarning : log::Level::kDebug,
        "grpc.core", {{"file", message->file}, {"line", message->line}});
  });
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel, const char* file, int line, const std::string&) {
        log::Debug("protobuf", {{"file", file}, {"line", line}});
      });
}

}  // namespace

void PrepareProcess(const std::string& name, const ServerSettings& settings) {
  // gRPC's tracing prints what passes through it, payloads and tokens included.
  unsetenv("GRPC_TRACE");
  unsetenv("GRPC_VERBOSITY");
  signal(SIGPIPE, SIG_IGN);
  // Every thread inherits the mask, so that only the main thread's sigwait sees these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  log::Init(name, settings.log_level);
  SilenceLibraries();
}

namespace {

// Locking counts reserved memory in full, so that under a limit a later thread could not start.
bool MayLockEverything() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return true;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct held[2]{};
  if (syscall(SYS_capget, &header, held) != 0) return false;
  return (held[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

}  // namespace

void KeepMemoryPrivate() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  // On fault: reserved but unused memory, such as most of each thread's stack, takes no room.
  if (!MayLockEverything() || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    log::Warning("memory.not_locked", {{"advice", "lift RLIMIT_MEMLOCK, or run without swap"}});
  }
}

int CheckHealth(const config::Address& admin) {
  http::Client client;
  const auto response = client.Send({.method = "GET",
                                     .url = "http://" + admin.ToString() + "/readyz",
                                     .timeout = std::chrono::seconds(2)});
  return response.ok() && response->status == 200 ? 0 : 1;
}

}  // namespace common::runtime
