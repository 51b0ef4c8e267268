#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/base/token_bucket.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

namespace wgscope::endpoint {

class LocalAddresses;

/// A datagram that arrived in fragments, which the kernel reassembled.
struct Fragmented {
  Endpoint from;
  std::size_t datagram_size = 0;     ///< bytes of the UDP payload
  std::size_t largest_fragment = 0;  ///< bytes, including the IP header
};

/// Receives what an embedded endpoint reports. The endpoint calls these functions from its own, on
/// the same thread. They must not destroy the endpoint or call pump(). Packets that they make the
/// inner host send go out before the calling function returns.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void on_tunnel_event(const tunnel::Event& event) = 0;
  virtual void on_inner_event(const inner::Event& event) = 0;
  /// An ICMP message or the kernel reported an error about a datagram that was sent earlier.
  virtual void on_socket_error(const os::SocketError& error) = 0;
  /// Datagrams could not be sent because of a local firewall, no route, their length on this
  /// interface, or no socket of that family (EAFNOSUPPORT).
  virtual void on_send_failure(const os::SendFailure& failure) = 0;
  /// A datagram arrived in fragments. Only called with EndpointConfig::report_fragments or
  /// ::measuring.
  virtual void on_fragments(const Fragmented& /*fragmented*/) {}
  /// A packet came out of the tunnel, and the host has not seen it yet. Lets the observer take what
  /// does not concern the host. Not called for packets to the measuring service.
  /// @returns whether it was taken: then the host neither gets nor answers it.
  virtual bool take_arrived(const Arrived& /*arrived*/) { return false; }
  /// Our next handshake has a later stamp than any before, and is sent once this returns. Whoever
  /// will use the key again must store the stamp first (os::StampStore::cover()).
  /// @returns false if it could not be stored: then everything that waits to be sent is dropped,
  /// and the handshake is retried at its usual time.
  virtual bool on_stamp(const noise::Tai64n& /*stamp*/) { return true; }
};

/// As many requests as one measurement of lifetimes (path::MappingLifetime) sends at its beginning;
/// after that it sends a few per second.
inline constexpr std::uint32_t kStunAnswersAtOnce = 2000;
inline constexpr std::uint32_t kStunAnswersPerSecond = 200;

struct EndpointConfig {
  tunnel::InterfaceConfig interface;
  inner::HostConfig host;
  /// One socket for each address, at most one per family. On 0.0.0.0 or ::, answers leave from the
  /// address that the peer has sent to. Port 0 takes a free port, which the other sockets then try
  /// to get too.
  std::vector<Endpoint> listen;
  bool offload = true;                ///< use UDP_SEGMENT and UDP_GRO if the kernel has them
  std::optional<std::uint32_t> mark;  ///< mark of sent packets (SO_MARK); needs CAP_NET_ADMIN
  os::Fragmentation fragmentation = os::Fragmentation::allow;
  bool report_fragments = false;  ///< call Observer::on_fragments()
  bool measuring = false;         ///< answer peers that measure the path: MeasuringService
  /// Also answer STUN binding requests (wire::answer_binding()) on the same port, so that the other
  /// side can measure its NAT on the path of the tunnel. At most kStunAnswersPerSecond, after
  /// kStunAnswersAtOnce, because requests with forged source addresses make us send small answers
  /// to others. If this is off, only peers get any answer.
  bool answer_stun = false;
};

/// The embedded tunnel endpoint: a tunnel::Interface whose datagrams travel through UDP sockets,
/// and whose inner packets begin and end in an inner::Host. It needs neither root nor a TUN device.
///
/// It owns its sockets, but no loop and no clock: poll each fd() for reading and for errors, and
/// call the function for what happened. It is not thread-safe, and because of lwIP all endpoints of
/// a process belong on one thread (inner/tcp.hpp).
class EmbeddedEndpoint {
 public:
  /// @param random, observer  both must outlive the endpoint.
  /// @returns the errors of UdpSocket::open() and tunnel::Interface::create(). On a host without
  /// IPv6, an IPv6 socket that cannot be opened is left out, unless it is the only one.
  static Result<std::unique_ptr<EmbeddedEndpoint>> open(EndpointConfig config, Random& random,
                                                        Observer& observer);

  EmbeddedEndpoint(const EmbeddedEndpoint&) = delete;
  EmbeddedEndpoint& operator=(const EmbeddedEndpoint&) = delete;
  ~EmbeddedEndpoint();

  [[nodiscard]] std::span<const os::UdpSocket> sockets() const { return sockets_; }
  [[nodiscard]] std::uint16_t listen_port() const { return sockets_.front().local_port(); }

  /// Call it when the socket of this descriptor is readable or has errors waiting.
  void handle_readable(Now now, int fd);
  void handle_timeout(Now now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// You may use interface() and host() freely; then call pump(), which sends what that caused.
  tunnel::Interface& interface() { return interface_; }
  [[nodiscard]] const tunnel::Interface& interface() const { return interface_; }
  inner::Host& host() { return host_; }
  void pump(Now now);

  /// Sets whether datagrams sent from now on may be fragmented. @returns io.
  Result<> set_fragmentation(os::Fragmentation fragmentation);

  /// Sets how many routers datagrams sent from now on may pass.
  /// @param limit  as for UdpSocket::set_hop_limit(). @returns io.
  Result<> set_hop_limit(std::optional<std::uint8_t> limit);

  /// nullptr without EndpointConfig::measuring.
  [[nodiscard]] const MeasuringService* measuring() const { return measuring_.get(); }

  /// Replaces the sockets by new ones on a free port; poll the new fds. To the other side this
  /// looks like a peer whose NAT lost its mapping.
  /// @returns the errors of UdpSocket::open(); then the old sockets stay.
  Result<> rebind();

 private:
  EmbeddedEndpoint(tunnel::Interface interface, const EndpointConfig& config, Random& random,
                   Observer& observer);
  Result<> open_sockets(const EndpointConfig& config);
  os::UdpSocket* socket_for(Family family);
  void read(Now now, os::UdpSocket& socket);
  bool answer_stun(Now now, os::UdpSocket& socket, const os::Received& received);
  void take_packet(Now now, const Arrived& arrived);
  void take_error(Instant now, const os::SocketError& error);
  void answer_measurements(Now now);
  std::optional<std::uint16_t> send_whole(Now now, const MeasuringService::Outgoing& answer);
  /// How one run of transmit() sends, and with what result.
  struct Sending {
    bool whole = false;     ///< datagrams must not be fragmented
    bool too_long = false;  ///< a datagram was too long for this host's own interface
    std::vector<os::SendBatch> sourceless = {};  ///< not sent, because their source address is gone
  };
  void transmit(Sending& sending);
  void flush(Family family, Sending& sending);
  bool stamp_is_kept();
  void report_unsendable();
  void send(os::UdpSocket& socket, std::span<os::SendBatch> batches, Sending& sending);
  void take_failures(const os::SendReport& sent, std::span<const os::SendBatch> batches,
                     Sending& sending);
  std::optional<std::uint16_t> interface_limit(Now now, Family family);
  void send_from_elsewhere(os::UdpSocket& socket, Sending& sending);
  void seal_packets(Now now);
  bool report();

  tunnel::Interface interface_;
  inner::Host host_;
  Observer& observer_;
  std::optional<TokenBucket> stun_answers_;  ///< nothing: STUN is not answered
  os::UdpOptions socket_options_;
  std::vector<os::UdpSocket> sockets_;
  std::optional<std::uint8_t> hop_limit_;   ///< the limit that set_hop_limit() set
  std::vector<os::SendBatch> batches_;      ///< used by transmit(); a member to keep its memory
  std::unique_ptr<LocalAddresses> called_;  ///< for sockets on 0.0.0.0 or ::
  noise::Tai64n kept_stamp_;
  std::unique_ptr<MeasuringService> measuring_;  ///< null: off
};

}  // namespace wgscope::endpoint
