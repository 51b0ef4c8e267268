#include "wgscope/os/netns.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <string>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/magic.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

Result<Netns> Netns::open(const std::string& path) { return open_at(AT_FDCWD, path); }

Result<Netns> Netns::open_at(int folder, const std::string& path) {
  // O_NONBLOCK: opening a pipe that somebody put there would wait for its other end for ever.
  UniqueFd fd(openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const int error = errno;
    if (error == ENOENT || error == ESRCH)
      return fail(Errc::netns_gone, fmt::format("network namespace {} does not exist", path),
                  error);
    return fail_errno(fmt::format("open network namespace {}", path), error);
  }
  struct statfs filesystem{};
  struct stat status{};
  if (fstatfs(fd.get(), &filesystem) != 0 || fstat(fd.get(), &status) != 0)
    return fail_errno(fmt::format("stat network namespace {}", path), errno);
  // After `ip netns del` a plain empty file may remain where the namespace was mounted.
  if (filesystem.f_type != NSFS_MAGIC)
    return fail(Errc::netns_gone,
                fmt::format("{} is not a network namespace, or is one no longer", path));
  return Netns(std::move(fd), {status.st_dev, status.st_ino});
}

Result<Netns> Netns::open_own() { return open("/proc/thread-self/ns/net"); }

Result<> Netns::enter() const {
  if (setns(fd_.get(), CLONE_NEWNET) == 0) return {};
  const int error = errno;
  if (error == EPERM)
    return fail(Errc::not_permitted, "enter network namespace: not permitted (needs CAP_SYS_ADMIN)",
                error);
  return fail_errno("enter network namespace", error);
}

Result<std::vector<std::string>> list_named_netns(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) return fail_errno(fmt::format("list network namespaces in {}", folder), error.value());
  std::ranges::sort(names);
  return names;
}

}  // namespace wgscope::os
