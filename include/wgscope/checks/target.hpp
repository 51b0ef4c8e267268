#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::checks {

/// What a check is about: the probe's own peer, and the gateway it speaks to.
struct Target {
  PrivateKey private_key;
  std::vector<Prefix> addresses;  ///< this host's addresses inside the tunnel; at least one
  std::uint16_t mtu = 1420;       ///< the tunnel's MTU: bytes of packets inside it
  std::optional<std::uint32_t> fwmark;
  std::uint16_t local_port = 0;  ///< UDP port to send from, where it is free; 0: any port
  std::vector<IpAddress> dns;    ///< those name servers of the configuration that are addresses

  PublicKey gateway;
  std::string name;  ///< the gateway's name in the file; empty: it has none
  PresharedKey preshared_key;
  config::EndpointName endpoint;
  std::vector<Prefix> allowed_ips;
  std::optional<std::chrono::seconds> keepalive = {};  ///< PersistentKeepalive; nothing: off
  std::optional<config::ReservedBytes> reserved = {};  ///< of each message; nothing: zeros
};

/// "gw.example.net:51820", "[2001:db8::1]:51820", as reports call a target.
diagnosis::Text endpoint_text(const Target& target);
diagnosis::Text endpoint_text(const config::EndpointName& endpoint);

/// Finds the peer that is meant.
/// @param peer  its public key or its name; empty where there is only one.
/// @returns its index; bad_value, in a sentence that says what to do: no peer, several of which
/// none is named, none or several that are named so.
Result<std::size_t> choose_peer(const config::WgQuickConfig& config, const std::string& peer);

/// Makes a target of a configuration, whose keys are moved out.
/// @param peer  the public key or the name of the peer that is meant; empty where there is only
/// one.
/// @returns bad_value or missing_key, in a sentence that says what to do: no private key, no
/// address, no peer or several of which none is named, a peer without an endpoint.
Result<Target> make_target(config::WgQuickConfig config, const std::string& peer = {});

/// Whether packets to that address go to the gateway: its allowed IPs contain it.
bool is_allowed(std::span<const Prefix> allowed_ips, const IpAddress& address);
inline bool is_allowed(const Target& target, const IpAddress& address) {
  return is_allowed(target.allowed_ips, address);
}

/// Whether an address is inside the tunnel. @returns bad_value in a sentence if it is not.
Result<> check_inside(const Target& target, const IpAddress& address);

/// The address inside the tunnel that is likeliest to answer where nobody names one. In this order:
/// a host that the allowed IPs have by itself; the first host of our own network; a name server; the
/// first host of the /24 (IPv6: /64) around our address; the first host of a private network among
/// the allowed IPs. Always an address that the allowed IPs cover.
/// @param family  absent: either.
std::optional<IpAddress> guess_inner_target(const Target& target,
                                            std::optional<Family> family = std::nullopt);

}  // namespace wgscope::checks
