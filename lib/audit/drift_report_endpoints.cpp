// Endpoints against what is declared, and against what their names resolve to.

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "drift_words.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredPeer;
using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Status;
using diagnosis::Text;
using diagnosis::text;

const Resolution* resolution_of(const Scene& scene, const DeclaredPeer& peer) {
  const auto found = scene.facts().resolutions->find(peer.endpoint->host);
  return found == scene.facts().resolutions->end() ? nullptr : &found->second;
}

EndpointState state_of(const Scene& scene, std::size_t index) {
  const PeerDrift& drift = scene.drift().peers[index];
  const Declared::Terms& terms = scene.facts().declared->terms(drift.declared);
  if (terms.port == 0) return EndpointState::not_declared;
  return compare_endpoint(terms, scene.device().peers[index],
                          resolution_of(scene, scene.declared(drift.declared)),
                          scene.facts().snapshot->taken.wall);
}

Text endpoint_text(const DeclaredPeer& peer) {
  if (const auto address = peer.endpoint->address()) return text("{}", *address);
  return text("{}:{}", Name{peer.endpoint->host}, peer.endpoint->port);
}

Text resolved_text(const Scene& scene, const DeclaredPeer& peer, const Resolution* resolution) {
  if (resolution == nullptr) return {};
  Text addresses;
  for (const IpAddress& address : resolution->addresses) {
    if (!addresses.empty()) addresses.add(", ");
    addresses.add(address);
  }
  const Nanoseconds age = scene.facts().snapshot->taken.boot - resolution->at;
  Text made = text("{} has the addresses {} now", Name{peer.endpoint->host}, addresses);
  if (age > std::chrono::seconds(1)) made.add(text(" (looked up {} ago)", age));
  return made;
}

Finding endpoint_differs(const Scene& scene, std::size_t index, EndpointState state) {
  const DeclaredPeer& declared = scene.declared(scene.drift().peers[index].declared);
  const Peer& peer = scene.device().peers[index];
  Finding finding{.id = state == EndpointState::stale_name ? FindingId::drift_name_stale
                                                           : FindingId::drift_endpoint,
                  .cause = {},
                  .evidence = {}};
  if (state == EndpointState::stale_name)
    finding.cause = text("{}: the endpoint of {} is an address that {} no longer has", scene.name(),
                         Name{declared.name}, Name{declared.endpoint->host});
  else if (state == EndpointState::missing)
    finding.cause =
        text("{}: {} has no endpoint, and one is declared", scene.name(), Name{declared.name});
  else
    finding.cause =
        text("{}: the endpoint of {} is not the declared one", scene.name(), Name{declared.name});
  finding.evidence.push_back(
      text("declared in {}: {}", scene.at(declared.position), endpoint_text(declared)));
  if (peer.endpoint) finding.evidence.push_back(text("there: {}", *peer.endpoint));
  if (state == EndpointState::stale_name)
    finding.evidence.push_back(resolved_text(scene, declared, resolution_of(scene, declared)));
  finding.evidence.push_back(
      text("last handshake of {}: {}", peer.public_key, scene.last_handshake(peer)));
  finding.fix.push_back(
      text("{} endpoint {}", scene.set_peer(peer.public_key), endpoint_word(*declared.endpoint)));
  finding.fix.push_back(text("or change endpoint of the peer in {}", scene.at(declared.position)));
  return finding;
}

struct Counts {
  std::size_t same = 0;
  std::size_t roamed = 0;
  std::size_t unknown = 0;
};

Text in_words(const Counts& counts) {
  Text made;
  if (counts.same > 0)
    made = text("{} as declared", counted(counts.same, "peer has it", "peers have it"));
  if (counts.roamed > 0) {
    if (!made.empty()) made.add("; ");
    made.add(text("{} with a live session", counted(counts.roamed, "peer roams", "peers roam")));
  }
  return made;
}

}  // namespace

void diagnose_endpoints(const Scene& scene, std::vector<Check>& into) {
  Findings findings(scene, CheckKind::drift_endpoint, into);
  Counts counts;
  for (std::size_t i = 0; i < scene.drift().peers.size(); ++i) {
    const PeerDrift& drift = scene.drift().peers[i];
    if (drift.declared == kNotDeclared || drift.retired) continue;
    const EndpointState state = state_of(scene, i);
    if (is_drift(state))
      findings.add(scene.target(drift.declared), [&] { return endpoint_differs(scene, i, state); });
    if (state == EndpointState::same) ++counts.same;
    if (state == EndpointState::roamed) ++counts.roamed;
    if (state == EndpointState::unknown) ++counts.unknown;
  }
  findings.finish(in_words(counts));
  if (counts.unknown == 0) return;
  Check check = diagnosis::make_check(
      CheckKind::drift_endpoint, Status::unknown,
      text("{} not compared: the addresses of the declared name are not known",
           counted(counts.unknown, "peer was", "peers were")));
  check.target = text("{}", Name{scene.device().name});
  into.push_back(std::move(check));
}

}  // namespace wgscope::audit
