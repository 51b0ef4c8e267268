#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// What a file or the running state tells of a peer.
struct KnownPeer {
  std::string name;  ///< empty: not known
  PublicKey public_key;
  std::vector<Prefix> allowed_ips;       ///< host bits are zero
  std::optional<EndpointName> endpoint;  ///< a configured one
  std::chrono::seconds persistent_keepalive{};
  bool has_preshared_key = false;
};

/// What a file or the running state tells of an interface.
struct KnownInterface {
  std::string name;
  std::string host;  ///< that has it; empty: not known
  std::optional<PublicKey> public_key;
  std::vector<Prefix> addresses;  ///< with their host bits
  std::optional<std::uint16_t> listen_port;
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> fwmark;  ///< 0: off
  std::vector<KnownPeer> peers;
  /// What is not known, or needs a look: a sentence each, for people who go on with the inventory.
  std::vector<std::string> notes;
};

/// What a configuration says. @param public_key  of its private key.
KnownInterface known_interface(const WgQuickConfig& config, std::optional<PublicKey> public_key);
/// What an interface has at the moment: not where its peers are configured to be, only where they
/// are, so no endpoints.
KnownInterface known_interface(const Device& device);

/// Declares what is known, without any secret. Nothing tells which peers should be online, so all
/// are roaming. A peer that several interfaces have has an entry for each, with one name; a peer
/// without a name gets one.
/// @param interfaces  with different names or hosts.
Inventory inventory_from(std::span<const KnownInterface> interfaces);

/// As YAML, with what people should look at in comments in front.
std::string write_inventory_from(std::span<const KnownInterface> interfaces);

}  // namespace wgscope::config
