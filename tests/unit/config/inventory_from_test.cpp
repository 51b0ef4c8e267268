// An inventory made of what is known of interfaces is read without a problem, whatever is known.

#include "wgscope/config/inventory_from.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "inventory_texts.hpp"
#include "keys.hpp"

namespace wgscope::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Interfaces with everything there can be, some of the time.
class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  std::vector<KnownInterface> make() {
    std::vector<KnownInterface> made;
    for (std::size_t count = below(4); made.size() < count;) {
      KnownInterface one;
      one.name = fmt::format("wg{}", made.size());
      if (often()) one.host = "gw-1";
      if (often()) one.public_key = key(below(20) + 1);
      while (often()) one.addresses.push_back(prefix());
      if (often()) one.listen_port = static_cast<std::uint16_t>(1 + below(65535));
      if (often()) one.mtu = static_cast<std::uint16_t>(1280 + below(1000));
      if (often()) one.fwmark = below(1000);
      for (std::size_t peers = below(6); one.peers.size() < peers;) one.peers.push_back(peer());
      if (often()) one.notes.push_back("a note\nof \x1b[31m two lines: {x: [y]}");
      made.push_back(one);
    }
    return made;
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_()) % limit; }
  bool often() { return below(2) == 0; }

  Prefix prefix() {
    if (often()) return *Prefix::parse(fmt::format("10.{}.{}.0/24", below(200), below(200)));
    return *Prefix::parse(fmt::format("fd00:{:x}::/64", below(60'000)));
  }

  KnownPeer peer() {
    static const std::vector<std::string> kNames{
        "",           "anna",     "anna",      "wg0-peer", "wg0-peer-1",
        "a: b",       "\"q\"\\",  "- x",       "#",        "\x1b[31m",
        "two\nlines", "\xFF\xFE", key_text(5), "ä",        std::string(200, 'n')};
    KnownPeer made;
    made.name = kNames[below(static_cast<std::uint32_t>(kNames.size()))];
    made.public_key = key(below(12) + 1);
    if (often()) made.allowed_ips.push_back(prefix());
    if (often()) made.endpoint = EndpointName{often() ? "gw.example" : "fd00::1", 51820};
    if (often()) made.persistent_keepalive = std::chrono::seconds(25);
    made.has_preshared_key = often();
    return made;
  }

  std::mt19937 random_;
};

TEST(InventoryFrom, IsAlwaysReadWithoutAProblem) {
  std::size_t peers = 0;
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    const std::vector<KnownInterface> known = Maker(seed).make();
    const std::string text = write_inventory_from(known);
    const std::vector<InventoryText> files{{"a.yaml", text}};
    const InventoryRead read = read_inventory(files, knows_zone);
    for (const InventoryProblem& problem : read.problems)
      ADD_FAILURE() << to_string(problem, read.files) << '\n' << text;
    EXPECT_EQ(read.inventory.interfaces.size(), known.size());
    EXPECT_EQ(read.inventory.peers.size(), inventory_from(known).peers.size());
    peers += read.inventory.peers.size();
    if (HasFailure()) return;
  }
  EXPECT_GT(peers, 1000U);
}

TEST(InventoryFrom, TakesTheRunningStateWithoutInventingAnything) {
  Device device;
  device.name = "wg0";
  device.public_key = key(1);
  device.listen_port = 51820;
  device.link.emplace().mtu_bytes = 1420;
  Peer& peer = device.peers.emplace_back();
  peer.public_key = key(2);
  peer.endpoint = *Endpoint::parse("192.0.2.1:4711");
  peer.persistent_keepalive_seconds = 25;
  peer.has_preshared_key = true;
  device.add_allowed_ip(0, *Prefix::parse("10.9.0.7/32"));
  const std::vector<KnownInterface> known{known_interface(device)};
  const std::string text = write_inventory_from(known);
  EXPECT_THAT(text, StartsWith("# wg0 as it runs now. Endpoints are left out"));
  EXPECT_THAT(text, HasSubstr("# Names such as wg0-peer-1 are made up"));
  EXPECT_THAT(text, Not(HasSubstr("192.0.2.1"))) << "the peer may have roamed there";
  EXPECT_THAT(text, AllOf(HasSubstr("listen_port: 51820\n    mtu: 1420\n    fwmark: off\n"),
                          HasSubstr("allowed_ips: [\"10.9.0.7/32\"]\n    persistent_keepalive: 25\n"
                                    "    preshared_key: required\n")));
}

TEST(InventoryFrom, LeavesOutWhatAnInventoryCannotHave) {
  std::vector<KnownInterface> known(2);
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i].name = fmt::format("wg{}", i);
    known[i].public_key = key(1);
    known[i].peers.push_back(
        {.name = "own", .public_key = key(1), .allowed_ips = {}, .endpoint = {}});
  }
  EXPECT_THAT(inventory_from(known).peers, testing::IsEmpty());
  EXPECT_THAT(write_inventory_from(known),
              AllOf(HasSubstr("# A peer of wg0 is left out: it has the key of wg0 itself"),
                    HasSubstr("# public_key of wg1 is left out: wg0 has the same key.")));
}

TEST(InventoryFrom, HasNoCommentsWhereNothingNeedsThem) {
  EXPECT_EQ(write_inventory_from({}), "peers: []\n");
  KnownInterface known;
  known.name = "wg0";
  EXPECT_EQ(write_inventory_from(std::vector{known}), "interfaces:\n  - name: \"wg0\"\n");
}

}  // namespace
}  // namespace wgscope::config
