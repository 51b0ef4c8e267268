#include "wgscope/audit/drift_report.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/endpoint_watch.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "../config/keys.hpp"
#include "drift_site.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredPeer;
using config::EndpointName;
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

TEST(DriftReport, FindsNothingWhereAllIsAsDeclared) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  add_peer(site.device(), 1, {"10.0.0.2/32"});
  EXPECT_THAT(site.findings(), IsEmpty());
  for (const Check& check : site.checks()) {
    EXPECT_EQ(check.status, Status::ok) << check.name;
    if (check.name == "drift.allowed_ips") {
      EXPECT_EQ(check.summary.plain(), "1 peer is as declared");
    }
  }
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
  site.device().peers.clear();
  site.device().allowed_ips.clear();
  add_peer(site.device(), 1, {"10.0.0.0/24", "fd00::/64"});
  site.inventory.peers[0].allowed_ips = prefixes({"10.0.0.0/24", "fd00::/64"});
  site.inventory.policies.widest_prefix = {{.ipv4 = 24, .ipv6 = 65}};
  EXPECT_THAT(evidence_of(site.finding()),
              testing::ElementsAre("there: fd00::/64", "policy: IPv4 prefixes of /24 or longer",
                                   "policy: IPv6 prefixes of /65 or longer"));
  site.inventory.policies.widest_prefix = {{.ipv4 = 25}};
  EXPECT_THAT(evidence_of(site.finding()),
              testing::ElementsAre("there: 10.0.0.0/24", "policy: IPv4 prefixes of /25 or longer"));
  EXPECT_THAT(site.fix().front(), HasSubstr("team.yaml:11:5"));
}

TEST(DriftReport, SetsKeepaliveAndPresharedKey) {
  DeclaredPeer peer = declare_at(1, {});
  peer.persistent_keepalive = std::chrono::seconds(0);
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {}).persistent_keepalive_seconds = 25;
  EXPECT_EQ(site.finding().id, FindingId::drift_keepalive);
  EXPECT_THAT(site.finding().cause.plain(), testing::EndsWith("is 25 s instead of off"));
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
  EXPECT_EQ(std::ranges::count_if(checks,
                                  [](const Check& check) {
                                    return check.finding &&
                                           check.finding->id == FindingId::drift_allowed_ips;
                                  }),
            kMostListed);
}

}  // namespace
}  // namespace wgscope::audit
