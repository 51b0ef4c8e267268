#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/source/collect.hpp"

#include "guest.hpp"
#include "wireguard_go.hpp"  // KeyPair

// WireGuard interfaces as tests configure them, `wg` as the judge of what was read, and
// a live tunnel.

namespace wgscope::test {

/// As in wg(8)'s configuration file; what is empty or zero is left out.
struct PeerConfig {
  std::string public_key;
  std::string preshared_key;
  std::string endpoint;
  int keepalive = 0;
  std::vector<std::string> allowed_ips;
};

struct InterfaceConfig {
  std::string private_key;
  int listen_port = 0;
  std::uint32_t fwmark = 0;
  std::vector<PeerConfig> peers;
};

/// `wg setconf`. @param netns  empty: the machine's first.
void configure(const std::string& netns, const std::string& interface,
               const InterfaceConfig& config);

std::string make_preshared_key();

/// A public key that nobody has the private key of, different for each number.
PublicKey made_up_key(std::uint32_t number);

/// `count` different host prefixes, at most 100,000, IPv4 and IPv6 by turns.
/// @param group  below 256; different groups do not overlap.
std::vector<std::string> made_up_prefixes(std::uint32_t group, std::size_t count);

/// What `wg show INTERFACE dump` says, a line each, secrets replaced by "(hidden)" where
/// there is one.
std::vector<std::string> wg_dump(const std::string& netns, const std::string& interface);

/// `device` in the form of wg_dump.
std::vector<std::string> as_wg_dump(const Device& device);

/// EXPECT_EQ of long lists, saying only where they part.
void expect_same_lines(const std::vector<std::string>& got, const std::vector<std::string>& want);

/// A collection now, with a deadline that only a hang reaches.
Snapshot collect(const source::CollectOptions& options = {});
void collect(source::SnapshotSource& source, Snapshot& into);

/// A device of the snapshot. @throws std::runtime_error, with the snapshot's failures, when it is
/// not there.
const Device& device(const Snapshot& snapshot, std::string_view netns, std::string_view name);
std::size_t different_keys(const Device& device);
const Peer* find_peer(const Device& device, const std::string& public_key);

/// The snapshot's failures as "netns/interface: reason", sorted.
std::vector<std::string> failures(const Snapshot& snapshot);

/// Two namespaces joined by a veth pair (10.99.0.1 and .2), with a WireGuard interface wg0 in
/// each (192.168.77.1 and .2; ports 51001 and 51002). The right one knows only the left one;
/// the left one's peers are `before`, the right one with `more` allowed IPs besides its own
/// address, and `after`.
class Tunnel {
 public:
  struct Peers {
    std::vector<PeerConfig> before;
    std::vector<std::string> more;
    std::vector<PeerConfig> after;
  };

  Tunnel() : Tunnel(Peers{}) {}
  explicit Tunnel(const Peers& peers);
  Tunnel(const Peers& peers, KeyPair left_keys, KeyPair right_keys);

  /// From right to left; shakes hands first where that is due. @returns whether every
  /// packet was answered.
  [[nodiscard]] bool ping(int count) const;

  /// Sets both interfaces down: what was counted stays, and no keepalive changes it
  /// between two looks.
  void freeze() const;

  Namespace left{"left"};
  Namespace right{"right"};
  KeyPair left_keys;
  KeyPair right_keys;
};

}  // namespace wgscope::test
