#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// Allowed IPs, as WireGuard takes them.

namespace wgscope::audit {
namespace {

using config::LocatedPrefix;
using config::TunnelPeer;
using diagnosis::FindingId;
using diagnosis::text;

void lint_host_bits(const Linted& file, Findings& findings) {
  for (const TunnelPeer& peer : file.tunnel().peers)
    for (const LocatedPrefix& one : peer.allowed_ips) {
      const Prefix network = without_host_bits(one.value);
      if (network == one.value) continue;
      auto& added = findings.add(FindingId::lint_prefix_host_bits, file.at(one.at),
                                 text("AllowedIPs {} means {}", one.value, network));
      added.finding.fix = {
          text("write {}, or {} if one address is meant", network, host_prefix(one.value.address))};
      if (one.at.length != 0) added.edits = {replacing(one.at, network.to_string())};
    }
}

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.octets(), [](std::byte byte) { return byte == std::byte{0}; });
}

void lint_single_addresses(const Linted& file, Findings& findings) {
  for (const TunnelPeer& peer : file.tunnel().peers)
    for (const LocatedPrefix& one : peer.allowed_ips) {
      if (one.has_length || !is_unspecified(one.value.address)) continue;
      const Prefix all{one.value.address, 0};
      auto& added =
          findings.add(FindingId::single_address_allowed, file.at(one.at),
                       text("AllowedIPs {} is this single address, which no host has: all "
                            "addresses are {}",
                            one.value.address, all));
      added.finding.fix = {text("write {}", all)};
    }
}

/// One prefix of two peers: wg-quick's files give it to the last, networkd's to the first.
void add_contested(const Linted& file, const Place& first_at, const TunnelPeer& first,
                   const LocatedPrefix& second, Findings& findings) {
  const Place here = file.at(second.at);
  const Prefix prefix = without_host_bits(second.value);
  auto& added = findings.add(
      FindingId::peers_contradict, here,
      file.is_networkd()
          ? text("this peer does not get AllowedIPs {}: only one peer can have it, and networkd "
                 "gives it to the first, the peer {} in {}",
                 prefix, name_of(first), line_of(first_at, here))
          : text("AllowedIPs {} is taken away from the peer {} in {}: only one peer can have it, "
                 "and WireGuard gives it to the last",
                 prefix, name_of(first), line_of(first_at, here)));
  added.related = {first_at};
  added.finding.fix = {"remove the prefix from the peer that should not have it"};
}

/// What several peers have.
void lint_overlaps(const Linted& file, Findings& findings) {
  const std::vector<TunnelPeer>& peers = file.tunnel().peers;
  std::vector<Held> held;
  for (std::size_t i = 0; i < peers.size(); ++i)
    for (std::size_t j = 0; j < peers[i].allowed_ips.size(); ++j)
      held.push_back({without_host_bits(peers[i].allowed_ips[j].value), i, j});
  const auto is_own_network = [&](const Prefix& prefix) {
    return std::ranges::any_of(file.tunnel().addresses, [&](const LocatedPrefix& own) {
      return contains(prefix, own.value.address);
    });
  };
  for (const Nested& one : nested(std::move(held))) {
    const TunnelPeer& outer = peers[one.outer.holder];
    const TunnelPeer& inner = peers[one.inner.holder];
    if (outer.public_key.value == inner.public_key.value) continue;  // they are one peer
    const Place outer_at = file.at(outer.allowed_ips[one.outer.item].at);
    const LocatedPrefix& narrower = inner.allowed_ips[one.inner.item];
    if (one.outer.prefix == one.inner.prefix) {
      add_contested(file, outer_at, outer, narrower, findings);
    } else if (!is_default(one.outer.prefix) && !is_own_network(one.outer.prefix)) {
      const Place here = file.at(narrower.at);
      auto& added = findings.add(
          FindingId::lint_prefix_inside_other, here,
          text("AllowedIPs {} is inside {} of the peer {} in {}, which does not get this part",
               one.inner.prefix, one.outer.prefix, name_of(outer), line_of(outer_at, here)));
      added.related = {outer_at};
      added.finding.fix = {"check which of the two peers has these addresses"};
    }
  }
}

bool is_broad(const Prefix& prefix) {
  constexpr std::uint8_t kLeastV4 = 8;
  constexpr std::uint8_t kLeastV6 = 16;
  return prefix.bits < (prefix.address.family == Family::v4 ? kLeastV4 : kLeastV6);
}

void lint_broad(const Linted& file, Findings& findings) {
  if (file.tunnel().peers.size() < 2) return;
  for (const TunnelPeer& peer : file.tunnel().peers) {
    if (peer.endpoint) continue;
    for (const LocatedPrefix& one : peer.allowed_ips) {
      if (!is_broad(one.value) || !one.has_length) continue;
      auto& added = findings.add(
          FindingId::lint_prefix_too_broad, file.at(one.at),
          text("the peer {} has no Endpoint, so it is most likely a client, and its AllowedIPs {} "
               "lets it send from any of these addresses and attracts their traffic",
               name_of(peer), without_host_bits(one.value)));
      added.finding.fix = {"set AllowedIPs to the client's addresses inside the tunnel"};
    }
  }
}

}  // namespace

void lint_prefixes(const Linted& file, Findings& findings) {
  lint_host_bits(file, findings);
  lint_single_addresses(file, findings);
  lint_overlaps(file, findings);
  lint_broad(file, findings);
}

}  // namespace wgscope::audit
