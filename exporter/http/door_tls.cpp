// What the door does for a connection with TLS, from the ClientHello to the request.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "exporter/http/client_hello.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/tls_session.hpp"

namespace wgscope::exporter::http {

/// Whether the client has said hello, so that a handshake can begin.
bool Door::handle_hello(int fd, std::uint32_t events) {
  std::array<char, kMaxClientHello> bytes{};
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT does not wait
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return false;
  const HelloState state = size <= 0
                               ? HelloState::incomplete
                               : judge_client_hello({bytes.data(), static_cast<std::size_t>(size)});
  switch (state) {
    case HelloState::whole: return true;
    case HelloState::http:
      refuse(fd, Refusal::bad_head, 400, "400 this port speaks HTTPS, not HTTP\n");
      return false;
    case HelloState::refused:
      refuse(fd, Refusal::bad_head, 0, "the client did not begin a TLS handshake");
      return false;
    case HelloState::incomplete:
      if (size <= 0 || (events & EPOLLRDHUP) != 0) drop(fd);
  }
  return false;
}

/// Goes on with the handshake, then with the request. Others do not wait for the arithmetic: they
/// leave connections alone that are not inside, so this one stays where it is.
void Door::handle_tls(int fd, std::uint32_t events, Lock& lock) {
  Connection& connection = connections_.at(fd);
  if (!connection.tls && !handle_hello(fd, events)) return;
  lock.unlock();
  using Step = TlsSession::Step;
  if (!connection.tls) connection.tls = TlsSession::open(tls_(), fd);
  Step step = connection.tls ? Step::done : Step::failed;
  if (step == Step::done && !connection.agreed) {
    step = connection.tls->handshake();
    connection.agreed = step == Step::done;
  }
  if (step == Step::done) step = connection.tls->receive(kMaxRequestHead);
  lock.lock();
  switch (step) {
    case Step::done: return settle(fd, events, judge_head(connection.tls->received()));
    case Step::gone: return drop(fd);
    case Step::failed:
      return refuse(fd, Refusal::tls, 0,
                    connection.tls ? connection.tls->failure() : "there is no memory for TLS");
    case Step::waits:
      if ((events & EPOLLRDHUP) != 0) drop(fd);
  }
}

}  // namespace wgscope::exporter::http
