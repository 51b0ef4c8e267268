#include "attack.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <stop_token>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kNewAtOnce = 50;
constexpr int kTickMs = 20;
constexpr std::size_t kSlowBytes = 16U << 10U;  // a second

std::string_view first_words(Clients kind) {
  using namespace std::string_view_literals;
  switch (kind) {
    case Clients::silent: return "";
    case Clients::body:
      return "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n";
    case Clients::hello: return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 0123456789"sv;
    case Clients::slow:
    case Clients::not_reading: return "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    default: return "GET /met";
  }
}

/// A socket that begins to connect, from one of so many addresses; none if it may not.
os::UniqueFd begin_to_connect(std::uint16_t port, std::size_t address) {
  os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int little = 2048;
  const int short_segments = 536;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &short_segments, sizeof short_segments);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7f010001U + static_cast<std::uint32_t>(address));
  sockaddr_in to = from;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  const bool begun = bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
                     (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ||
                      errno == EINPROGRESS);
  return begun ? std::move(fd) : os::UniqueFd();
}

void close_with_reset(os::UniqueFd& fd) {
  constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
  fd.reset();
}

/// The clients of one attack, as one thread plays them.
class Crowd {
 public:
  Crowd(const AttackPlan& plan, std::atomic<std::size_t>& connected)
      : plan_(plan), connected_(&connected), clients_(plan.clients) {}

  void tick() {
    come();
    std::array<epoll_event, 256> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), kTickMs);
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0))))
      handle(event.data.u64, event.events);
    if (Clock::now() < next_second_) return;
    next_second_ = Clock::now() + std::chrono::seconds(1);
    for (std::size_t i = 0; i < clients_.size(); ++i) every_second(i);
  }

 private:
  struct Client {
    os::UniqueFd fd;
    bool connected = false;
  };

  void come() {
    for (std::size_t made = 0, looked = 0; made < kNewAtOnce && looked < clients_.size();
         ++looked) {
      next_ = (next_ + 1) % clients_.size();
      if (clients_[next_].fd) continue;
      clients_[next_] = {begin_to_connect(plan_.port, next_ % plan_.addresses), false};
      if (!clients_[next_].fd) return;
      epoll_event event{.events = EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = next_}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_[next_].fd.get(), &event);
      ++made;
    }
  }

  void handle(std::size_t index, std::uint32_t events) {
    Client& client = clients_[index];
    if (!client.fd) return;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return client.fd.reset();
    if ((events & EPOLLOUT) != 0 && !client.connected) {
      client.connected = true;
      ++*connected_;
      say(client, first_words(plan_.kind));
      if (plan_.kind == Clients::half_closed) shutdown(client.fd.get(), SHUT_WR);
      if (plan_.kind == Clients::reset) return close_with_reset(client.fd);
    }
    // Sent away: by an answer and an end, which whoever reads slowly has still to read.
    if ((events & EPOLLRDHUP) != 0 && plan_.kind != Clients::slow) client.fd.reset();
  }

  void every_second(std::size_t index) {
    Client& client = clients_[index];
    if (!client.fd || !client.connected) return;
    if (plan_.kind == Clients::dripping) say(client, "r");
    if (plan_.kind != Clients::slow) return;
    std::array<char, kSlowBytes> bytes{};
    const ssize_t size = recv(client.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) client.fd.reset();
  }

  static void say(const Client& client, std::string_view words) {
    send(client.fd.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  AttackPlan plan_;
  std::atomic<std::size_t>* connected_;
  os::UniqueFd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Client> clients_;
  std::size_t next_ = 0;
  Clock::time_point next_second_ = Clock::now();
};

}  // namespace

Attack::Attack(const AttackPlan& plan)
    : plan_(plan), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Attack::run(const std::stop_token& stop) {
  Crowd crowd(plan_, connected_);
  while (!stop.stop_requested()) crowd.tick();
}

void come_and_go(std::uint16_t port, std::size_t connections) {
  constexpr std::size_t kAtOnce = 200;
  std::vector<os::UniqueFd> open(kAtOnce);
  for (std::size_t i = 0; i < connections; ++i) {
    os::UniqueFd& client = open[i % kAtOnce];
    if (i % 3 == 0)
      client.reset();
    else
      close_with_reset(client);
    const auto kind = static_cast<Clients>(i % kClients.size());
    client = begin_to_connect(port, i % 64);
    if (!client) continue;
    // On the loopback it stands by now, unless the exporter's queue is full.
    const std::string_view words = first_words(kind);
    send(client.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (kind == Clients::half_closed) shutdown(client.get(), SHUT_WR);
  }
}

}  // namespace wgscope::bench
