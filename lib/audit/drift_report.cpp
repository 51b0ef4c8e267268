#include "wgscope/audit/drift_report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

#include "drift_words.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredInterface;
using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Name;
using diagnosis::Status;
using diagnosis::Text;
using diagnosis::text;

/// What was declared, and whether it can be compared with this host.
void diagnose_declarations(const DriftFacts& facts, std::vector<Check>& into) {
  const Declared& declared = *facts.declared;
  const Name host{declared.host()};
  if (!declared.knows_this_host()) {
    into.push_back(diagnosis::make_check(
        CheckKind::drift_declared, Status::unknown,
        Finding{.id = FindingId::drift_other_host,
                .cause = text("the inventory declares interfaces, but none for the host {}", host),
                .evidence = {text("declared: {}", counted(declared.inventory().interfaces.size(),
                                                          "interface", "interfaces"))},
                .fix = {"wgscope drift --inventory PATH --host NAME",
                        text("or add {} to the hosts of an interface", host)}}));
    return;
  }
  if (!declared.complete()) {
    into.push_back(diagnosis::make_check(
        CheckKind::drift_declared, Status::unknown,
        "the inventory has errors, so that keys without a declaration are not reported: see "
        "wgscope inventory check"));
    return;
  }
  into.push_back(diagnosis::make_check(
      CheckKind::drift_declared, Status::ok,
      text("{} and {}", counted(declared.inventory().interfaces.size(), "interface", "interfaces"),
           counted(declared.inventory().peers.size(), "peer", "peers"))));
}

void diagnose_missing_interfaces(const DriftFacts& facts, std::vector<Check>& into) {
  const auto& interfaces = facts.declared->inventory().interfaces;
  for (const std::uint32_t index : facts.drift->missing_interfaces) {
    const DeclaredInterface& declared = interfaces[index];
    const Text word = shell_word(declared.name);
    Text place = "the inventory";
    if (declared.position.line != 0 && declared.position.file < facts.files.size())
      place = text("{}:{}", diagnosis::Path{facts.files[declared.position.file]},
                   declared.position.line);
    Check check = diagnosis::make_check(
        CheckKind::drift_interface, Status::critical,
        Finding{
            .id = FindingId::drift_interface_missing,
            .cause = text("the interface {} does not exist", Name{declared.name}),
            .evidence = {text("declared in {}", place),
                         "there: neither in the kernel nor with a userspace implementation"},
            .fix = {text("wg-quick up {}", word), text("or remove the interface from {}", place)}});
    check.target = text("{}", Name{declared.name});
    into.push_back(std::move(check));
  }
}

/// Interfaces that could not be read, or not whole.
void diagnose_failures(const DriftFacts& facts, std::vector<Check>& into) {
  std::size_t count = 0;
  for (const Failure& failure : facts.snapshot->failures) {
    if (++count > kMostListed) break;
    Check check = diagnosis::make_check(
        CheckKind::drift_interface, Status::unknown,
        text("could not be read: {}", diagnosis::vouched(to_string(failure.reason))));
    if (failure.interface.empty())
      check.summary = text("some interfaces could not be read: {}",
                           diagnosis::vouched(to_string(failure.reason)));
    else
      check.target = text("{}", Name{failure.interface});
    into.push_back(std::move(check));
  }
}

Check undeclared_interface(const Scene& scene) {
  return diagnosis::make_check(
      CheckKind::drift_interface, Status::warning,
      Finding{
          .id = FindingId::drift_interface_undeclared,
          .cause = text("{} exists, and nobody declared it for this host", scene.name()),
          .evidence = {text("it has {}", counted(scene.device().peers.size(), "peer", "peers"))},
          .fix = {text("declare it and its peers; this prints a draft: {}wgscope inventory "
                       "from {}",
                       scene.prefix(), scene.word()),
                  text("or, if other software looks after it, add to the inventory: "
                       "unmanaged_interfaces: [{}]",
                       Name{scene.device().name}),
                  text("or remove it: {}ip link del {}", scene.prefix(), scene.word())}});
}

/// Says of an interface that it is not the declared one, or why it was not compared.
void diagnose_comparison(const Scene& scene, std::vector<Check>& into) {
  Check check;
  switch (scene.drift().comparison) {
    case Comparison::compared:
    case Comparison::other_host: return;
    case Comparison::undeclared: check = undeclared_interface(scene); break;
    case Comparison::unmanaged:
      check =
          diagnosis::make_check(CheckKind::drift_interface, Status::ok,
                                "not compared: the inventory lists it under unmanaged_interfaces");
      break;
    case Comparison::unknown:
      check = diagnosis::make_check(
          CheckKind::drift_interface, Status::unknown,
          "not compared: it is not declared, but a part of the inventory has errors and may "
          "declare it");
      break;
    case Comparison::ambiguous:
      check = diagnosis::make_check(
          CheckKind::drift_interface, Status::unknown,
          "several network namespaces have an interface of this name, and the declaration does "
          "not say which is meant");
      break;
    case Comparison::not_read:
      check = diagnosis::make_check(CheckKind::drift_interface, Status::unknown,
                                    "it changed while it was read: run wgscope drift again");
      break;
  }
  check.target = text("{}", Name{scene.device().name});
  into.push_back(std::move(check));
}

void diagnose_names(const DriftFacts& facts, std::vector<Check>& into) {
  std::vector<std::string> unresolved;
  std::size_t resolved = 0;
  for (const auto& [name, resolution] : *facts.resolutions) {
    if (resolution.failed || resolution.addresses.empty())
      unresolved.push_back(name);
    else
      ++resolved;
  }
  if (resolved > 0)
    into.push_back(diagnosis::make_check(
        CheckKind::drift_name, Status::ok,
        text("{}",
             counted(resolved, "name of an endpoint resolves", "names of endpoints resolve"))));
  std::ranges::sort(unresolved);
  for (std::size_t i = 0; i < unresolved.size() && i < kMostListed; ++i) {
    Check check = diagnosis::make_check(
        CheckKind::drift_name, Status::unknown,
        text("no address was found; try: getent ahosts {}", shell_word(unresolved[i])));
    check.target = text("{}", Name{unresolved[i]});
    into.push_back(std::move(check));
  }
  if (unresolved.size() > kMostListed)
    into.push_back(diagnosis::make_check(
        CheckKind::drift_name, Status::unknown,
        text("no address was found for {} more names", unresolved.size() - kMostListed)));
}

/// The name of a key's declaration, or the key.
Text whose(const DriftFacts& facts, const PublicKey& key) {
  const Declared::Holder* holder = facts.declared->find_key(key);
  if (holder == nullptr) return text("{}", key);
  return text("{}", Name{facts.declared->inventory().peers[holder->peer].name});
}

Check alternating(const DriftFacts& facts, const Alternating& seen) {
  Check check;
  if (seen.often)
    check = diagnosis::make_check(
        CheckKind::drift_watch, Status::critical,
        Finding{.id = FindingId::drift_key_shared,
                .cause = text("{}: the endpoint of {} goes back and forth between two addresses",
                              Name{seen.interface}, whose(facts, seen.key)),
                .evidence = {text("in {}, {} returned to an earlier address {} times",
                                  *facts.watched, seen.key, seen.returns),
                             text("there: {} and {}", seen.one, seen.other)},
                .hypotheses = {{"two devices have the same key",
                                "look for the key on the devices at both addresses"},
                               {"one device uses two uplinks in turn",
                                "look at the routes of the device"}},
                .fix = {"give each device a key of its own, and declare both"}});
  else
    check = diagnosis::make_check(
        CheckKind::drift_watch, Status::unknown,
        text(
            "the endpoint returned to an earlier address {} times in {} ({} and {}): too seldom to "
            "tell two devices with one key from one device between two networks. Watch longer: "
            "wgscope drift --watch 5m",
            seen.returns, *facts.watched, seen.one, seen.other));
  check.target = text("{} {}", Name{seen.interface}, whose(facts, seen.key));
  return check;
}

void diagnose_watch(const DriftFacts& facts, std::vector<Check>& into) {
  if (!facts.watched) return;
  const std::vector<Alternating>& all = facts.alternating;
  for (std::size_t i = 0; i < all.size() && i < kMostListed; ++i)
    into.push_back(alternating(facts, all[i]));
  if (all.size() > kMostListed)
    into.push_back(diagnosis::make_check(
        CheckKind::drift_watch, all[kMostListed].often ? Status::critical : Status::unknown,
        text("{} more do, and are not listed", all.size() - kMostListed)));
  if (all.empty())
    into.push_back(diagnosis::make_check(
        CheckKind::drift_watch, Status::ok,
        text("no endpoint kept returning to an earlier address in {}", *facts.watched)));
}

}  // namespace

std::vector<Check> diagnose(const DriftFacts& facts) {
  std::vector<Check> checks;
  diagnose_declarations(facts, checks);
  diagnose_failures(facts, checks);
  if (!facts.declared->knows_this_host()) return checks;
  diagnose_missing_interfaces(facts, checks);
  if (facts.dns_servers > 0)
    checks.push_back(diagnosis::make_check(
        CheckKind::drift_dns, Status::unknown,
        "the file names DNS servers: which servers this host uses is not compared"));
  diagnose_names(facts, checks);
  for (std::size_t i = 0; i < facts.snapshot->devices.size(); ++i) {
    const Scene scene(facts, i);
    diagnose_comparison(scene, checks);
    if (!scene.drift().are_peers_compared()) continue;
    if (scene.drift().comparison == Comparison::compared) {
      diagnose_interface(scene, checks);
      diagnose_addresses(scene, checks);
      diagnose_routes(scene, checks);
    }
    diagnose_peers(scene, checks);
    diagnose_allowed_ips(scene, checks);
    diagnose_keepalive(scene, checks);
    diagnose_preshared_keys(scene, checks);
    diagnose_endpoints(scene, checks);
  }
  diagnose_watch(facts, checks);
  return checks;
}

Text success(const DriftFacts& facts) {
  std::size_t interfaces = 0;
  std::size_t peers = 0;
  for (const InterfaceDrift& drift : facts.drift->interfaces) {
    if (drift.comparison != Comparison::compared) continue;
    ++interfaces;
    peers += drift.peers.size();
  }
  return text("everything is as declared: {}, {}", counted(interfaces, "interface", "interfaces"),
              counted(peers, "peer", "peers"));
}

}  // namespace wgscope::audit
