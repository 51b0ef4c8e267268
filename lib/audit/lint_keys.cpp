#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/public_key.hpp"

#include "lint_parts.hpp"

// Keys: of zeros, our own, those that two peers or two files have.

namespace wgscope::audit {
namespace {

using config::TunnelPeer;
using diagnosis::either;
using diagnosis::FindingId;
using diagnosis::Text;
using diagnosis::text;

template <class Bytes>
bool is_zero(const Bytes& bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

void lint_zeros(const Linted& file, Findings& findings) {
  const auto& own = file.tunnel().private_key;
  if (own && is_zero(own->value.secret.bytes()))
    findings
        .add(FindingId::lint_key_zero, file.at(own->at),
             "PrivateKey is all zeros, which WireGuard takes for no key: the interface cannot make "
             "a handshake")
        .finding.fix = {"make a key with wg genkey"};
  for (const TunnelPeer& peer : file.tunnel().peers) {
    if (is_zero(peer.public_key.value.bytes))
      findings
          .add(FindingId::lint_key_zero, file.at(peer.public_key.at),
               "PublicKey is all zeros, and no host has such a key")
          .finding.fix = {
          "set PublicKey to the peer's key; on the peer's host: wg show INTERFACE "
          "public-key"};
    if (peer.preshared_key && is_zero(peer.preshared_key->value.secret.bytes()))
      findings
          .add(FindingId::lint_key_zero, file.at(peer.preshared_key->at),
               "PresharedKey is all zeros, which WireGuard takes for no preshared key")
          .finding.fix = {"make a key with wg genpsk and set it on both ends, or delete the line"};
  }
}

void lint_own_key(const Linted& file, Findings& findings) {
  if (!file.own_key) return;
  for (const TunnelPeer& peer : file.tunnel().peers) {
    if (peer.public_key.value != *file.own_key) continue;
    auto& added = findings.add(FindingId::lint_own_key_as_peer, file.at(peer.public_key.at),
                               "this peer has the interface's own public key, so the kernel "
                               "ignores the peer without an error");
    added.related = {file.at(file.tunnel().private_key->at)};
    added.finding.fix = {
        "set PublicKey to the key of the other host; on that host: wg show INTERFACE public-key"};
  }
}

/// The second section with a key: of its prefixes only those of the last section count.
void lint_peers_twice(const Linted& file, Findings& findings) {
  std::unordered_map<PublicKey, const TunnelPeer*, PublicKeyHash> known;
  for (const TunnelPeer& peer : file.tunnel().peers) {
    const auto [before, is_new] = known.emplace(peer.public_key.value, &peer);
    if (is_new) continue;
    const bool first_wins = file.is_networkd();
    const Place first = file.at(before->second->public_key.at);
    if (!first_wins) before->second = &peer;
    const Place here = file.at(peer.public_key.at);
    auto& added = findings.add(
        FindingId::peers_contradict, here,
        text("the peer {} is already defined in {}: WireGuard takes both for one peer, with the "
             "allowed IPs of {} section alone",
             peer.public_key.value, line_of(first, here), either(first_wins, "that", "this")));
    added.related = {first};
    added.finding.fix = {"keep one of the two sections"};
  }
}

/// Whether both files have a peer in common.
bool share_a_peer(const Linted& one, const Linted& other) {
  std::unordered_set<PublicKey, PublicKeyHash> keys;
  for (const TunnelPeer& peer : one.tunnel().peers) keys.insert(peer.public_key.value);
  return std::ranges::any_of(other.tunnel().peers, [&](const TunnelPeer& peer) {
    return keys.contains(peer.public_key.value);
  });
}

void lint_private_keys(const LintView& view, Findings& findings) {
  std::unordered_map<PublicKey, std::vector<const Linted*>, PublicKeyHash> known;
  for (const Linted& file : view.files) {
    if (!file.own_key) continue;
    std::vector<const Linted*>& others = known[*file.own_key];
    const auto other = std::ranges::find_if(
        others, [&](const Linted* before) { return share_a_peer(file, *before); });
    constexpr std::size_t kMostCompared = 16;  // a provider's files: hundreds with one key
    if (other != others.end()) {
      const Place place = (*other)->at((*other)->tunnel().private_key->at);
      auto& added = findings.add(
          FindingId::lint_key_in_two_files, file.at(file.tunnel().private_key->at),
          text("this private key is also in {}, for a tunnel to the same peer: if both run at "
               "once, each takes the session from the other",
               diagnosis::Path{place.file}));
      added.related = {place};
      added.finding.fix = {
          "give each device a key of its own: wg genkey, then register its public key at the peer"};
    } else if (others.size() < kMostCompared) {
      others.push_back(&file);
    }
  }
}

void lint_names(const LintView& view, Findings& findings) {
  struct Named {
    const Linted* file;
    const TunnelPeer* peer;
  };
  std::unordered_map<PublicKey, Named, PublicKeyHash> known;
  for (const Linted& file : view.files)
    for (const TunnelPeer& peer : file.tunnel().peers) {
      if (!config::is_inventory_text(peer.name)) continue;  // nor one that looks like a key
      const auto [before, is_new] = known.emplace(peer.public_key.value, Named{&file, &peer});
      const Named& first = before->second;
      if (is_new || first.peer->name == peer.name || first.file == &file) continue;
      auto& added = findings.add(
          FindingId::lint_key_has_two_names, file.at(peer.public_key.at),
          text("this key is named {} here and {} in {}", diagnosis::Name{peer.name},
               diagnosis::Name{first.peer->name}, diagnosis::Path{first.file->file->name}));
      added.related = {first.file->at(first.peer->public_key.at)};
      added.finding.fix = {
          "use one name; wg show INTERFACE public-key on the device shows its key"};
    }
}

}  // namespace

void lint_keys(const Linted& file, Findings& findings) {
  lint_zeros(file, findings);
  lint_own_key(file, findings);
  lint_peers_twice(file, findings);
}

void lint_shared_keys(const LintView& view, Findings& findings) {
  lint_private_keys(view, findings);
  lint_names(view, findings);
}

}  // namespace wgscope::audit
