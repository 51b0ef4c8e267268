#include "exporter/http/door.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <netinet/tcp.h>
#include <optional>
#include <pthread.h>
#include <span>
#include <string_view>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/sockios.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/civetweb_calls.hpp"
#include "exporter/http/listener.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/tls_session.hpp"
#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsAtOnce = 64;  // then others get their turn
/// Bytes of an answer that wait in the kernel to be sent while the exporter is busy. Without a limit
/// it takes over 2 MiB for a client that does not read, which are to be made first, and kept. It
/// costs a quick client's answer a twentieth more.
constexpr int kMostUnsentIfBusy = 256 << 10;
constexpr std::string_view kTooMany = "503 too many connections\n";
constexpr Nanoseconds kOutOfDescriptors = 100ms;  // until the next try

std::uint64_t event_key(int fd, std::uint32_t number) {
  return (std::uint64_t{number} << 32U) | static_cast<std::uint32_t>(fd);
}

/// What has arrived, but not without end.
void throw_away_some(int fd) {
  std::array<char, kMaxRequestHead> bytes{};
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT does not wait
  for (int i = 0; i < 8 && recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0; ++i) {
  }
}

std::optional<Endpoint> endpoint_of(const sockaddr_storage& address, socklen_t size) {
  os::SocketAddress peer;
  std::memcpy(peer.data(), &address, std::min(size, os::SocketAddress::kCapacity));
  return peer.endpoint();
}

/// How far the client has come with reading: what its TCP has acknowledged, and whether it was sent
/// more (tcp_info in linux/tcp.h, SIOCOUTQ in tcp(7)).
Turnstile::Progress progress_of(int fd) {
  // glibc's own tcp_info ends before the field.
  struct {
    tcp_info info;
    std::uint64_t pacing_rate;
    std::uint64_t max_pacing_rate;
    std::uint64_t bytes_acknowledged;
  } info{};
  socklen_t size = sizeof info;
  int unread = 0;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || ioctl(fd, SIOCOUTQ, &unread) != 0)
    return {};
  return {info.bytes_acknowledged, unread > 0};
}

}  // namespace

Result<std::unique_ptr<Door>> Door::open(std::vector<Listener> listeners,
                                         const TurnstileLimits& limits, DoorEvents events,
                                         Tls tls) {
  std::unique_ptr<Door> door(
      new Door(std::move(listeners), limits, std::move(events), std::move(tls)));
  if (auto started = door->start(limits.answer_time); !started)
    return tl::unexpected(started.error());
  return door;
}

Door::Door(std::vector<Listener> listeners, const TurnstileLimits& limits, DoorEvents events,
           Tls tls)
    : listeners_(std::move(listeners)),
      events_(std::move(events)),
      tls_(std::move(tls)),
      turnstile_(limits) {}

Result<> Door::start(Nanoseconds answer_time) {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  entrance_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  if (!epoll_ || !wake_ || !entrance_) return fail_errno("make the HTTP server's sockets", errno);
  watch(wake_.get(), 0, EPOLLIN);
  for (const Listener& listener : listeners_) {
    fcntl(listener.socket.get(), F_SETFL, fcntl(listener.socket.get(), F_GETFL) | O_NONBLOCK);
    // Connections inherit it. Of one that is idle, nobody watches whether the answer is read.
    const auto patience =
        static_cast<unsigned>(std::chrono::ceil<std::chrono::milliseconds>(answer_time).count());
    setsockopt(listener.socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    watch(listener.socket.get(), 0, EPOLLIN);
  }
  register_door(*this);
  thread_ = std::thread([this] { run(); });
  return {};
}

Door::~Door() {
  shut();
  if (thread_.joinable()) thread_.join();
  unregister_door(*this);
  for (const auto& [fd, connection] : connections_) ::close(fd);
}

/// @param number  of the connection; 0 for everything else. Events that were fetched together with
/// the end of an earlier connection must not be taken for those of one with the same descriptor.
void Door::watch(int fd, std::uint32_t number, std::uint32_t events) const {
  epoll_event event{.events = events, .data = {.u64 = event_key(fd, number)}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Door::cut_readers(Instant since_before) {
  const std::lock_guard lock(mutex_);
  for (const Turnstile::Id id : turnstile_.cut_those_reading_since_before(since_before)) {
    events_.on_refused(Refusal::slow_reader);
    cut(descriptors_[id]);
  }
}

void Door::stop_accepting() {
  const std::lock_guard lock(mutex_);
  accepting_ = false;
  ends_idle_ = true;
  eventfd_write(wake_.get(), 1);
  accepts_again_.reset();
  pause_accepting(true);
}

bool Door::is_idle() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::none_of(
      connections_, [](const auto& entry) { return entry.second.asked && !entry.second.leaving; });
}

bool Door::works(Nanoseconds longest) {
  const std::lock_guard lock(mutex_);
  eventfd_write(wake_.get(), 1);
  return std::exchange(came_round_, false) &&
         (turnstile_.serving() == 0 || os::boot_now() - last_answer_ < longest);
}

void Door::shut() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  for (const auto& [fd, connection] : connections_) cut(fd);
  eventfd_write(wake_.get(), 1);
}

bool Door::bind(int fd) {
  if (dup3(entrance_.get(), fd, O_CLOEXEC) < 0) return false;
  attached_ = fd;
  return true;
}

bool Door::is_entrance(int fd) const { return attached_ == fd; }

bool Door::accept(int fd, sockaddr* address, socklen_t* size, int& connection) {
  if (!is_entrance(fd)) return false;
  connection = -1;
  const std::lock_guard lock(mutex_);
  eventfd_t one = 0;
  eventfd_read(entrance_.get(), &one);
  if (handed_over_.empty()) {
    errno = EAGAIN;
    return true;
  }
  connection = handed_over_.front();
  handed_over_.pop_front();
  const Connection& known = connections_.at(connection);
  std::memcpy(address, &known.address, std::min(*size, known.address_size));
  *size = known.address_size;
  return true;
}

bool Door::find(int fd, Inside& inside) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return false;
  inside = {found->second.tls.get(), &found->second.unread,
            accepting_ && turnstile_.may_stay(found->second.id)};
  return true;
}

bool Door::find_session(int fd, TlsSession*& session) const {
  if (!tls_) return false;
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return false;
  session = found->second.tls.get();
  return true;
}

bool Door::close(int fd, bool stays) {
  if (is_entrance(fd)) {
    attached_ = -1;
    ::close(fd);
    return true;
  }
  const std::lock_guard lock(mutex_);
  if (!connections_.contains(fd)) return false;
  if (!stays || !take_back(fd)) {
    // Closing would reset the connection while bytes are unread, and the answer could be lost.
    throw_away_some(fd);
    drop(fd);
  }
  last_answer_ = os::boot_now();
  serve_next(last_answer_);
  return true;
}

/// @returns false: it cannot stay. It was told that it could, and sees the end of its connection.
bool Door::take_back(int fd) {
  Connection& connection = connections_.at(fd);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);  // CivetWeb has let it block
  if (stop_ || !accepting_ || !turnstile_.answered(connection.id, os::boot_now())) {
    if (connection.tls) connection.tls->say_goodbye();
    return false;
  }
  if (connection.tls) connection.tls->rest();
  connection.asked = connection.inside = false;
  connection.served = true;
  watch(fd, connection.number, events_of_clients());  // what has arrived already is an event, too
  return true;
}

void Door::run() {
  pthread_setname_np(pthread_self(), "door");
  std::array<epoll_event, 64> events{};
  for (;;) {
    int wait = 0;
    {
      const std::lock_guard lock(mutex_);
      wait = time_to_wait(os::boot_now());
    }
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait);
    Lock lock(mutex_);
    if (stop_) return;
    came_round_ = true;
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      const int fd = static_cast<int>(event.data.u64 & UINT32_MAX);
      const auto known = connections_.find(fd);
      if (fd == wake_.get()) {
        eventfd_t ignored = 0;
        eventfd_read(fd, &ignored);
      } else if (known != connections_.end()) {
        if (event.data.u64 == event_key(fd, known->second.number))
          handle_client(fd, event.events, lock);
      } else if (std::ranges::any_of(listeners_, [&](const Listener& listener) {
                   return listener.socket.get() == fd;
                 })) {
        accept_some(fd);
      }
    }
    shake_hands(lock);
    const Instant now = os::boot_now();
    look(now);
    serve_next(now);
  }
}

int Door::time_to_wait(Instant now) const {
  std::optional<Instant> next = turnstile_.next_look(now);
  if (!leaving_.empty())
    next = std::min(next.value_or(leaving_.front().until), leaving_.front().until);
  if (!next) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
  return static_cast<int>(std::clamp<long long>(wait, 0, 60'000));
}

void Door::pause_accepting(bool paused) const {
  for (const Listener& listener : listeners_) {
    epoll_event event{.events = paused ? 0U : EPOLLIN,
                      .data = {.u64 = event_key(listener.socket.get(), 0)}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener.socket.get(), &event);
  }
}

void Door::accept_some(int listener) {
  // An event from before stop_accepting() may still be there: the connection is the next process'.
  for (int i = 0; accepting_ && i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      let_in(fd, address, size);
    } else if (errno == EMFILE && close_first_leaving()) {
      continue;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The listener stays readable, and asking again at once would be a busy loop.
      accepts_again_ = os::boot_now() + kOutOfDescriptors;
      pause_accepting(true);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

void Door::let_in(int fd, const sockaddr_storage& address, socklen_t size) {
  const auto endpoint = endpoint_of(address, size);
  if (!endpoint) {
    ::close(fd);
    return;
  }
  const Turnstile::Admission admission = turnstile_.admit(endpoint->address, os::boot_now());
  if (admission.full != Turnstile::Full::no)
    events_.on_refused(admission.full == Turnstile::Full::address ? Refusal::per_address
                                                                  : Refusal::total);
  if (admission.evicted) {
    const int evicted = descriptors_[*admission.evicted];
    const bool asks = admission.full != Turnstile::Full::no;
    send_away(evicted, asks && can_be_told(evicted) ? 503 : 0, kTooMany);
  }
  know(fd, {.id = admission.id.value_or(0),
            .from = endpoint->address,
            .address = address,
            .address_size = size});
  if (!admission.id) return send_away(fd, can_be_told(fd) ? 503 : 0, kTooMany);
  if (descriptors_.size() <= *admission.id) descriptors_.resize(*admission.id + 1, -1);
  descriptors_[*admission.id] = fd;
}

std::uint32_t Door::events_of_clients() const {
  return std::uint32_t{EPOLLIN} | EPOLLRDHUP | EPOLLET | (tls_ ? EPOLLOUT : 0U);
}

void Door::know(int fd, Connection connection) {
  connection.number = ++numbers_;
  connections_[fd] = std::move(connection);
  watch(fd, numbers_, events_of_clients());
  events_.on_connections(connections_.size());
}

void Door::handle_client(int fd, std::uint32_t events, Lock& lock) {
  Connection& connection = connections_.at(fd);
  if (connection.inside) return;  // an event from before another thread handed it over
  const bool over = (events & (EPOLLHUP | EPOLLERR)) != 0;
  connection.half_closed |= over || (events & EPOLLRDHUP) != 0;
  // Of a handshake that a client ended, the alert that says why may wait before the reset.
  if (over && !(connection.tls && !connection.agreed)) return drop(fd);
  if (connection.leaving) return handle_leaving(fd);
  if (tls_) return handle_tls(fd, lock);
  std::array<char, kMaxRequestHead> bytes{};
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): MSG_DONTWAIT does not wait
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  const bool idle = turnstile_.is_idle(connection.id);
  if (size == 0) return idle ? drop(fd) : give_up(fd);
  if (size < 0 && errno != EAGAIN) return drop(fd);
  if (size > 0) {
    if (idle) turnstile_.begins(connection.id, os::boot_now());
    settle(fd, judge_head({bytes.data(), static_cast<std::size_t>(size)}));
  }
}

void Door::settle(int fd, const HeadVerdict& verdict) {
  if (verdict.state == HeadState::refused)
    return refuse(fd, verdict.reason, verdict.status, verdict.text);
  Connection& connection = connections_.at(fd);
  if (verdict.state == HeadState::whole) {
    connection.asked = true;
    connection.unread = verdict.size;
    turnstile_.ready(connection.id);
  } else if (connection.half_closed) {
    give_up(fd);  // so the rest of its request never comes
  }
}

void Door::look(Instant now) {
  if (accepts_again_ && now >= *accepts_again_) {
    accepts_again_.reset();
    pause_accepting(false);
  }
  for (const Turnstile::Id id : turnstile_.served()) {
    Turnstile::Progress progress = progress_of(descriptors_[id]);
    progress.acknowledged -=
        std::min(progress.acknowledged, connections_.at(descriptors_[id]).acknowledged_before);
    turnstile_.progress(id, progress, now);
  }
  const Turnstile::Overdue overdue = turnstile_.overdue(now);
  for (const Turnstile::Id id : overdue.heads) {
    const bool told = can_be_told(descriptors_[id]);
    refuse(descriptors_[id], Refusal::head_timeout, told ? 408 : 0,
           told ? "408 the request did not arrive in time\n" : "the handshake did not end in time");
  }
  for (const Turnstile::Id id : overdue.readers) {
    events_.on_refused(Refusal::slow_reader);
    cut(descriptors_[id]);
  }
  for (const Turnstile::Id id : overdue.idle) give_up(descriptors_[id]);
  while (close_first_leaving(now)) {
  }
  if (std::exchange(ends_idle_, false)) end_idle();
}

void Door::end_idle() {
  std::vector<int> idle;
  for (const auto& [fd, connection] : connections_)
    if (!connection.leaving && turnstile_.is_idle(connection.id)) idle.push_back(fd);
  for (const int fd : idle) give_up(fd);
}

void Door::serve_next(Instant now) {
  if (stop_) return;
  if (turnstile_.serving() == 0) last_answer_ = now;
  while (const std::optional<Turnstile::Id> id = turnstile_.next(now)) {
    const int fd = descriptors_[*id];
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    Connection& connection = connections_.at(fd);
    connection.inside = true;
    const int most_unsent = turnstile_.is_busy() ? kMostUnsentIfBusy : 0;  // 0: the system's
    if (most_unsent != 0 || connection.served)
      setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, sizeof most_unsent);
    if (connection.tls || connection.served)
      connection.acknowledged_before = progress_of(fd).acknowledged;
    handed_over_.push_back(fd);
    eventfd_write(entrance_.get(), 1);
  }
}

}  // namespace wgscope::exporter::http
