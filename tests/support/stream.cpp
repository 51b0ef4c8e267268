#include "stream.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <future>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>

#include "wgscope/os/unique_fd.hpp"

#include "endpoint_fixture.hpp"
#include "netns.hpp"

namespace wgscope::test {
namespace {

constexpr std::size_t kBytes = 300'000;

void be_patient(int fd) {
  const timeval most{.tv_sec = 4, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    setsockopt(fd, SOL_SOCKET, option, &most, sizeof most);
}

bool send_all(int fd) {
  static constexpr std::array<char, 10'000> kPiece{};
  for (std::size_t sent = 0; sent < kBytes;) {
    const ssize_t count =
        send(fd, kPiece.data(), std::min(kPiece.size(), kBytes - sent), MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

bool receive_all(int fd) {
  std::array<char, 10'000> piece{};
  for (std::size_t received = 0; received < kBytes;) {
    const ssize_t count = recv(fd, piece.data(), piece.size(), 0);
    if (count <= 0) return false;
    received += static_cast<std::size_t>(count);
  }
  return true;
}

bool serve(int listener) {
  const os::UniqueFd fd(accept(listener, nullptr, nullptr));
  if (!fd) return false;
  be_patient(fd.get());
  return receive_all(fd.get()) && send_all(fd.get());
}

bool ask(const std::string& address) {
  const os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(ListeningSocket::kPort);
  if (!fd || inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1)
    throw std::runtime_error("no socket to " + address);
  be_patient(fd.get());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return false;
  return send_all(fd.get()) && receive_all(fd.get());
}

}  // namespace

ListeningSocket::ListeningSocket(const NetworkNamespace& netns) {
  inside(netns.path(), [this] {
    fd_ = os::UniqueFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));  // IPv4 too
    const int yes = 1;
    setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(kPort);
    const auto* const address = reinterpret_cast<const sockaddr*>(&any);
    if (!fd_ || bind(fd_.get(), address, sizeof any) != 0 || listen(fd_.get(), 5) != 0)
      throw std::runtime_error("cannot listen");
    be_patient(fd_.get());
  });
}

bool stream_passes(const NetworkNamespace& from, const NetworkNamespace& to,
                   const std::string& address) {
  const ListeningSocket listener(to);
  auto served = std::async(std::launch::async, serve, listener.fd());
  bool asked = false;
  inside(from.path(), [&] { asked = ask(address); });
  return served.get() && asked;
}

}  // namespace wgscope::test
