#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/endpoint_address.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// The settings of the interface, and those of a peer that are no prefixes.

namespace wgscope::audit {
namespace {

using config::LocatedPrefix;
using config::TunnelFile;
using config::TunnelPeer;
using diagnosis::either;
using diagnosis::FindingId;
using diagnosis::text;

void lint_addresses(const Linted& file, Findings& findings) {
  constexpr std::uint8_t kLongest = 30;  // a /31 has no such addresses (RFC 3021)
  for (const LocatedPrefix& one : file.tunnel().addresses) {
    if (one.value.address.family != Family::v4 || one.value.bits > kLongest) continue;
    const IpAddress first = without_host_bits(one.value).address;
    IpAddress last = first;
    for (std::size_t bit = one.value.bits; bit < 32; ++bit)
      last.bytes[bit / 8] |= static_cast<std::byte>(0x80U >> (bit % 8));
    const bool is_first = one.value.address == first;
    if (!is_first && one.value.address != last) continue;
    auto& added =
        findings.add(FindingId::lint_address_unusable, file.at(one.at),
                     text("Address {} is the {} address of its network, which stands for {}",
                          one.value, either(is_first, "first", "last"),
                          either(is_first, "the network itself", "all of its hosts")));
    added.finding.fix = {"give the interface another address of the network"};
  }
}

bool has_ipv6(const TunnelFile& tunnel) {
  const auto is_v6 = [](const LocatedPrefix& one) {
    return one.value.address.family == Family::v6;
  };
  return std::ranges::any_of(tunnel.addresses, is_v6) ||
         std::ranges::any_of(tunnel.peers, [&](const TunnelPeer& peer) {
           return std::ranges::any_of(peer.allowed_ips, is_v6);
         });
}

void lint_mtu(const Linted& file, Findings& findings) {
  constexpr std::uint16_t kLeastV6 = 1280;
  constexpr std::uint16_t kMostOverV4 = 1440;
  constexpr std::uint16_t kMostOverV6 = 1420;
  const TunnelFile& tunnel = file.tunnel();
  if (!tunnel.mtu) return;
  const std::uint16_t mtu = tunnel.mtu->value;
  if (mtu < kLeastV6 && has_ipv6(tunnel) && file.is_networkd()) {
    auto& added = findings.add(
        FindingId::lint_mtu_below_ipv6, file.at(tunnel.mtu->at),
        text("MTU {} is below the {} bytes that IPv6 needs, and there are IPv6 addresses or "
             "prefixes: with this MTU, the kernel gives the interface no IPv6",
             mtu, kLeastV6));
    added.finding.fix = {text("set MTUBytes to {} or more, or remove the IPv6 prefixes", kLeastV6)};
  } else if (mtu < kLeastV6 && has_ipv6(tunnel)) {
    auto& added = findings.add(FindingId::lint_mtu_below_ipv6, file.at(tunnel.mtu->at),
                               text("MTU {} is below the {} bytes that IPv6 needs, and the file "
                                    "has IPv6 addresses or prefixes: wg-quick cannot set them up",
                                    mtu, kLeastV6));
    added.finding.fix = {text("set MTU to {} or more, or remove the IPv6 prefixes", kLeastV6)};
  }
  const bool is_over_v4 = std::ranges::all_of(tunnel.peers, [](const TunnelPeer& peer) {
    const auto at = peer.endpoint ? peer.endpoint->value.address() : std::nullopt;
    return at && at->address.family == Family::v4;
  });
  const std::uint16_t most = is_over_v4 && !tunnel.peers.empty() ? kMostOverV4 : kMostOverV6;
  if (mtu <= most) return;
  auto& added = findings.add(
      FindingId::lint_mtu_large, file.at(tunnel.mtu->at),
      text("MTU {} needs a path with an MTU of at least {} bytes; one of 1500 bytes carries {} {}",
           mtu, 1500 - most + mtu, most,
           either(most == kMostOverV4, "over IPv4", "whether over IPv4 or IPv6")));
  added.finding.fix = {"on the host: wgscope mtu --config FILE measures which MTU fits"};
}

/// wg-quick takes everything of digits and dots, or with a colon, for the address of a server.
bool looks_like_address(std::string_view text) {
  return text.find(':') != std::string_view::npos || std::ranges::all_of(text, [](unsigned char c) {
           return std::isdigit(c) != 0 || c == '.';
         });
}

bool is_loopback(const IpAddress& address) {
  if (address.family == Family::v4) return address.bytes[0] == std::byte{127};
  return address == *IpAddress::parse("::1");
}

/// Whether packets to an address go into the tunnel.
bool is_inside(const TunnelFile& tunnel, const IpAddress& address) {
  const auto has = [&](const LocatedPrefix& one) { return contains(one.value, address); };
  return std::ranges::any_of(tunnel.addresses, has) ||
         std::ranges::any_of(tunnel.peers, [&](const TunnelPeer& peer) {
           return std::ranges::any_of(peer.allowed_ips, has);
         });
}

void lint_dns(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  for (const auto& one : tunnel.dns) {
    if (!looks_like_address(one.value)) continue;
    const auto address = IpAddress::parse(one.value);
    if (!address) {
      auto& added = findings.add(
          FindingId::lint_value_unclear, file.at(one.at),
          text("DNS {} is not an address, but wg-quick uses it as the address of a name server",
               diagnosis::Name{one.value}));
      added.finding.fix = {"write a whole address, or a domain to search"};
    } else if (!tunnel.peers.empty() && !is_loopback(*address) && !is_inside(tunnel, *address)) {
      auto& added =
          findings.add(FindingId::lint_dns_outside, file.at(one.at),
                       text("the name server {} is not inside any AllowedIPs, so {}", *address,
                            either(file.is_networkd(), "no query to it can go through the tunnel",
                                   "queries to it leave outside the tunnel")));
      added.finding.fix = {text(
          "add {} to the AllowedIPs of the peer behind which it is, or use another name server",
          host_prefix(*address))};
    }
  }
}

void lint_port(const Linted& file, Findings& findings) {
  const auto& port = file.tunnel().listen_port;
  if (!port || port->value != 0) return;
  auto& added = findings.add(
      FindingId::lint_value_unclear, file.at(port->at),
      "ListenPort 0 does not mean that the interface does not listen: it means any free port, "
      "another one after each start");
  added.finding.fix = {"give a port, or delete the line if no peer has to reach this interface"};
}

void lint_endpoints(const Linted& file, Findings& findings) {
  for (const TunnelPeer& peer : file.tunnel().peers) {
    const auto endpoint = peer.endpoint ? peer.endpoint->value.address() : std::nullopt;
    if (!endpoint) continue;
    const auto why = diagnosis::why_no_gateway(*endpoint);
    if (!why) continue;
    auto& added = findings.add(FindingId::endpoint_unusable, file.at(peer.endpoint->at),
                               text("the endpoint {} {}", endpoint->address, *why));
    added.finding.fix = {"set Endpoint to the address at which the peer is reached"};
  }
}

constexpr std::string_view kMarks[] = {"managed by",  "ansible",       "generated by",
                                       "do not edit", "autogenerated", "auto-generated"};

/// Whether a comment says that a program writes the file.
bool is_generated(std::string_view text) {
  constexpr std::size_t kFar = 8192;  // such comments stand at the top
  std::string_view top = text.substr(0, kFar);
  while (!top.empty()) {
    const std::string_view line = top.substr(0, top.find('\n'));
    top.remove_prefix(std::min(line.size() + 1, top.size()));
    const std::size_t hash = line.find('#');
    if (hash == std::string_view::npos) continue;
    std::string comment(line.substr(hash));
    std::ranges::transform(comment, comment.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto has = [&](std::string_view mark) { return comment.find(mark) != std::string::npos; };
    if (std::ranges::any_of(kMarks, has)) return true;
  }
  return false;
}

void lint_save_config(const Linted& file, Findings& findings) {
  const auto& save = file.tunnel().save_config;
  if (!save || !save->value) return;
  const bool generated = is_generated(file.file->text);
  const bool named = std::ranges::any_of(file.tunnel().peers,
                                         [](const TunnelPeer& peer) { return !peer.name.empty(); });
  if (!generated && !named) return;
  auto& added = findings.add(
      FindingId::lint_save_config, file.at(save->at),
      text("SaveConfig makes wg-quick overwrite this file when the tunnel goes down, but its "
           "comments {}",
           either(generated, "say that another program writes it",
                  "have names of peers, which are lost then")));
  added.finding.fix = {"remove SaveConfig = true"};
}

/// Whether the inventory says that the file's host is behind a NAT.
bool is_declared_behind_nat(const Linted& file, const LintView& view) {
  if (view.options.behind_nat) return true;
  if (!file.own_key) return false;
  const auto peer = view.declared.find(*file.own_key);
  if (peer == view.declared.end()) return false;
  const std::string* nat = config::find_label(peer->second->labels, "nat");
  return nat != nullptr && (*nat == "yes" || *nat == "true");
}

}  // namespace

void lint_interface(const Linted& file, Findings& findings) {
  lint_addresses(file, findings);
  lint_mtu(file, findings);
  lint_dns(file, findings);
  lint_port(file, findings);
  lint_endpoints(file, findings);
  lint_save_config(file, findings);
}

void lint_keepalive(const Linted& file, const LintView& view, Findings& findings) {
  constexpr std::chrono::seconds kLongest{120};  // RFC 4787 REQ-5
  const bool behind_nat = is_declared_behind_nat(file, view);
  for (const TunnelPeer& peer : file.tunnel().peers) {
    const auto& keepalive = peer.persistent_keepalive;
    const bool is_off = !keepalive || keepalive->value.count() == 0;
    if (is_off && behind_nat && peer.endpoint) {
      auto& added = findings.add(
          FindingId::lint_keepalive_missing, file.at(keepalive ? keepalive->at : peer.at),
          text("this host is declared to be behind a NAT, and sends no keepalives to the peer {}",
               name_of(peer)));
      added.finding.fix = {"add PersistentKeepalive = 25"};
    }
    if (is_off || keepalive->value <= kLongest) continue;
    auto& added = findings.add(
        FindingId::lint_keepalive_long, file.at(keepalive->at),
        text("a keepalive every {} s does not keep a NAT's mapping open: it may be forgotten after "
             "{} s, and often is after 30",
             keepalive->value.count(), kLongest.count()));
    added.finding.fix = {"set PersistentKeepalive = 25"};
  }
}

}  // namespace wgscope::audit
