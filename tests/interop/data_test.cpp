// Packets of every size, and TCP in both directions.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/inner/event.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/wire/icmp.hpp"

#include "site.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

constexpr std::size_t kManyBytes = 131'072;  // more than a TCP window
constexpr int kHangMs = 60'000;

os::UniqueFd make_tcp_socket(const NetworkNamespace& netns) {
  os::UniqueFd made;
  inside(netns.path(), [&] { made.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); });
  if (!made) throw std::runtime_error("no TCP socket");
  const timeval limit{.tv_sec = kHangMs / 1000, .tv_usec = 0};
  setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return made;
}

sockaddr_in address_of(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const auto parsed = IpAddress::parse(text).value();
  std::copy_n(parsed.bytes.data(), sizeof address.sin_addr,
              reinterpret_cast<std::byte*>(&address.sin_addr));
  return address;
}

/// Listens in a namespace and sends back to one client what it sends.
class EchoListener {
 public:
  explicit EchoListener(const NetworkNamespace& netns) : listener_(make_tcp_socket(netns)) {
    const sockaddr_in any = address_of("0.0.0.0", kPort);
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
        listen(listener_.get(), 1) != 0)
      throw std::runtime_error("no TCP listener");
    thread_ = std::jthread([this] { serve(); });
  }
  EchoListener(const EchoListener&) = delete;
  EchoListener& operator=(const EchoListener&) = delete;
  ~EchoListener() { shutdown(listener_.get(), SHUT_RDWR); }

  static constexpr std::uint16_t kPort = 7777;

 private:
  void serve() const {
    const os::UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::vector<std::byte> piece(16'384);
    while (client) {
      const ssize_t size = recv(client.get(), piece.data(), piece.size(), 0);
      if (size <= 0) return;
      const auto count = static_cast<std::size_t>(size);
      if (send(client.get(), piece.data(), count, MSG_NOSIGNAL) != size) return;
    }
  }

  os::UniqueFd listener_;
  std::jthread thread_;
};

/// Sends all, while it receives as much back.
std::vector<std::byte> exchange(int socket, const std::vector<std::byte>& data) {
  const std::jthread sender([&] {
    std::size_t sent = 0;
    while (sent < data.size()) {
      const ssize_t size = send(socket, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return;
      sent += static_cast<std::size_t>(size);
    }
  });
  std::vector<std::byte> received(data.size());
  std::size_t size = 0;
  while (size < received.size()) {
    const ssize_t more = recv(socket, received.data() + size, received.size() - size, 0);
    if (more <= 0) break;
    size += static_cast<std::size_t>(more);
  }
  received.resize(size);
  return received;
}

TEST_F(Interop, EchoesOfEverySizeAroundThePaddingAndUpToTheMtuComeBackWhole) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  // 1420 bytes less the headers: 28 of IPv4, 48 of IPv6. From 1392 up, a padded packet would be
  // longer than the MTU.
  for (const std::size_t size :
       {0U, 1U, 3U, 4U, 5U, 15U, 16U, 17U, 500U, 1379U, 1380U, 1391U, 1392U})
    EXPECT_TRUE(ours.ping(kInner, size)) << size;
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 500U, 1359U, 1360U, 1371U, 1372U})
    EXPECT_TRUE(ours.ping(kInner6, size)) << size;
}

TEST_F(Interop, WeAnswerTheGatewaysEchoesUpToTheMtu) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer(callable(ours));
  ours.add_peer(gateway_peer(""));
  for (const std::size_t size : {0U, 1391U, 1392U})
    EXPECT_TRUE(ping_from_gateway(kOurs, size)) << size;
  for (const std::size_t size : {0U, 1371U, 1372U})
    EXPECT_TRUE(ping_from_gateway(kOurs6, size)) << size;
}

TEST_F(Interop, APortWhereNobodyListensBehindTheGatewayRefuses) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  EXPECT_TRUE(ours.exchange_tcp(kInner + std::string(":1"), pattern(10)).empty());
  const auto refused = [](const inner::Event& event) {
    const auto* ended = std::get_if<inner::TcpEnded>(&event);
    return ended != nullptr && ended->why == inner::TcpEnd::refused;
  };
  EXPECT_EQ(std::ranges::count_if(ours.inner_events, refused), 1);

  const auto unreachable = [](const inner::Event& event) {
    const auto* failed = std::get_if<inner::IcmpFailed>(&event);
    return failed != nullptr && failed->kind == wire::IcmpKind::port_unreachable &&
           failed->reporter.to_string() == kInner6;
  };
  const auto refused_by_icmp = [&] { return std::ranges::any_of(ours.inner_events, unreachable); };
  // A kernel limits the errors of all its network namespaces together, and other tests cause many.
  for (int tries = 0; tries < 20 && !refused_by_icmp(); ++tries) {
    ASSERT_TRUE(ours.host().send_udp(
        {.to = {IpAddress::parse(kInner6).value(), 0, 1}, .from_port = 4711}, pattern(10)));
    ours.pump();
    static_cast<void>(loop_.run_until(refused_by_icmp, std::chrono::seconds{1}));
  }
  EXPECT_TRUE(refused_by_icmp());
}

TEST_F(Interop, WeConnectByTcpToAServiceBehindTheGateway) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  const EchoListener listener(site_->theirs);
  const auto data = pattern(kManyBytes);
  const auto back = ours.exchange_tcp(kInner + (":" + std::to_string(EchoListener::kPort)), data);
  EXPECT_EQ(back.size(), data.size());
  EXPECT_TRUE(back == data);
}

TEST_F(Interop, TheGatewaysOwnTcpConnectsToOurServices) {
  TestEndpoint ours = make_endpoint();
  ours.serve();
  gateway().set_peer(callable(ours));
  ours.add_peer(gateway_peer(""));
  const os::UniqueFd client = make_tcp_socket(site_->theirs);
  const auto data = pattern(kManyBytes);
  std::vector<std::byte> back;
  loop_.run_while([&] {
    const sockaddr_in to = address_of(kOurs, inner::kEchoPort);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
      back = exchange(client.get(), data);
  });
  EXPECT_EQ(back.size(), data.size());
  EXPECT_TRUE(back == data);
}

}  // namespace
}  // namespace wgscope::test
