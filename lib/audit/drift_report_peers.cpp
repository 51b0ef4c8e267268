// Peers that are missing, that nobody declared, or whose key is retired.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "drift_words.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredPeer;
using config::PresharedKeyRule;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Text;
using diagnosis::text;

/// The key that a declared peer should have now.
const PublicKey& key_now(const Scene& scene, const DeclaredPeer& peer) {
  const bool old = config::keys_at(peer, scene.facts().snapshot->taken.wall).old_allowed;
  return old ? peer.public_key : peer.successor->public_key;
}

/// The command that makes a peer as it is declared.
Text add_command(const Scene& scene, const DeclaredPeer& peer) {
  Text command = scene.set_peer(key_now(scene, peer));
  if (peer.preshared_key == PresharedKeyRule::required) command.add(" preshared-key FILE");
  if (peer.endpoint) command.add(" endpoint ").add(endpoint_word(*peer.endpoint));
  if (peer.persistent_keepalive)
    command.add(" persistent-keepalive ").add(peer.persistent_keepalive->count());
  return command.add(" allowed-ips ").add(joined(peer.allowed_ips));
}

Finding missing(const Scene& scene, std::uint32_t index) {
  const DeclaredPeer& peer = scene.declared(index);
  Finding finding{
      .id = FindingId::drift_peer_missing,
      .cause = text("{} does not have the declared peer {}", scene.name(), Name{peer.name}),
      .evidence = {text("declared in {}: {} with the allowed IPs {}", scene.at(peer.position),
                        key_now(scene, peer), listed(peer.allowed_ips))}};
  if (peer.successor)
    finding.evidence.push_back(
        text("its key {} is being replaced by {}", peer.public_key, peer.successor->public_key));
  const Text command = add_command(scene, peer);
  if (peer.preshared_key == PresharedKeyRule::required)
    finding.fix.push_back(text("on this host, where FILE has the preshared key: {}", command));
  else
    finding.fix.push_back(command);
  finding.fix.push_back(
      text("or, if the peer is not wanted, remove it from {}", scene.at(peer.position)));
  return finding;
}

/// What the inventory says of a key that is not declared for this interface.
Text other_declaration(const Scene& scene, const PublicKey& key) {
  const Declared::Holder* holder = scene.facts().declared->find_key(key);
  if (holder == nullptr) return "declared: nowhere in the inventory";
  const DeclaredPeer& peer = scene.declared(holder->peer);
  return text("declared: as {} in {}, but for other interfaces only", Name{peer.name},
              scene.at(peer.position));
}

Finding undeclared(const Scene& scene, const Peer& peer) {
  Finding finding{
      .id = FindingId::drift_peer_undeclared,
      .cause = text("{} has a peer that nobody declared: {}", scene.name(), peer.public_key),
      .evidence = {other_declaration(scene, peer.public_key),
                   text("there: allowed IPs {}; last handshake {}",
                        listed(scene.device().allowed_ips_of(peer)), scene.last_handshake(peer))}};
  if (peer.endpoint) finding.evidence.push_back(text("there: endpoint {}", *peer.endpoint));
  finding.fix.push_back(text("{} remove", scene.set_peer(peer.public_key)));
  if (scene.drift().comparison == Comparison::undeclared) {
    finding.fix.push_back(
        text("or declare {} and its peers: see the finding about it", scene.name()));
    return finding;
  }
  Text prefixes;
  for (const Prefix& prefix : scene.device().allowed_ips_of(peer)) {
    if (!prefixes.empty()) prefixes.add(", ");
    prefixes.add("\"").add(prefix).add("\"");
  }
  finding.fix.push_back(
      text("or declare it under peers: - {}{}, interfaces: [{}], "
           "allowed_ips: [{}]{}",
           Text("{name: NAME, public_key: "), peer.public_key, Name{scene.device().name}, prefixes,
           Text("}")));
  return finding;
}

Finding retired(const Scene& scene, const PeerDrift& drift, const Peer& peer) {
  const DeclaredPeer& declared = scene.declared(drift.declared);
  return {
      .id = FindingId::drift_key_retired,
      .cause = text("{} still has the old key of {}, whose last day is over", scene.name(),
                    Name{declared.name}),
      .evidence = {text("declared in {}: {} replaces it", scene.at(declared.position),
                        declared.successor->public_key),
                   text("there: {} with the allowed IPs {}; last handshake {}", peer.public_key,
                        listed(scene.device().allowed_ips_of(peer)), scene.last_handshake(peer))},
      .fix = {text("{} remove", scene.set_peer(peer.public_key)),
              text("or allow the old key for longer: the date `until` in {}",
                   scene.at(declared.position))}};
}

}  // namespace

void diagnose_peers(const Scene& scene, std::vector<diagnosis::Check>& into) {
  Findings findings(scene, diagnosis::CheckKind::drift_peer, into);
  const std::vector<Peer>& peers = scene.device().peers;
  std::size_t fine = 0;
  for (const std::uint32_t index : scene.drift().missing)
    findings.add(scene.target(index), [&] { return missing(scene, index); });
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const PeerDrift& drift = scene.drift().peers[i];
    if (drift.undeclared)
      findings.add(scene.target(drift, peers[i]), [&] { return undeclared(scene, peers[i]); });
    else if (drift.retired)
      findings.add(scene.target(drift, peers[i]), [&] { return retired(scene, drift, peers[i]); });
    else if (drift.declared != kNotDeclared)
      ++fine;
  }
  const bool all = scene.drift().missing.empty() && fine == peers.size();
  if (all && peers.empty() && scene.drift().comparison == Comparison::compared)
    findings.finish("has no peers, and none are declared");
  else
    findings.finish(
        fine == 0 ? Text()
                  : text("{} as declared", counted(fine, "peer is there", "peers are there")));
}

}  // namespace wgscope::audit
