#include "wgscope/source/uapi/owner.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
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
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::uapi {
namespace {

/// The next blank-separated field of a line.
std::string_view take_field(std::string_view& line) {
  const std::size_t start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return line = {};
  line.remove_prefix(start);
  const std::size_t size = std::min(line.find(' '), line.size());
  const std::string_view field = line.substr(0, size);
  line.remove_prefix(size);
  return field;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t size = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return line;
}

template <class T>
std::optional<T> parse(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A table of /proc/…/net, empty where it cannot be read: then what is looked for is not there
/// either. The kernel walks its hash table (16384 buckets and more) at each read, also at the one
/// that only finds the end; but it gives whole lines until its buffer of a page is full, so a read
/// that leaves room for a line has been the last.
std::string read_proc(const std::string& path) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kLongestLine = 512;  // of net/unix: a path of 108 bytes, escaped
  constexpr std::size_t kMaxSize = 64U << 20U;
  const os::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  for (std::size_t used = 0; used < kMaxSize;) {
    text.resize(used + 4 * kPage);
    const ssize_t got = read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    used += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    text.resize(used);
    if (got < static_cast<ssize_t>(kPage - kLongestLine)) break;
  }
  return text;
}

std::string netns_path(pid_t pid) { return fmt::format("/proc/{}/ns/net", pid); }

bool listens_there(pid_t pid, std::span<const std::string> spellings) {
  return lists_listener(read_proc(fmt::format("/proc/{}/net/unix", pid)), spellings);
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

bool lists_listener(std::string_view proc_net_unix, std::span<const std::string> paths) {
  const auto is_one = [&](std::string_view path) {
    return std::ranges::find(paths, path) != paths.end();
  };
  while (!proc_net_unix.empty()) {
    std::string_view line = take_line(proc_net_unix);
    for (int i = 0; i < 3; ++i) take_field(line);  // number, reference count, protocol
    const auto flags = parse<std::uint32_t>(take_field(line), 16);
    for (int i = 0; i < 3; ++i) take_field(line);           // type, state, inode
    constexpr std::uint32_t kAcceptsConnections = 0x10000;  // __SO_ACCEPTCON
    if (flags && (*flags & kAcceptsConnections) != 0 && !line.empty() && is_one(line.substr(1)))
      return true;
  }
  return false;
}

std::optional<std::uint64_t> sum_drops(std::string_view proc_net_udp, std::uint16_t port) {
  std::optional<std::uint64_t> sum;
  take_line(proc_net_udp);  // the heading
  while (!proc_net_udp.empty()) {
    std::string_view line = take_line(proc_net_udp);
    take_field(line);
    const std::string_view local = take_field(line);
    const std::size_t colon = local.find(':');
    if (colon == std::string_view::npos) continue;
    if (local.substr(0, colon).find_first_not_of('0') != std::string_view::npos) continue;
    if (parse<std::uint16_t>(local.substr(colon + 1), 16) != port) continue;
    const std::size_t last = line.find_last_not_of(' ');
    if (last == std::string_view::npos) continue;
    line = line.substr(0, last + 1);
    const auto drops = parse<std::uint64_t>(line.substr(line.rfind(' ') + 1), 10);
    if (drops) sum = sum.value_or(0) + *drops;
  }
  return sum;
}

std::optional<std::uint64_t> socket_receive_drops(std::uint16_t listen_port) {
  std::optional<std::uint64_t> sum;
  for (const char* path : {"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"})
    if (const auto drops = sum_drops(read_proc(path), listen_port)) sum = sum.value_or(0) + *drops;
  return sum;
}

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
