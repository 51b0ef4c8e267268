// What the door does for a connection with TLS, from the ClientHello to the request.

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <sys/socket.h>
#include <sys/types.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/http/client_hello.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/tls_session.hpp"
#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {

/// Whether the client has said hello, so that a handshake can begin.
bool Door::handle_hello(int fd) {
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
      if (size < 0)
        drop(fd);
      else if (size == 0 || connections_.at(fd).half_closed)
        give_up(fd);
  }
  return false;
}

void Door::handle_tls(int fd, Lock& lock) {
  const Connection& connection = connections_.at(fd);
  // From now on another thread may hand it over, and close it, at any moment without the lock.
  if (connection.asked) return;
  if (connection.tls) return go_on_with_tls(fd, lock);
  if (handle_hello(fd)) turnstile_.greets(connection.id);
}

/// One of the handshakes that wait for their arithmetic. Others are next after a look at who has come
/// meanwhile.
void Door::shake_hands(Lock& lock) {
  const Instant start = os::boot_now();
  const std::optional<Turnstile::Id> id = tls_ ? turnstile_.next_handshake(start) : std::nullopt;
  if (!id) return;
  const int fd = descriptors_[*id];
  go_on_with_tls(fd, lock);
  const Instant end = os::boot_now();
  turnstile_.shook_hands(end - start, end);
}

/// Goes on with the handshake, then with the request. Others do not wait for the arithmetic: they
/// leave connections alone that have not asked yet, so this one stays where it is.
void Door::go_on_with_tls(int fd, Lock& lock) {
  Connection& connection = connections_.at(fd);
  lock.unlock();
  using Step = TlsSession::Step;
  if (!connection.tls) connection.tls = TlsSession::open(tls_(), fd);
  Step step = connection.tls ? Step::done : Step::failed;
  if (step == Step::done && !connection.agreed) {
    step = connection.tls->handshake();
    connection.agreed = step == Step::done;
  }
  if (step == Step::done) step = connection.tls->receive(kMaxRequestHead);
  // A request may have come together with the one before.
  if (step == Step::waits && !connection.tls->received().empty()) step = Step::done;
  // Who was let in under other rules than now is to begin anew.
  const bool outdated = connection.served && step == Step::done && !connection.tls->uses(tls_());
  lock.lock();
  switch (step) {
    case Step::done:
      if (outdated) return give_up(fd);
      turnstile_.begins(connection.id, os::boot_now());
      return settle(fd, judge_head(connection.tls->received()));
    case Step::gone: return drop(fd);
    case Step::failed:
      return refuse(
          fd, Refusal::tls, 0,
          connection.tls ? connection.tls->failure() : "the exporter is out of memory for TLS");
    case Step::waits:
      if (connection.half_closed) drop(fd);
  }
}

}  // namespace wgscope::exporter::http
