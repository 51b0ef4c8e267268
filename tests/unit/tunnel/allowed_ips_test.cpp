#include "tunnel/allowed_ips.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {
namespace {

constexpr PeerId kA{1};
constexpr PeerId kB{2};
constexpr PeerId kC{3};

Prefix prefix(std::string_view text) { return *Prefix::parse(text); }
IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(AllowedIps, AnEmptyTableHasNobody) {
  const AllowedIps table;
  EXPECT_EQ(table.find(ip("0.0.0.0")), std::nullopt);
  EXPECT_EQ(table.find(ip("::")), std::nullopt);
}

TEST(AllowedIps, TheLongestPrefixWinsInWhateverOrderTheyCame) {
  const std::vector<std::vector<std::string_view>> orders{
      {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"},
      {"10.1.2.3/32", "10.1.0.0/16", "10.0.0.0/8"},
      {"10.1.0.0/16", "10.1.2.3/32", "10.0.0.0/8"},
      {"10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32"}};
  for (const auto& order : orders) {
    AllowedIps table;
    for (const std::string_view one : order) table.insert(prefix(one), PeerId{prefix(one).bits});
    EXPECT_EQ(table.find(ip("10.1.2.3")), PeerId{32});
    EXPECT_EQ(table.find(ip("10.1.2.4")), PeerId{16});
    EXPECT_EQ(table.find(ip("10.2.0.0")), PeerId{8});
    EXPECT_EQ(table.find(ip("11.1.2.3")), std::nullopt);
  }
}

TEST(AllowedIps, SiblingsUnderABranchThatIsNobodysAreApart) {
  AllowedIps table;
  table.insert(prefix("192.168.4.0/24"), kA);
  table.insert(prefix("192.168.5.0/24"), kB);
  EXPECT_EQ(table.find(ip("192.168.4.255")), kA);
  EXPECT_EQ(table.find(ip("192.168.5.0")), kB);
  EXPECT_EQ(table.find(ip("192.168.6.0")), std::nullopt);
  table.insert(prefix("192.168.4.0/23"), kC);  // just that branch
  EXPECT_EQ(table.find(ip("192.168.4.255")), kA);
  table.remove_peer(kA);
  EXPECT_EQ(table.find(ip("192.168.4.255")), kC);
}

TEST(AllowedIps, ADefaultRouteHasWhatNobodyElseHas) {
  AllowedIps table;
  table.insert(prefix("64.15.112.0/20"), kB);
  table.insert(prefix("0.0.0.0/0"), kA);
  EXPECT_EQ(table.find(ip("255.255.255.255")), kA);
  EXPECT_EQ(table.find(ip("0.0.0.0")), kA);
  EXPECT_EQ(table.find(ip("64.15.123.211")), kB);
  table.remove_peer(kA);
  EXPECT_EQ(table.find(ip("0.0.0.0")), std::nullopt);
  EXPECT_EQ(table.find(ip("64.15.123.211")), kB);
}

TEST(AllowedIps, TheFamiliesAreApart) {
  AllowedIps table;
  table.insert(prefix("0.0.0.0/0"), kA);
  EXPECT_EQ(table.find(ip("::")), std::nullopt);
  EXPECT_EQ(table.find(ip("::ffff:10.0.0.1")), std::nullopt);
  table.insert(prefix("::/0"), kB);
  EXPECT_EQ(table.find(ip("::")), kB);
  EXPECT_EQ(table.find(ip("0.0.0.0")), kA);
}

TEST(AllowedIps, Ipv6PrefixesOfEveryLengthNest) {
  AllowedIps table;
  for (unsigned bits = 0; bits <= 128; ++bits)
    table.insert({ip("2607:5300:6006:b0ff:ffff:ffff:c05f:543"), static_cast<std::uint8_t>(bits)},
                 PeerId{bits});
  EXPECT_EQ(table.find(ip("2607:5300:6006:b0ff:ffff:ffff:c05f:543")), PeerId{128});
  EXPECT_EQ(table.find(ip("2607:5300:6006:b0ff:ffff:ffff:c05f:542")), PeerId{127});
  EXPECT_EQ(table.find(ip("2607:5300:6006:b0ff:7fff:ffff:c05f:543")), PeerId{64});
  EXPECT_EQ(table.find(ip("2607:5300:6006:b0fe:ffff:ffff:c05f:543")), PeerId{63});
  EXPECT_EQ(table.find(ip("a607::")), PeerId{0});
}

TEST(AllowedIps, APrefixInsertedAgainMovesAndTellsWhoHadIt) {
  AllowedIps table;
  EXPECT_EQ(table.insert(prefix("10.0.0.0/24"), kA), std::nullopt);
  EXPECT_EQ(table.insert(prefix("10.0.0.0/24"), kB), kA);
  EXPECT_EQ(table.find(ip("10.0.0.1")), kB);
  table.remove_peer(kA);
  EXPECT_EQ(table.find(ip("10.0.0.1")), kB);
  table.remove_peer(kB);
  EXPECT_EQ(table.insert(prefix("10.0.0.0/24"), kC), std::nullopt) << "nobody had it any more";
  EXPECT_EQ(table.find(ip("10.0.0.1")), kC);
}

TEST(AllowedIps, BitsBehindThePrefixDoNotCount) {
  AllowedIps table;
  table.insert(prefix("10.0.0.77/24"), kA);
  EXPECT_EQ(table.find(ip("10.0.0.1")), kA);
  EXPECT_EQ(table.insert(prefix("10.0.0.0/24"), kB), kA);
}

/// What the trie must be indistinguishable from.
class LinearTable {
 public:
  std::optional<PeerId> insert(const Prefix& prefix, PeerId peer) {
    for (Entry& entry : entries_)
      if (entry.prefix.bits == prefix.bits &&
          entry.prefix.address.family == prefix.address.family &&
          contains(entry.prefix, prefix.address)) {
        const PeerId previous = entry.peer;
        entry.peer = peer;
        return previous;
      }
    entries_.push_back({prefix, peer});
    return std::nullopt;
  }
  void remove_peer(PeerId peer) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.peer == peer; });
  }
  [[nodiscard]] std::optional<PeerId> find(const IpAddress& address) const {
    const Entry* best = nullptr;
    for (const Entry& entry : entries_)
      if (contains(entry.prefix, address) &&
          (best == nullptr || entry.prefix.bits > best->prefix.bits))
        best = &entry;
    return best == nullptr ? std::nullopt : std::optional(best->peer);
  }

 private:
  struct Entry {
    Prefix prefix;
    PeerId peer;
  };
  static bool contains(const Prefix& prefix, const IpAddress& address) {
    if (prefix.address.family != address.family) return false;
    for (unsigned bit = 0; bit < prefix.bits; ++bit) {
      const auto mask = std::byte{0x80} >> (bit % 8);
      if ((prefix.address.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
    }
    return true;
  }
  std::vector<Entry> entries_;
};

/// Addresses that share much, so that prefixes nest and collide.
IpAddress near_address(std::mt19937& random) {
  IpAddress address{.family = random() % 2 == 0 ? Family::v4 : Family::v6};
  const std::size_t size = address.octets().size();
  for (std::size_t i = 0; i < size; ++i)
    if (random() % 4 == 0) address.bytes[i] = static_cast<std::byte>(1U << (random() % 8));
  return address;
}

TEST(AllowedIps, BehavesAsALinearScanOfRandomTables) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    AllowedIps table;
    LinearTable model;
    for (int step = 0; step < 600; ++step) {
      const PeerId peer{static_cast<std::uint32_t>(random() % 12)};
      if (random() % 20 == 0) {
        table.remove_peer(peer);
        model.remove_peer(peer);
        continue;
      }
      const IpAddress address = near_address(random);
      const auto bits = static_cast<std::uint8_t>(random() % (8 * address.octets().size() + 1));
      ASSERT_EQ(table.insert({address, bits}, peer), model.insert({address, bits}, peer));
      const IpAddress asked = near_address(random);
      ASSERT_EQ(table.find(asked), model.find(asked)) << asked.to_string();
    }
  }
}

}  // namespace
}  // namespace wgscope::tunnel
