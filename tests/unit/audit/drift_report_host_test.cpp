// Reports about interfaces, their addresses and routes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift_report.hpp"
#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_site.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::key;
using diagnosis::Check;
using diagnosis::Finding;
using diagnosis::FindingId;
using diagnosis::Status;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

TEST(DriftReportOfInterfaces, SaysWhichSettingsAreAsDeclared) {
  const auto summary = [](config::DeclaredInterface declared) {
    const std::vector<Check> checks = with_interface(std::move(declared)).checks();
    const auto found = std::ranges::find(checks, "drift.interface", &Check::name);
    return found == checks.end() ? std::string() : found->summary.plain();
  };
  Site site = with_interface({});
  const Device& there = site.device();
  EXPECT_EQ(summary({}), "exists");
  EXPECT_EQ(summary({.public_key = there.public_key, .fwmark = there.fwmark}),
            "exists, with the declared key and fwmark");
  EXPECT_EQ(summary({.public_key = there.public_key,
                     .listen_port = there.listen_port,
                     .mtu = static_cast<std::uint16_t>(there.link->mtu_bytes)}),
            "exists, with the declared key, port and MTU");
}

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
  site.dns_servers = 1;
  EXPECT_EQ(site.finding().id, FindingId::drift_other_host);
  EXPECT_EQ(site.checks().front().status, Status::unknown);
  EXPECT_THAT(site.checks(), SizeIs(1));
}

TEST(DriftReportOfInterfaces, SaysWhetherTheInventoryIsWhole) {
  Site site = with_interface({});
  EXPECT_THAT(site.lines("drift.declared"), ElementsAre("ok: 1 interface and 0 peers"));
  site.complete = false;
  EXPECT_THAT(site.lines("drift.declared"),
              ElementsAre(testing::StartsWith("unknown: the inventory has errors")));
}

TEST(DriftReportOfInterfaces, SaysWhereAMissingOneIsDeclared) {
  Site site = with_interface({});
  config::DeclaredInterface& declared = site.inventory.interfaces[0];
  declared.name = "wg1";
  const auto place = [&] { return evidence_of(site.findings().front()).front(); };
  EXPECT_EQ(place(), "declared in team.yaml:3");
  declared.position.file = 1;  // that nobody named
  EXPECT_EQ(place(), "declared in the inventory");
  declared.position = {};
  EXPECT_EQ(place(), "declared in the inventory");
}

TEST(DriftReportOfInterfaces, SaysOfOneWithoutDeclarationOnlyThatAndWhoItsPeersAre) {
  Site site = with_interface({});
  site.inventory.interfaces[0].name = "wg1";
  site.host.routes->push_back({.to = *Prefix::parse("10.78.0.0/16"), .table = 254});
  EXPECT_THAT(site.lines("drift.route"), IsEmpty());
  EXPECT_EQ(site.checks().back().target.plain(), "wg0");
}

TEST(DriftReportOfInterfaces, SaysWhichCannotBeCompared) {
  Site site = with_interface({});
  site.inventory.interfaces[0].name = "wg1";
  site.complete = false;
  EXPECT_THAT(
      site.lines("drift.interface"),
      testing::Contains(testing::StartsWith("unknown wg0: not compared: it is not declared")));

  Site two = with_interface({});
  two.device().netns = "blue";
  two.snapshot.devices.push_back(two.device());
  two.snapshot.devices[1].netns = "green";
  EXPECT_THAT(two.lines("drift.interface"),
              testing::Each(testing::StartsWith("unknown wg0: several network namespaces")));
  EXPECT_THAT(two.lines("drift.interface"), SizeIs(2));

  Site changed = with_interface({});
  changed.snapshot.failures.push_back({.interface = "wg0", .reason = FailureReason::interrupted});
  EXPECT_THAT(
      changed.lines("drift.interface"),
      testing::Contains("unknown wg0: it changed while it was read: run wgscope drift again"));
}

TEST(DriftReportOfInterfaces, ListsSomeThatCouldNotBeRead) {
  Site site = with_interface({});
  site.snapshot.devices.clear();
  for (std::size_t i = 0; i < kMostListed; ++i)
    site.snapshot.failures.push_back({.interface = "", .reason = FailureReason::eperm});
  EXPECT_THAT(site.lines("drift.interface"), SizeIs(kMostListed));
  EXPECT_THAT(site.lines("drift.interface"),
              testing::Each(testing::StartsWith("unknown: some interfaces could not be read: ")));
  site.snapshot.failures.push_back({.interface = "wg9", .reason = FailureReason::eperm});
  EXPECT_THAT(site.lines("drift.interface"), SizeIs(kMostListed));
}

TEST(DriftReportOfInterfaces, CountsInItsSuccessWhatWasCompared) {
  Site site = with_interface({});
  site.device().peers.resize(2);
  site.snapshot.devices.push_back(interface("wt0"));
  site.snapshot.devices[1].peers.resize(5);
  site.inventory.unmanaged_interfaces = {{"wt0", ""}};
  EXPECT_EQ(site.said(success).plain(), "everything is as declared: 1 interface, 2 peers");
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
  for (const std::string_view covered :
       {"10.0.5.0/24", "10.0.0.0/8", "10.0.5.7/32", "fe80::/64", "ff00::/8", "224.0.0.0/4"})
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

// --- what is said besides ---

TEST(DriftReportOfInterfaces, SaysWhichSettingsDiffer) {
  const auto lines = [](config::DeclaredInterface declared) {
    return with_interface(std::move(declared)).lines("drift.interface");
  };
  EXPECT_THAT(lines({.public_key = key(7), .listen_port = 1}),
              ElementsAre("critical wg0: wg0: the listening port is 0 instead of 1",
                          "ok wg0: exists, with the declared key"));
  EXPECT_THAT(lines({.mtu = 1420, .fwmark = 5}),
              ElementsAre("warning wg0: wg0: the fwmark is off instead of 5",
                          "ok wg0: exists, with the declared MTU"));
  EXPECT_THAT(lines({.listen_port = 0, .mtu = 1380}),
              ElementsAre("warning wg0: wg0: the MTU is 1420 bytes instead of 1380 bytes",
                          "ok wg0: exists, with the declared port"));
  EXPECT_THAT(lines({.public_key = key(8), .fwmark = 0}),
              ElementsAre(HasSubstr("the public key is " + config::key_text(7) + " instead of " +
                                    config::key_text(8)),
                          "ok wg0: exists, with the declared fwmark"));
}

TEST(DriftReportOfInterfaces, SaysWhatIsNotKnownOfOne) {
  Site site = with_interface({.public_key = key(8)});
  site.device().public_key.reset();
  EXPECT_THAT(site.finding().cause.plain(), HasSubstr("the public key is none instead of"));
  site = with_interface({.mtu = 1420});
  site.device().link.reset();
  EXPECT_THAT(site.lines("drift.interface"), ElementsAre("ok wg0: exists"));
}

TEST(DriftReportOfInterfaces, CountsAddressesThatAreThere) {
  Site site = with_interface({.addresses = prefixes({"10.9.0.1/24"})});
  EXPECT_THAT(site.lines("drift.address"), SizeIs(1)) << "one is missing";
  site.host.addresses = prefixes({"10.9.0.1/24"});
  EXPECT_THAT(site.lines("drift.address"), ElementsAre("ok wg0: 1 declared address is there"));
  site.host_read = false;
  EXPECT_THAT(site.lines("drift.address"),
              ElementsAre("unknown wg0: the addresses of the interface could not be read"));
  EXPECT_THAT(site.lines("drift.route"),
              ElementsAre("unknown wg0: the routes to the interface could not be read"));
  site.host_read = true;
  site.inventory.interfaces[0].addresses.clear();
  EXPECT_THAT(site.lines("drift.address"), IsEmpty()) << "none is declared, so all may be there";
}

TEST(DriftReportOfRoutes, CountsThoseThatLeadHere) {
  EXPECT_THAT(with_way(Way::Kind::here).lines("drift.route"),
              ElementsAre("ok wg0: routes lead 1 declared prefix to it"));
  EXPECT_THAT(with_way(Way::Kind::own).lines("drift.route"), IsEmpty());
  Site site = with_way(Way::Kind::unknown);
  EXPECT_THAT(site.lines("drift.route"),
              ElementsAre("unknown wg0: 1 declared prefix was not asked for"));
  site.host.ways_not_asked = 2;
  EXPECT_THAT(site.lines("drift.route"),
              ElementsAre("unknown wg0: 3 declared prefixes were not asked for"));
  site.host.routes.reset();
  EXPECT_THAT(site.lines("drift.route"),
              ElementsAre("unknown wg0: the routes to the interface could not be read"));
}

TEST(DriftReportOfRoutes, SaysNothingOfThoseOfAnInterfaceThatIsDown) {
  Site site = with_way(Way::Kind::none);
  site.device().link = Link{.name = "wg0", .up = false};
  EXPECT_THAT(site.lines("drift.route"), IsEmpty());
  site.device().link->up = true;
  EXPECT_THAT(site.lines("drift.route"), SizeIs(1));
}

TEST(DriftReportOfRoutes, AcceptsOnlyPolicyRoutesThatCoverThePrefix) {
  struct Case {
    std::string_view to;
    std::uint32_t table;
    bool covers;
  };
  for (const auto& [to, table, covers] :
       {Case{"0.0.0.0/0", 254, false}, Case{"10.0.5.0/24", 51820, true},
        Case{"10.0.5.0/25", 51820, false}, Case{"10.1.0.0/16", 51820, false}}) {
    Site site = with_way(Way::Kind::elsewhere);
    site.host.routes->push_back({.to = *Prefix::parse(to), .table = table, .of_kernel = true});
    EXPECT_EQ(site.findings().empty(), covers) << to << " in " << table;
  }
}

TEST(DriftReportOfRoutes, SaysWhatIsKnownOfTheOtherWay) {
  Site site = with_way(Way::Kind::elsewhere);
  EXPECT_EQ(evidence_of(site.finding()).back(), "no other routing table has a route for it to wg0");
  site.host.ways[0].outlet.clear();
  EXPECT_THAT(site.finding().cause.plain(), EndsWith("but to another interface"));
  site.host.ways[0].kind = Way::Kind::none;
  site.host.ways[0].to = *Prefix::parse("fd00::/64");
  EXPECT_THAT(site.fix(), ElementsAre("ip -6 route add fd00::/64 dev wg0"));
}

TEST(DriftReportOfRoutes, FindsLeftOversThatOnlyLookLikeLinkLocalOrMulticast) {
  for (const std::string_view to :
       {"254.128.0.0/16", "2a80::/16", "fec0::/16", "e000::/16", "240.0.0.0/8", "225.0.0.0/8"}) {
    Site site = with_way(Way::Kind::here);
    site.host.routes->push_back({.to = *Prefix::parse(to), .table = 254});
    EXPECT_EQ(site.findings().empty(), to == "225.0.0.0/8") << to;
  }
}

TEST(DriftReportOfRoutes, KnowsThePrefixesOfAllPeersThatMayBeHere) {
  Site site = with_way(Way::Kind::here);
  site.inventory.peers.push_back(declare_at(2, {"10.0.6.0/24"}));
  site.inventory.peers[1].interfaces = {{"wg0", ""}};
  site.host.routes->push_back({.to = *Prefix::parse("10.0.5.0/24"), .table = 254});
  site.host.routes->push_back({.to = *Prefix::parse("10.0.6.0/24"), .table = 254});
  EXPECT_THAT(site.lines("drift.route"), SizeIs(1)) << "none is left over";
}

}  // namespace
}  // namespace wgscope::audit
