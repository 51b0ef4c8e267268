#include "local_server.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <netinet/in.h>
#include <poll.h>
#include <regex>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <thread>
#include <utility>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {
namespace {

/// Appends what comes next. @returns whether anything did.
bool receive_more(int socket, std::string& received) {
  std::array<char, 1 << 14> buffer;
  const ssize_t count = recv(socket, buffer.data(), buffer.size(), 0);
  if (count > 0) received.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace

LocalServer::LocalServer(std::function<void(int)> serve)
    : serve_(std::move(serve)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), any, size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), any, &size) != 0)
    throw std::system_error(errno, std::generic_category(), "listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

LocalServer::~LocalServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void LocalServer::run() {
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{listener_.get(), POLLIN, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[1].revents != 0) return;
    const os::UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    limit_waiting(client.get());
    serve_(client.get());
  }
}

std::string receive_until(int socket, std::string_view end) {
  std::string received;
  while (end.empty() || received.find(end) == std::string::npos)
    if (!receive_more(socket, received)) break;
  return received;
}

std::string receive_request(int socket) {
  constexpr std::string_view kEndOfHead = "\r\n\r\n";
  std::string request = receive_until(socket, kEndOfHead);
  static const std::regex kLength("\r\nContent-Length: *([0-9]+)", std::regex::icase);
  std::smatch match;
  if (!std::regex_search(request, match, kLength)) return request;
  const std::size_t whole =
      request.find(kEndOfHead) + kEndOfHead.size() + std::stoul(match[1].str());
  while (request.size() < whole)
    if (!receive_more(socket, request)) break;
  return request;
}

void send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void limit_waiting(int socket) {
  constexpr timeval kLimit{5, 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof kLimit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit);
}

}  // namespace wgscope::test
