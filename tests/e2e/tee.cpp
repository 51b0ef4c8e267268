#include "tee.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <regex>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <utility>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"

namespace wgscope::test {
namespace {

/// Reads until `end` has come, or the other side closes.
std::string receive_until(int socket, std::string_view end) {
  std::string received;
  std::array<char, 1 << 14> buffer;
  while (end.empty() || received.find(end) == std::string::npos) {
    const ssize_t count = recv(socket, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return received;
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

}  // namespace

Tee::Tee(HttpServer exporter, std::string accept)
    : exporter_(std::move(exporter)),
      accept_(std::move(accept)),
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
  thread_ = std::thread([this] { serve(); });
}

Tee::~Tee() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::vector<Exchange> Tee::exchanges() const {
  const std::lock_guard lock(mutex_);
  return exchanges_;
}

void Tee::serve() {
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{listener_.get(), POLLIN, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[1].revents != 0) return;
    const os::UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) pass(client.get());
  }
}

void Tee::pass(int client) {
  limit_waiting(client);
  std::string request = receive_until(client, "\r\n\r\n");
  if (!accept_.empty()) {
    static const std::regex kAccept("\r\nAccept: [^\r]*");
    request = std::regex_replace(request, kAccept, "\r\nAccept: " + accept_);
  }
  try {
    const os::UniqueFd exporter = connect_tcp(exporter_);
    limit_waiting(exporter.get());
    send_all(exporter.get(), request);
    const std::string answer = receive_until(exporter.get(), "");
    {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back({std::move(request), parse_response(answer)});
    }
    send_all(client, answer);
  } catch (const std::exception&) {  // the client finds its connection closed
  }
}

}  // namespace wgscope::test
