#include "wgscope/source/uapi/proc_net.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "net_table.hpp"

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

struct UdpSocket {
  std::uint64_t inode = 0;  ///< of the socket, not of a file: unique while it is open
  std::uint64_t drops = 0;
};

/// A line of /proc/net/udp, if it is a socket bound to `port` on every address.
std::optional<UdpSocket> parse_udp_line(std::string_view line, std::uint16_t port) {
  take_field(line);  // the hash slot
  const std::string_view local = take_field(line);
  const std::size_t colon = local.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (local.substr(0, colon).find_first_not_of('0') != std::string_view::npos) return std::nullopt;
  if (parse<std::uint16_t>(local.substr(colon + 1), 16) != port) return std::nullopt;
  // Remote address, state, queues, timer, retransmissions, user, timeout.
  for (int i = 0; i < 7; ++i) take_field(line);
  const auto inode = parse<std::uint64_t>(take_field(line), 10);
  const std::size_t last = line.find_last_not_of(' ');
  if (!inode || last == std::string_view::npos) return std::nullopt;
  line = line.substr(0, last + 1);
  const auto drops = parse<std::uint64_t>(line.substr(line.rfind(' ') + 1), 10);
  if (!drops) return std::nullopt;
  return UdpSocket{*inode, *drops};
}

/// Adds the sockets of `port` that `into` does not have yet, by inode.
/// @returns whether there were any.
bool add_sockets(std::string_view proc_net_udp, std::uint16_t port, std::vector<UdpSocket>& into) {
  const std::size_t before = into.size();
  take_line(proc_net_udp);  // the heading
  while (!proc_net_udp.empty()) {
    const auto socket = parse_udp_line(take_line(proc_net_udp), port);
    if (!socket) continue;
    const auto known = std::ranges::find(into, socket->inode, &UdpSocket::inode);
    if (known == into.end())
      into.push_back(*socket);
    else
      known->drops = std::max(known->drops, socket->drops);
  }
  return into.size() != before;
}

std::optional<std::uint64_t> sum_of(std::span<const UdpSocket> sockets) {
  if (sockets.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const UdpSocket& socket : sockets) sum += socket.drops;
  return sum;
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
  std::vector<UdpSocket> sockets;
  add_sockets(proc_net_udp, port, sockets);
  return sum_of(sockets);
}

// The kernel walks its hash table (16384 buckets and more) at each read, also at the one that only
// finds the end; but it fills its buffer of a page with whole lines, so a read that leaves room for
// a line has been the last.
Result<NetTable> read_net_table(int folder, const std::string& path) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kLongestLine = 512;  // of net/unix: a path of 108 bytes behind 60 others
  constexpr std::size_t kMaxSize = 64U << 20U;
  const os::UniqueFd file(openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    const int error = errno;
    if (error == ENOENT || error == ESRCH)
      return fail(Errc::no_device, fmt::format("read {}: the file does not exist", path), error);
    return fail_errno(fmt::format("open {}", path), error);
  }
  NetTable table;
  for (std::size_t used = 0; used < kMaxSize;) {
    table.text.resize(used + 4 * kPage);
    const ssize_t got = read(file.get(), table.text.data() + used, table.text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("read {}", path), errno);
    used += static_cast<std::size_t>(got);
    table.text.resize(used);
    if (static_cast<std::size_t>(got) < kPage - kLongestLine) return table;
    table.one_piece = false;
  }
  return fail(Errc::too_large, fmt::format("read {}: over {} bytes", path, kMaxSize));
}

Result<std::optional<std::uint64_t>> settled_drops(const std::function<Result<NetTable>()>& read,
                                                   std::uint16_t port) {
  std::vector<UdpSocket> sockets;
  for (int reading = 0; reading < kTableReadings; ++reading) {
    const auto table = read();
    if (!table) return tl::unexpected(table.error());
    if (table->one_piece) return sum_drops(table->text, port);
    const bool added = add_sockets(table->text, port, sockets);
    if (!added && !sockets.empty()) break;
  }
  return sum_of(sockets);
}

Result<std::optional<std::uint64_t>> socket_receive_drops(std::uint16_t listen_port) {
  std::optional<std::uint64_t> sum;
  for (const std::string file : {"udp", "udp6"}) {
    const auto drops = settled_drops(
        [&] { return read_net_table(AT_FDCWD, "/proc/thread-self/net/" + file); }, listen_port);
    // A kernel without IPv6 has no udp6.
    if (!drops && drops.error().code == Errc::no_device && file == "udp6") continue;
    if (!drops) return drops;
    const std::optional<std::uint64_t>& of_file = *drops;
    if (of_file) sum = sum.value_or(0) + *of_file;
  }
  return sum;
}

}  // namespace wgscope::uapi
