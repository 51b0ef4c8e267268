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

/// A datagram that came in fragments, and was put together by the kernel.
struct Fragmented {
  Endpoint from;
  std::size_t datagram_size = 0;     ///< bytes of the UDP payload
  std::size_t largest_fragment = 0;  ///< bytes, IP header included
};

/// What an embedded endpoint reports as it works. Called from its functions, on the same thread; do
/// not destroy the endpoint or call pump() in them. What they make the inner host do moves before
/// the function returns that called them.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void on_tunnel_event(const tunnel::Event& event) = 0;
  virtual void on_inner_event(const inner::Event& event) = 0;
  /// An ICMP message, or the kernel, about a datagram that was sent earlier.
  virtual void on_socket_error(const os::SocketError& error) = 0;
  /// Datagrams that could not be sent: a local firewall, no route, too long for the interface, no
  /// socket of that family (EAFNOSUPPORT).
  virtual void on_send_failure(const os::SendFailure& failure) = 0;
  /// A datagram came in fragments. Only with EndpointConfig::report_fragments.
  virtual void on_fragments(const Fragmented& /*fragmented*/) {}
  /// A packet came out of the tunnel, before the host sees it; for what this host has nothing to do
  /// with. Not those for the measuring service.
  /// @returns whether it was taken: then the host does not get it, and does not answer it.
  virtual bool take_arrived(const Arrived& /*arrived*/) { return false; }
  /// A handshake of ours carries a stamp above all before, and is sent when this returns: whoever
  /// uses the key again must keep it first (os::StampStore::cover()).
  /// @returns false where it could not be kept: then what waits to be sent is dropped, and the
  /// handshake is tried again in its time.
  virtual bool on_stamp(const noise::Tai64n& /*stamp*/) { return true; }
};

/// As many as one measurement of lifetimes sends as it begins (path::MappingLifetime); then it asks
/// for a few in a second.
inline constexpr std::uint32_t kStunAnswersAtOnce = 2000;
inline constexpr std::uint32_t kStunAnswersPerSecond = 200;

struct EndpointConfig {
  tunnel::InterfaceConfig interface;
  inner::HostConfig host;
  /// One socket each, at most one a family; on 0.0.0.0 or :: answers leave from the address that
  /// was called. Port 0 takes a free one; the first socket's port is then tried for the others.
  std::vector<Endpoint> listen;
  bool offload = true;                ///< UDP_SEGMENT and UDP_GRO, where the kernel has them
  std::optional<std::uint32_t> mark;  ///< of what is sent (SO_MARK); needs CAP_NET_ADMIN
  os::Fragmentation fragmentation = os::Fragmentation::allow;
  bool report_fragments = false;  ///< Observer::on_fragments()
  bool measuring = false;         ///< answers peers that measure the path: MeasuringService
  /// Also answer STUN binding requests (wire::answer_binding()) on the very port, so that the NAT
  /// before the other side can be measured on the tunnel's own way. At most kStunAnswersPerSecond,
  /// after kStunAnswersAtOnce: somebody who forges sources can have small answers sent to them, but
  /// no more than that. When this is off, only peers get any answer.
  bool answer_stun = false;
};

/// The embedded tunnel endpoint: a tunnel::Interface whose datagrams travel through UDP sockets,
/// and whose inner packets begin and end in an inner::Host. No root, no TUN device.
///
/// It owns its sockets, but no loop and no clock: poll each fd() for reading and for errors, and
/// call what has happened. One thread at a time; because of lwIP all endpoints of a process belong
/// on one thread (inner/tcp.hpp).
class EmbeddedEndpoint {
 public:
  /// @param random, observer  must outlive the endpoint.
  /// @returns as UdpSocket::open() and tunnel::Interface::create(); an IPv6 socket that a host
  ///          without IPv6 refuses is left out unless it is the only one.
  static Result<std::unique_ptr<EmbeddedEndpoint>> open(EndpointConfig config, Random& random,
                                                        Observer& observer);

  EmbeddedEndpoint(const EmbeddedEndpoint&) = delete;
  EmbeddedEndpoint& operator=(const EmbeddedEndpoint&) = delete;
  ~EmbeddedEndpoint();

  [[nodiscard]] std::span<const os::UdpSocket> sockets() const { return sockets_; }
  [[nodiscard]] std::uint16_t listen_port() const { return sockets_.front().local_port(); }

  /// The socket of this descriptor can be read, or has errors waiting.
  void handle_readable(Now now, int fd);
  void handle_timeout(Now now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// Use them freely, then call pump(), which moves along what that caused.
  tunnel::Interface& interface() { return interface_; }
  [[nodiscard]] const tunnel::Interface& interface() const { return interface_; }
  inner::Host& host() { return host_; }
  void pump(Now now);

  /// Whether what is sent from now on may be cut into fragments. @returns io.
  Result<> set_fragmentation(os::Fragmentation fragmentation);

  /// How many routers what is sent from now on may pass. @param limit  as of UdpSocket. @returns
  /// io.
  Result<> set_hop_limit(std::optional<std::uint8_t> limit);

  /// nullptr without EndpointConfig::measuring.
  [[nodiscard]] const MeasuringService* measuring() const { return measuring_.get(); }

  /// Binds a new socket to a free port. To the other side this looks like a peer whose NAT forgot
  /// it. Poll the new fd. @returns as UdpSocket::open(); then the old one stays.
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
  /// One run of transmit(): how it sends, and what became of that.
  struct Sending {
    bool whole = false;                          ///< datagrams must not be cut into fragments
    bool too_long = false;                       ///< one was, for this host's own interface
    std::vector<os::SendBatch> sourceless = {};  ///< not sent: the source address is gone
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
  std::optional<TokenBucket> stun_answers_;  ///< nothing: none
  os::UdpOptions socket_options_;
  std::vector<os::UdpSocket> sockets_;
  std::optional<std::uint8_t> hop_limit_;   ///< of set_hop_limit()
  std::vector<os::SendBatch> batches_;      ///< of transmit(); kept for its memory
  std::unique_ptr<LocalAddresses> called_;  ///< of sockets that have all addresses
  noise::Tai64n kept_stamp_;
  std::unique_ptr<MeasuringService> measuring_;  ///< absent: none
};

}  // namespace wgscope::endpoint
