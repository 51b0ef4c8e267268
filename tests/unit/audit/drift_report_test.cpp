#include "wgscope/audit/drift_report.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredPeer;
using config::EndpointName;
using config::Inventory;
using config::key;
using config::key_text;
using config::PresharedKeyRule;
using diagnosis::Check;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Status;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A host, and what is declared for it.
struct Site {
  Inventory inventory;
  Snapshot snapshot = snapshot_of(interface());
  Resolutions resolutions = {};
  HostFacts host{
      .addresses = std::vector<Prefix>{}, .routes = std::vector<HostRoute>{}, .ways = {}};
  bool complete = true;
  bool routes_expected = true;
  std::size_t dns_servers = 0;
  std::optional<Nanoseconds> watched = {};
  std::vector<Alternating> alternating = {};

  Device& device() { return snapshot.devices.front(); }

  [[nodiscard]] std::vector<Check> checks() const {
    const Declared declared(inventory, "gw-1", complete, kSeed);
    Drift drift;
    compare(declared, snapshot, resolutions, drift);
    return diagnose({.declared = &declared,
                     .snapshot = &snapshot,
                     .drift = &drift,
                     .resolutions = &resolutions,
                     .files = {"team.yaml"},
                     .hosts = {host},
                     .routes_expected = routes_expected,
                     .dns_servers = dns_servers,
                     .watched = watched,
                     .alternating = alternating});
  }
  [[nodiscard]] std::vector<Finding> findings() const {
    std::vector<Finding> found;
    for (const Check& check : checks())
      if (check.finding) found.push_back(*check.finding);
    return found;
  }
  /// The finding where there is one alone.
  [[nodiscard]] Finding finding() const {
    const std::vector<Finding> found = findings();
    EXPECT_EQ(found.size(), 1);
    return found.empty() ? Finding{.id = FindingId::count, .cause = {}, .evidence = {}} : found[0];
  }
  [[nodiscard]] std::vector<std::string> fix() const {
    std::vector<std::string> lines;
    for (const diagnosis::Text& line : finding().fix) lines.push_back(line.plain());
    return lines;
  }
};

std::vector<std::string> evidence_of(const Finding& finding) {
  std::vector<std::string> lines;
  for (const diagnosis::Text& line : finding.evidence) lines.push_back(line.plain());
  return lines;
}

DeclaredPeer declare_at(std::uint32_t number, const std::vector<std::string_view>& allowed_ips) {
  DeclaredPeer peer = declare(number, allowed_ips);
  peer.position = {.file = 0, .line = 10 + number, .column = 5};
  return peer;
}

Site with_peer(DeclaredPeer declared) {
  Site site;
  site.inventory.peers.push_back(std::move(declared));
  return site;
}

TEST(DriftReport, FindsNothingWhereAllIsAsDeclared) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  add_peer(site.device(), 1, {"10.0.0.2/32"});
  EXPECT_THAT(site.findings(), IsEmpty());
  for (const Check& check : site.checks()) EXPECT_EQ(check.status, Status::ok) << check.name;
}

TEST(DriftReport, SaysWhoIsMissingAndWhatAddsIt) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32", "fd00::/64"});
  peer.endpoint = *EndpointName::parse("192.0.2.1:51820");
  peer.persistent_keepalive = std::chrono::seconds(25);
  const Site site = with_peer(peer);
  EXPECT_EQ(site.finding().id, FindingId::drift_peer_missing);
  EXPECT_THAT(evidence_of(site.finding()), Contains(HasSubstr("declared in team.yaml:11:5")));
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) +
                                    " endpoint 192.0.2.1:51820 persistent-keepalive 25 allowed-ips "
                                    "10.0.0.2/32,fd00::/64");
}

TEST(DriftReport, AddsTheSuccessorOnceTheOldKeyIsRetired) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32"});
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday) - std::chrono::days(1)};
  Site site = with_peer(peer);
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(11) + " allowed-ips 10.0.0.2/32");
  add_peer(site.device(), 1, {});
  add_peer(site.device(), 11, {"10.0.0.2/32"});
  EXPECT_EQ(site.finding().id, FindingId::drift_key_retired);
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) + " remove");
}

TEST(DriftReport, RemovesAKeyThatNobodyDeclared) {
  Site site;
  add_peer(site.device(), 3, {"10.0.0.9/32"});
  EXPECT_EQ(site.finding().id, FindingId::drift_peer_undeclared);
  EXPECT_EQ(site.fix().at(0), "wg set wg0 peer " + key_text(3) + " remove");
  EXPECT_THAT(site.fix().at(1), HasSubstr("public_key: " + key_text(3)));
  EXPECT_THAT(evidence_of(site.finding()), Contains(HasSubstr("10.0.0.9/32")));
}

TEST(DriftReport, RunsCommandsInTheNetworkNamespace) {
  Site site;
  site.device().netns = "blue";
  add_peer(site.device(), 3, {});
  EXPECT_EQ(site.fix().at(0), "ip netns exec blue wg set wg0 peer " + key_text(3) + " remove");
  site.device().netns = "/proc/7/ns/net";
  EXPECT_THAT(site.fix().at(0), testing::StartsWith("nsenter --net=/proc/7/ns/net wg set"));
}

TEST(DriftReport, QuotesWhatAShellWouldTakeApart) {
  DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = EndpointName{"a;reboot", 1};
  Site site = with_peer(peer);
  site.device().name = "wg$(id)'";
  EXPECT_EQ(site.fix().front(), "wg set 'wg$(id)'\"'\"'' peer " + key_text(1) +
                                    " endpoint 'a;reboot':1 allowed-ips ''");
}

TEST(DriftReport, QuotesIpv6Endpoints) {
  DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = *EndpointName::parse("[2001:db8::1]:51820");
  EXPECT_EQ(with_peer(peer).fix().front(),
            "wg set wg0 peer " + key_text(1) + " endpoint '[2001:db8::1]:51820' allowed-ips ''");
}

TEST(DriftReport, GivesAPeerItsAllowedIpsBack) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32", "10.0.0.3/32"}));
  add_peer(site.device(), 1, {"10.0.0.3/32", "10.0.0.4/32"});
  EXPECT_EQ(site.finding().id, FindingId::drift_allowed_ips);
  EXPECT_THAT(evidence_of(site.finding()),
              testing::IsSupersetOf({"missing: 10.0.0.2/32", "not declared: 10.0.0.4/32"}));
  EXPECT_EQ(site.fix().front(),
            "wg set wg0 peer " + key_text(1) + " allowed-ips 10.0.0.2/32,10.0.0.3/32");
}

TEST(DriftReport, SaysWhoTookAPrefix) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  site.inventory.peers.push_back(declare_at(2, {}));
  add_peer(site.device(), 1, {});
  add_peer(site.device(), 2, {"10.0.0.2/32"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].id, FindingId::drift_allowed_ips_taken);
  EXPECT_THAT(evidence_of(found[0]),
              Contains("there: 10.0.0.2/32 belongs to peer-2 (" + key_text(2) + ")"));
  EXPECT_EQ(found[1].id, FindingId::drift_allowed_ips);
}

TEST(DriftReport, LeavesEachKeyOfARotationItsPart) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"});
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday)};
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {"10.0.0.2/32"});
  add_peer(site.device(), 11, {"10.0.0.3/32"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].fix.front().plain(),
            "wg set wg0 peer " + key_text(1) + " allowed-ips 10.0.0.2/32,10.0.0.4/32");
}

TEST(DriftReport, FindsPrefixesThatAPolicyForbids) {
  Site site = with_peer(declare_at(1, {"10.0.0.0/24"}));
  site.inventory.policies.widest_prefix.push_back({.ipv4 = 32, .ipv6 = 128});
  add_peer(site.device(), 1, {"10.0.0.0/24"});
  EXPECT_EQ(site.finding().id, FindingId::drift_prefix_too_broad);
  EXPECT_THAT(site.fix().front(), HasSubstr("team.yaml:11:5"));
}

TEST(DriftReport, SetsKeepaliveAndPresharedKey) {
  DeclaredPeer peer = declare_at(1, {});
  peer.persistent_keepalive = std::chrono::seconds(0);
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {}).persistent_keepalive_seconds = 25;
  EXPECT_EQ(site.finding().id, FindingId::drift_keepalive);
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) + " persistent-keepalive 0");

  site.inventory.peers[0].persistent_keepalive.reset();
  site.inventory.peers[0].preshared_key = PresharedKeyRule::absent;
  site.device().peers[0].has_preshared_key = true;
  EXPECT_EQ(site.finding().id, FindingId::drift_preshared_key);
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) + " preshared-key /dev/null");

  site.inventory.peers[0].preshared_key = PresharedKeyRule::required;
  site.device().peers[0].has_preshared_key = false;
  EXPECT_THAT(site.fix().front(), HasSubstr(" preshared-key FILE"));
}

TEST(DriftReport, TellsAnotherEndpointFromAStaleName) {
  DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = *EndpointName::parse("192.0.2.1:51820");
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {}).endpoint = *Endpoint::parse("192.0.2.9:51820");
  EXPECT_EQ(site.finding().id, FindingId::drift_endpoint);
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) + " endpoint 192.0.2.1:51820");

  site.inventory.peers[0].endpoint = *EndpointName::parse("gw.example.net:51820");
  site.resolutions["gw.example.net"].addresses = {*IpAddress::parse("192.0.2.1")};
  EXPECT_EQ(site.finding().id, FindingId::drift_name_stale);
  EXPECT_THAT(evidence_of(site.finding()),
              Contains(HasSubstr("gw.example.net has the addresses 192.0.2.1 now")));
  EXPECT_EQ(site.fix().front(),
            "wg set wg0 peer " + key_text(1) + " endpoint gw.example.net:51820");
}

TEST(DriftReport, CallsAnEndpointUnknownWhoseNameDoesNotResolve) {
  DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = *EndpointName::parse("gw.example.net:51820");
  Site site = with_peer(peer);
  site.resolutions["gw.example.net"].failed = true;
  add_peer(site.device(), 1, {}).endpoint = *Endpoint::parse("192.0.2.9:51820");
  EXPECT_THAT(site.findings(), IsEmpty());
  const std::vector<Check> checks = site.checks();
  for (const std::string_view name : {"drift.endpoint", "drift.name"})
    EXPECT_TRUE(std::ranges::any_of(checks, [name](const Check& check) {
      return check.name == name && check.status == Status::unknown;
    })) << name;
  EXPECT_EQ(diagnosis::overall(
                {.verb = "drift", .target = {}, .started = {}, .success = {}, .checks = checks}),
            Status::unknown);
}

// --- Interfaces, addresses and routes ---

Site with_interface(config::DeclaredInterface declared) {
  Site site;
  declared.name = "wg0";
  declared.position = {.file = 0, .line = 3, .column = 5};
  site.inventory.interfaces.push_back(std::move(declared));
  site.device().public_key = key(7);
  site.device().link = Link{.name = "wg0", .mtu_bytes = 1420, .up = true};
  return site;
}

struct SettingCase {
  std::string_view name;
  config::DeclaredInterface declared;
  FindingId id;
  std::string_view fix;
};

class DriftReportOfSettings : public testing::TestWithParam<SettingCase> {};

TEST_P(DriftReportOfSettings, SaysWhatHealsThem) {
  const Site site = with_interface(GetParam().declared);
  EXPECT_EQ(site.finding().id, GetParam().id);
  EXPECT_EQ(site.fix().at(0), GetParam().fix);
  EXPECT_THAT(site.fix().at(1), HasSubstr("team.yaml:3:5"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, DriftReportOfSettings,
    testing::Values(
        SettingCase{"Key",
                    {.public_key = key(8)},
                    FindingId::drift_interface_key,
                    "wg set wg0 private-key FILE"},
        SettingCase{"Port",
                    {.listen_port = 51820},
                    FindingId::drift_listen_port,
                    "wg set wg0 listen-port 51820"},
        SettingCase{"Mtu", {.mtu = 1380}, FindingId::drift_mtu, "ip link set dev wg0 mtu 1380"},
        SettingCase{
            "Fwmark", {.fwmark = 51820}, FindingId::drift_fwmark, "wg set wg0 fwmark 51820"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(DriftReportOfInterfaces, FindsOneThatIsDown) {
  Site site = with_interface({});
  site.device().link->up = false;
  EXPECT_EQ(site.finding().id, FindingId::drift_interface_down);
  EXPECT_EQ(site.fix().front(), "ip link set up dev wg0");
}

TEST(DriftReportOfInterfaces, FindsThoseThatAreMissingAndThoseThatNobodyDeclared) {
  Site site = with_interface({});
  site.inventory.interfaces[0].name = "wg1";
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].id, FindingId::drift_interface_missing);
  EXPECT_EQ(found[0].fix.front().plain(), "wg-quick up wg1");
  EXPECT_EQ(found[1].id, FindingId::drift_interface_undeclared);
}

TEST(DriftReportOfInterfaces, NamesThePeersOfOneThatNobodyDeclared) {
  Site site = with_interface({});
  site.inventory.interfaces[0].name = "wg1";
  site.inventory.interfaces[0].listen_port = 1;
  add_peer(site.device(), 5, {"10.0.0.5/32"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 3);  // wg1 is missing, and nothing of it is compared with wg0
  EXPECT_EQ(found[1].id, FindingId::drift_interface_undeclared);
  EXPECT_THAT(found[1].evidence.front().plain(), "it has 1 peer");
  EXPECT_THAT(found[1].fix.front().plain(), EndsWith(": wgscope inventory from wg0"));
  EXPECT_THAT(found[1].fix.at(1).plain(), EndsWith(": unmanaged_interfaces: [wg0]"));
  EXPECT_EQ(found[2].id, FindingId::drift_peer_undeclared);
  EXPECT_THAT(found[2].fix.front().plain(), EndsWith(" remove"));
  EXPECT_THAT(found[2].fix.back().plain(), HasSubstr("see the finding about it"));
}

TEST(DriftReportOfInterfaces, SaysWhyOneWithoutDeclarationIsNotCompared) {
  Site site = with_interface({});
  site.inventory.interfaces[0].name = "wg1";
  add_peer(site.device(), 5, {"10.0.0.5/32"});
  site.inventory.unmanaged_interfaces = {{"wg*", ""}};
  EXPECT_THAT(site.findings(), SizeIs(1));  // wg1 is missing
  EXPECT_EQ(site.checks().back().status, Status::ok);
  EXPECT_THAT(site.checks().back().summary.plain(), HasSubstr("unmanaged_interfaces"));
}

TEST(DriftReportOfInterfaces, SaysThatTheInventoryIsForOtherHosts) {
  Site site = with_interface({.hosts = {"gw-2"}});
  EXPECT_EQ(site.finding().id, FindingId::drift_other_host);
  EXPECT_EQ(site.checks().front().status, Status::unknown);
}

TEST(DriftReportOfInterfaces, CallsWhatCouldNotBeReadUnknown) {
  Site site = with_interface({});
  site.snapshot.devices.clear();
  site.snapshot.failures.push_back({.interface = "wg0", .reason = FailureReason::eperm});
  EXPECT_THAT(site.findings(), IsEmpty());
  EXPECT_EQ(site.checks().at(1).status, Status::unknown);
  EXPECT_EQ(site.checks().at(1).target.plain(), "wg0");
}

TEST(DriftReportOfInterfaces, ComparesAddresses) {
  Site site = with_interface({.addresses = prefixes({"10.9.0.1/24"})});
  EXPECT_EQ(site.finding().id, FindingId::drift_address_missing);
  EXPECT_EQ(site.fix().front(), "ip address add 10.9.0.1/24 dev wg0");
  site.host.addresses = prefixes({"10.9.0.1/24", "fe80::1/64", "10.8.0.1/24"});
  EXPECT_EQ(site.finding().id, FindingId::drift_address_undeclared);
  EXPECT_EQ(site.fix().front(), "ip address del 10.8.0.1/24 dev wg0");
  site.host.addresses.reset();
  EXPECT_THAT(site.findings(), IsEmpty());
  EXPECT_TRUE(std::ranges::any_of(site.checks(), [](const Check& check) {
    return check.name == "drift.address" && check.status == Status::unknown;
  }));
}

Site with_way(Way::Kind kind) {
  Site site = with_peer(declare_at(1, {"10.0.5.0/24"}));
  add_peer(site.device(), 1, {"10.0.5.0/24"});
  site.host.ways.push_back(
      {.to = *Prefix::parse("10.0.5.0/24"), .peer = 0, .kind = kind, .outlet = "eth0"});
  return site;
}

TEST(DriftReportOfRoutes, FindsTrafficThatLeavesElsewhereOrNowhere) {
  EXPECT_THAT(with_way(Way::Kind::here).findings(), IsEmpty());
  EXPECT_THAT(with_way(Way::Kind::own).findings(), IsEmpty());
  EXPECT_THAT(with_way(Way::Kind::unknown).findings(), IsEmpty());
  EXPECT_EQ(with_way(Way::Kind::none).finding().id, FindingId::drift_route_missing);
  const Site elsewhere = with_way(Way::Kind::elsewhere);
  EXPECT_EQ(elsewhere.finding().id, FindingId::drift_route_elsewhere);
  EXPECT_THAT(elsewhere.finding().cause.plain(), HasSubstr("but to eth0"));
  EXPECT_EQ(elsewhere.fix().front(), "ip route add 10.0.5.0/24 dev wg0");
}

TEST(DriftReportOfRoutes, AcceptsPolicyRoutingAndTableOff) {
  Site site = with_way(Way::Kind::elsewhere);
  site.host.routes->push_back({.to = *Prefix::parse("0.0.0.0/0"), .table = 51820});
  EXPECT_THAT(site.findings(), IsEmpty());
  Site off = with_way(Way::Kind::elsewhere);
  off.routes_expected = false;
  EXPECT_THAT(off.findings(), IsEmpty());
}

TEST(DriftReportOfRoutes, FindsWhatIsLeftOver) {
  Site site = with_way(Way::Kind::here);
  for (const std::string_view covered : {"10.0.5.0/24", "10.0.0.0/8", "10.0.5.7/32", "fe80::/64"})
    site.host.routes->push_back({.to = *Prefix::parse(covered), .table = 254});
  site.host.routes->push_back(
      {.to = *Prefix::parse("10.77.0.0/16"), .table = 254, .of_kernel = true});
  EXPECT_THAT(site.findings(), IsEmpty());
  site.host.routes->push_back({.to = *Prefix::parse("10.78.0.0/16"), .table = 254});
  EXPECT_EQ(site.finding().id, FindingId::drift_route_left_over);
  EXPECT_EQ(site.fix().front(), "ip route del 10.78.0.0/16 dev wg0 table 254");
  site.complete = false;  // another file may declare it
  EXPECT_THAT(site.findings(), IsEmpty());
}

TEST(DriftReport, SaysThatDnsServersAreNotCompared) {
  Site site = with_interface({});
  site.dns_servers = 1;
  EXPECT_TRUE(std::ranges::any_of(site.checks(), [](const Check& check) {
    return check.name == "drift.dns" && check.status == Status::unknown && !check.essential;
  }));
}

TEST(DriftReport, FindsAKeyThatTwoDevicesHave) {
  Site site = with_peer(declare_at(1, {}));
  add_peer(site.device(), 1, {});
  site.watched = std::chrono::seconds(60);
  EXPECT_THAT(site.findings(), IsEmpty());
  EXPECT_EQ(site.checks().back().summary.plain(),
            "no endpoint kept returning to an earlier address in 60.0 s");
  site.alternating.push_back({.netns = {},
                              .interface = "wg0",
                              .key = key(1),
                              .one = *Endpoint::parse("192.0.2.1:1"),
                              .other = *Endpoint::parse("192.0.2.2:1"),
                              .returns = 4});
  EXPECT_THAT(site.findings(), IsEmpty()) << "it may be one device between two networks";
  EXPECT_EQ(site.checks().back().status, Status::unknown);
  EXPECT_THAT(site.checks().back().summary.plain(), HasSubstr("returned to an earlier address 4"));
  site.alternating.front().often = true;
  EXPECT_EQ(site.finding().id, FindingId::drift_key_shared);
  EXPECT_THAT(evidence_of(site.finding()), Contains("there: 192.0.2.1:1 and 192.0.2.2:1"));
  EXPECT_THAT(site.finding().cause.plain(), HasSubstr("peer-1"));
  site.alternating.resize(25, site.alternating.front());
  EXPECT_THAT(site.findings(), SizeIs(kMostListed));
  EXPECT_EQ(site.checks().back().summary.plain(), "5 more do, and are not listed");
  EXPECT_EQ(site.checks().back().status, Status::critical);
}

TEST(DriftReport, EndsWhereAHundredThousandPeersDiffer) {
  Site site;
  site.inventory.peers.reserve(100'000);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    site.inventory.peers.push_back(declare_at(i, {"10.0.0.2/32"}));
    site.device().peers.emplace_back().public_key = key(i);
  }
  site.host.ways = {};
  const std::vector<Check> checks = site.checks();
  EXPECT_LT(checks.size(), 50);
  const auto rest = std::ranges::find_if(checks, [](const Check& check) {
    return check.summary.plain() == "99980 more differ, and are not listed";
  });
  ASSERT_NE(rest, checks.end());
  EXPECT_EQ(rest->status, Status::critical);
}

}  // namespace
}  // namespace wgscope::audit
