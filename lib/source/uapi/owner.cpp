#include "wgscope/source/uapi/owner.hpp"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/source/uapi/proc_net.hpp"

#include "net_table.hpp"

namespace wgscope::uapi {
namespace {

template <class T>
std::optional<T> parse(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string netns_path(pid_t pid) { return fmt::format("/proc/{}/ns/net", pid); }

bool listens_there(pid_t pid, std::span<const std::string> spellings) {
  const auto table = read_net_table(AT_FDCWD, fmt::format("/proc/{}/net/unix", pid));
  return table && lists_listener(table->text, spellings);
}

/// The kernel lists the path as the daemon gave it to bind(2): wireguard-go says /var/run, a
/// symbolic link to /run.
std::vector<std::string> spellings_of(const std::string& path) {
  std::vector<std::string> spellings{path};
  std::error_code error;
  const std::string canonical = std::filesystem::canonical(path, error).string();
  if (error) return spellings;
  spellings.push_back(canonical);
  if (canonical.starts_with("/run/")) spellings.push_back("/var" + canonical);
  return spellings;
}

}  // namespace

Result<os::Netns> OwnerFinder::find(const std::string& socket_path, pid_t listener, Instant now) {
  struct stat status{};
  if (stat(socket_path.c_str(), &status) != 0)
    return fail_errno(fmt::format("stat {}", socket_path), errno);
  const Identity file{status.st_dev, status.st_ino,
                      status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};

  Known& known = known_[socket_path];
  const auto held = [&]() -> std::optional<os::Netns> {
    if (!known.netns) return std::nullopt;
    auto netns = os::Netns::open(netns_path(known.witness));
    if (!netns || netns->id() != *known.netns) return std::nullopt;
    return std::move(*netns);
  };
  if (known.file == file) {
    if (auto netns = held()) return std::move(*netns);
    if (!known.netns && now - known.searched < kSearchAgainAfter)
      return fail(Errc::no_device,
                  fmt::format("{}: no visible network namespace has this socket", socket_path));
  }

  known = {file, std::nullopt, 0, now};
  const auto witness = search(socket_path, listener);
  if (!witness)
    return fail(Errc::no_device,
                fmt::format("{}: no visible network namespace has this socket", socket_path));
  auto netns = os::Netns::open(netns_path(*witness));
  if (netns) {
    known.netns = netns->id();
    known.witness = *witness;
  }
  return netns;
}

std::optional<pid_t> OwnerFinder::search(const std::string& socket_path, pid_t listener) {
  const std::vector<std::string> spellings = spellings_of(socket_path);
  if (listener > 0 && listens_there(listener, spellings)) return listener;
  std::set<os::NetnsId> seen;
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto pid = parse<pid_t>(entry->path().filename().string(), 10);
    if (!pid) continue;
    const auto netns = os::Netns::open(netns_path(*pid));
    if (!netns || !seen.insert(netns->id()).second) continue;
    if (listens_there(*pid, spellings)) return pid;
  }
  return std::nullopt;
}

void OwnerFinder::keep_only(const std::set<std::string>& paths) {
  std::erase_if(known_, [&](const auto& entry) { return !paths.contains(entry.first); });
}

}  // namespace wgscope::uapi
