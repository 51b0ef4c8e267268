// What each peer is configured with: allowed IPs, keepalive, preshared key.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
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
using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Text;
using diagnosis::text;

/// What a peer has, and what it should have: all sorted.
struct AllowedIps {
  std::vector<Prefix> wanted;   ///< that this peer should have
  std::vector<Prefix> missing;  ///< of the declared ones
  std::vector<Prefix> extra;    ///< that are not declared
};

std::vector<Prefix> sorted(std::span<const Prefix> prefixes) {
  std::vector<Prefix> made(prefixes.begin(), prefixes.end());
  std::ranges::sort(made);
  return made;
}

/// During a rotation both keys of a peer may be there, and each has a part of the declared prefixes.
AllowedIps compare_allowed_ips(const Scene& scene, std::size_t index) {
  const std::vector<PeerDrift>& drifts = scene.drift().peers;
  const std::vector<Peer>& peers = scene.device().peers;
  const std::vector<Prefix>& declared = scene.declared(drifts[index].declared).allowed_ips;
  const std::vector<Prefix> own = sorted(scene.device().allowed_ips_of(peers[index]));
  std::vector<Prefix> of_both = own;
  const bool rotates = scene.declared(drifts[index].declared).successor.has_value();
  for (std::size_t i = 0; rotates && i < peers.size(); ++i)
    if (i != index && drifts[i].declared == drifts[index].declared && !drifts[i].retired)
      std::ranges::copy(scene.device().allowed_ips_of(peers[i]), std::back_inserter(of_both));
  std::ranges::sort(of_both);
  AllowedIps made;
  std::ranges::set_difference(declared, of_both, std::back_inserter(made.missing));
  std::ranges::set_difference(own, declared, std::back_inserter(made.extra));
  std::ranges::set_intersection(own, declared, std::back_inserter(made.wanted));
  made.wanted.insert(made.wanted.end(), made.missing.begin(), made.missing.end());
  std::ranges::sort(made.wanted);
  return made;
}

/// "anna (KEY)", or the key alone.
Text who(const Scene& scene, std::size_t index) {
  const std::uint32_t declared = scene.drift().peers[index].declared;
  const PublicKey& key = scene.device().peers[index].public_key;
  return declared == kNotDeclared ? text("{}", key)
                                  : text("{} ({})", Name{scene.declared(declared).name}, key);
}

/// Who else has one of the prefixes. @param prefixes  sorted.
Text holders(const Scene& scene, std::span<const Prefix> prefixes, std::size_t except) {
  const Device& device = scene.device();
  for (std::size_t i = 0; i < device.peers.size(); ++i)
    for (const Prefix& prefix : device.allowed_ips_of(device.peers[i]))
      if (i != except && std::ranges::binary_search(prefixes, prefix))
        return text("there: {} belongs to {}", prefix, who(scene, i));
  return {};
}

Finding allowed_ips_differ(const Scene& scene, std::size_t index) {
  const PeerDrift& drift = scene.drift().peers[index];
  const DeclaredPeer& declared = scene.declared(drift.declared);
  const Peer& peer = scene.device().peers[index];
  const AllowedIps compared = compare_allowed_ips(scene, index);
  Finding finding{
      .id = drift.conflict ? FindingId::drift_allowed_ips_taken : FindingId::drift_allowed_ips,
      .cause = {},
      .evidence = {}};
  finding.cause = drift.conflict ? text("{}: another peer has allowed IPs that are declared for {}",
                                        scene.name(), Name{declared.name})
                                 : text("{}: the allowed IPs of {} are not as declared",
                                        scene.name(), Name{declared.name});
  finding.evidence.push_back(
      text("declared in {}: {}", scene.at(declared.position), listed(declared.allowed_ips)));
  finding.evidence.push_back(
      text("there: {}, of {}", listed(scene.device().allowed_ips_of(peer)), peer.public_key));
  if (!compared.missing.empty())
    finding.evidence.push_back(text("missing: {}", listed(compared.missing)));
  if (!compared.extra.empty())
    finding.evidence.push_back(text("not declared: {}", listed(compared.extra)));
  if (drift.conflict) finding.evidence.push_back(holders(scene, compared.missing, index));
  finding.fix.push_back(
      text("{} allowed-ips {}", scene.set_peer(peer.public_key), joined(compared.wanted)));
  finding.fix.push_back(
      text("or change allowed_ips of the peer in {}", scene.at(declared.position)));
  return finding;
}

std::vector<Prefix> too_broad(const Scene& scene, std::size_t index) {
  const std::uint32_t declared = scene.drift().peers[index].declared;
  const Declared& all = *scene.facts().declared;
  const Declared::Terms& terms =
      declared == kNotDeclared ? all.terms_of_undeclared() : all.terms(declared);
  std::vector<Prefix> broad;
  for (const Prefix& prefix : scene.device().allowed_ips_of(scene.device().peers[index]))
    if (prefix.bits < (prefix.address.family == Family::v4 ? terms.least_ipv4 : terms.least_ipv6))
      broad.push_back(prefix);
  return broad;
}

Finding prefix_too_broad(const Scene& scene, std::size_t index) {
  const PeerDrift& drift = scene.drift().peers[index];
  const Declared& all = *scene.facts().declared;
  const bool is_declared = drift.declared != kNotDeclared;
  const Declared::Terms& terms =
      is_declared ? all.terms(drift.declared) : all.terms_of_undeclared();
  const std::vector<Prefix> broad = too_broad(scene, index);
  Finding finding{.id = FindingId::drift_prefix_too_broad,
                  .cause = text("{}: {} has wider allowed IPs than the policy allows", scene.name(),
                                who(scene, index)),
                  .evidence = {text("there: {}", listed(broad))}};
  if (terms.least_ipv4 != 0)
    finding.evidence.push_back(
        text("policy: IPv4 prefixes of /{} or longer", static_cast<unsigned>(terms.least_ipv4)));
  if (terms.least_ipv6 != 0)
    finding.evidence.push_back(
        text("policy: IPv6 prefixes of /{} or longer", static_cast<unsigned>(terms.least_ipv6)));
  if (!is_declared)
    finding.fix.push_back(
        text("{} remove", scene.set_peer(scene.device().peers[index].public_key)));
  else if (drift.allowed_ips)
    finding.fix.emplace_back("set the allowed IPs as declared: see the finding about them");
  else
    finding.fix.push_back(text("narrow allowed_ips of the peer in {}, then run wgscope drift again",
                               scene.at(scene.declared(drift.declared).position)));
  return finding;
}

Finding keepalive_differs(const Scene& scene, std::size_t index) {
  const DeclaredPeer& declared = scene.declared(scene.drift().peers[index].declared);
  const Peer& peer = scene.device().peers[index];
  const auto shown = [](std::int64_t seconds) {
    return seconds == 0 ? Text("off") : text("{} s", seconds);
  };
  return {.id = FindingId::drift_keepalive,
          .cause = text("{}: the persistent keepalive of {} is {} instead of {}", scene.name(),
                        Name{declared.name}, shown(peer.persistent_keepalive_seconds),
                        shown(declared.persistent_keepalive->count())),
          .evidence = {text("declared in {}: {}", scene.at(declared.position),
                            shown(declared.persistent_keepalive->count())),
                       text("there: {}, of {}", shown(peer.persistent_keepalive_seconds),
                            peer.public_key)},
          .fix = {text("{} persistent-keepalive {}", scene.set_peer(peer.public_key),
                       declared.persistent_keepalive->count()),
                  text("or change persistent_keepalive of the peer in {}",
                       scene.at(declared.position))}};
}

Finding preshared_key_differs(const Scene& scene, std::size_t index) {
  const DeclaredPeer& declared = scene.declared(scene.drift().peers[index].declared);
  const Peer& peer = scene.device().peers[index];
  const bool required = declared.preshared_key == PresharedKeyRule::required;
  Finding finding{
      .id = FindingId::drift_preshared_key,
      .cause = required ? text("{}: {} has no preshared key", scene.name(), Name{declared.name})
                        : text("{}: {} has a preshared key, and should have none", scene.name(),
                               Name{declared.name}),
      .evidence = {
          text("declared in {}: a preshared key is {}", scene.at(declared.position),
               required ? Text("required") : Text("not wanted")),
          text("there: {}, of {}", required ? Text("no key") : Text("a key"), peer.public_key)}};
  if (required)
    finding.fix.push_back(
        text("on this host, where FILE has the preshared key: {} preshared-key "
             "FILE",
             scene.set_peer(peer.public_key)));
  else
    finding.fix.push_back(text("{} preshared-key /dev/null", scene.set_peer(peer.public_key)));
  finding.fix.push_back(
      text("or change preshared_key of the peer in {}", scene.at(declared.position)));
  return finding;
}

bool is_compared(const PeerDrift& drift) {
  return drift.declared != kNotDeclared && !drift.retired;
}

/// What is compared of one setting: of whom it is declared, who differs, and in which words.
struct Setting {
  CheckKind kind;
  bool (*is_declared)(const DeclaredPeer& peer);
  bool (*differs)(const PeerDrift& drift);
  Finding (*finding)(const Scene& scene, std::size_t index);
};

void diagnose_setting(const Scene& scene, const Setting& setting, std::vector<Check>& into) {
  Findings findings(scene, setting.kind, into);
  std::size_t fine = 0;
  for (std::size_t i = 0; i < scene.drift().peers.size(); ++i) {
    const PeerDrift& drift = scene.drift().peers[i];
    if (!is_compared(drift) || !setting.is_declared(scene.declared(drift.declared))) continue;
    if (setting.differs(drift))
      findings.add(scene.target(drift.declared), [&] { return setting.finding(scene, i); });
    else
      ++fine;
  }
  findings.finish(fine == 0 ? Text()
                            : text("{} as declared", counted(fine, "peer is", "peers are")));
}

}  // namespace

void diagnose_allowed_ips(const Scene& scene, std::vector<Check>& into) {
  Findings findings(scene, CheckKind::drift_allowed_ips, into);
  // First those that lose their traffic to another peer, whatever the order in which peers are read.
  for (std::size_t i = 0; i < scene.drift().peers.size(); ++i) {
    const PeerDrift& drift = scene.drift().peers[i];
    if (drift.allowed_ips && drift.conflict)
      findings.add(scene.target(drift, scene.device().peers[i]),
                   [&] { return allowed_ips_differ(scene, i); });
  }
  std::size_t fine = 0;
  for (std::size_t i = 0; i < scene.drift().peers.size(); ++i) {
    const PeerDrift& drift = scene.drift().peers[i];
    const Text target = scene.target(drift, scene.device().peers[i]);
    if (drift.allowed_ips && !drift.conflict)
      findings.add(target, [&] { return allowed_ips_differ(scene, i); });
    if (drift.too_broad) findings.add(target, [&] { return prefix_too_broad(scene, i); });
    if (is_compared(drift) && !drift.allowed_ips && !drift.too_broad) ++fine;
  }
  findings.finish(fine == 0 ? Text()
                            : text("{} as declared", counted(fine, "peer is", "peers are")));
}

void diagnose_keepalive(const Scene& scene, std::vector<Check>& into) {
  diagnose_setting(
      scene,
      {.kind = CheckKind::drift_keepalive,
       .is_declared =
           [](const DeclaredPeer& peer) { return peer.persistent_keepalive.has_value(); },
       .differs = [](const PeerDrift& drift) { return static_cast<bool>(drift.keepalive); },
       .finding = keepalive_differs},
      into);
}

void diagnose_preshared_keys(const Scene& scene, std::vector<Check>& into) {
  diagnose_setting(
      scene,
      {.kind = CheckKind::drift_preshared_key,
       .is_declared =
           [](const DeclaredPeer& peer) { return peer.preshared_key != PresharedKeyRule::any; },
       .differs = [](const PeerDrift& drift) { return static_cast<bool>(drift.preshared_key); },
       .finding = preshared_key_differs},
      into);
}

}  // namespace wgscope::audit
