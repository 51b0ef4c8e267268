#include "exporter/process_usage.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <sys/resource.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {

Nanoseconds cpu_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

std::optional<MemoryUsed> memory_used() {
  std::array<char, 128> text{};  // statm(5): seven numbers; the first two are ours
  const os::UniqueFd statm(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  const ssize_t size = read(statm.get(), text.data(), text.size());
  if (size <= 0) return std::nullopt;
  const char* const end = text.data() + size;
  MemoryUsed pages;
  const auto [blank, bad_virtual] = std::from_chars(text.data(), end, pages.virtual_bytes);
  if (bad_virtual != std::errc{} || blank == end || *blank != ' ') return std::nullopt;
  if (std::from_chars(blank + 1, end, pages.resident_bytes).ec != std::errc{}) return std::nullopt;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return MemoryUsed{pages.virtual_bytes * page, pages.resident_bytes * page};
}

}  // namespace wgscope::exporter
