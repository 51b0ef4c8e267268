#include "exporter/file_stamp.hpp"

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>
#include <sys/stat.h>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

Result<FileStamp> stamp_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return fail_errno("stat", errno);
  const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
  return FileStamp{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                   ns(status.st_mtim), ns(status.st_ctim)};
}

}  // namespace wgscope::exporter
