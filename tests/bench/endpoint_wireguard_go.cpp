// The same work done by Debian's wireguard-go, in namespaces of its own.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <regex>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "endpoint_parts.hpp"
#include "measure.hpp"
#include "netns.hpp"
#include "processes.hpp"
#include "tunnels.hpp"
#include "wireguard_go.hpp"

namespace wgscope::bench {
namespace {

constexpr std::uint16_t kGatewayPort = 51820;
constexpr std::uint16_t kTcpPort = 5201;

void check(long result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

void enter(const test::NetworkNamespace& netns) {
  auto opened = os::Netns::open(netns.path());
  if (!opened) throw std::runtime_error(opened.error().context);
  must(opened->enter());
}

std::string peer_section(const std::string& key, const std::string& allowed,
                         const std::string& endpoint = {}) {
  return fmt::format("[Peer]\nPublicKey = {}\nAllowedIPs = {}\n{}", key, allowed,
                     endpoint.empty() ? "" : fmt::format("Endpoint = {}\n", endpoint));
}

std::string interface_section(const test::KeyPair& keys) {
  return fmt::format("[Interface]\nPrivateKey = {}\nListenPort = {}\n", keys.private_key,
                     kGatewayPort);
}

/// Handshakes of `count` of our clients with a wireguard-go, `rounds` each. The clients live in a
/// process of their own, in its namespace.
class Handshakes {
 public:
  explicit Handshakes(std::size_t count)
      : gateway_(netns_), child_([this, count](int stream) { serve(stream, count); }) {
    std::string config = interface_section(keys_);
    for (std::size_t i = 0; i < count; ++i) {
      PublicKey key;
      child_.read(key.bytes);
      config += peer_section(key.base64(),
                             inner_address(static_cast<std::uint32_t>(256 + i)).to_string());
    }
    gateway_.configure(config);
    gateway_.up("10.0.0.1/8");
  }

  [[nodiscard]] pid_t pid() const { return gateway_.pid(); }
  void round() const {
    child_.tell('h');
    std::byte done{};
    child_.read({&done, 1});
  }

 private:
  void serve(int stream, std::size_t count) const {
    enter(netns_);
    Clients clients(count);
    clients.connect(PublicKey::from_base64(keys_.public_key).value(), kGatewayPort);
    for (const PublicKey& key : clients.public_keys())
      check(write(stream, key.bytes.data(), key.bytes.size()), "write");
    for (char command = 0; read(stream, &command, 1) == 1;) {
      clients.handshake_all(16);
      check(write(stream, &command, 1), "write");
    }
  }

  test::NetworkNamespace netns_;
  test::WireguardGo gateway_;
  test::KeyPair keys_ = test::make_key_pair();
  Child child_;
};

/// Two wireguard-go, each in a namespace, a tunnel between them over a veth pair.
class Pair {
 public:
  Pair() : left(left_netns), right(right_netns) {
    test::connect(left_netns, "192.0.2.1/24", right_netns, "192.0.2.2/24");
    const test::KeyPair left_keys = test::make_key_pair();
    const test::KeyPair right_keys = test::make_key_pair();
    left.configure(
        interface_section(left_keys) +
        peer_section(right_keys.public_key, "10.9.0.2", fmt::format("192.0.2.2:{}", kGatewayPort)));
    right.configure(interface_section(right_keys) + peer_section(left_keys.public_key, "10.9.0.1"));
    left.up("10.9.0.1/24");
    right.up("10.9.0.2/24");
  }

  test::NetworkNamespace left_netns;
  test::NetworkNamespace right_netns;
  test::WireguardGo left;
  test::WireguardGo right;
};

sockaddr_in tcp_address() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kTcpPort);
  address.sin_addr.s_addr = htonl(0x0a090002);  // 10.9.0.2
  return address;
}

void sink(int stream, const test::NetworkNamespace& netns) {
  enter(netns);
  const os::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = tcp_address();
  check(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(listen(listener.get(), 1), "listen");
  check(write(stream, "", 1), "write");
  const os::UniqueFd from(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::vector<char> buffer(256 * 1024);
  while (recv(from.get(), buffer.data(), buffer.size(), 0) > 0) {
  }
  check(write(stream, "", 1), "write");
  pause();
}

void source(int stream, const test::NetworkNamespace& netns, std::uint64_t bytes) {
  enter(netns);
  const os::UniqueFd to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = tcp_address();
  check(connect(to.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  const std::vector<char> data(256 * 1024, 'x');
  while (bytes > 0) {
    const ssize_t size =
        send(to.get(), data.data(), std::min<std::uint64_t>(bytes, data.size()), 0);
    check(size, "send");
    bytes -= static_cast<std::uint64_t>(size);
  }
  shutdown(to.get(), SHUT_WR);
  check(write(stream, "", 1), "write");
  pause();
}

void measure_tcp(const Pair& pair, std::uint64_t bytes, WireguardGoFigures& figures) {
  std::byte done{};
  const Child receiver([&](int stream) { sink(stream, pair.right_netns); });
  receiver.read({&done, 1});
  const CpuClock sending = CpuClock::of(pair.left.pid());
  const CpuClock receiving = CpuClock::of(pair.right.pid());
  const Nanoseconds before_sending = sending.read();
  const Nanoseconds before_receiving = receiving.read();
  const Child sender([&](int stream) { source(stream, pair.left_netns, bytes); });
  receiver.read({&done, 1});
  const auto gbit = [&](Nanoseconds cpu) {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(cpu.count());
  };
  figures.tcp_send_gbit = gbit(sending.read() - before_sending);
  figures.tcp_receive_gbit = gbit(receiving.read() - before_receiving);
}

double first_ping_ns() {
  const Pair pair;
  const std::string out = pair.left_netns.must({"ping", "-c", "1", "-W", "5", "10.9.0.2"});
  std::smatch match;
  if (!std::regex_search(out, match, std::regex("time=([0-9.]+) ms")))
    throw std::runtime_error("ping said: " + out);
  return std::stod(match[1]) * 1e6;
}

}  // namespace

WireguardGoFigures measure_wireguard_go(const EndpointOptions& options) {
  WireguardGoFigures figures;
  if (const auto why = test::why_no_netns()) {
    fmt::print(stderr, "bench: no figures of wireguard-go: {}\n", *why);
    return figures;
  }
  const int rounds = options.quick ? 2 : 7;
  {
    constexpr std::size_t kClients = 200;
    const Handshakes handshakes(kClients);
    handshakes.round();  // warm
    const CpuClock clock = CpuClock::of(handshakes.pid());
    const Nanoseconds before = clock.read();
    for (int i = 0; i < rounds; ++i) handshakes.round();
    figures.handshake_cpu_ns = static_cast<double>((clock.read() - before).count()) /
                               (kClients * static_cast<double>(rounds));
  }
  {
    const Handshakes handshakes(2000);
    for (int i = 0; i < 2; ++i) handshakes.round();
    figures.loaded_bytes = memory_of(handshakes.pid()).anonymous;
  }
  std::vector<double> replies;
  for (int i = 0; i < (options.quick ? 1 : 5); ++i) replies.push_back(first_ping_ns());
  std::ranges::sort(replies);
  figures.first_reply_ns = replies[replies.size() / 2];
  const Pair pair;
  figures.idle_bytes = memory_of(pair.right.pid()).anonymous;
  measure_tcp(pair, (options.quick ? 64UL : 256UL) << 20U, figures);
  return figures;
}

}  // namespace wgscope::bench
