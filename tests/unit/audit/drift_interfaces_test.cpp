#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using config::DeclaredInterface;
using config::DeclaredPeer;
using config::Inventory;
using config::key;
using config::Successor;
using std::chrono::sys_days;
using testing::ElementsAre;
using testing::IsEmpty;

// --- Rotation ---

/// Peer 1, whose key 11 replaces it.
DeclaredPeer rotating(std::chrono::sys_days until) {
  DeclaredPeer peer = declare(1, {"10.0.0.2/32", "10.0.0.3/32"});
  peer.successor = Successor{key(11), until};
  return peer;
}

TEST(DriftOfRotation, AllowsEitherKeyUntilTheLastDay) {
  for (const std::uint32_t present : {1U, 11U}) {
    Device device = interface();
    add_peer(device, present, {"10.0.0.2/32", "10.0.0.3/32"});
    const Drift drift = drift_of(inventory_of({rotating(kToday)}), snapshot_of(device));
    EXPECT_EQ(drift.interfaces.at(0).peers.at(0),
              (PeerDrift{.declared = 0, .successor = present == 11}));
    EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
  }
}

TEST(DriftOfRotation, ComparesTheAllowedIpsOfBothKeysTogether) {
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32"});
  add_peer(device, 11, {"10.0.0.3/32"});
  Drift drift = drift_of(inventory_of({rotating(kToday)}), snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), PeerDrift{.declared = 0});
  EXPECT_EQ(drift.interfaces.at(0).peers.at(1), (PeerDrift{.declared = 0, .successor = true}));

  device.add_allowed_ip(1, *Prefix::parse("10.0.0.9/32"));
  drift = drift_of(inventory_of({rotating(kToday)}), snapshot_of(device));
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).allowed_ips);
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).allowed_ips);
}

TEST(DriftOfRotation, FindsWhatNeitherKeyHas) {
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32"});
  add_peer(device, 11, {});
  const Drift drift = drift_of(inventory_of({rotating(kToday)}), snapshot_of(device));
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(0).allowed_ips);
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).allowed_ips);
  EXPECT_FALSE(drift.interfaces.at(0).peers.at(0).conflict);
}

TEST(DriftOfRotation, ComparesTheEndpointAndTheKeepaliveOfTheKeyInUseOnly) {
  DeclaredPeer declared = rotating(kToday);
  declared.persistent_keepalive = std::chrono::seconds(25);
  declared.endpoint = config::EndpointName{"192.0.2.1", 51820};
  declared.preshared_key = config::PresharedKeyRule::required;
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32", "10.0.0.3/32"});
  add_peer(device, 11, {});
  const PeerDrift differs{
      .declared = 0, .endpoint = true, .keepalive = true, .preshared_key = true};
  PeerDrift waits{.declared = 0, .successor = true, .preshared_key = true};
  Drift drift = drift_of(inventory_of({declared}), snapshot_of(device));
  EXPECT_THAT(drift.interfaces.at(0).peers, ElementsAre(differs, waits));

  declared.successor->until = sys_days(kToday) - std::chrono::days(1);
  drift = drift_of(inventory_of({declared}), snapshot_of(device));
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).keepalive) << "it is the only key now";
  EXPECT_TRUE(drift.interfaces.at(0).peers.at(1).endpoint);
}

TEST(DriftOfRotation, RetiresTheOldKeyAfterItsLastDay) {
  Device device = interface();
  add_peer(device, 1, {"10.0.0.2/32", "10.0.0.3/32"});
  const auto yesterday = sys_days(kToday) - std::chrono::days(1);
  Drift drift = drift_of(inventory_of({rotating(yesterday)}), snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), (PeerDrift{.declared = 0, .retired = true}));
  EXPECT_THAT(drift.interfaces.at(0).missing, ElementsAre(0));

  add_peer(device, 11, {});  // the retired key still has its prefixes
  drift = drift_of(inventory_of({rotating(yesterday)}), snapshot_of(device));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(0), (PeerDrift{.declared = 0, .retired = true}));
  EXPECT_EQ(drift.interfaces.at(0).peers.at(1),
            (PeerDrift{.declared = 0, .successor = true, .allowed_ips = true, .conflict = true}));
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
}

// --- Interfaces ---

Inventory with_interface(DeclaredInterface declared) {
  Inventory inventory;
  inventory.interfaces.push_back(std::move(declared));
  return inventory;
}

struct InterfaceCase {
  std::string_view name;
  DeclaredInterface declared;
  std::string_view differs;
};

class DriftOfInterface : public testing::TestWithParam<InterfaceCase> {};

TEST_P(DriftOfInterface, ComparesWhatIsDeclared) {
  Device device = interface();
  device.public_key = key(7);
  device.listen_port = 51820;
  device.fwmark = 0xca6c;
  device.link = Link{.name = "wg0", .mtu_bytes = 1420};
  const Drift drift = drift_of(with_interface(GetParam().declared), snapshot_of(device));
  const InterfaceDrift& found = drift.interfaces.at(0);
  EXPECT_EQ(found.public_key, GetParam().differs == "public_key");
  EXPECT_EQ(found.listen_port, GetParam().differs == "listen_port");
  EXPECT_EQ(found.mtu, GetParam().differs == "mtu");
  EXPECT_EQ(found.fwmark, GetParam().differs == "fwmark");
  EXPECT_EQ(found.declared, 0);
  EXPECT_THAT(drift.missing_interfaces, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, DriftOfInterface,
    testing::Values(InterfaceCase{"Nothing", {.name = "wg0"}, ""},
                    InterfaceCase{"All",
                                  {.name = "wg0",
                                   .public_key = key(7),
                                   .listen_port = 51820,
                                   .mtu = 1420,
                                   .fwmark = 0xca6c},
                                  ""},
                    InterfaceCase{"Key", {.name = "wg0", .public_key = key(8)}, "public_key"},
                    InterfaceCase{"Port", {.name = "wg0", .listen_port = 51821}, "listen_port"},
                    InterfaceCase{"Mtu", {.name = "wg0", .mtu = 1380}, "mtu"},
                    InterfaceCase{"Fwmark", {.name = "wg0", .fwmark = 0}, "fwmark"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Declared, KnowsWhichNamesThisHostHasToLookUp) {
  const auto named = [](std::uint32_t number, const char* endpoint) {
    DeclaredPeer peer = declare(number, {});
    peer.endpoint = *config::EndpointName::parse(endpoint);
    return peer;
  };
  Inventory inventory = inventory_of({named(1, "a.example.net:1"), named(2, "a.example.net:2"),
                                      named(3, "192.0.2.1:1"), named(4, "b.example.net:1"),
                                      named(5, "c.example.net:1")});
  inventory.peers[3].interfaces = {{"wg0", "gw-2"}};
  inventory.peers[4].interfaces = {{"wg0", "gw-2"}, {"wg0", "gw-1"}};
  const Declared declared(inventory, "gw-1", true, kSeed);
  EXPECT_THAT(declared.names(), ElementsAre("a.example.net", "c.example.net"));
}

TEST(DriftOfInterfaces, DoesNotCompareTheMtuOfALinkThatIsNotKnown) {
  EXPECT_FALSE(drift_of(with_interface({.name = "wg0", .mtu = 1380}), snapshot_of(interface()))
                   .interfaces.at(0)
                   .mtu);
}

TEST(DriftOfInterfaces, FindsThoseThatAreMissingOnThisHost) {
  Inventory inventory = with_interface({.name = "wg0"});
  inventory.interfaces.push_back({.name = "wg1", .hosts = {"gw-1", "gw-2"}});
  inventory.interfaces.push_back({.name = "wg2", .hosts = {"gw-2"}});
  EXPECT_THAT(drift_of(inventory, snapshot_of(interface())).missing_interfaces, ElementsAre(1));
}

TEST(DriftOfInterfaces, DoesNotMissWhatCouldNotBeRead) {
  Inventory inventory = with_interface({.name = "wg1"});
  inventory.interfaces.push_back({.name = "wg2"});
  Snapshot snapshot = snapshot_of(interface());
  snapshot.failures.push_back({.interface = "wg1", .reason = FailureReason::eperm});
  EXPECT_THAT(drift_of(inventory, snapshot).missing_interfaces, ElementsAre(1));
  snapshot.failures.push_back({.interface = "", .reason = FailureReason::timeout});
  EXPECT_THAT(drift_of(inventory, snapshot).missing_interfaces, IsEmpty());
}

TEST(DriftOfInterfaces, DoesNotCompareWhatChangedWhileItWasRead) {
  Inventory inventory = with_interface({.name = "wg0", .listen_port = 1});
  inventory.peers.push_back(declare(1, {}));
  Snapshot snapshot = snapshot_of(interface());
  add_peer(snapshot.devices[0], 2, {});
  snapshot.failures.push_back({.interface = "wg0", .reason = FailureReason::interrupted});
  const InterfaceDrift drift = drift_of(inventory, snapshot).interfaces.at(0);
  EXPECT_EQ(drift.comparison, Comparison::not_read);
  EXPECT_FALSE(drift.listen_port);
  EXPECT_THAT(drift.missing, IsEmpty());
  EXPECT_THAT(drift.peers, ElementsAre(PeerDrift{}));
}

TEST(DriftOfInterfaces, DoesNotCompareAnythingOnAHostThatTheInventoryDoesNotKnow) {
  Inventory inventory = with_interface({.name = "wg0", .hosts = {"gw-2"}});
  inventory.peers.push_back(declare(1, {}));
  Snapshot snapshot = snapshot_of(interface());
  add_peer(snapshot.devices[0], 2, {});
  const Drift drift = drift_of(inventory, snapshot);
  EXPECT_EQ(drift.interfaces.at(0).comparison, Comparison::other_host);
  EXPECT_TRUE(drift.interfaces.at(0).is_undeclared());
  EXPECT_THAT(drift.interfaces.at(0).peers, ElementsAre(PeerDrift{}));
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
}

/// wg0 is declared, and wg9 is there as well: with peer 1 of every interface, peer 2 of wg0, and a
/// stranger. Peers 4 (of every interface) and 5 (of a wg9 of another host) are not there.
struct UndeclaredSite {
  Inventory inventory = with_interface({.name = "wg0"});
  Snapshot snapshot = snapshot_of(interface("wg9"));

  UndeclaredSite() {
    inventory.interfaces.push_back({.name = "wg9", .hosts = {"gw-2"}});
    inventory.peers = {declare(1, {"10.0.0.1/32"}), declare(2, {"10.0.0.2/32"}), declare(4, {}),
                       declare(5, {})};
    inventory.peers[1].interfaces = {{"wg0", ""}};
    inventory.peers[3].interfaces = {{"wg9", "gw-2"}};
    add_peer(snapshot.devices[0], 1, {"10.0.0.1/32"});
    add_peer(snapshot.devices[0], 2, {"10.0.0.2/32"});
    add_peer(snapshot.devices[0], 3, {"10.0.0.3/32"});
  }
  [[nodiscard]] InterfaceDrift drift(bool complete = true) const {
    return drift_of(inventory, snapshot, {}, complete).interfaces.at(0);
  }
};

TEST(DriftOfAnUndeclaredInterface, CallsUndeclaredWhoIsNotDeclaredForEveryInterface) {
  const InterfaceDrift drift = UndeclaredSite().drift();
  EXPECT_EQ(drift.comparison, Comparison::undeclared);
  EXPECT_EQ(drift.declared, kNotDeclared);
  EXPECT_TRUE(drift.is_undeclared());
  EXPECT_THAT(drift.peers, ElementsAre(PeerDrift{.declared = 0}, PeerDrift{.undeclared = true},
                                       PeerDrift{.undeclared = true}));
  EXPECT_THAT(drift.missing, IsEmpty());
}

TEST(DriftOfAnUndeclaredInterface, ComparesThePeersOfEveryInterface) {
  UndeclaredSite site;
  site.inventory.peers[0].allowed_ips = prefixes({"10.0.0.3/32"});
  EXPECT_THAT(site.drift().peers.at(0),
              (PeerDrift{.declared = 0, .allowed_ips = true, .conflict = true}));
}

TEST(DriftOfAnUndeclaredInterface, LeavesNoMarksForTheNextInterface) {
  UndeclaredSite site;
  site.snapshot.devices.push_back(interface("wg0"));
  const Drift drift = drift_of(site.inventory, site.snapshot);
  EXPECT_THAT(drift.interfaces.at(1).missing, ElementsAre(1, 0, 2));
}

TEST(DriftOfAnUndeclaredInterface, IsUnknownWhereABrokenFileMayDeclareIt) {
  const InterfaceDrift drift = UndeclaredSite().drift(false);
  EXPECT_EQ(drift.comparison, Comparison::unknown);
  EXPECT_FALSE(drift.is_undeclared());
  EXPECT_THAT(drift.peers, ElementsAre(PeerDrift{}, PeerDrift{}, PeerDrift{}));
}

struct UnmanagedCase {
  std::string_view name;
  config::InterfaceRef unmanaged;
  bool left_out;
};

class UnmanagedInterface : public testing::TestWithParam<UnmanagedCase> {};

TEST_P(UnmanagedInterface, IsNotJudged) {
  UndeclaredSite site;
  site.inventory.unmanaged_interfaces = {GetParam().unmanaged};
  const InterfaceDrift drift = site.drift();
  EXPECT_EQ(drift.comparison == Comparison::unmanaged, GetParam().left_out);
  EXPECT_EQ(drift.peers.at(2).undeclared, !GetParam().left_out);
}

INSTANTIATE_TEST_SUITE_P(Table, UnmanagedInterface,
                         testing::Values(UnmanagedCase{"Name", {"wg9", ""}, true},
                                         UnmanagedCase{"OtherName", {"wg8", ""}, false},
                                         UnmanagedCase{"BeginningWithoutStar", {"wg", ""}, false},
                                         UnmanagedCase{"Beginning", {"w*", ""}, true},
                                         UnmanagedCase{"LongerBeginning", {"wg90*", ""}, false},
                                         UnmanagedCase{"Every", {"*", ""}, true},
                                         UnmanagedCase{"OfThisHost", {"wg9", "gw-1"}, true},
                                         UnmanagedCase{"OfAnotherHost", {"wg*", "gw-2"}, false}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(UnmanagedInterfaces, DoNotHideADeclaredOne) {
  UndeclaredSite site;
  site.inventory.unmanaged_interfaces = {{"*", ""}};
  site.snapshot.devices[0].name = "wg0";
  EXPECT_EQ(site.drift().comparison, Comparison::compared);
}

TEST(UnmanagedInterfaces, AreNoneOfEveryInterface) {
  Inventory inventory = inventory_of({declare(1, {})});
  inventory.unmanaged_interfaces = {{"wt0", ""}};
  Snapshot snapshot = snapshot_of(interface("wt0"));
  snapshot.devices.push_back(interface("wg0"));
  const Drift drift = drift_of(inventory, snapshot);
  EXPECT_EQ(drift.interfaces.at(0).comparison, Comparison::unmanaged);
  EXPECT_THAT(drift.interfaces.at(0).missing, IsEmpty());
  EXPECT_EQ(drift.interfaces.at(1).comparison, Comparison::compared);
  EXPECT_THAT(drift.interfaces.at(1).missing, ElementsAre(0));
}

TEST(DriftOfInterfaces, PrefersTheOwnNetworkNamespace) {
  Snapshot snapshot = snapshot_of(interface());
  snapshot.devices.push_back(interface());
  snapshot.devices[1].netns = "blue";
  Drift drift = drift_of(with_interface({.name = "wg0", .listen_port = 1}), snapshot);
  EXPECT_TRUE(drift.interfaces.at(0).listen_port);
  EXPECT_EQ(drift.interfaces.at(1).comparison, Comparison::undeclared);

  // Without declared interfaces, which of the two a peer of wg0 belongs to is not said.
  drift = drift_of(inventory_of({declare(1, {})}), snapshot);
  EXPECT_EQ(drift.interfaces.at(0).comparison, Comparison::compared);
  EXPECT_EQ(drift.interfaces.at(1).comparison, Comparison::ambiguous);

  snapshot.devices.erase(snapshot.devices.begin());
  drift = drift_of(with_interface({.name = "wg0", .listen_port = 1}), snapshot);
  EXPECT_TRUE(drift.interfaces.at(0).listen_port);

  snapshot.devices.push_back(interface());
  snapshot.devices[1].netns = "green";
  drift = drift_of(with_interface({.name = "wg0", .listen_port = 1}), snapshot);
  EXPECT_EQ(drift.interfaces.at(0).comparison, Comparison::ambiguous);
  EXPECT_EQ(drift.interfaces.at(1).comparison, Comparison::ambiguous);
  EXPECT_FALSE(drift.interfaces.at(0).listen_port);
  EXPECT_THAT(drift.missing_interfaces, IsEmpty());
}

}  // namespace
}  // namespace wgscope::audit
