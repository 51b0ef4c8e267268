#include "wgscope/checks/target.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::checks {
namespace {

bool is_host(const Prefix& prefix) { return prefix.bits == prefix.address.octets().size() * 8; }

}  // namespace

diagnosis::Text endpoint_text(const Target& target) {
  return diagnosis::text("{}:{}", diagnosis::Name{target.endpoint.host}, target.endpoint.port);
}

Result<std::size_t> choose_peer(const config::WgQuickConfig& config, const std::string& peer) {
  if (config.peers.empty())
    return fail(Errc::bad_value, "there is no [Peer]: add one with the gateway's PublicKey");
  if (peer.empty()) {
    if (config.peers.size() == 1) return 0;
    return fail(Errc::bad_value,
                fmt::format("there are {} peers: choose one by public key or name with --peer",
                            config.peers.size()));
  }
  const auto is_meant = [&](const config::WgQuickPeer& one) {
    return one.name == peer || one.public_key.base64() == peer;
  };
  const auto found = std::ranges::find_if(config.peers, is_meant);
  if (found == config.peers.end())
    return fail(Errc::bad_value,
                PublicKey::from_base64(peer)
                    ? "no peer has the public key given with --peer"  // which may be a secret one
                    : fmt::format("no peer has the name '{}'", printable(peer)));
  if (std::ranges::count_if(config.peers, is_meant) > 1)
    return fail(
        Errc::bad_value,
        fmt::format("several peers have the name '{}': choose one by public key", printable(peer)));
  return static_cast<std::size_t>(found - config.peers.begin());
}

Result<Target> make_target(config::WgQuickConfig config, const std::string& peer) {
  if (auto has_key = config::require_private_key(config); !has_key)
    return tl::unexpected(has_key.error());
  if (config.addresses.empty())
    return fail(Errc::missing_key,
                "[Interface] has no Address: add this peer's address inside the tunnel");
  const auto chosen = choose_peer(config, peer);
  if (!chosen) return tl::unexpected(chosen.error());
  config::WgQuickPeer& gateway = config.peers[*chosen];
  if (!gateway.endpoint)
    return fail(Errc::missing_key,
                "the peer has no Endpoint: add the gateway's address as HOST:PORT");
  Target target;
  target.private_key = std::move(*config.private_key);
  target.addresses = std::move(config.addresses);
  target.mtu = config.mtu.value_or(target.mtu);
  target.fwmark = config.fwmark;
  for (const std::string& server : config.dns) {
    if (const auto address = IpAddress::parse(server)) target.dns.push_back(*address);
  }
  target.gateway = gateway.public_key;
  target.name = std::move(gateway.name);
  if (gateway.preshared_key) target.preshared_key = std::move(*gateway.preshared_key);
  target.endpoint = std::move(*gateway.endpoint);
  target.allowed_ips = std::move(gateway.allowed_ips);
  target.keepalive = gateway.persistent_keepalive;
  return target;
}

bool is_allowed(const Target& target, const IpAddress& address) {
  return std::ranges::any_of(
      target.allowed_ips, [&](const Prefix& allowed) { return wire::contains(allowed, address); });
}

Result<> check_inside(const Target& target, const IpAddress& address) {
  if (is_allowed(target, address)) return {};
  return fail(Errc::bad_value,
              fmt::format("{} is not in the gateway's AllowedIPs, so packets to it "
                          "do not enter the tunnel",
                          address.to_string()));
}

std::optional<IpAddress> guess_inner_target(const Target& target, std::optional<Family> family) {
  const auto is_ours = [&](const IpAddress& address) {
    return std::ranges::find(target.addresses, address, &Prefix::address) != target.addresses.end();
  };
  const auto speaks = [&](const IpAddress& address) {
    return std::ranges::any_of(
        target.addresses, [&](const Prefix& own) { return own.address.family == address.family; });
  };
  const auto is_wanted = [&](const Prefix& prefix) {
    return !family || prefix.address.family == *family;
  };
  for (const Prefix& allowed : target.allowed_ips) {
    if (is_host(allowed) && is_wanted(allowed) && !is_ours(allowed.address) &&
        speaks(allowed.address))
      return allowed.address;
  }
  for (const Prefix& own : target.addresses) {
    if (is_host(own) || !is_wanted(own)) continue;
    IpAddress first = own.address;
    const std::size_t octets = first.octets().size();
    for (std::size_t bit = own.bits; bit < octets * 8; ++bit)
      first.bytes[bit / 8] &= ~(std::byte{0x80} >> (bit % 8));
    first.bytes[octets - 1] |= std::byte{1};
    if (!is_ours(first) && is_allowed(target, first)) return first;
  }
  return std::nullopt;
}

}  // namespace wgscope::checks
