#include "libs/common/metrics/process.h"

#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "libs/common/base/time.h"

namespace common::metrics {
namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentBytes() {
  double total_pages = 0;
  double resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator all("/proc/self/fd", error);
  // One of them is that of the listing.
  return error ? 0 : static_cast<double>(std::distance(begin(all), end(all)) - 1);
}

double MaxDescriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void WatchProcess(Registry& registry) {
  registry.GetGauge("process_start_time_seconds", "When the process began, in Unix time.")
      .Set(ToSeconds(Now().time_since_epoch()));
  auto& cpu = registry.GetCounter("process_cpu_seconds_total", "CPU time, user and system.");
  auto& resident = registry.GetGauge("process_resident_memory_bytes", "Resident memory.");
  auto& open = registry.GetGauge("process_open_fds", "Open file descriptors.");
  auto& max = registry.GetGauge("process_max_fds", "File descriptors that may be open at most.");
  registry.OnScrape([&cpu, &resident, &open, &max] {
    cpu.Increment(CpuSeconds() - cpu.Value());
    resident.Set(ResidentBytes());
    open.Set(OpenDescriptors());
    max.Set(MaxDescriptors());
  });
}

}  // namespace common::metrics
