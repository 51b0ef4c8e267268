#include "wgscope/config/inventory_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"

#include "inventory_texts.hpp"
#include "keys.hpp"

namespace wgscope::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kWhole = R"(# the gateways
interfaces:
  - name: wg0
    hosts: [gw-1, gw-2.example.net]
    public_key: <1>
    addresses: [10.9.0.1/16, "fd09::1/64"]
    listen_port: 51820
    mtu: 1420
    fwmark: 0xca6c
    labels: {site: berlin}
defaults:
  interfaces: wg0
  grace: 2d
groups:
  laptops:
    expected_online: {time_zone: Europe/Berlin, hours: [mon-fri 08:00-18:00]}
    persistent_keepalive: 25
    labels: {team: sales, kind: laptop}
peers:
  - {name: anna, public_key: <2>, allowed_ips: 10.9.0.7/32, group: laptops}
  - name: branch office
    public_key: <3>
    allowed_ips: [10.9.1.0/24, "fd09:1::/64"]
    endpoint: "branch.example.net:51820"
    persistent_keepalive: off
    preshared_key: required
    expected_online: always
    grace: none
    key_created: 2026-01-31
    rotation: 26w
    successor: {public_key: <4>, until: 2026-08-01}
    labels: {team: ops}
policies:
  widest_prefix: [{ipv4: 32, ipv6: 128}, {ipv4: 24, labels: {team: ops}}]
  no_overlap: [team]
  no_reach: tenant
  reserved:
    - {prefixes: [10.9.1.0/24], ports: [53], only: {team: ops}}
)";

TEST(InventoryFile, InterfacesAreRead) {
  const Inventory inventory = read_good(kWhole);
  ASSERT_THAT(inventory.interfaces, SizeIs(1));
  const DeclaredInterface& interface = inventory.interfaces[0];
  EXPECT_EQ(interface.name, "wg0");
  EXPECT_THAT(interface.hosts, ElementsAre("gw-1", "gw-2.example.net"));
  EXPECT_EQ(interface.public_key, key(1));
  ASSERT_THAT(interface.addresses, SizeIs(2));
  EXPECT_EQ(interface.addresses[0].to_string(), "10.9.0.1/16");
  EXPECT_EQ(interface.listen_port, 51820);
  EXPECT_EQ(interface.mtu, 1420);
  EXPECT_EQ(interface.fwmark, 0xca6cU);
  EXPECT_EQ(interface.labels, (DeclaredLabels{{"site", "berlin"}}));
  EXPECT_EQ(interface.position, (Position{0, 3, 5}));
}

TEST(InventoryFile, APeerHasWhatItsGroupAndTheDefaultsSay) {
  const Inventory inventory = read_good(kWhole);
  ASSERT_THAT(inventory.peers, SizeIs(2));
  const DeclaredPeer& anna = inventory.peers[0];
  EXPECT_EQ(anna.name, "anna");
  EXPECT_EQ(anna.public_key, key(2));
  EXPECT_EQ(anna.interfaces, (std::vector<InterfaceRef>{{"wg0", ""}}));
  EXPECT_EQ(anna.expected_online, ExpectedOnline::scheduled);
  ASSERT_TRUE(anna.schedule);
  EXPECT_EQ(anna.schedule->time_zone, "Europe/Berlin");
  EXPECT_EQ(anna.persistent_keepalive, std::chrono::seconds(25));
  EXPECT_EQ(anna.grace, std::chrono::hours(48));
  EXPECT_EQ(anna.labels, (DeclaredLabels{{"kind", "laptop"}, {"team", "sales"}}));
  EXPECT_EQ(anna.position, (Position{0, 20, 5}));
}

TEST(InventoryFile, APeersOwnSettingsWin) {
  using namespace std::chrono;
  const DeclaredPeer branch = read_good(kWhole).peers.at(1);
  EXPECT_EQ(branch.endpoint->to_string(), "branch.example.net:51820");
  EXPECT_EQ(branch.persistent_keepalive, seconds(0));
  EXPECT_EQ(branch.preshared_key, PresharedKeyRule::required);
  EXPECT_EQ(branch.expected_online, ExpectedOnline::always);
  EXPECT_FALSE(branch.schedule);
  EXPECT_FALSE(branch.grace);
  EXPECT_EQ(branch.key_created, sys_days(2026y / 1 / 31));
  EXPECT_EQ(branch.rotation, days(26 * 7));
  ASSERT_TRUE(branch.successor);
  EXPECT_EQ(branch.successor->public_key, key(4));
  EXPECT_EQ(branch.successor->until, sys_days(2026y / 8 / 1));
}

TEST(InventoryFile, LabelsOfGroupAndDefaultsAddUp) {
  const Inventory inventory = read_good(
      "defaults: {group: g, labels: {a: d, b: d, c: d}}\n"
      "groups: {g: {labels: {a: g, b: g}}}\n"
      "peers: [{name: x, public_key: <1>, labels: {a: p}}]\n");
  EXPECT_EQ(inventory.peers.at(0).labels, (DeclaredLabels{{"a", "p"}, {"b", "g"}, {"c", "d"}}));
}

TEST(InventoryFile, AScheduleOfTheGroupGivesWayToAlways) {
  const Inventory inventory = read_good(
      "groups: {g: {expected_online: {time_zone: UTC, hours: [mon 08:00-09:00]}}}\n"
      "peers: [{name: x, public_key: <1>, group: g, expected_online: always}]\n");
  EXPECT_FALSE(inventory.peers.at(0).schedule);
}

TEST(InventoryFile, PoliciesAreRead) {
  const Policies policies = read_good(kWhole).policies;
  EXPECT_EQ(least_prefix_length(policies, {{"team", "ops"}}, Family::v4), 24);
  EXPECT_THAT(policies.no_overlap, ElementsAre("team"));
  EXPECT_THAT(policies.no_reach, ElementsAre("tenant"));
  ASSERT_THAT(policies.reserved, SizeIs(1));
  EXPECT_THAT(policies.reserved[0].ports, ElementsAre(53));
  EXPECT_EQ(policies.reserved[0].only, (DeclaredLabels{{"team", "ops"}}));
}

TEST(InventoryFile, JsonIsReadAsWell) {
  const Inventory inventory = read_good(
      R"({"peers": [{"name": "x", "public_key": "<1>", "allowed_ips": ["10.0.0.1/32"],
                     "persistent_keepalive": 25}]})");
  EXPECT_EQ(inventory.peers.at(0).persistent_keepalive, std::chrono::seconds(25));
  EXPECT_EQ(inventory.peers.at(0).position, (Position{0, 1, 12}));
}

TEST(InventoryFile, GroupsServeAllFilesAndDefaultsTheirOwn) {
  const InventoryRead read =
      read_texts({"groups: {g: {persistent_keepalive: 25}}\n"
                  "defaults: {preshared_key: required}\n"
                  "peers: [{name: a, public_key: <1>}]\n",
                  "peers: [{name: b, public_key: <2>, group: g}]\n"});
  EXPECT_THAT(problems(read), IsEmpty());
  EXPECT_EQ(read.inventory.peers.at(0).preshared_key, PresharedKeyRule::required);
  EXPECT_EQ(read.inventory.peers.at(1).preshared_key, PresharedKeyRule::any);
  EXPECT_EQ(read.inventory.peers.at(1).persistent_keepalive, std::chrono::seconds(25));
  EXPECT_EQ(read.files.at(0).peers, 1U);
  EXPECT_EQ(read.files.at(1).peers, 1U);
}

TEST(InventoryFile, AllErrorsAreFoundNotOnlyTheFirst) {
  const InventoryRead read =
      read_texts({"peers:\n"
                  "  - {name: a, public_key: short}\n"
                  "  - {name: b, public_key: <2>, allowed_ips: [nowhere]}\n"
                  "  - {public_key: <3>}\n"
                  "interfaces: [{name: wg0, mtu: 9}]\n"
                  "policies: [oops\n"});
  EXPECT_THAT(problems(read),
              ElementsAre(AllOf(StartsWith("a.yaml:2:27: error: the key is not"),
                                HasSubstr("44 characters")),
                          StartsWith("a.yaml:3:"), "a.yaml:4:5: error: the peer has no name",
                          "a.yaml:5:31: error: expected a number from 68 to 65535",
                          StartsWith("a.yaml:6:11: error: expected a map of policies"),
                          StartsWith("a.yaml:7:1: error: not YAML: ")));
  EXPECT_EQ(read.errors(), 6U);
  EXPECT_FALSE(read.complete);
}

TEST(InventoryFile, ABrokenFileCostsOnlyItself) {
  const InventoryRead read = read_texts(
      {"peers: [{name: a, public_key: <1>}]", "peers: [{name: b, public_key: <2>}, {name: c}]",
       "peers: [{name: d, public_key: <4>, interfaces: wg9}]", "interfaces: [{name: wg0}]"});
  EXPECT_THAT(problems(read), ElementsAre("b.yaml:1:78: error: the peer has no public_key"));
  EXPECT_FALSE(read.files.at(0).broken);
  EXPECT_TRUE(read.files.at(1).broken);
  EXPECT_FALSE(read.complete);
  ASSERT_THAT(read.inventory.peers, SizeIs(2));  // wg9 may be declared in what is broken
  EXPECT_EQ(read.inventory.peers[1].name, "d");
}

TEST(InventoryFile, UnknownFieldsAreWarnings) {
  const InventoryRead read =
      read_texts({"peers:\n"
                  "  - {name: a, public_key: <1>, alowed_ips: [1, {a: b}]}\n"
                  "owner: [me]\n"});
  EXPECT_THAT(problems(read),
              ElementsAre(AllOf(StartsWith("a.yaml:2:"),
                                HasSubstr("warning: unknown field 'alowed_ips': did you mean "
                                          "'allowed_ips'?")),
                          "a.yaml:3:1: warning: unknown field 'owner'"));
  EXPECT_TRUE(read.complete);
  EXPECT_THAT(read.inventory.peers, SizeIs(1));
}

TEST(InventoryFile, HostBitsAreCutWithAWarning) {
  const InventoryRead read =
      read_texts({"peers: [{name: a, public_key: <1>, allowed_ips: [10.9.0.7/24]}]"});
  EXPECT_EQ(read.inventory.peers.at(0).allowed_ips.at(0).to_string(), "10.9.0.0/24");
  EXPECT_THAT(problems(read), ElementsAre(HasSubstr("10.9.0.7/24 has host bits set: WireGuard "
                                                    "makes 10.9.0.0/24 of it")));
}

TEST(InventoryFile, ManyProblemsAreCountedAndNotKept) {
  std::string text = "peers:\n";
  for (int i = 0; i < 500; ++i) text += "  - {x: y}\n";
  const InventoryRead read = read_texts({text, "peers: 7"});
  EXPECT_EQ(read.errors(), 1001U);  // neither a name nor a key each

  EXPECT_EQ(read.warnings(), 500U);
  EXPECT_EQ(read.files.at(0).errors, 1000U);
  EXPECT_THAT(read.problems, SizeIs(2 * kMaxProblemsPerFile + 1));
}

struct Contradiction {
  const char* about;
  std::vector<std::string> files;
  std::string problem;
  std::size_t peers = 1;  ///< that are left
};

class Contradictions : public testing::TestWithParam<Contradiction> {};

TEST_P(Contradictions, CostTheLaterEntryAndNameBothPlaces) {
  const InventoryRead read = read_texts(GetParam().files);
  EXPECT_THAT(problems(read), ElementsAre(HasSubstr(GetParam().problem)));
  EXPECT_THAT(read.inventory.peers, SizeIs(GetParam().peers));
  EXPECT_FALSE(read.complete);
  for (const InventoryFile& file : read.files) EXPECT_FALSE(file.broken) << file.name;
}

INSTANTIATE_TEST_SUITE_P(
    InventoryFile, Contradictions,
    testing::Values(
        Contradiction{
            "name",
            {"peers: [{name: x, public_key: <1>}]", "peers: [{name: x, public_key: <2>}]"},
            "b.yaml:1:9: error: the name 'x' is used twice (first at a.yaml:1:9)"},
        Contradiction{
            "key",
            {"peers: [{name: x, public_key: <1>}]", "peers: [{name: y, public_key: <1>}]"},
            "b.yaml:1:9: error: the public key of 'y' is used twice, the other time by "
            "'x' (first at a.yaml:1:9)"},
        Contradiction{"key and successor",
                      {"peers: [{name: x, public_key: <1>, successor: {public_key: <2>, until: "
                       "2026-01-01}}]",
                       "peers: [{name: y, public_key: <2>}]"},
                      "the public key of 'y' is used twice"},
        Contradiction{"overlapping interfaces",
                      {"peers: [{name: x, public_key: <1>, interfaces: [wg0, wg1]}]",
                       "peers: [{name: x, public_key: <1>, interfaces: wg1@gw-1}]"},
                      "the name 'x' is used twice"},
        Contradiction{"unknown group",
                      {"groups: {laptops: {}}\npeers: [{name: x, public_key: <1>}]",
                       "peers: [{name: y, public_key: <2>, group: laptop}]"},
                      "error: unknown group 'laptop': did you mean 'laptops'?"},
        Contradiction{"unknown group by default",
                      {"defaults: {group: g}\npeers: [{name: y, public_key: <2>}]"},
                      "a.yaml:2:9: error: unknown group 'g'",
                      0},
        Contradiction{"unknown interface",
                      {"interfaces: [{name: wg0, hosts: [gw-1]}]\n"
                       "peers: [{name: x, public_key: <1>, interfaces: wg0@gw-1}]",
                       "peers: [{name: y, public_key: <2>, interfaces: wg0@gw-2}]"},
                      "error: the interface 'wg0@gw-2' of this peer is not declared"},
        Contradiction{"own key",
                      {"interfaces: [{name: wg0, public_key: <3>}]\n"
                       "peers: [{name: x, public_key: <3>, interfaces: wg0}]"},
                      "the interface 'wg0' would be its own peer",
                      0},
        Contradiction{"group twice",
                      {"groups: {g: {}}\npeers: [{name: x, public_key: <1>}]", "groups: {g: {}}"},
                      "b.yaml:1:10: error: the group 'g' is declared twice (first at a.yaml:1:10)"},
        Contradiction{"interface twice",
                      {"interfaces: [{name: wg0, hosts: [a, b]}, {name: wg0, hosts: [b]}]\n"
                       "peers: [{name: x, public_key: <1>}]"},
                      "the interface 'wg0' is declared twice for one host (first at a.yaml:1:14)"},
        Contradiction{"interfaces with one key",
                      {"interfaces: [{name: wg0, public_key: <1>}, {name: wg1, public_key: <1>}]\n"
                       "peers: [{name: x, public_key: <2>}]"},
                      "another interface has the same public key (first at a.yaml:1:14)"}),
    [](const testing::TestParamInfo<Contradiction>& tested) {
      std::string name = tested.param.about;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(InventoryFile, OnePeerMayHaveAnEntryForEachInterface) {
  const Inventory inventory = read_good(
      "interfaces: [{name: wg0, hosts: [a], public_key: <1>}, {name: wg0, hosts: [b], public_key: "
      "<2>}]\n"
      "peers:\n"
      "  - {name: x, public_key: <3>, interfaces: wg0@a, allowed_ips: 10.0.0.1/32}\n"
      "  - {name: x, public_key: <3>, interfaces: wg0@b, allowed_ips: 10.0.0.2/32}\n"
      "  - {name: gw-a, public_key: <1>, interfaces: wg0}\n"      // a peer of b's
      "  - {name: gw-b, public_key: <2>, interfaces: wg0@a}\n");  // and the other way round
  EXPECT_THAT(inventory.peers, SizeIs(4));
}

struct Bad {
  std::string field;    ///< of a peer
  std::string problem;  ///< a part of it
};

class BadFields : public testing::TestWithParam<Bad> {};

TEST_P(BadFields, AreErrorsWithTheirPosition) {
  const InventoryRead read =
      read_texts({"peers:\n  - name: x\n    public_key: <1>\n    " + GetParam().field + "\n"});
  EXPECT_THAT(problems(read), Contains(AllOf(StartsWith("a.yaml:4:"), HasSubstr(": error: "),
                                             HasSubstr(GetParam().problem))));
  EXPECT_TRUE(read.files.at(0).broken);
}

INSTANTIATE_TEST_SUITE_P(
    InventoryFile, BadFields,
    testing::Values(
        Bad{"allowed_ips: 10.0.0.0/33", "expected an IP prefix"},
        Bad{"allowed_ips: [[10.0.0.0/8]]", "expected an IP prefix"},
        Bad{"endpoint: gw.example.net", "expected HOST:PORT"},
        Bad{"endpoint: [2001:db8::1]", "expected HOST:PORT in quotes"},
        Bad{"persistent_keepalive: 70000", "seconds from 1 to 65535"},
        Bad{"persistent_keepalive: 0x19", "seconds from 1 to 65535"},
        Bad{"persistent_keepalive:", "a value is missing: expected seconds"},
        Bad{"preshared_key: maybe", "expected required, absent or any"},
        Bad{"preshared_key: <7>", "must not hold private or preshared keys"},
        Bad{"expected_online: sometimes", "expected always, roaming, or a schedule"},
        Bad{"expected_online: {time_zone: UTC}", "needs both time_zone and hours"},
        Bad{"expected_online: {hours: [mon 08:00-09:00]}", "needs both time_zone and hours"},
        Bad{"expected_online: {time_zone: UTC, hours: [mon]}", "expected days and hours"},
        Bad{"expected_online: {time_zone: Mars/Base, hours: [mon 08:00-09:00]}",
            "unknown time zone 'Mars/Base'"},
        Bad{"expected_online: {time_zone: ../../etc/passwd, hours: [mon 08:00-09:00]}",
            "expected the name of a time zone"},
        Bad{"grace: 2 days", "expected a time, such as 36h"},
        Bad{"grace: 0d", "expected a time, such as 36h"},
        Bad{"rotation: 36h", "expected a time of whole days"},
        Bad{"key_created: 31.1.2026", "expected a date"},
        Bad{"key_created: 2026-02-30", "expected a date"},
        Bad{"key_created: 2026-1-031", "expected a date"},
        Bad{"successor: {until: 2026-01-01}", "a successor needs both"},
        Bad{"successor: {public_key: <1>, until: 2026-01-01}", "is the same key"},
        Bad{"successor: <2>", "expected the next key and the last day"},
        Bad{"labels: [a]", "expected a map of labels"},
        Bad{"labels: {__a: b}", "expected the name of a label"},
        Bad{"labels: {a-b: c}", "expected the name of a label"},
        Bad{"labels: {a: b, a: c}", "the label is given twice: a"},
        Bad{"labels: {a: <7>}", "expected text"}, Bad{"labels: {a: \"b\\nc\"}", "expected text"},
        Bad{"labels: {a: \"b\\u2028c\"}", "expected text"},
        Bad{"labels: {a: \"b\\x85c\"}", "expected text"}, Bad{"interfaces: wg0@", "wg0@gw-1"},
        Bad{"interfaces: {a: b}", "expected the name of an interface"},
        Bad{"name: y", "the field is given twice: name"},
        Bad{"private_key: anything", "must not hold private or preshared keys"},
        Bad{"PrivateKey: <7>", "must not hold private or preshared keys"},
        Bad{"psk: <7>", "must not hold private or preshared keys"},
        Bad{"comment: {a: [x, <7>]}", "looks like a key, in a field that is not known"},
        Bad{"? [a]\n    : b", "the name of a field must be text"},
        Bad{"group: &anchor g", "YAML anchors are not supported"},
        Bad{"group: *anchor", "YAML aliases are not supported"},
        Bad{"group: !secret g", "YAML tags are not supported"},
        Bad{"labels: {a: {b: {c: {d: {e: {f: g}}}}}}", "more than 8 lists and maps"}));

class BadTexts : public testing::TestWithParam<Bad> {};

TEST_P(BadTexts, AreErrors) {
  const InventoryRead read = read_texts({GetParam().field});
  EXPECT_THAT(problems(read), Contains(AllOf(HasSubstr("error: "), HasSubstr(GetParam().problem))));
  EXPECT_TRUE(read.files.at(0).broken);
}

INSTANTIATE_TEST_SUITE_P(
    InventoryFile, BadTexts,
    testing::Values(
        Bad{"", "the file is empty"}, Bad{"# nothing\n", "the file is empty"},
        Bad{"~", "the file is empty"}, Bad{"[a, b]", "expected a map with interfaces"},
        Bad{"text", "expected a map with interfaces"},
        Bad{"peers: []\n---\npeers: []\n", "a.yaml:2:1: error: there is a second YAML document"},
        Bad{"[Interface]\nPrivateKey = <7>\n", "this is a wg-quick file"},
        Bad{"peers: {a: b}", "expected a list of peers"}, Bad{"peers: [x]", "expected a peer"},
        Bad{"peers: [{name: x, public_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}]",
            "the key of zeros"},
        Bad{"interfaces: [{name: wg0@a}]", "expected the name of an interface"},
        Bad{"interfaces: [{name: wg0123456789abcd}]", "expected the name of an interface"},
        Bad{"interfaces: [{hosts: a}]", "the interface has no name"},
        Bad{"interfaces: [{name: a, hosts: [b c]}]", "expected the name of a host"},
        Bad{"interfaces: [{name: a, listen_port: 0}]", "from 1 to 65535"},
        Bad{"interfaces: [{name: a, fwmark: on}]", "expected a mark"},
        Bad{"interfaces: [{name: a, addresses: [wg0]}]", "expected an address"},
        Bad{"policies: {widest_prefix: [{ipv4: 33}]}", "from 0 to 32"},
        Bad{"policies: {widest_prefix: [{labels: {a: b}}]}", "a limit needs ipv4"},
        Bad{"policies: {no_overlap: [a b]}", "expected the name of a label"},
        Bad{"policies: {reserved: [{ports: [1]}]}", "a reservation needs only"},
        Bad{"policies: {reserved: [{only: {a: b}}]}", "needs prefixes, ports or both"},
        Bad{"policies: {reserved: [{ports: [0], only: {a: b}}]}", "expected a port"},
        Bad{"groups: [a]", "expected a map of groups"},
        Bad{"groups: {<7>: {}}", "the name of a group must be text"},
        Bad{"groups: {g: {name: x, private_key: y}}", "must not hold private"},
        Bad{"peers: [\xC3\x28]", "not YAML: here is a byte"},
        Bad{std::string("p\0e", 3), "a.yaml:1:1"}, Bad{"\xFF\xFEp\0", "a.yaml:1:1"},
        Bad{"<7>: x", "looks like a key"}));

TEST(InventoryFile, WhatIsWrongIsNeverRepeatedWhereItCouldBeAKey) {
  const std::string secret = key_text(7);
  for (const char* text :
       {"peers: [{name: <7>, public_key: <7>x, allowed_ips: [<7>], endpoint: '<7>:1', group: <7>}]",
        "peers: [{name: x, preshared_key: <7>, expected_online: {time_zone: <7>, hours: <7>}}]",
        "peers: [{name: x, labels: {<7>: <7>}, <7>: <7>, grace: <7>, interfaces: [<7>, wg0@<7>]}]",
        "<7>: [<7>, {<7>: <7>}]", "groups: {<7>: {<7>: 1}}", "*<7>", "peers: &<7> []",
        "peers: !<7> []", "%<7>\n---\n", "peers: \"\\<7>\"", "peers: [<7>: <7>: <7>}"}) {
    for (const std::string& problem : problems(read_texts({text})))
      EXPECT_THAT(problem, Not(HasSubstr(secret.substr(0, 20)))) << text;
  }
}

TEST(InventoryFile, ADuplicateKeyIsReportedByNameAlone) {
  const auto found =
      problems(read_texts({"peers: [{name: x, public_key: <1>}, {name: y, public_key: <1>}]"}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0], Not(HasSubstr(key_text(1))));
}

TEST(InventoryFile, ARotationWithoutTheKeysDateIsAWarning) {
  const InventoryRead read = read_texts({"peers: [{name: x, public_key: <1>, rotation: 90d}]"});
  EXPECT_THAT(problems(read), ElementsAre(HasSubstr("warning: rotation has no effect")));
  EXPECT_TRUE(read.complete);
}

TEST(InventoryFile, AByteOrderMarkIsNoText) {
  EXPECT_THAT(
      read_good(
          "\xEF\xBB\xBFinterfaces: [{name: wg0}]\npeers: [{name: J\xC3\xBCrgen, public_key: <1>}]")
          .peers,
      SizeIs(1));
}

}  // namespace
}  // namespace wgscope::config
