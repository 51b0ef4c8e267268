#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::test {

/// What becomes of one packet on its way.
enum class Fate : std::uint8_t {
  pass,
  lose,
  twice,
  late,  ///< goes behind the next one of its direction
};

/// A way between a probe and a gateway, on 127.0.0.1, that does to each of the tunnel's packets
/// with content what a test says. Handshakes and keepalives pass.
class Relay {
 public:
  /// What happens to the n-th packet, from 0, of a direction.
  using Rule = std::function<Fate(std::size_t n)>;

  /// @param run  outlives it.
  Relay(checks::Run& run, std::uint16_t gateway_port);

  [[nodiscard]] std::uint16_t port() const { return front_.local_port(); }

  Rule forward = [](std::size_t) { return Fate::pass; };   ///< from the probe to the gateway
  Rule backward = [](std::size_t) { return Fate::pass; };  ///< from the gateway to the probe

  /// Change each datagram of a direction, whatever it is.
  std::function<void(std::span<std::byte>)> rewrite_forward;
  std::function<void(std::span<std::byte>)> rewrite_backward;  ///< from the gateway
  /// How long each datagram from the gateway is kept, whatever it is.
  Nanoseconds backward_delay{};

  /// The largest IPv4 packets, in bytes, that each direction lets pass; nobody says so to whoever
  /// sends larger ones.
  std::size_t forward_mtu = 65535;
  std::size_t backward_mtu = 65535;

 private:
  struct Way {
    os::UdpSocket& from;
    os::UdpSocket& to;
    Rule& rule;
    std::size_t& mtu;
    std::size_t packets = 0;
    std::vector<std::byte> held{};
  };

  void move(Way& way, Endpoint* learn, const Endpoint& destination);
  void send_delayed(Instant now);
  static void send(os::UdpSocket& socket, const Endpoint& to, std::span<const std::byte> bytes);

  os::UdpSocket front_;  ///< the probe's gateway
  os::UdpSocket back_;   ///< the gateway's probe
  Endpoint gateway_;
  Endpoint probe_;
  Way there_{front_, back_, forward, forward_mtu};
  Way returning_{back_, front_, backward, backward_mtu};
  struct Delayed {
    Instant due;
    std::vector<std::byte> bytes;
  };
  std::deque<Delayed> delayed_;
  std::vector<os::PollLoop::Watch> watches_;
};

}  // namespace wgscope::test
