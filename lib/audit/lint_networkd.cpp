#include <algorithm>
#include <optional>
#include <string>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// What systemd-networkd alone has: keys in other files, a .network file, and routes that are not
// made of allowed IPs.

namespace wgscope::audit {
namespace {

using config::LocatedPrefix;
using config::TunnelFile;
using config::TunnelPeer;
using diagnosis::FindingId;
using diagnosis::Path;
using diagnosis::text;

const LintKeyFile* key_file(const Linted& file, const config::Located<config::KeySource>& source) {
  const auto& keys = file.file->networkd->keys;
  const auto found = std::ranges::find(keys, source.value.name, &LintKeyFile::path);
  return found == keys.end() ? nullptr : &*found;
}

/// A source of a key that lint() could not take: its file is not there, or has no key.
/// @param what_then  what networkd does without the key.
void lint_key_source(const Linted& file, const config::Located<config::KeySource>& source,
                     diagnosis::Words what_then, Findings& findings) {
  if (source.value.kind != config::KeySource::Kind::file) return;
  const LintKeyFile* const key = key_file(file, source);
  if (key == nullptr) return;  // on another host
  if (key->unread) {
    findings.add(FindingId::lint_file_unread, file.at(source.at),
                 text("the key in {} could not be read: {}", Path{key->path},
                      diagnosis::vouched(*key->unread)));
    return;
  }
  auto& added = findings.add(
      FindingId::lint_networkd_no_key, file.at(source.at),
      key->is_missing
          ? text("there is no file {}, so networkd {}", Path{key->path}, what_then)
          : text("the file {} has no key in base64, so networkd {}", Path{key->path}, what_then));
  added.finding.fix = {
      text("write the key to {}, as wg genkey and wg genpsk print it, and let "
           "root:systemd-network own the file, with mode 640",
           Path{key->path})};
}

void lint_missing_keys(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  // In files that networkd does not read at all, nothing is known of keys.
  if (tunnel.networkd.interface.empty()) return;
  if (tunnel.networkd.private_key_source) {
    lint_key_source(file, *tunnel.networkd.private_key_source, "does not create the interface",
                    findings);
  } else if (!tunnel.private_key) {
    auto& added = findings.add(
        FindingId::lint_networkd_no_key, file.whole(),
        "there is no PrivateKey and no PrivateKeyFile that networkd can use, so it does not create "
        "the interface");
    added.finding.fix = {"add PrivateKeyFile=PATH under [WireGuard]; wg genkey makes a key"};
  }
  for (const TunnelPeer& peer : tunnel.peers)
    if (peer.preshared_key_source)
      lint_key_source(file, *peer.preshared_key_source, "ignores the whole peer", findings);
}

void lint_unmanaged(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  if (tunnel.networkd.interface.empty() || !file.file->networkd->may_have_network ||
      !file.file->networkd->network.empty())
    return;
  auto& added = findings.add(
      FindingId::lint_networkd_unmanaged, file.whole(),
      text("no .network file beside this file is for the interface {}: networkd creates the "
           "interface, but neither gives it addresses nor brings it up",
           diagnosis::Name{tunnel.networkd.interface}));
  added.finding.fix = {text("add a .network file with [Match] Name={} and [Network] Address=…",
                            diagnosis::Name{tunnel.networkd.interface})};
}

/// Whether something other than allowed IPs leads all of a prefix into the tunnel.
bool is_routed(const TunnelFile& tunnel, const Prefix& prefix) {
  const bool is_own = std::ranges::any_of(
      tunnel.addresses, [&](const LocatedPrefix& own) { return contains(own.value, prefix); });
  if (is_own) return true;
  return std::ranges::any_of(tunnel.networkd.routes, [&](const auto& route) {
    const std::string& to = route.value.destination;
    if (to.empty()) {
      const auto gateway = IpAddress::parse(route.value.gateway);
      return !gateway || gateway->family == prefix.address.family;
    }
    const auto destination = Prefix::parse(to);
    return !destination || contains(*destination, prefix);
  });
}

void lint_unrouted(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  if (!tunnel.networkd.has_network) return;
  for (const TunnelPeer& peer : tunnel.peers) {
    if (peer.table || tunnel.table) continue;  // there are routes, or they are switched off
    for (const LocatedPrefix& one : peer.allowed_ips) {
      const Prefix prefix = without_host_bits(one.value);
      if (is_routed(tunnel, prefix)) continue;
      auto& added = findings.add(
          FindingId::lint_networkd_no_route, file.at(one.at),
          text("no route leads to {}: networkd makes none of AllowedIPs without RouteTable, and "
               "neither Address nor [Route] of the .network file covers it",
               prefix));
      added.finding.fix = {
          text("add RouteTable=main under [WireGuard], or to the .network file [Route] "
               "Destination={}",
               prefix)};
    }
  }
}

void lint_unasked_table(const Linted& file, const config::Located<std::string>& table,
                        Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  if (table.value == "off" || is_main_table(table.value)) return;
  const bool is_asked = std::ranges::any_of(tunnel.networkd.rules, [&](const auto& rule) {
    return is_one_table(rule.value.table, table.value);
  });
  if (is_asked) return;
  auto& added = findings.add(
      FindingId::lint_networkd_no_route, file.at(table.at),
      text("the routes are in the table {}, which no [RoutingPolicyRule] of the .network file "
           "uses",
           diagnosis::Name{table.value}));
  added.finding.fix = {
      text("add to the .network file [RoutingPolicyRule] Table={}, or set "
           "RouteTable=main",
           diagnosis::Name{table.value})};
}

void lint_unasked_tables(const Linted& file, Findings& findings) {
  const TunnelFile& tunnel = file.tunnel();
  if (!tunnel.networkd.has_network) return;
  if (tunnel.table) lint_unasked_table(file, *tunnel.table, findings);
  for (const TunnelPeer& peer : tunnel.peers)
    if (peer.table) lint_unasked_table(file, *peer.table, findings);
}

}  // namespace

void lint_networkd(const Linted& file, Findings& findings) {
  if (!file.is_networkd()) return;
  lint_missing_keys(file, findings);
  lint_unmanaged(file, findings);
  lint_unrouted(file, findings);
  lint_unasked_tables(file, findings);
}

}  // namespace wgscope::audit
