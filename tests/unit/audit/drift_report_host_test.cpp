// Reports about interfaces, their addresses and routes.

#include <algorithm>
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

}  // namespace
}  // namespace wgscope::audit
