// What write_inventory() prints is read as the same inventory: of random ones as well.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "inventory_texts.hpp"
#include "keys.hpp"

namespace wgscope::config {
namespace {

/// Only where things stand differs between what was printed and what it was made of.
Inventory without_positions(Inventory inventory) {
  for (DeclaredInterface& interface : inventory.interfaces) interface.position = {};
  for (DeclaredPeer& peer : inventory.peers) peer.position = {};
  for (PrefixLimit& limit : inventory.policies.widest_prefix) limit.position = {};
  for (Reservation& reservation : inventory.policies.reserved) reservation.position = {};
  return inventory;
}

void expect_same_after_print(const Inventory& inventory) {
  const std::string text = write_inventory(inventory);
  EXPECT_TRUE(without_positions(read_good(text)) == without_positions(inventory)) << text;
}

/// Makes inventories that use everything there is, some of the time.
class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  Inventory make() {
    Inventory made;
    for (std::size_t count = below(4); made.interfaces.size() < count;)
      made.interfaces.push_back(interface(made.interfaces.size()));
    for (std::size_t count = below(6); made.peers.size() < count;)
      made.peers.push_back(peer(made.peers.size(), made.interfaces));
    for (std::size_t count = below(3); made.policies.widest_prefix.size() < count;)
      made.policies.widest_prefix.push_back(limit());
    if (often()) made.policies.no_overlap = {"tenant", "site"};
    if (often()) made.policies.no_reach = {"tenant"};
    if (often()) made.policies.reserved.push_back(reservation());
    if (often()) made.unmanaged_interfaces = {{"wt*", ""}, {"*", "gw-1"}};
    return made;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  bool often() { return below(2) == 0; }

  /// Text that YAML could take for something else.
  std::string text() {
    constexpr std::string_view kTexts[] = {"null",
                                           "yes",
                                           "- a",
                                           "a: b",
                                           "\"",
                                           "\\",
                                           "'quoted'",
                                           "# x",
                                           " blanks ",
                                           "{a}",
                                           "[a]",
                                           "*x",
                                           "&x",
                                           "!x",
                                           "%x",
                                           "@x",
                                           "`",
                                           "~",
                                           "0x1F",
                                           "1e3",
                                           ":",
                                           "?",
                                           "J\xC3\xBCrgen",
                                           "\xE6\xBC\xA2",
                                           "a\\nb",
                                           "|",
                                           ">"};
    return std::string(kTexts[below(std::size(kTexts))]);
  }
  DeclaredLabels labels() {
    DeclaredLabels made;
    for (const char* name : {"Site", "_x", "team", "tenant"})
      if (often()) made.push_back({name, text()});
    return made;
  }
  Prefix prefix() {
    const bool v4 = often();
    auto made = Prefix::parse(v4 ? fmt::format("10.{}.0.0/16", below(256))
                                 : fmt::format("fd09:{:x}::/32", below(65536)));
    return *made;
  }
  DeclaredInterface interface(std::size_t number) {
    DeclaredInterface made;
    made.name = fmt::format("wg{}", number);
    if (often()) made.hosts = {"gw-1", "gw-2.example.net"};
    if (often()) made.public_key = key(static_cast<std::uint32_t>(100 + number));
    if (often()) made.addresses = {*Prefix::parse("10.9.0.1/16"), *Prefix::parse("fd09::1/64")};
    if (often()) made.listen_port = static_cast<std::uint16_t>(1 + below(65535));
    if (often()) made.mtu = static_cast<std::uint16_t>(68 + below(1400));
    if (often()) made.fwmark = static_cast<std::uint32_t>(below(3));
    made.labels = labels();
    return made;
  }
  DeclaredPeer peer(std::size_t number, const std::vector<DeclaredInterface>& interfaces) {
    DeclaredPeer made;
    made.name = fmt::format("{} {}", text(), number);
    made.public_key = key(static_cast<std::uint32_t>(number));
    if (often() && !interfaces.empty()) made.interfaces = {{interfaces.front().name, ""}};
    while (often()) made.allowed_ips.push_back(prefix());
    if (often()) made.endpoint = EndpointName{often() ? "gw.example.net" : "2001:db8::1", 51820};
    if (often()) made.persistent_keepalive = std::chrono::seconds(below(3) * 25);
    made.preshared_key = static_cast<PresharedKeyRule>(below(3));
    made.expected_online = static_cast<ExpectedOnline>(below(3));
    if (made.expected_online == ExpectedOnline::scheduled) made.schedule = schedule();
    if (often()) made.grace = std::chrono::hours(1 + below(100));
    if (often()) {
      made.key_created = std::chrono::sys_days(std::chrono::days(below(30'000)));
      if (often()) made.rotation = std::chrono::days(1 + below(400));
    }
    if (often())
      made.successor = Successor{key(static_cast<std::uint32_t>(1000 + number)),
                                 std::chrono::sys_days(std::chrono::days(below(30'000)))};
    made.labels = labels();
    return made;
  }
  Schedule schedule() {
    Schedule made{.time_zone = "Europe/Berlin", .hours = {}};
    do {
      const auto begin = static_cast<std::uint16_t>(below(kMinutesPerWeek));
      const auto length = 1 + below(std::size_t{kMinutesPerWeek} - begin);
      made.hours.push_back({begin, static_cast<std::uint16_t>(begin + length)});
    } while (often());
    made.hours = merge(std::move(made.hours));
    return made;
  }
  PrefixLimit limit() {
    PrefixLimit made;
    made.labels = labels();
    made.ipv4 = static_cast<std::uint8_t>(below(33));
    if (often()) made.ipv6 = static_cast<std::uint8_t>(below(129));
    return made;
  }
  Reservation reservation() {
    Reservation made;
    made.prefixes = {prefix()};
    if (often()) made.ports = {53, 443};
    made.only = {{"team", text()}};
    return made;
  }

  std::mt19937 random_;
};

TEST(InventoryWrite, IsReadAsTheSame) {
  for (std::uint32_t seed = 0; seed < 2000 && !testing::Test::HasFailure(); ++seed)
    expect_same_after_print(Maker(seed).make());
}

TEST(InventoryWrite, OnePeerIsAnInventoryOfItsOwn) {
  DeclaredPeer peer;
  peer.name = "anna";
  peer.public_key = key(1);
  const Inventory read = read_good(write_peer(peer));
  ASSERT_EQ(read.peers.size(), 1U);
  EXPECT_EQ(read.peers[0].name, "anna");
}

TEST(InventoryWrite, AnEmptyOneIsNoEmptyFile) {
  EXPECT_TRUE(read_good(write_inventory({})) == Inventory());
}

TEST(InventoryWrite, IsMadeForPeople) {
  DeclaredPeer peer;
  peer.name = "anna";
  peer.public_key = key(1);
  peer.allowed_ips = {*Prefix::parse("10.9.0.7/32")};
  peer.persistent_keepalive = std::chrono::seconds(0);
  EXPECT_EQ(write_peer(peer), with_keys("peers:\n"
                                        "  - name: \"anna\"\n"
                                        "    public_key: <1>\n"
                                        "    allowed_ips: [\"10.9.0.7/32\"]\n"
                                        "    persistent_keepalive: off\n"
                                        "    expected_online: roaming\n"));
}

}  // namespace
}  // namespace wgscope::config
