#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <unordered_map>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "lint_parts.hpp"
#include "prefixes.hpp"

// Both ends of a tunnel against each other: files that have the other's public key.

namespace wgscope::audit {
namespace {

using config::LocatedPrefix;
using config::TunnelPeer;
using diagnosis::FindingId;
using diagnosis::Path;
using diagnosis::text;

/// One end, and what it says of the other.
struct End {
  const Linted& file;
  const TunnelPeer& other;

  [[nodiscard]] Path path() const { return {file.file->name}; }
};

/// A preshared key that one end has for the other.
struct Preshared {
  Place at;
  const PresharedKey* key = nullptr;  ///< nothing: it is somewhere else, and was not read
};

std::optional<Preshared> preshared_of(const End& end) {
  if (end.other.preshared_key_source)
    return Preshared{end.file.at(end.other.preshared_key_source->at)};
  if (!end.other.preshared_key || end.other.preshared_key->value.is_none()) return std::nullopt;
  return Preshared{end.file.at(end.other.preshared_key->at), &end.other.preshared_key->value};
}

void lint_preshared(const End& one, const End& two, Findings& findings) {
  const auto here = preshared_of(one);
  const auto there = preshared_of(two);
  if (!here && !there) return;
  if (here && there) {
    if (here->key == nullptr || there->key == nullptr ||
        std::ranges::equal(here->key->secret.bytes(), there->key->secret.bytes()))
      return;
    auto& added = findings.add(FindingId::lint_ends_preshared, here->at,
                               text("the other end, {}, has a different preshared key for this "
                                    "tunnel: the handshake fails",
                                    two.path()));
    added.related = {there->at};
    added.finding.fix = {"set the same PresharedKey on both ends"};
    return;
  }
  const End& with = here ? one : two;
  const End& without = here ? two : one;
  auto& added = findings.add(FindingId::lint_ends_preshared, here ? here->at : there->at,
                             text("the other end, {}, has no preshared key for this tunnel: the "
                                  "handshake fails",
                                  without.path()));
  added.related = {without.file.at(without.other.at)};
  added.finding.fix = {
      text("add the same PresharedKey to {}, or remove it from {}", without.path(), with.path())};
}

/// Whether `two` lets `one` use its own addresses.
void lint_addresses(const End& one, const End& two, Findings& findings) {
  // What a hub sends itself is often not meant to reach its clients.
  if (one.file.tunnel().peers.size() > 1) return;
  for (const LocatedPrefix& address : one.file.tunnel().addresses) {
    const bool accepted =
        std::ranges::any_of(two.other.allowed_ips, [&](const LocatedPrefix& allowed) {
          return contains(allowed.value, address.value.address);
        });
    if (accepted) continue;
    auto& added = findings.add(
        FindingId::lint_ends_address, one.file.at(address.at),
        text("the other end, {}, does not have {} in the AllowedIPs for this end, so it drops "
             "packets from this address",
             two.path(), address.value.address));
    added.related = {two.file.at(two.other.at)};
    added.finding.fix = {text("add {} to AllowedIPs of this peer in {}",
                              host_prefix(address.value.address), two.path())};
  }
}

void lint_same_address(const End& one, const End& two, Findings& findings) {
  for (const LocatedPrefix& address : one.file.tunnel().addresses)
    for (const LocatedPrefix& its : two.file.tunnel().addresses) {
      if (address.value.address != its.value.address) continue;
      auto& added = findings.add(
          FindingId::lint_ends_same_address, one.file.at(address.at),
          text("the other end, {}, has the same address {}", two.path(), address.value.address));
      added.related = {two.file.at(its.at)};
      added.finding.fix = {"give one of the ends another address"};
    }
}

/// Whether `one` sends to the port on which `two` listens.
void lint_port(const End& one, const End& two, Findings& findings) {
  if (!one.other.endpoint) return;
  const auto& port = two.file.tunnel().listen_port;
  const std::uint16_t to = one.other.endpoint->value.port;
  if (port && port->value == to) return;
  const Place place = one.file.at(one.other.endpoint->at);
  if (!port || port->value == 0) {
    auto& added = findings.add(FindingId::lint_ends_port, place,
                               text("Endpoint has port {}, but the other end, {}, has no fixed "
                                    "ListenPort: it listens on another port after each start",
                                    to, two.path()));
    added.related = {port ? two.file.at(port->at) : two.file.whole()};
    added.finding.fix = {text("set ListenPort = {} in {}", to, two.path())};
    return;
  }
  auto& added = findings.add(FindingId::lint_ends_port, place,
                             text("Endpoint has port {}, but the other end, {}, listens on {}", to,
                                  two.path(), port->value));
  added.related = {two.file.at(port->at)};
  added.finding.fix = {
      text("set the port of Endpoint to {}, unless a port forwarding translates {} "
           "to it",
           port->value, to)};
}

void lint_mtu(const End& one, const End& two, Findings& findings) {
  const auto& mtu = one.file.tunnel().mtu;
  const auto& its = two.file.tunnel().mtu;
  if (!mtu || !its || mtu->value == its->value) return;
  auto& added = findings.add(
      FindingId::lint_ends_mtu, one.file.at(mtu->at),
      text("MTU is {} here and {} on the other end, {}", mtu->value, its->value, two.path()));
  added.related = {two.file.at(its->at)};
  added.finding.fix = {"set the same MTU on both ends: the smaller one fits both"};
}

bool keeps_alive(const End& end) {
  return end.other.persistent_keepalive && end.other.persistent_keepalive->value.count() != 0;
}

void lint_beginning(const End& one, const End& two, Findings& findings) {
  const bool here = one.other.endpoint.has_value();
  const bool there = two.other.endpoint.has_value();
  if (here && there) return;
  if (!here && !there) {
    auto& added = findings.add(
        FindingId::lint_ends_no_endpoint, one.file.at(one.other.at),
        text("neither this end nor the other end, {}, has an Endpoint for the other: no handshake "
             "can begin",
             two.path()));
    added.related = {two.file.at(two.other.at)};
    added.finding.fix = {"add Endpoint = HOST:PORT on one end"};
    return;
  }
  if (keeps_alive(one) || keeps_alive(two)) return;
  const End& begins = here ? one : two;
  const End& waits = here ? two : one;
  auto& added = findings.add(
      FindingId::lint_ends_no_keepalive, begins.file.at(begins.other.at),
      text("only this end can begin, and it sends no keepalives: after a silence, {} may be unable "
           "to reach it through NATs and firewalls",
           waits.path()));
  added.related = {waits.file.at(waits.other.at)};
  added.finding.fix = {"if the other end must be able to begin, add PersistentKeepalive = 25 here"};
}

void lint_pair(const End& one, const End& two, Findings& findings) {
  lint_preshared(one, two, findings);
  lint_addresses(one, two, findings);
  lint_addresses(two, one, findings);
  lint_same_address(one, two, findings);
  lint_port(one, two, findings);
  lint_port(two, one, findings);
  lint_mtu(one, two, findings);
  lint_beginning(one, two, findings);
}

/// The peers of a file by their keys; of sections with one key the last.
using Peers = std::unordered_map<PublicKey, const TunnelPeer*, PublicKeyHash>;

Peers peers_of(const Linted& file) {
  Peers peers;
  for (const TunnelPeer& peer : file.tunnel().peers) peers[peer.public_key.value] = &peer;
  return peers;
}

}  // namespace

void lint_ends(const LintView& view, Findings& findings) {
  std::unordered_map<const Linted*, Peers> known;
  const auto peers = [&](const Linted& file) -> const Peers& {
    const auto found = known.find(&file);
    return found != known.end() ? found->second
                                : known.emplace(&file, peers_of(file)).first->second;
  };
  for (const Linted& file : view.files) {
    // Of files with one key, nobody knows which one is the other end.
    if (!file.own_key || view.by_key.count(*file.own_key) > 1) continue;
    for (const TunnelPeer& peer : file.tunnel().peers) {
      const auto [begin, end] = view.by_key.equal_range(peer.public_key.value);
      if (begin == end || std::next(begin) != end || begin->second == &file) continue;
      const Linted& other = *begin->second;
      const auto back = peers(other).find(*file.own_key);
      if (back == peers(other).end()) {
        auto& added =
            findings.add(FindingId::lint_ends_key_unknown, file.at(peer.public_key.at),
                         text("the other end, {}, has no peer with this end's public key {}",
                              Path{other.file->name}, *file.own_key));
        added.related = {other.whole()};
        added.finding.fix = {
            text("add {} with PublicKey = {} to {}",
                 diagnosis::either(other.is_networkd(), "[WireGuardPeer]", "[Peer]"), *file.own_key,
                 Path{other.file->name})};
      } else if (&file < &other) {
        lint_pair({file, peer}, {other, *back->second}, findings);
      }
    }
  }
}

}  // namespace wgscope::audit
