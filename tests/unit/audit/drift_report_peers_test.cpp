// Reports about peers and their settings: what is said of those that fit, who has what, and which words and commands
// stand for it.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift_report.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "../config/keys.hpp"
#include "drift_site.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredPeer;
using config::key;
using config::key_text;
using config::PresharedKeyRule;
using diagnosis::Finding;
using diagnosis::FindingId;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::chrono::days kOne{1};

// --- who is there ---

TEST(DriftReportOfPeers, CountsThoseThatAreThere) {
  Site site = with_peer(declare_at(1, {}));
  add_peer(site.device(), 1, {});
  EXPECT_THAT(site.lines("drift.peer"), ElementsAre("ok wg0: 1 peer is there as declared"));
  site.inventory.peers.push_back(declare_at(2, {}));
  EXPECT_THAT(site.lines("drift.peer"),
              ElementsAre("critical wg0 peer-2: wg0 does not have the declared peer peer-2",
                          "ok wg0: 1 peer is there as declared"));
  add_peer(site.device(), 2, {});
  EXPECT_THAT(site.lines("drift.peer"), ElementsAre("ok wg0: 2 peers are there as declared"));
}

TEST(DriftReportOfPeers, SaysWhereThereAreNoneOnPurpose) {
  Site site = with_interface({});
  EXPECT_THAT(site.lines("drift.peer"), ElementsAre("ok wg0: has no peers, and none are declared"));
  site.inventory.peers.push_back(declare_at(1, {}));
  EXPECT_THAT(site.lines("drift.peer"), SizeIs(1)) << "one is missing";
  site.inventory.peers.clear();
  add_peer(site.device(), 3, {});
  EXPECT_THAT(site.lines("drift.peer"), SizeIs(1)) << "one is there";
  site.device().peers.clear();
  site.inventory.interfaces[0].name = "wg1";
  EXPECT_THAT(site.lines("drift.peer"), IsEmpty()) << "nobody declared the interface";
}

TEST(DriftReportOfPeers, SaysHowAMissingOneGetsItsPresharedKey) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32"});
  peer.preshared_key = PresharedKeyRule::required;
  Site site = with_peer(peer);
  EXPECT_THAT(site.fix(),
              ElementsAre("on this host, where FILE has the preshared key: wg set wg0 "
                          "peer " +
                              key_text(1) + " preshared-key FILE allowed-ips 10.0.0.2/32",
                          "or, if the peer is not wanted, remove it from "
                          "team.yaml:11:5"));
  site.inventory.peers[0].preshared_key = PresharedKeyRule::absent;
  EXPECT_EQ(site.fix().front(), "wg set wg0 peer " + key_text(1) + " allowed-ips 10.0.0.2/32");
}

TEST(DriftReportOfPeers, NamesBothKeysOfAMissingOne) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32"});
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday)};
  const Site site = with_peer(peer);
  EXPECT_THAT(evidence_of(site.finding()),
              Contains("its key " + key_text(1) + " is being replaced by " + key_text(11)));
  EXPECT_THAT(evidence_of(with_peer(declare_at(2, {})).finding()), SizeIs(1));
}

TEST(DriftReportOfPeers, SaysWhetherAKeyIsDeclaredElsewhere) {
  Site site = with_peer(declare_at(1, {}));
  site.inventory.peers[0].interfaces = {{"wg1", ""}};
  add_peer(site.device(), 1, {"10.0.0.8/32", "10.0.0.9/32"}).endpoint =
      *Endpoint::parse("192.0.2.1:1");
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared: as peer-1 in team.yaml:11:5, but for other interfaces only",
                          "there: allowed IPs 10.0.0.8/32, 10.0.0.9/32; last handshake never",
                          "there: endpoint 192.0.2.1:1"));
  EXPECT_THAT(site.fix().back(), HasSubstr(R"(allowed_ips: ["10.0.0.8/32", "10.0.0.9/32"]})"));
  site.inventory.peers.clear();
  site.device().peers[0].endpoint.reset();
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared: nowhere in the inventory", StartsWith("there: allowed IPs")));
}

TEST(DriftReportOfPeers, SaysWhenTheLastHandshakeWas) {
  Site site;
  Peer& peer = add_peer(site.device(), 3, {});
  const WallTime now = site.snapshot.taken.wall;
  peer.last_handshake = WallTime{now.since_epoch - std::chrono::minutes(12)};
  EXPECT_THAT(evidence_of(site.finding()).back(), EndsWith("last handshake 12 min ago"));
  peer.last_handshake = WallTime{now.since_epoch + std::chrono::minutes(12)};
  EXPECT_THAT(evidence_of(site.finding()).back(), EndsWith("in the future of this host's clock"));
}

// --- allowed IPs ---

TEST(DriftReportOfAllowedIps, SaysOnlyWhatDiffers) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  add_peer(site.device(), 1, {"10.0.0.2/32", "10.0.0.4/32"});
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared in team.yaml:11:5: 10.0.0.2/32",
                          "there: 10.0.0.2/32, 10.0.0.4/32, of " + key_text(1),
                          "not declared: 10.0.0.4/32"));
  EXPECT_EQ(site.finding().cause.plain(), "wg0: the allowed IPs of peer-1 are not as declared");
  EXPECT_THAT(site.lines("drift.allowed_ips"), SizeIs(1)) << "none is as declared";
  site.device().allowed_ips.clear();
  site.device().peers.clear();
  add_peer(site.device(), 1, {});
  EXPECT_THAT(evidence_of(site.finding()), Not(Contains(HasSubstr("not declared"))));
}

TEST(DriftReportOfAllowedIps, NamesAKeyThatTookAPrefix) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  add_peer(site.device(), 1, {});
  add_peer(site.device(), 3, {"10.0.0.9/32", "10.0.0.2/32"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[1].cause.plain(),
            "wg0: another peer has allowed IPs that are declared for peer-1");
  EXPECT_EQ(evidence_of(found[1]).back(), "there: 10.0.0.2/32 belongs to " + key_text(3));
}

TEST(DriftReportOfAllowedIps, KnowsWhatTheOtherKeyOfARotationHas) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"});
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday)};
  Site site = with_peer(peer);
  site.inventory.peers.push_back(declare_at(2, {"10.0.0.3/32"}));
  add_peer(site.device(), 1, {"10.0.0.4/32"});
  add_peer(site.device(), 11, {"10.0.0.2/32"});
  add_peer(site.device(), 2, {"10.0.0.3/32"});  // of somebody else
  EXPECT_THAT(evidence_of(site.findings().front()), Contains("missing: 10.0.0.3/32"));
}

TEST(DriftReportOfAllowedIps, GivesTheNextKeyWhatARetiredOneStillHas) {
  DeclaredPeer peer = declare_at(1, {"10.0.0.2/32"});
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday) - kOne};
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {"10.0.0.2/32"});
  add_peer(site.device(), 11, {});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[1].fix.front().plain(),
            "wg set wg0 peer " + key_text(11) + " allowed-ips 10.0.0.2/32");
}

TEST(DriftReportOfAllowedIps, FindsWidePrefixesOfAKeyThatNobodyDeclared) {
  Site site;
  site.inventory.policies.widest_prefix.push_back({.ipv6 = 64});
  add_peer(site.device(), 3, {"10.0.0.0/8", "fd00::/48", "fd01::/64"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[1].id, FindingId::drift_prefix_too_broad);
  EXPECT_THAT(evidence_of(found[1]),
              ElementsAre("there: fd00::/48", "policy: IPv6 prefixes of /64 or longer"));
  EXPECT_EQ(found[1].fix.front().plain(), "wg set wg0 peer " + key_text(3) + " remove");
  EXPECT_THAT(site.lines("drift.allowed_ips"), SizeIs(1)) << "nobody is as declared";
}

TEST(DriftReportOfAllowedIps, NarrowsThoseThatAreNotAsDeclaredAnyway) {
  Site site = with_peer(declare_at(1, {"10.0.0.2/32"}));
  site.inventory.policies.widest_prefix.push_back({.ipv4 = 24});
  add_peer(site.device(), 1, {"10.0.0.0/8"});
  const std::vector<Finding> found = site.findings();
  ASSERT_EQ(found.size(), 2);
  EXPECT_THAT(found[1].fix.front().plain(), StartsWith("set the allowed IPs as declared"));
}

// --- keepalives and preshared keys ---

TEST(DriftReportOfSettingsOfPeers, CountsThoseThatFit) {
  Site site = with_peer(declare_at(1, {}));
  add_peer(site.device(), 1, {});
  EXPECT_THAT(site.lines("drift.keepalive"), IsEmpty()) << "nothing is declared";
  EXPECT_THAT(site.lines("drift.preshared_key"), IsEmpty());
  site.inventory.peers[0].persistent_keepalive = std::chrono::seconds(0);
  site.inventory.peers[0].preshared_key = PresharedKeyRule::absent;
  EXPECT_THAT(site.lines("drift.keepalive"), ElementsAre("ok wg0: 1 peer is as declared"));
  EXPECT_THAT(site.lines("drift.preshared_key"), ElementsAre("ok wg0: 1 peer is as declared"));
  site.inventory.peers[0].persistent_keepalive = std::chrono::seconds(25);
  EXPECT_THAT(site.lines("drift.keepalive"),
              ElementsAre("warning wg0 peer-1: wg0: the persistent keepalive of peer-1 is off "
                          "instead of 25 s"));
}

TEST(DriftReportOfSettingsOfPeers, SaysWhichPresharedKeyIsMissingOrTooMuch) {
  Site site = with_peer(declare_at(1, {}));
  site.inventory.peers[0].preshared_key = PresharedKeyRule::required;
  add_peer(site.device(), 1, {});
  EXPECT_EQ(site.finding().cause.plain(), "wg0: peer-1 has no preshared key");
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared in team.yaml:11:5: a preshared key is required",
                          "there: no key, of " + key_text(1)));
  site.inventory.peers[0].preshared_key = PresharedKeyRule::absent;
  site.device().peers[0].has_preshared_key = true;
  EXPECT_EQ(site.finding().cause.plain(), "wg0: peer-1 has a preshared key, and should have none");
  EXPECT_THAT(evidence_of(site.finding()),
              ElementsAre("declared in team.yaml:11:5: a preshared key is not wanted",
                          "there: a key, of " + key_text(1)));
}

TEST(DriftReportOfSettingsOfPeers, DoesNotCompareThoseOfARetiredKey) {
  DeclaredPeer peer = declare_at(1, {});
  peer.persistent_keepalive = std::chrono::seconds(25);
  peer.successor = config::Successor{key(11), std::chrono::sys_days(kToday) - kOne};
  Site site = with_peer(peer);
  add_peer(site.device(), 1, {});
  EXPECT_THAT(site.lines("drift.keepalive"), IsEmpty());
  EXPECT_THAT(site.lines("drift.allowed_ips"), IsEmpty());
}

// --- words ---

TEST(DriftReportOfManyThings, SaysHowBadThoseAreThatItDoesNotList) {
  Site site;
  for (std::uint32_t i = 0; i < kMostListed; ++i) {
    site.inventory.peers.push_back(declare_at(i, {}));
    site.inventory.peers.back().persistent_keepalive = std::chrono::seconds(25);
    add_peer(site.device(), i, {});
  }
  EXPECT_THAT(site.lines("drift.keepalive"), SizeIs(kMostListed));
  site.inventory.peers.push_back(site.inventory.peers.back());
  site.inventory.peers.back().public_key = key(99);
  add_peer(site.device(), 99, {});
  EXPECT_EQ(site.lines("drift.keepalive").back(), "warning wg0: 1 more differ, and are not listed");
}

/// What is said of 21 peers that have a prefix wider than the policy allows, but for one that has none.
std::string rest_where(std::uint32_t one) {
  Site site;
  site.inventory.policies.widest_prefix.push_back({.ipv4 = 24});
  for (std::uint32_t i = 0; i <= kMostListed; ++i) {
    site.inventory.peers.push_back(declare_at(i, {"10.0.0.0/16"}));
    if (i == one)
      add_peer(site.device(), i, {});
    else
      add_peer(site.device(), i, {"10.0.0.0/16"});
  }
  return site.lines("drift.allowed_ips").back();
}

TEST(DriftReportOfManyThings, GoesByTheWorstThatItLists) {
  const std::string rest = " wg0: 1 more differ, and are not listed";
  EXPECT_EQ(rest_where(0), "critical" + rest);
  EXPECT_EQ(rest_where(5), "critical" + rest);
  EXPECT_EQ(rest_where(1000), "warning" + rest);
}

TEST(DriftReportOfManyThings, ListsEightPrefixes) {
  const std::vector<std::string_view> eight{"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32",
                                            "10.0.0.4/32", "10.0.0.5/32", "10.0.0.6/32",
                                            "10.0.0.7/32", "10.0.0.8/32"};
  EXPECT_THAT(evidence_of(with_peer(declare_at(1, eight)).finding()).front(),
              EndsWith("10.0.0.7/32, 10.0.0.8/32"));
  std::vector<std::string_view> ten = eight;
  ten.insert(ten.end(), {"10.0.0.9/32", "10.0.0.10/32"});
  EXPECT_THAT(evidence_of(with_peer(declare_at(1, ten)).finding()).front(),
              EndsWith("10.0.0.7/32, 10.0.0.8/32 and 2 more"));
  EXPECT_THAT(evidence_of(with_peer(declare_at(1, {})).finding()).front(),
              EndsWith("the allowed IPs none"));
}

TEST(DriftReportOfManyThings, NamesTheNetworkNamespaceAndThePlace) {
  Site site;
  site.device().netns = "blue";
  site.device().name = "WG-9";
  add_peer(site.device(), 3, {});
  EXPECT_THAT(site.finding().cause.plain(), StartsWith("WG-9 in the network namespace blue has"));
  EXPECT_EQ(site.fix().front(), "ip netns exec blue wg set WG-9 peer " + key_text(3) + " remove");
  EXPECT_THAT(site.lines("drift.peer"), ElementsAre(StartsWith("critical WG-9 " + key_text(3))));

  const auto place = [](const config::Position& position) {
    Site missing = with_peer(declare_at(1, {}));
    missing.inventory.peers[0].position = position;
    return missing.fix().back();
  };
  EXPECT_THAT(place({.file = 0, .line = 7, .column = 0}), EndsWith("from team.yaml:7"));
  EXPECT_THAT(place({.file = 0, .line = 0, .column = 1}), EndsWith("from the inventory"));
  EXPECT_THAT(place({.file = 1, .line = 7, .column = 1}), EndsWith("from the inventory"));
}

TEST(DriftReportOfManyThings, QuotesAnEmptyWord) {
  DeclaredPeer peer = declare_at(1, {});
  peer.endpoint = config::EndpointName{"", 1};
  EXPECT_THAT(with_peer(peer).fix().front(), HasSubstr(" endpoint '':1 "));
}

}  // namespace
}  // namespace wgscope::audit
