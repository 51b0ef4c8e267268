#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope {

/// Interface counters since the link was made (struct rtnl_link_stats64, uapi/linux/if_link.h).
struct LinkStats {
  std::uint64_t receive_packets = 0;
  std::uint64_t transmit_packets = 0;
  std::uint64_t receive_bytes = 0;
  std::uint64_t transmit_bytes = 0;
  std::uint64_t receive_errors = 0;
  std::uint64_t transmit_errors = 0;
  std::uint64_t receive_dropped = 0;
  std::uint64_t transmit_dropped = 0;
  /// WireGuard counts inner packets of a bad length here.
  std::uint64_t receive_length_errors = 0;
  /// WireGuard counts packets whose inner source is outside the peer's allowed IPs here.
  std::uint64_t receive_frame_errors = 0;

  friend bool operator==(const LinkStats&, const LinkStats&) = default;
};

/// What the kernel says of a network interface, WireGuard's own state aside.
struct Link {
  std::string name;
  std::string kind;  ///< IFLA_INFO_KIND: "wireguard", "tun"; empty where there is none
  std::uint32_t ifindex = 0;
  std::uint32_t mtu_bytes = 0;
  bool up = false;  ///< IFF_UP: administratively up
  std::optional<LinkStats> stats;

  friend bool operator==(const Link&, const Link&) = default;
};

/// One peer as its implementation reports it. Kept small: a hundred thousand of them are ordinary.
struct Peer {
  PublicKey public_key;
  /// Nothing: the peer was neither heard from nor configured with one.
  std::optional<Endpoint> endpoint;
  std::optional<WallTime> last_handshake;  ///< by the host's wall clock; nothing: there was none
  /// Bytes of datagrams: WireGuard headers, handshakes and keepalives included.
  std::uint64_t receive_bytes = 0;
  std::uint64_t transmit_bytes = 0;
  /// Index into Device::allowed_ips; use Device::allowed_ips_of().
  std::uint32_t allowed_ips_first = 0;
  std::uint32_t allowed_ips_count = 0;
  std::uint16_t persistent_keepalive_seconds = 0;  ///< 0: off
  std::uint8_t protocol_version = 0;               ///< 0: not reported
  bool has_preshared_key = false;
  /// last_handshake was reckoned from an age (BoringTun), so it differs a little from reading to
  /// reading and steps with the clock.
  bool handshake_from_age = false;
};

enum class Implementation : std::uint8_t { kernel, userspace };

/// One WireGuard interface. Holds no private or preshared key, by design: there is no
/// field for them.
struct Device {
  std::string netns;  ///< name of its network namespace; empty for the exporter's own
  std::string name;
  Implementation implementation = Implementation::kernel;
  std::optional<PublicKey> public_key;  ///< nothing: the interface has no private key
  std::uint16_t listen_port = 0;        ///< 0: none is chosen yet
  std::uint32_t fwmark = 0;             ///< mark of datagrams that are sent; 0: off
  std::optional<Link> link;             ///< nothing: the kernel could not be asked
  /// Packets the kernel dropped at the implementation's UDP sockets;
  /// userspace implementations only.
  std::optional<std::uint64_t> socket_receive_drops;
  std::vector<Peer> peers;          ///< in the source's order; a faulty source may list a key twice
  std::vector<Prefix> allowed_ips;  ///< those of all peers, one peer after the other

  [[nodiscard]] std::span<const Prefix> allowed_ips_of(const Peer& peer) const {
    return std::span(allowed_ips).subspan(peer.allowed_ips_first, peer.allowed_ips_count);
  }

  /// Appends to the allowed IPs of peers[index], keeping them together. @returns the new one; the
  /// next call ends its life.
  Prefix& add_allowed_ip(std::size_t index);
  void add_allowed_ip(std::size_t index, Prefix prefix) { add_allowed_ip(index) = prefix; }

  /// With its allowed IPs, which are the last ones. There has to be one.
  void remove_last_peer();

  /// Forgets everything but the memory it lies in.
  void clear();
};

}  // namespace wgscope
