// How clients are sent away.

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/http/door.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/tls_session.hpp"
#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kLeavingTime = 1s;  // for an answer of the door's to be read
constexpr std::size_t kEndedAtOnce = 64;  // of those that leave in a second

std::string answer(int status, std::string_view text) {
  const char* phrase = status == 405   ? "Method Not Allowed"
                       : status == 408 ? "Request Timeout"
                       : status == 413 ? "Content Too Large"
                       : status == 431 ? "Request Header Fields Too Large"
                       : status == 503 ? "Service Unavailable"
                       : status == 505 ? "HTTP Version Not Supported"
                                       : "Bad Request";
  return fmt::format(
      "HTTP/1.1 {} {}\r\n{}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      status, phrase, status == 405 ? "Allow: GET, HEAD\r\n" : "", text.size(), text);
}

}  // namespace

/// Whether what is sent now reaches the client in a way that it understands.
bool Door::can_be_told(int fd) const { return !tls_ || connections_.at(fd).agreed; }

/// @param status  0: there is no TLS connection in which the client could be told.
/// @param text  what it is told, or why there is none.
void Door::refuse(int fd, Refusal reason, int status, std::string_view text) {
  events_.on_refused(reason);
  const Connection& connection = connections_.at(fd);
  (status != 0 ? events_.on_bad_request : events_.on_bad_handshake)(connection.from, text);
  turnstile_.end(connection.id);
  send_away(fd, status, text);
}

/// The client will not ask for anything any more.
void Door::give_up(int fd) {
  turnstile_.end(connections_.at(fd).id);
  send_away(fd, 0, "");
}

/// Tells it why, if it can be told. It has no place any more.
void Door::send_away(int fd, int status, std::string_view text) {
  const Connection& connection = connections_.at(fd);
  const std::string words = status == 0 ? "" : answer(status, text);
  if (connection.tls && !words.empty())
    connection.tls->write(words);
  else if (!words.empty())
    send(fd, words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (connection.tls) connection.tls->say_goodbye();
  leave(fd);
}

/// Closing while bytes are unread would reset the connection, and the client would not see what it
/// was told.
void Door::leave(int fd) {
  while (count_leaving_ >= kMostLeaving && close_first_leaving()) {
  }
  const Instant now = os::boot_now();
  if (now - second_ >= kLeavingTime) {
    second_ = now;
    ended_at_once_ = 0;
  }
  if (ended_at_once_ < kEndedAtOnce) {
    ++ended_at_once_;
    shutdown(fd, SHUT_WR);
  }
  Connection& connection = connections_.at(fd);
  connection.tls.reset();
  connection.leaving = true;
  ++count_leaving_;
  leaving_.push_back({fd, connection.number, now + kLeavingTime});
}

/// Closes the one that began to leave first.
/// @param until  only if it was to be closed by then.
/// @returns whether there was one.
bool Door::close_first_leaving(std::optional<Instant> until) {
  while (!leaving_.empty()) {
    const Leaving first = leaving_.front();
    if (until && *until < first.until) return false;
    leaving_.pop_front();
    const auto known = connections_.find(first.fd);
    if (known == connections_.end() || known->second.number != first.number) continue;
    drop(first.fd);
    return true;
  }
  return false;
}

void Door::cut(int fd) {
  // What is not sent yet is thrown away: a client that does not read would keep it in memory.
  constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
  shutdown(fd, SHUT_RDWR);
}

void Door::drop(int fd) {
  const auto found = connections_.find(fd);
  if (found->second.leaving)
    --count_leaving_;
  else
    turnstile_.end(found->second.id);
  connections_.erase(found);
  ::close(fd);
  events_.on_connections(connections_.size());
}

void Door::handle_leaving(int fd) {
  std::array<char, kMaxRequestHead> bytes{};
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT does not wait
  while (const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT))
    if (size < 0) {
      if (errno == EAGAIN) return;
      break;
    }
  drop(fd);
}

}  // namespace wgscope::exporter::http
