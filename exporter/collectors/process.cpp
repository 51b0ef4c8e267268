#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"
#include "exporter/process_usage.hpp"

namespace wgscope::exporter {
namespace {

void write_one(Writer& writer, const MetricDesc& metric, Number number) {
  writer.begin(metric);
  writer.sample(metric.name, "", number);
}

std::optional<std::uint64_t> open_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(folder.get()))
    if (entry->d_name[0] != '.') ++count;
  return count - 1;  // the folder's own
}

/// When the process started, on the wall clock of its start. proc(5): field 22 counts
/// ticks since boot.
std::optional<Nanoseconds> start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t after_name = text.rfind(')');  // the name may hold anything, ')' too
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(after_name + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  std::uint64_t ticks = 0;
  if (std::from_chars(field.data(), field.data() + field.size(), ticks).ec != std::errc{})
    return std::nullopt;
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const Now now = os::now();
  return now.wall.since_epoch - now.boot.since_boot +
         std::chrono::milliseconds(ticks * 1000 / per_second);
}

}  // namespace

void write_process(Writer& writer) {
  write_one(writer, metric::kProcessCpu, Number::seconds(cpu_used()));
  if (const auto used = memory_used()) {
    write_one(writer, metric::kProcessResidentMemory, Number::integer(used->resident_bytes));
    write_one(writer, metric::kProcessVirtualMemory, Number::integer(used->virtual_bytes));
  }
  if (const auto fds = open_fds())
    write_one(writer, metric::kProcessOpenFds, Number::integer(*fds));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    write_one(writer, metric::kProcessMaxFds, Number::integer(limit.rlim_cur));
  // Read once: a step of the wall clock must not move it.
  static const std::optional<Nanoseconds> started = start_time();
  if (started) write_one(writer, metric::kProcessStartTime, Number::seconds(*started));
}

}  // namespace wgscope::exporter
