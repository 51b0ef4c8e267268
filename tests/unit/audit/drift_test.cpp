#include "wgscope/audit/drift.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
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
using config::PresharedKeyRule;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Drift, IsNothingWhereAllIsAsDeclared) {
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32", "fd00::/64"});
  const Drift drift =
      drift_of(inventory_of({declare(1, {"fd00::/64", "10.0.0.2/32"})}), snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), PeerDrift{.declared = 0});
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
}

TEST(Drift, FindsPeersThatAreMissingAndThatNobodyDeclared) {
  Device device = interface();
  add_peer(device, 2, {});
  add_peer(device, 3, {});
  const Drift drift = drift_of(inventory_of({declare(1, {}), declare(2, {})}), snapshot_of(device));
  EXPECT_THAT(drift.interfaces.at(0).missing, ElementsAre(0));
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).undeclared);
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).undeclared);
}

TEST(Drift, DoesNotCallKeysUndeclaredThatABrokenFileMayDeclare) {
  Device device = interface();
  add_peer(device, 3, {});
  const Drift drift = drift_of(inventory_of({}), snapshot_of(device), {}, false);
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).undeclared);
}

TEST(Drift, LooksOnlyAtTheInterfaceThatAPeerIsDeclaredFor) {
  DeclaredPeer here = declare(1, {"10.0.0.2/32"});
  here.interfaces = {{"wg0", ""}};
  DeclaredPeer there = declare(1, {"10.1.0.2/32"});  // the same key, with other allowed IPs
  there.interfaces = {{"wg1", "gw-1"}};
  DeclaredPeer elsewhere = declare(2, {});
  elsewhere.interfaces = {{"wg0", "gw-2"}};
  Snapshot snapshot = snapshot_of(interface("wg0"));
  snapshot.devices.push_back(interface("wg1"));
  add_peer(snapshot.devices[0], 1, {"10.0.0.2/32"});
  add_peer(snapshot.devices[0], 2, {});
  add_peer(snapshot.devices[1], 1, {"10.0.0.2/32"});
  const Drift drift = drift_of(inventory_of({here, there, elsewhere}), snapshot);
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), PeerDrift{.declared = 0});
  EXPECT_EQ(drift.interfaces.at(0).peers.at(1), PeerDrift{.undeclared = true});
  EXPECT_EQ(drift.interfaces.at(1).peers.at(0), (PeerDrift{.declared = 1, .allowed_ips = true}));
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
  EXPECT_THAT(drift.interfaces.at(1).missing, IsEmpty());
}

TEST(Drift, MissesEachPeerOfAnInterfaceOnce) {
  std::vector<DeclaredPeer> peers{declare(1, {}), declare(2, {}), declare(3, {})};
  for (DeclaredPeer& peer : peers) peer.interfaces = {{"wg0", ""}, {"wg0", "gw-1"}};
  Device device = interface();
  add_peer(device, 1, {});
  const Drift drift = drift_of(inventory_of(peers), snapshot_of(device));
  EXPECT_THAT(drift.interfaces.at(0).missing, ElementsAre(1, 2));
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).undeclared);
}

TEST(Drift, DoesNotExpectAnInterfaceAmongItsOwnPeers) {
  Device device = interface();
  device.public_key = key(1);
  EXPECT_THAT(drift_of(inventory_of({declare(1, {}), declare(2, {})}), snapshot_of(device))
                  .interfaces.at(0)
                  .missing,
              ElementsAre(1));
}

TEST(Drift, DoesNotExpectAnInterfaceThatHasItsSuccessorAmongItsOwnPeers) {
  DeclaredPeer self = declare(1, {});
  self.successor = config::Successor{key(11), std::chrono::sys_days(kToday)};
  DeclaredPeer other = declare(2, {});
  other.successor = config::Successor{key(12), std::chrono::sys_days(kToday)};
  Device device = interface();
  device.public_key = key(11);
  EXPECT_THAT(drift_of(inventory_of({self, other}), snapshot_of(device)).interfaces.at(0).missing,
              ElementsAre(1));
}

struct AllowedIpsCase {
  std::string_view name;
  std::vector<std::string_view> declared;
  std::vector<std::string_view> there;
  bool differ;
};

class DriftOfAllowedIps : public testing::TestWithParam<AllowedIpsCase> {};

TEST_P(DriftOfAllowedIps, ComparesSets) {
  Device device = interface();
  add_peer(device, 1, GetParam().there);
  const PeerDrift drift =
      first_peer(inventory_of({declare(1, GetParam().declared)}), snapshot_of(device));
  EXPECT_EQ(drift, (PeerDrift{.declared = 0, .allowed_ips = GetParam().differ}));
}

INSTANTIATE_TEST_SUITE_P(
    Table, DriftOfAllowedIps,
    testing::Values(
        AllowedIpsCase{"BothNone", {}, {}, false},
        AllowedIpsCase{
            "AnotherOrder", {"10.0.0.0/24", "fd00::/64"}, {"fd00::/64", "10.0.0.0/24"}, false},
        AllowedIpsCase{"DeclaredTwice", {"10.0.0.0/24", "10.0.0.0/24"}, {"10.0.0.0/24"}, false},
        AllowedIpsCase{"ReportedTwice", {"10.0.0.0/24"}, {"10.0.0.0/24", "10.0.0.0/24"}, false},
        AllowedIpsCase{"OneMore", {"10.0.0.0/24"}, {"10.0.0.0/24", "10.0.1.0/24"}, true},
        AllowedIpsCase{"OneLess", {"10.0.0.0/24", "10.0.1.0/24"}, {"10.0.0.0/24"}, true},
        AllowedIpsCase{"AnotherLength", {"10.0.0.0/24"}, {"10.0.0.0/25"}, true},
        AllowedIpsCase{"NoneLeft", {"10.0.0.0/24"}, {}, true},
        AllowedIpsCase{"NoneDeclared", {}, {"10.0.0.0/24"}, true}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Drift, FindsPrefixesThatTheKernelMovedToAnotherPeer) {
  Device device = interface();
  add_peer(device, 1, {});
  add_peer(device, 2, {"10.0.0.3/32", "10.0.0.2/32"});
  add_peer(device, 3, {});
  const Drift drift =
      drift_of(inventory_of({declare(1, {"10.0.0.2/32"}), declare(2, {"10.0.0.3/32"}),
                             declare(3, {"10.0.0.4/32"})}),
               snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0),
            (PeerDrift{.declared = 0, .allowed_ips = true, .conflict = true}));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(1), (PeerDrift{.declared = 1, .allowed_ips = true}));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(2), (PeerDrift{.declared = 2, .allowed_ips = true}));
}

TEST(Drift, FindsTheConflictOfEachPeerThatWantsOnePrefix) {
  Device device = interface();
  add_peer(device, 1, {});
  add_peer(device, 2, {});
  add_peer(device, 3, {"10.0.0.2/32"});
  const Drift drift =
      drift_of(inventory_of({declare(1, {"10.0.0.2/32"}), declare(2, {"10.0.0.2/32"})}),
               snapshot_of(device));
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(0).conflict);
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).conflict);
}

TEST(Drift, FindsPrefixesThatAreTooBroad) {
  Inventory inventory = inventory_of(
      {declare(1, {"10.0.0.0/24"}), declare(2, {"10.0.1.0/24"}), declare(4, {"fd01::/127"})});
  inventory.peers[1].labels = {{"kind", "site"}};
  inventory.policies.widest_prefix.push_back({.ipv4 = 32, .ipv6 = 128});
  inventory.policies.widest_prefix.push_back(
      {.labels = {{"kind", "site"}}, .ipv4 = 24, .ipv6 = 64});
  Device device = interface();
  add_peer(device, 1, {"10.0.0.0/24"});
  add_peer(device, 2, {"10.0.1.0/24"});
  add_peer(device, 3, {"fd00::/127"});
  add_peer(device, 4, {"fd01::/127"});
  const Drift drift = drift_of(inventory, snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), (PeerDrift{.declared = 0, .too_broad = true}));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(1), PeerDrift{.declared = 1});
  EXPECT_EQ(drift.interfaces.at(0).peers.at(2), (PeerDrift{.undeclared = true, .too_broad = true}));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(3), (PeerDrift{.declared = 2, .too_broad = true}));
}

struct KeepaliveCase {
  std::string_view name;
  std::optional<seconds> declared;
  std::uint16_t there;
  bool differs;
};

class DriftOfKeepalive : public testing::TestWithParam<KeepaliveCase> {};

TEST_P(DriftOfKeepalive, ComparesWhatIsDeclared) {
  Device device = interface();
  add_peer(device, 1, {}).persistent_keepalive_seconds = GetParam().there;
  DeclaredPeer peer = declare(1, {});
  peer.persistent_keepalive = GetParam().declared;
  EXPECT_EQ(first_peer(inventory_of({peer}), snapshot_of(device)),
            (PeerDrift{.declared = 0, .keepalive = GetParam().differs}));
}

INSTANTIATE_TEST_SUITE_P(Table, DriftOfKeepalive,
                         testing::Values(KeepaliveCase{"NotDeclared", std::nullopt, 25, false},
                                         KeepaliveCase{"Same", seconds(25), 25, false},
                                         KeepaliveCase{"Off", seconds(0), 0, false},
                                         KeepaliveCase{"Lost", seconds(25), 0, true},
                                         KeepaliveCase{"NotOff", seconds(0), 25, true}),
                         [](const auto& tested) { return std::string(tested.param.name); });

struct PresharedKeyCase {
  std::string_view name;
  PresharedKeyRule declared;
  bool there;
  bool differs;
};

class DriftOfPresharedKey : public testing::TestWithParam<PresharedKeyCase> {};

TEST_P(DriftOfPresharedKey, ComparesItsPresence) {
  Device device = interface();
  add_peer(device, 1, {}).has_preshared_key = GetParam().there;
  DeclaredPeer peer = declare(1, {});
  peer.preshared_key = GetParam().declared;
  EXPECT_EQ(first_peer(inventory_of({peer}), snapshot_of(device)),
            (PeerDrift{.declared = 0, .preshared_key = GetParam().differs}));
}

INSTANTIATE_TEST_SUITE_P(
    Table, DriftOfPresharedKey,
    testing::Values(PresharedKeyCase{"AnyWith", PresharedKeyRule::any, true, false},
                    PresharedKeyCase{"AnyWithout", PresharedKeyRule::any, false, false},
                    PresharedKeyCase{"RequiredWith", PresharedKeyRule::required, true, false},
                    PresharedKeyCase{"RequiredWithout", PresharedKeyRule::required, false, true},
                    PresharedKeyCase{"AbsentWith", PresharedKeyRule::absent, true, true},
                    PresharedKeyCase{"AbsentWithout", PresharedKeyRule::absent, false, false}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct EndpointCase {
  std::string_view name;
  std::optional<std::string_view> declared;
  std::optional<std::string_view> there;
  std::optional<seconds> handshake_age;
  EndpointState state;
};

class DriftOfEndpoint : public testing::TestWithParam<EndpointCase> {};

Resolutions known_names() {
  Resolutions known;
  known["gw.example.net"].addresses = {*IpAddress::parse("192.0.2.1"),
                                       *IpAddress::parse("2001:db8::1")};
  known["broken.example.net"].failed = true;
  known["empty.example.net"] = {};
  return known;
}

TEST_P(DriftOfEndpoint, TellsRoamingAndNamesFromDrift) {
  const EndpointCase& tested = GetParam();
  Snapshot snapshot = snapshot_of(interface());
  Peer& peer = add_peer(snapshot.devices[0], 1, {});
  if (tested.there) peer.endpoint = *Endpoint::parse(*tested.there);
  if (tested.handshake_age)
    peer.last_handshake = WallTime{snapshot.taken.wall.since_epoch - *tested.handshake_age};
  DeclaredPeer declared = declare(1, {});
  if (tested.declared) declared.endpoint = *EndpointName::parse(*tested.declared);
  const Declared prepared(inventory_of({declared}), "gw-1", true, kSeed);
  const Resolutions known = known_names();
  const auto name = prepared.names().empty() ? known.end() : known.find(prepared.names().front());
  EXPECT_EQ(compare_endpoint(prepared.terms(0), peer, name == known.end() ? nullptr : &name->second,
                             snapshot.taken.wall),
            tested.state);
  const Drift drift = drift_of(inventory_of({declared}), snapshot, known_names());
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0),
            (PeerDrift{.declared = 0, .endpoint = is_drift(tested.state)}));
}

using enum EndpointState;
constexpr auto kNever = std::nullopt;

INSTANTIATE_TEST_SUITE_P(
    Table, DriftOfEndpoint,
    testing::Values(
        EndpointCase{"NotDeclared", std::nullopt, "192.0.2.9:1", kNever, not_declared},
        EndpointCase{"Same", "192.0.2.1:51820", "192.0.2.1:51820", kNever, same},
        EndpointCase{"Missing", "192.0.2.1:51820", std::nullopt, kNever, missing},
        EndpointCase{"Other", "192.0.2.1:51820", "192.0.2.9:51820", kNever, other},
        EndpointCase{"OtherPort", "192.0.2.1:51820", "192.0.2.1:51821", kNever, other},
        EndpointCase{"Roamed", "192.0.2.1:51820", "192.0.2.9:40000", seconds(179), roamed},
        EndpointCase{"RoamedLongAgo", "192.0.2.1:51820", "192.0.2.9:40000", seconds(180), other},
        EndpointCase{"ClockSetBack", "192.0.2.1:51820", "192.0.2.9:40000", seconds(-60), roamed},
        EndpointCase{"ClockSetBackFar", "192.0.2.1:51820", "192.0.2.9:40000", seconds(-3600),
                     other},
        EndpointCase{"ScopeNotDeclared", "[fe80::1]:51820", "[fe80::1%3]:51820", kNever, same},
        EndpointCase{"SameScope", "[fe80::1%3]:51820", "[fe80::1%3]:51820", kNever, same},
        EndpointCase{"OtherScope", "[fe80::1%4]:51820", "[fe80::1%3]:51820", kNever, other},
        EndpointCase{"NameIpv4", "gw.example.net:51820", "192.0.2.1:51820", kNever, same},
        EndpointCase{"NameIpv6", "gw.example.net:51820", "[2001:db8::1]:51820", kNever, same},
        EndpointCase{"NameMissing", "gw.example.net:51820", std::nullopt, kNever, missing},
        EndpointCase{"NameNeverHeard", "gw.example.net:51820", "192.0.2.9:51820", kNever,
                     stale_name},
        EndpointCase{"NameStale", "gw.example.net:51820", "192.0.2.9:51820", seconds(135),
                     stale_name},
        EndpointCase{"NameLive", "gw.example.net:51820", "192.0.2.9:51820", seconds(134), roamed},
        EndpointCase{"NameOtherPort", "gw.example.net:51820", "192.0.2.1:51821", kNever, other},
        EndpointCase{"NamePortRoamed", "gw.example.net:51820", "192.0.2.1:4000", seconds(9),
                     roamed},
        EndpointCase{"NameNotLookedUp", "x.example.net:51820", "192.0.2.9:51820", kNever, unknown},
        EndpointCase{"NameFailed", "broken.example.net:51820", "192.0.2.9:51820", kNever, unknown},
        EndpointCase{"NameEmpty", "empty.example.net:51820", "192.0.2.9:51820", kNever, unknown}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Drift, SurvivesASnapshotThatListsAKeyTwice) {
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32"});
  add_peer(device, 1, {});
  const Drift drift = drift_of(inventory_of({declare(1, {"10.0.0.2/32"})}), snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), PeerDrift{.declared = 0});
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).allowed_ips);
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
}

TEST(Drift, ForgetsTheComparisonBefore) {
  const Declared declared(inventory_of({declare(1, {"10.0.0.2/32"})}), "gw-1", true, kSeed);
  Device device = interface();
  add_peer(device, 2, {"10.0.0.2/32"});
  Drift drift;
  compare(declared, snapshot_of(device), {}, drift);
  Device healed = interface();
  add_peer(healed, 1, {"10.0.0.2/32"});
  compare(declared, snapshot_of(healed), {}, drift);
  EXPECT_THAT(drift.interfaces.at(0).peers, ElementsAre(PeerDrift{.declared = 0}));
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
  compare(declared, Snapshot{}, {}, drift);
  EXPECT_THAT(drift.interfaces, IsEmpty());
}

TEST(Drift, ForgetsWhatDifferedOfAnInterfaceThatIsNotReadNow) {
  config::Inventory inventory;
  inventory.interfaces.push_back({.name = "wg0", .listen_port = 1});
  const Declared declared(inventory, "gw-1", true, kSeed);
  Drift drift;
  Snapshot snapshot = snapshot_of(interface());
  compare(declared, snapshot, {}, drift);
  ASSERT_TRUE(drift.interfaces.at(0).listen_port);
  snapshot.failures.push_back({.interface = "wg0", .reason = FailureReason::interrupted});
  compare(declared, snapshot, {}, drift);
  EXPECT_FALSE(drift.interfaces.at(0).listen_port);
}

TEST(Drift, KeepsPeersOfOneInterfaceApartFromThoseOfTheNext) {
  DeclaredPeer of_first = declare(1, {});
  of_first.interfaces = {{"wg0", ""}};
  Snapshot snapshot = snapshot_of(interface("wg0"));
  snapshot.devices.push_back(interface("wg1"));
  for (Device& device : snapshot.devices) add_peer(device, 1, {});
  const Drift drift = drift_of(inventory_of({of_first}), snapshot);
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).undeclared);
  EXPECT_TRUE(drift.interfaces.at(1).peers.at(0).undeclared);
}

/// More prefixes than are looked through without sorting them, in an order of their own.
TEST(Drift, ComparesManyPrefixesInAnyOrder) {
  const std::vector<std::string_view> declared{"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32",
                                               "10.0.0.4/32", "10.0.0.5/32", "10.0.0.6/32",
                                               "10.0.0.7/32", "10.0.0.8/32", "10.0.0.9/32"};
  std::vector<std::string_view> there(declared.rbegin(), declared.rend());
  std::swap(there.front(), there[4]);
  Device device = interface();
  add_peer(device, 1, there);
  EXPECT_FALSE(first_peer(inventory_of({declare(1, declared)}), snapshot_of(device)).allowed_ips);
  there[6] = "10.0.0.99/32";
  Device other = interface();
  add_peer(other, 1, there);
  EXPECT_TRUE(first_peer(inventory_of({declare(1, declared)}), snapshot_of(other)).allowed_ips);
}

TEST(Drift, HasASmallFlagForEachOfManyPeers) { EXPECT_EQ(sizeof(PeerDrift), 8); }

}  // namespace
}  // namespace wgscope::audit
