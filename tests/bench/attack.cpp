#include "attack.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sched.h>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"
#include "hostile_client.hpp"

namespace wgscope::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kNewAtOnce = 50;
constexpr int kTickMs = 20;
constexpr std::size_t kSlowBytes = 16U << 10U;  // a second

constexpr std::string_view kSmallPage = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr int kPagesAtOnce = 50;

std::string_view small_pages() {
  static const std::string pages = [] {
    std::string text;
    for (int i = 0; i < kPagesAtOnce; ++i) text += kSmallPage;
    return text;
  }();
  return pages;
}

std::string_view request_of(Clients kind) {
  switch (kind) {
    case Clients::body:
      return "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n";
    case Clients::slow:
    case Clients::not_reading: return "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    case Clients::staying: return kSmallPage;
    case Clients::asking: return small_pages();
    default: return "GET /met";
  }
}

/// What clients say in plain text, whether the server speaks TLS or not.
class FirstWords {
 public:
  explicit FirstWords(bool tls)
      : tls_(tls),
        context_(SSL_CTX_new(TLS_client_method())),
        hello_(test::client_hello(context_.get())) {}

  [[nodiscard]] std::string_view of(Clients kind) const {
    const std::string_view hello = hello_;
    if (kind == Clients::silent) return {};
    if (kind == Clients::hello) return hello.substr(0, hello.size() / 2);
    if (kind == Clients::handshake || (tls_ && kind == Clients::reset)) return hello;
    return tls_ ? std::string_view() : request_of(kind);
  }
  /// Whether such clients shake hands before they ask.
  [[nodiscard]] bool shake_hands(Clients kind) const {
    return tls_ && kind != Clients::silent && kind != Clients::hello &&
           kind != Clients::handshake && kind != Clients::reset;
  }
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  bool tls_;
  openssl::Context context_;
  std::string hello_;
};

void say(const os::UniqueFd& fd, std::string_view words) {
  send(fd.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// The clients of one attack, as one thread plays them.
class Crowd {
 public:
  Crowd(const AttackPlan& plan, std::atomic<std::size_t>& connected)
      : plan_(plan), connected_(&connected), words_(plan.tls), clients_(plan.clients) {}

  void tick() {
    come();
    std::array<epoll_event, 256> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), kTickMs);
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0))))
      handle(clients_[event.data.u64], event.events);
    if (Clock::now() < next_second_) return;
    next_second_ = Clock::now() + std::chrono::seconds(1);
    for (Client& client : clients_) every_second(client);
  }

 private:
  struct Client {
    os::UniqueFd fd = {};
    bool connected = false;
    bool asked = false;  ///< its request, or what it says of it, is on its way
    openssl::Session session = nullptr;
  };

  void come() {
    for (std::size_t made = 0, looked = 0; made < kNewAtOnce && looked < clients_.size();
         ++looked) {
      next_ = (next_ + 1) % clients_.size();
      if (clients_[next_].fd) continue;
      clients_[next_] = {
          .fd = test::begin_to_connect(plan_.port, 1 + next_ % plan_.addresses, SOCK_NONBLOCK)};
      if (!clients_[next_].fd) return;
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                        .data = {.u64 = next_}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_[next_].fd.get(), &event);
      ++made;
    }
  }

  void handle(Client& client, std::uint32_t events) {
    if (!client.fd) return;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return leave(client);
    if ((events & EPOLLOUT) != 0 && !client.connected) begin(client);
    if (client.fd && client.session && !client.asked) shake_hands(client);
    if (client.asked && (plan_.kind == Clients::staying || plan_.kind == Clients::asking))
      throw_away(client);
    // Sent away: by an answer and an end, which whoever reads slowly has still to read.
    if (client.fd && (events & EPOLLRDHUP) != 0 && plan_.kind != Clients::slow) leave(client);
  }

  void begin(Client& client) {
    client.connected = true;
    ++*connected_;
    say(client.fd, words_.of(plan_.kind));
    if (words_.shake_hands(plan_.kind)) {
      client.session.reset(SSL_new(words_.context()));
      SSL_set_fd(client.session.get(), client.fd.get());
      SSL_set_connect_state(client.session.get());
      return;
    }
    client.asked = true;
    after_words(client);
  }

  void shake_hands(Client& client) {
    ERR_clear_error();
    const int done = SSL_do_handshake(client.session.get());
    const int error = SSL_get_error(client.session.get(), done);
    if (done != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      return leave(client);
    if (done != 1) return;
    client.asked = true;
    const std::string_view request = request_of(plan_.kind);
    SSL_write(client.session.get(), request.data(), static_cast<int>(request.size()));
    after_words(client);
  }

  void after_words(Client& client) {
    if (plan_.kind == Clients::half_closed) shutdown(client.fd.get(), SHUT_WR);
    if (plan_.kind == Clients::reset) test::close_with_reset(client.fd);
  }

  static void leave(Client& client) { client = {}; }

  /// The bytes of its answers. What TLS would make of them does not matter.
  static void throw_away(const Client& client) {
    std::array<char, 4096> bytes{};
    while (client.fd && recv(client.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
  }

  void every_second(Client& client) {
    if (!client.fd || !client.asked) return;
    if (plan_.kind == Clients::dripping || plan_.kind == Clients::asking) {
      const std::string_view more = plan_.kind == Clients::asking ? small_pages() : "r";
      if (client.session)
        SSL_write(client.session.get(), more.data(), static_cast<int>(more.size()));
      else
        say(client.fd, more);
    }
    if (plan_.kind != Clients::slow) return;
    // What TLS made of it does not matter to the window.
    std::array<char, kSlowBytes> bytes{};
    const ssize_t size = recv(client.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) leave(client);
  }

  AttackPlan plan_;
  std::atomic<std::size_t>* connected_;
  FirstWords words_;
  os::UniqueFd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Client> clients_;
  std::size_t next_ = 0;
  Clock::time_point next_second_ = Clock::now();
};

/// A client that comes, says what its kind says, and leaves.
class Visitor {
 public:
  Visitor() = default;
  Visitor(Clients kind, std::uint16_t port, std::size_t address, const FirstWords& words)
      : kind_(kind), fd_(test::begin_to_connect(port, address, SOCK_NONBLOCK)) {
    if (!fd_) return;
    // On the loopback it stands by now, unless the exporter's queue is full.
    say(fd_, words.of(kind));
    if (!words.shake_hands(kind)) {
      end_sending();
      return;
    }
    session_.reset(SSL_new(words.context()));
    SSL_set_fd(session_.get(), fd_.get());
    SSL_set_connect_state(session_.get());
    SSL_do_handshake(session_.get());
  }

  void go_on() {
    if (session_ && SSL_do_handshake(session_.get()) == 1) {
      const std::string_view request = request_of(kind_);
      SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
      end_sending();
    }
    ERR_clear_error();
  }

  void leave(bool with_reset) {
    if (with_reset) test::close_with_reset(fd_);
    fd_.reset();
    session_.reset();
  }

 private:
  void end_sending() const {
    if (kind_ == Clients::half_closed) shutdown(fd_.get(), SHUT_WR);
  }

  Clients kind_ = Clients::silent;
  os::UniqueFd fd_;
  openssl::Session session_;
};

}  // namespace

Attack::Attack(const AttackPlan& plan, int cpu)
    : plan_(plan), thread_([this, cpu](const std::stop_token& stop) { run(stop, cpu); }) {}

void Attack::run(const std::stop_token& stop, int cpu) {
  if (cpu >= 0) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<std::size_t>(cpu), &only);
    sched_setaffinity(0, sizeof only, &only);
  }
  Crowd crowd(plan_, connected_);
  while (!stop.stop_requested()) crowd.tick();
}

void come_and_go(std::uint16_t port, bool tls, std::size_t connections) {
  constexpr std::size_t kAtOnce = 200;
  const FirstWords words(tls);
  std::vector<Visitor> open(kAtOnce);
  for (std::size_t i = 0; i < connections; ++i) {
    open[i % kAtOnce].leave(i % 3 != 0);
    open[i % kAtOnce] = Visitor(static_cast<Clients>(i % kClients.size()), port, 1 + i % 64, words);
    // Halfway to its end, what it waits for is there, most likely.
    open[(i + kAtOnce / 2) % kAtOnce].go_on();
  }
}

}  // namespace wgscope::bench
