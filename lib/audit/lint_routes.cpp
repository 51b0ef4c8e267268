#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// What becomes of allowed IPs. wg-quick makes routes of them, and for prefixes of length 0 a firewall
// mark with a table of its own (add_route() and add_default() of wg-quick). networkd makes routes
// where RouteTable says so, and follows the [Route] and [RoutingPolicyRule] sections otherwise
// (systemd.netdev(5), systemd.network(5)).

namespace wgscope::audit {
namespace {

using config::LocatedPrefix;
using config::TunnelFile;
using config::TunnelPeer;
using diagnosis::either;
using diagnosis::FindingId;
using diagnosis::text;

/// Whether any packets ask a table that is not the main one. wg-quick's own table is asked by
/// commands alone, which nobody reads.
bool is_asked(const TunnelFile& tunnel, std::string_view table) {
  if (is_main_table(table)) return true;
  return std::ranges::any_of(tunnel.networkd.rules, [&](const auto& rule) {
    return is_one_table(rule.value.table, table);
  });
}

/// Whether packets to the peer's allowed IPs are routed into the tunnel because of them.
bool adds_routes(const TunnelFile& tunnel, const TunnelPeer& peer) {
  const auto table = route_table(tunnel, peer);
  return table && is_asked(tunnel, *table);
}

/// Which halves of a family's addresses go to the peers: bit 0 the lower, bit 1 the upper one.
unsigned halves(const TunnelFile& tunnel, Family family, const LocatedPrefix** first) {
  unsigned covered = 0;
  for (const TunnelPeer& peer : tunnel.peers) {
    if (!adds_routes(tunnel, peer)) continue;
    for (const LocatedPrefix& one : peer.allowed_ips) {
      if (one.value.address.family != family || !is_default(one.value) || !one.has_length) continue;
      if (*first == nullptr) *first = &one;
      const bool is_upper = (one.value.address.bytes[0] & std::byte{0x80}) != std::byte{0};
      covered |= one.value.bits == 0 ? 3U : is_upper ? 2U : 1U;
    }
  }
  return covered;
}

/// IPv6 has a narrower default: 2000::/3 is all of what the Internet uses.
bool covers_internet_v6(const TunnelFile& tunnel) {
  const auto global = Prefix::parse("2000::/3");
  return std::ranges::any_of(tunnel.peers, [&](const TunnelPeer& peer) {
    return std::ranges::any_of(peer.allowed_ips, [&](const LocatedPrefix& one) {
      return one.value.bits <= global->bits && contains(one.value, *global);
    });
  });
}

void lint_default_routes(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  const LocatedPrefix* v4 = nullptr;
  const LocatedPrefix* v6 = nullptr;
  const bool has_v4 = halves(tunnel, Family::v4, &v4) == 3;
  const bool has_v6 = halves(tunnel, Family::v6, &v6) == 3 || covers_internet_v6(tunnel);
  if (has_v4 == has_v6) return;
  const LocatedPrefix* there = has_v4 ? v4 : v6;
  // What cannot be read may be the other half.
  if (there == nullptr || file.has_error(there->at)) return;
  auto& added =
      findings.add(FindingId::lint_default_one_family, file.at(there->at),
                   text("all {} traffic goes into the tunnel, but {} traffic leaves outside of it",
                        either(has_v4, "IPv4", "IPv6"), either(has_v4, "IPv6", "IPv4")));
  added.finding.fix = {text("add {} to AllowedIPs, or block {} with a firewall rule",
                            either(has_v4, "::/0", "0.0.0.0/0"), either(has_v4, "IPv6", "IPv4"))};
}

/// Commands that add routes or rules may lead packets elsewhere.
bool routes_by_itself(const TunnelFile& tunnel) {
  return std::ranges::any_of(tunnel.commands, [](const config::TunnelCommand& command) {
    const std::string_view words = command.text.view();
    return words.find("route") != std::string_view::npos ||
           words.find("rule") != std::string_view::npos;
  });
}

/// Whether a rule of networkd's leads the tunnel's own packets to its table.
bool takes_own_packets(const config::NetworkRule& rule, std::uint32_t mark) {
  if (!rule.from.empty() || !rule.to.empty()) return false;  // nobody knows
  if (rule.firewall_mark.empty()) return !rule.inverted;
  // "MARK/MASK"
  const std::size_t slash = rule.firewall_mark.find('/');
  const auto wanted = config::parse_fwmark(rule.firewall_mark.substr(0, slash));
  if (!wanted || slash != std::string::npos) return false;
  return (*wanted == mark) != rule.inverted;
}

/// Whether the encrypted packets of the tunnel ask a table.
bool own_packets_ask(const TunnelFile& tunnel, std::string_view table) {
  const auto& rules = tunnel.networkd.rules;
  if (is_main_table(table)) return rules.empty();  // rules may lead them elsewhere
  const std::uint32_t mark = tunnel.fwmark ? tunnel.fwmark->value : 0;
  return std::ranges::any_of(rules, [&](const auto& rule) {
    return is_one_table(rule.value.table, table) && takes_own_packets(rule.value, mark);
  });
}

/// Whether the packets to an endpoint may come back because of a prefix of these allowed IPs.
bool may_loop(const TunnelFile& tunnel, const TunnelPeer& through, const Prefix& prefix) {
  const auto table = route_table(tunnel, through);
  if (!table) return false;
  if (tunnel.program == config::TunnelProgram::networkd) return own_packets_ask(tunnel, *table);
  // wg-quick leads marked packets past routes of length 0 alone.
  const bool has_mark = !tunnel.table || tunnel.table->value == "auto";
  return is_main_table(*table) && !(has_mark && prefix.bits == 0);
}

void add_loop(const Linted& file, const TunnelPeer& peer, const LocatedPrefix& prefix,
              Findings& findings) {
  const IpAddress address = peer.endpoint->value.address()->address;
  auto& added = findings.add(
      FindingId::lint_endpoint_in_tunnel, file.at(peer.endpoint->at),
      text("the endpoint {} is inside the peer's own AllowedIPs {}, so encrypted packets are "
           "routed into the tunnel again, unless the host has a narrower route to the endpoint",
           address, without_host_bits(prefix.value)));
  added.related = {file.at(prefix.at)};
  if (file.is_networkd())
    added.finding.fix = {
        "take the endpoint out of AllowedIPs, or set FirewallMark=0x8888 and RouteTable=1000 under "
        "[WireGuard], and in the .network file a [RoutingPolicyRule] with FirewallMark=0x8888, "
        "InvertRule=yes and Table=1000"};
  else
    added.finding.fix = {text(
        "take the endpoint out of AllowedIPs, or add a route: PreUp = ip route add {} via ROUTER",
        address)};
}

void lint_loops(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  if (routes_by_itself(tunnel)) return;
  // Beside the peers, each endpoint's address is a holder: what contains it is where its packets go.
  std::vector<Held> held;
  std::map<IpAddress, std::vector<const TunnelPeer*>> endpoints;
  for (std::size_t i = 0; i < tunnel.peers.size(); ++i) {
    const TunnelPeer& peer = tunnel.peers[i];
    for (std::size_t j = 0; j < peer.allowed_ips.size(); ++j)
      held.push_back({without_host_bits(peer.allowed_ips[j].value), i, j});
    if (const auto at = peer.endpoint ? peer.endpoint->value.address() : std::nullopt)
      endpoints[at->address].push_back(&peer);
  }
  for (const auto& [address, peers] : endpoints)
    held.push_back({host_prefix(address), tunnel.peers.size(), 0});
  for (const Nested& one : nested(std::move(held))) {
    if (one.inner.holder != tunnel.peers.size()) continue;
    const TunnelPeer& through = tunnel.peers[one.outer.holder];
    if (!may_loop(tunnel, through, one.outer.prefix)) continue;
    for (const TunnelPeer* peer : endpoints[one.inner.prefix.address])
      if (peer == &through) add_loop(file, *peer, through.allowed_ips[one.outer.item], findings);
  }
}

}  // namespace

bool is_one_table(std::string_view one, std::string_view other) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"default", "253"}, {"main", "254"}, {"local", "255"}};  // rtnetlink(7)
  const auto numbered = [&](std::string_view table) {
    const auto* const known =
        std::ranges::find(kNames, table, [](const auto& name) { return name.first; });
    return known == std::end(kNames) ? table : known->second;
  };
  return numbered(one) == numbered(other);
}

bool is_main_table(std::string_view table) { return is_one_table(table, "main"); }

std::optional<std::string_view> route_table(const TunnelFile& tunnel, const TunnelPeer& peer) {
  const auto& set = peer.table ? peer.table : tunnel.table;
  if (tunnel.program == config::TunnelProgram::networkd) {
    if (!set || set->value == "off") return std::nullopt;
    return set->value;
  }
  if (!set || set->value == "auto") return "main";
  if (set->value == "off") return std::nullopt;
  return set->value;
}

void lint_routes(const Linted& file, Findings& findings) {
  lint_default_routes(file, findings);
  lint_loops(file, findings);
}

}  // namespace wgscope::audit
