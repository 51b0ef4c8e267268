// The interface itself, its addresses and its routes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
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

#include "drift_words.hpp"
#include "prefix_set.hpp"

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

constexpr std::uint32_t kMainTable = 254;

Text interface_target(const Scene& scene) { return text("{}", Name{scene.device().name}); }

void add(const Scene& scene, CheckKind kind, Status status, Text summary,
         std::vector<Check>& into) {
  Check check = diagnosis::make_check(kind, status, std::move(summary));
  check.target = interface_target(scene);
  into.push_back(std::move(check));
}

/// One setting of the interface that is not as declared.
struct Differing {
  FindingId id;
  Text setting;
  Text declared;
  Text there;
  Text command;  ///< behind the prefix of the network namespace
};

Finding setting_differs(const Scene& scene, const DeclaredInterface& declared,
                        const Differing& differing) {
  return {.id = differing.id,
          .cause = text("{}: {} is {} instead of {}", scene.name(), differing.setting,
                        differing.there, differing.declared),
          .evidence = {text("declared in {}: {}", scene.at(declared.position), differing.declared),
                       text("there: {}", differing.there)},
          .fix = {text("{}{}", scene.prefix(), differing.command),
                  text("or change the interface in {}", scene.at(declared.position))}};
}

Text mark_text(std::uint32_t mark) { return mark == 0 ? Text("off") : text("{}", mark); }

std::vector<Differing> settings_that_differ(const Scene& scene, const DeclaredInterface& declared) {
  const InterfaceDrift& drift = scene.drift();
  const Device& device = scene.device();
  const Text word = scene.word();
  std::vector<Differing> found;
  if (drift.public_key)
    found.push_back({FindingId::drift_interface_key, "the public key",
                     text("{}", *declared.public_key),
                     device.public_key ? text("{}", *device.public_key) : Text("none"),
                     text("wg set {} private-key FILE", word)});
  if (drift.listen_port)
    found.push_back({FindingId::drift_listen_port, "the listening port",
                     text("{}", *declared.listen_port), text("{}", device.listen_port),
                     text("wg set {} listen-port {}", word, *declared.listen_port)});
  if (drift.mtu)
    found.push_back({FindingId::drift_mtu, "the MTU", text("{} bytes", *declared.mtu),
                     text("{} bytes", device.link->mtu_bytes),
                     text("ip link set dev {} mtu {}", word, *declared.mtu)});
  if (drift.fwmark)
    found.push_back({FindingId::drift_fwmark, "the fwmark", mark_text(*declared.fwmark),
                     mark_text(device.fwmark),
                     text("wg set {} fwmark {}", word, *declared.fwmark)});
  return found;
}

/// "exists, with the declared port and MTU"
Text compared_settings(const Scene& scene, const DeclaredInterface& declared) {
  std::vector<Text> compared;
  if (declared.public_key && !scene.drift().public_key) compared.emplace_back("key");
  if (declared.listen_port && !scene.drift().listen_port) compared.emplace_back("port");
  if (declared.mtu && scene.device().link && !scene.drift().mtu) compared.emplace_back("MTU");
  if (declared.fwmark && !scene.drift().fwmark) compared.emplace_back("fwmark");
  Text made = "exists";
  for (std::size_t i = 0; i < compared.size(); ++i)
    made.add(i == 0 ? Text(", with the declared ")
                    : Text(diagnosis::either(i + 1 == compared.size(), " and ", ", ")))
        .add(compared[i]);
  return made;
}

bool is_link_local(const Prefix& prefix) {
  return prefix.address.family == Family::v6 && prefix.address.bytes[0] == std::byte{0xfe} &&
         (prefix.address.bytes[1] & std::byte{0xc0}) == std::byte{0x80};
}

bool is_multicast(const Prefix& prefix) {
  if (prefix.address.family == Family::v6) return prefix.address.bytes[0] == std::byte{0xff};
  return (prefix.address.bytes[0] & std::byte{0xf0}) == std::byte{0xe0};
}

bool has(std::span<const Prefix> prefixes, const Prefix& prefix) {
  return std::ranges::find(prefixes, prefix) != prefixes.end();
}

Finding address_differs(const Scene& scene, const DeclaredInterface& declared,
                        const Prefix& address, bool missing) {
  const HostFacts& host = *scene.host();
  Finding finding{
      .id = missing ? FindingId::drift_address_missing : FindingId::drift_address_undeclared,
      .cause = missing
                   ? text("{} lacks its declared address {}", scene.name(), address)
                   : text("{} has the address {}, which nobody declared", scene.name(), address),
      .evidence = {
          text("declared in {}: {}", scene.at(declared.position), listed(declared.addresses)),
          text("there: {}", listed(*host.addresses))}};
  finding.fix.push_back(
      missing ? text("{}ip address add {} dev {}", scene.prefix(), address, scene.word())
              : text("{}ip address del {} dev {}", scene.prefix(), address, scene.word()));
  finding.fix.push_back(
      text("or change addresses of the interface in {}", scene.at(declared.position)));
  return finding;
}

/// Whether a route of a table that only policy rules lead to covers a prefix: whether they do for
/// all traffic or for some only, is not known here.
bool has_policy_route(const HostFacts& host, const Prefix& prefix) {
  return host.routes && std::ranges::any_of(*host.routes, [&](const HostRoute& route) {
           return route.table != kMainTable && route.to.bits <= prefix.bits &&
                  overlap(route.to, prefix);
         });
}

Text family_option(const Prefix& prefix) {
  return {diagnosis::either(prefix.address.family == Family::v6, "-6 ", "")};
}

Finding way_differs(const Scene& scene, const Way& way) {
  const config::DeclaredPeer& peer = scene.declared(way.peer);
  const bool elsewhere = way.kind == Way::Kind::elsewhere;
  Finding finding{
      .id = elsewhere ? FindingId::drift_route_elsewhere : FindingId::drift_route_missing,
      .cause = {},
      .evidence = {text("declared in {}: {} is an allowed IP of {}", scene.at(peer.position),
                        way.to, Name{peer.name})}};
  if (elsewhere) {
    finding.cause =
        text("traffic to {} does not go to {}, but to {}", way.to, scene.name(),
             way.outlet.empty() ? Text("another interface") : text("{}", Name{way.outlet}));
    finding.evidence.push_back(
        text("no other routing table has a route for it to {}", scene.name()));
  } else {
    finding.cause =
        text("no route leads to {}, which is declared for a peer of {}", way.to, scene.name());
  }
  finding.fix.push_back(text("{}ip {}route add {} dev {}", scene.prefix(), family_option(way.to),
                             way.to, scene.word()));
  return finding;
}

Finding left_over(const Scene& scene, const HostRoute& route) {
  Finding finding{
      .id = FindingId::drift_route_left_over,
      .cause = text("a route leads to {} for {}, which is declared for none of its peers",
                    scene.name(), route.to),
      .evidence = {text("there: {} dev {} in the routing table {}", route.to,
                        Name{scene.device().name}, route.table)}};
  finding.fix.push_back(text("{}ip {}route del {} dev {} table {}", scene.prefix(),
                             family_option(route.to), route.to, scene.word(), route.table));
  return finding;
}

std::vector<Prefix> declared_prefixes(const Scene& scene) {
  std::vector<Prefix> all;
  const auto expected = scene.facts().declared->expected_on(scene.device().name);
  for (const auto& peers : {expected.named, expected.everywhere})
    for (const std::uint32_t peer : peers)
      all.insert(all.end(), scene.declared(peer).allowed_ips.begin(),
                 scene.declared(peer).allowed_ips.end());
  return all;
}

bool is_left_over(const HostRoute& route, const PrefixSet& declared) {
  return !route.of_kernel && !is_link_local(route.to) && !is_multicast(route.to) &&
         !declared.overlaps(route.to);
}

}  // namespace

void diagnose_interface(const Scene& scene, std::vector<Check>& into) {
  if (scene.drift().declared == kNotDeclared) return;
  const DeclaredInterface& declared = scene.inventory().interfaces[scene.drift().declared];
  Findings findings(scene, CheckKind::drift_interface, into);
  const Device& device = scene.device();
  if (device.link && !device.link->up)
    findings.add(interface_target(scene), [&] {
      return Finding{.id = FindingId::drift_interface_down,
                     .cause = text("{} is down", scene.name()),
                     .evidence = {text("declared in {}", scene.at(declared.position))},
                     .fix = {text("{}ip link set up dev {}", scene.prefix(), scene.word())}};
    });
  for (const Differing& differing : settings_that_differ(scene, declared))
    findings.add(interface_target(scene),
                 [&] { return setting_differs(scene, declared, differing); });
  findings.finish(compared_settings(scene, declared));
}

void diagnose_addresses(const Scene& scene, std::vector<Check>& into) {
  if (scene.drift().declared == kNotDeclared) return;
  const DeclaredInterface& declared = scene.inventory().interfaces[scene.drift().declared];
  if (declared.addresses.empty()) return;
  const HostFacts* host = scene.host();
  if (host == nullptr || !host->addresses)
    return add(scene, CheckKind::drift_address, Status::unknown,
               "the addresses of the interface could not be read", into);
  Findings findings(scene, CheckKind::drift_address, into);
  std::size_t fine = 0;
  for (const Prefix& address : declared.addresses) {
    if (has(*host->addresses, address))
      ++fine;
    else
      findings.add(interface_target(scene),
                   [&] { return address_differs(scene, declared, address, true); });
  }
  for (const Prefix& address : *host->addresses)
    if (!has(declared.addresses, address) && !is_link_local(address))
      findings.add(interface_target(scene),
                   [&] { return address_differs(scene, declared, address, false); });
  findings.finish(
      fine == 0 ? Text()
                : text("{} there", counted(fine, "declared address is", "declared addresses are")));
}

void diagnose_routes(const Scene& scene, std::vector<Check>& into) {
  const HostFacts* host = scene.host();
  if (!scene.facts().routes_expected) return;
  const bool is_down = scene.device().link && !scene.device().link->up;
  if (is_down) return;  // the kernel removed its routes, and the finding about that says so
  if (host == nullptr || !host->routes)
    return add(scene, CheckKind::drift_route, Status::unknown,
               "the routes to the interface could not be read", into);
  Findings findings(scene, CheckKind::drift_route, into);
  std::size_t here = 0;
  std::size_t not_told = host->ways_not_asked;
  for (const Way& way : host->ways) {
    using Kind = Way::Kind;
    if (way.kind == Kind::own) continue;
    if (way.kind == Kind::unknown)
      ++not_told;
    else if (way.kind == Kind::here || has_policy_route(*host, way.to))
      ++here;
    else
      findings.add(interface_target(scene), [&] { return way_differs(scene, way); });
  }
  const PrefixSet declared(declared_prefixes(scene));
  if (scene.facts().declared->complete())
    for (const HostRoute& route : *host->routes)
      if (is_left_over(route, declared))
        findings.add(interface_target(scene), [&] { return left_over(scene, route); });
  findings.finish(here == 0 ? Text()
                            : text("routes lead {} to it",
                                   counted(here, "declared prefix", "declared prefixes")));
  if (not_told > 0)
    add(scene, CheckKind::drift_route, Status::unknown,
        text("{} not asked for",
             counted(not_told, "declared prefix was", "declared prefixes were")),
        into);
}

}  // namespace wgscope::audit
