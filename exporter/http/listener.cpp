#include "exporter/http/listener.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter::http {
namespace {

/// As many as the system allows (net.core.somaxconn). With 256, a thousand clients that connected at
/// once filled it, and a scraper's SYN was dropped and came again a second later.
constexpr int kBacklog = 4096;
constexpr int kSilentSeconds = 10;  // then a silent connection is accepted after all, and times out

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

struct HostPort {
  std::string host;  ///< empty: every address
  std::string port;
};

std::optional<HostPort> split(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed ? host.empty() : host.find(':') != std::string_view::npos) return std::nullopt;
  return HostPort{std::string(host), std::string(port)};
}

void set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

/// Fills in what the kernel knows of a listening socket.
Result<Listener> describe(os::UniqueFd socket) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size) != 0)
    return fail_errno("get the address of a listening socket", errno);
  if (local.ss_family != AF_INET && local.ss_family != AF_INET6)
    return fail(Errc::bad_value, "a listening socket is neither IPv4 nor IPv6");
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getnameinfo(reinterpret_cast<const sockaddr*>(&local), size, host.data(), host.size(),
              port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  Listener listener;
  listener.ipv6 = local.ss_family == AF_INET6;
  listener.port = static_cast<std::uint16_t>(std::atoi(port.data()));
  listener.address = listener.ipv6 ? fmt::format("[{}]:{}", host.data(), port.data())
                                   : fmt::format("{}:{}", host.data(), port.data());
  listener.socket = std::move(socket);
  return listener;
}

Result<Listener> open_listener(const addrinfo& info, bool every_address) {
  os::UniqueFd fd(socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("open a socket", errno);
  set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (info.ai_family == AF_INET6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, every_address ? 0 : 1);
  set(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, kSilentSeconds);
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0)
    return fail(errc_from_errno(errno), std::generic_category().message(errno), errno);
  return describe(std::move(fd));
}

std::string advice(int sys_errno) {
  switch (sys_errno) {
    case EADDRINUSE: return " (another exporter? Choose another port with --web.listen-address)";
    case EADDRNOTAVAIL: return " (this host does not have this address)";
    case EACCES: return " (ports below 1024 need CAP_NET_BIND_SERVICE)";
    default: return "";
  }
}

}  // namespace

Result<Listener> listen_on(const std::string& address) {
  const auto parts = split(address);
  if (!parts)
    return fail(
        Errc::bad_value,
        fmt::format("'{}' is not a valid address to listen on: expected ADDRESS:PORT or :PORT",
                    address));
  // As in Go, from which the flag and its habits come, [::] is every address too.
  const bool every = parts->host.empty() || parts->host == "::";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error =
          getaddrinfo(every ? nullptr : parts->host.c_str(), parts->port.c_str(), &hints, &found);
      error != 0)
    return fail(Errc::bad_value, fmt::format("listen on {}: {}", address, gai_strerror(error)));
  const Addresses addresses(found);
  // Of every address: one IPv6 socket serves IPv4 as well; a host without IPv6 gets an IPv4 one. Of
  // a name like localhost: its IPv4 address, as exporters in Go do.
  Result<Listener> listener = fail(Errc::io, "no address");
  for (const int family : every ? std::array{AF_INET6, AF_INET} : std::array{AF_INET, AF_INET6})
    for (const addrinfo* info = addresses.get(); info != nullptr; info = info->ai_next) {
      if (info->ai_family != family || listener || listener.error().sys_errno == EADDRINUSE)
        continue;
      listener = open_listener(*info, every);
    }
  if (!listener) {
    Error error = listener.error();
    error.context =
        fmt::format("listen on {}: {}{}", address, error.context, advice(error.sys_errno));
    return tl::unexpected(std::move(error));
  }
  return listener;
}

Result<std::vector<Listener>> open_listeners(const std::vector<std::string>& addresses) {
  std::vector<Listener> listeners;
  for (const std::string& address : addresses) {
    auto listener = listen_on(address);
    if (!listener) return tl::unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

Result<std::vector<Listener>> take_systemd_listeners() {
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
  const auto number = [](const char* name) {
    const char* text = std::getenv(name);
    int value = 0;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), value);
    return value;
  };
  const int count = number("LISTEN_FDS");
  if (number("LISTEN_PID") != getpid() || count <= 0)
    return fail(
        Errc::bad_value,
        "--web.systemd-socket: systemd passed no socket (start it through its .socket unit)");
  std::vector<Listener> listeners;
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    os::UniqueFd socket(fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
      return fail(Errc::bad_value,
                  fmt::format("systemd's descriptor {} is not a listening socket", fd));
    set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kSilentSeconds);
    auto listener = describe(std::move(socket));
    if (!listener) return tl::unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  return listeners;
}

}  // namespace wgscope::exporter::http
