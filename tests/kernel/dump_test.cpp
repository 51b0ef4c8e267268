// Answers of many messages, and answers about what changes or vanishes while it is read.

#include "wgscope/source/netlink/dump.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "guest.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::IsEmpty;

constexpr std::chrono::seconds kLongEnough{20};

std::vector<std::byte> make_buffer() { return std::vector<std::byte>(netlink::kReceiveBufferSize); }
Instant soon() { return os::boot_now() + std::chrono::seconds(60); }

/// A peer for each size, with that many allowed IPs.
std::vector<PeerConfig> made_up_peers(const std::vector<std::size_t>& sizes) {
  std::vector<PeerConfig> peers;
  for (std::uint32_t i = 0; i < sizes.size(); ++i)
    peers.push_back(
        {.public_key = made_up_key(i).base64(), .allowed_ips = made_up_prefixes(i, sizes[i])});
  return peers;
}

// --- Peers that go on in the next message. The first message has room for about a hundred
// prefixes, the others for about a thousand.

/// @param sizes  how many allowed IPs each peer has, in the kernel's order. @param live  the one
/// that was heard from.
void expect_merged(const std::vector<std::size_t>& sizes, std::size_t live) {
  std::vector<PeerConfig> peers = made_up_peers(sizes);
  const auto at = peers.begin() + static_cast<std::ptrdiff_t>(live);
  const Tunnel tunnel(
      {.before = {peers.begin(), at}, .more = at->allowed_ips, .after = {at + 1, peers.end()}});
  ASSERT_TRUE(tunnel.ping(1));
  tunnel.freeze();

  const Snapshot snapshot = collect({.netns = {"left"}});
  EXPECT_THAT(failures(snapshot), IsEmpty());
  const Device& read = device(snapshot, "left", "wg0");
  expect_same_lines(as_wg_dump(read), wg_dump("left", "wg0"));
  ASSERT_EQ(read.peers.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    EXPECT_EQ(read.peers[i].allowed_ips_count, sizes[i] + (i == live ? 1 : 0)) << "peer " << i;
  EXPECT_GT(read.peers[live].receive_bytes, 0);
  EXPECT_TRUE(read.peers[live].last_handshake);
}

TEST(KernelDump, MergesAFirstPeerThatOverflows) { expect_merged({3000, 1, 1}, 0); }
TEST(KernelDump, MergesAMiddlePeerThatOverflows) { expect_merged({1, 3000, 1}, 1); }
TEST(KernelDump, MergesALastPeerThatOverflows) { expect_merged({1, 1, 3000}, 2); }
TEST(KernelDump, MergesAnOnlyPeerThatOverflows) { expect_merged({3000}, 0); }
TEST(KernelDump, MergesPeersThatOverflowOneAfterAnother) {
  expect_merged({1, 2500, 3000, 2000, 1}, 2);
}

// --- What changes while it is read.

/// Collects wg0 again and again. @returns how often that was interrupted; what it says of others is
/// left to `whole`.
int count_interrupted(int rounds, const std::function<void(const Device&)>& whole) {
  source::SnapshotSource source({});
  Snapshot snapshot;
  int interrupted = 0;
  for (int i = 0; i < rounds; ++i) {
    collect(source, snapshot);
    if (snapshot.failures.empty()) {
      whole(device(snapshot, "", "wg0"));
      continue;
    }
    ++interrupted;
    EXPECT_EQ(failures(snapshot), std::vector<std::string>{"/wg0: interrupted"});
    EXPECT_FALSE(snapshot.report(Collector::netlink).success);
    EXPECT_FALSE(device(snapshot, "", "wg0").peers.empty())
        << "what was read last is shown all the same";
  }
  return interrupted;
}

TEST(KernelDump, IsWholeOrInterruptedWhilePeersComeAndGo) {
  const std::vector<std::size_t> sizes(100, 200);
  const Interface wg("wg0");
  configure("", "wg0", {.peers = made_up_peers(sizes)});
  const std::string guest = made_up_key(999).base64();
  Churn churn(fmt::format(
      "wg set wg0 peer {0} allowed-ips 192.0.2.1/32; wg set wg0 peer {0} remove", guest));
  count_interrupted(40, [&](const Device& read) {
    EXPECT_EQ(different_keys(read), read.peers.size())
        << "a key twice in an answer said to be whole";
    EXPECT_EQ(read.peers.size(), sizes.size() + (find_peer(read, guest) != nullptr ? 1 : 0));
    EXPECT_EQ(read.allowed_ips.size(),
              sizes.size() * sizes[0] + (read.peers.size() - sizes.size()));
  });
  churn.stop();

  const Snapshot snapshot = collect();
  EXPECT_THAT(failures(snapshot), IsEmpty());
  expect_same_lines(as_wg_dump(device(snapshot, "", "wg0")), wg_dump("", "wg0"));
}

TEST(KernelDump, IsWholeOrInterruptedWhileAllowedIpsMove) {
  // The kernel drops the rest of a peer's list where anybody's list changed meanwhile.
  const Interface wg("wg0");
  configure("", "wg0", {.peers = made_up_peers({20'000, 0})});
  const Churn churn(fmt::format(
      "wg set wg0 peer {0} allowed-ips 192.0.2.1/32; wg set wg0 peer {0} allowed-ips ''",
      made_up_key(1).base64()));
  count_interrupted(
      40, [](const Device& read) { EXPECT_EQ(read.peers.at(0).allowed_ips_count, 20'000); });
}

/// Sets wg0's mark as fast as it goes, which the kernel counts as a change like any other.
class RestlessMark {
 public:
  RestlessMark() : thread_([this] { run(); }) {}
  RestlessMark(const RestlessMark&) = delete;
  RestlessMark& operator=(const RestlessMark&) = delete;
  ~RestlessMark() {
    stop_ = true;
    thread_.join();
  }

 private:
  void run() const {
    std::vector<std::byte> buffer = make_buffer();
    const auto family = netlink::resolve_wireguard_family(soon(), buffer).value();
    for (std::uint32_t mark = 1; !stop_; ++mark) {
      netlink::Request request(family, NLM_F_REQUEST | NLM_F_ACK);
      request.put_generic_header(WG_CMD_SET_DEVICE, WG_GENL_VERSION);
      request.put_string(WGDEVICE_A_IFNAME, "wg0");
      request.put_u32(WGDEVICE_A_FWMARK, mark);
      EXPECT_TRUE(netlink::ask_kernel(NETLINK_GENERIC, request, soon(), buffer,
                                      [](auto, auto) { return Result<>(); }));
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(KernelDump, IsReportedInterruptedWhereItNeverComesToRest) {
  const Interface wg("wg0");
  configure("", "wg0", {.peers = made_up_peers(std::vector<std::size_t>(100, 200))});
  const auto nothing = [](const Device&) {};
  {
    const RestlessMark restless;
    EXPECT_GT(count_interrupted(10, nothing), 0);
  }
  EXPECT_EQ(count_interrupted(2, nothing), 0);
}

// --- What vanishes while it is read.

TEST(KernelDump, SaysNoDeviceOfAnInterfaceDeletedAfterItWasListed) {
  std::vector<std::byte> buffer = make_buffer();
  std::vector<Link> links;
  std::uint16_t family = 0;
  {
    const Interface wg("wg0");
    ASSERT_TRUE(netlink::list_wireguard_links(soon(), buffer, links));
    family = netlink::resolve_wireguard_family(soon(), buffer).value();
  }
  ASSERT_EQ(links.size(), 1);
  Device into{.name = "wg0"};
  netlink::LeftOut left_out;
  const auto read = netlink::read_device(family, links[0].ifindex, soon(), buffer, into, left_out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::no_device);
  EXPECT_THAT(read.error().context, testing::HasSubstr("wg0"));
}

TEST(KernelDump, SaysNoDeviceOfALinkOfAnotherKind) {
  const Interface dummy("dummy0", "dummy");
  const Interface wg("wg0");
  std::vector<std::byte> buffer = make_buffer();
  const Link link = netlink::find_link("dummy0", soon(), buffer).value();
  const auto family = netlink::resolve_wireguard_family(soon(), buffer).value();
  Device into{.name = "dummy0"};
  netlink::LeftOut left_out;
  const auto read = netlink::read_device(family, link.ifindex, soon(), buffer, into, left_out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::no_device);
}

TEST(KernelDump, FindsNoLinkThatIsNotThere) {
  std::vector<std::byte> buffer = make_buffer();
  const auto link = netlink::find_link("nowhere0", soon(), buffer);
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Errc::no_device);
}

TEST(KernelDump, ShowsTheOthersWhileInterfacesAreDeleted) {
  // The one that goes stands between them, and reading the first takes long enough for it to go.
  const Interface first("wg-a", "wireguard", 101);
  const Interface last("wg-z", "wireguard", 103);
  configure("", "wg-a", {.peers = made_up_peers({20'000, 1})});
  configure("", "wg-z", {.peers = made_up_peers({1, 1})});
  Churn churn("/bin/ip link add index 102 name wg-m type wireguard; /bin/ip link del wg-m");
  source::SnapshotSource source({});
  Snapshot snapshot;
  const bool met = wait_until(
      [&] {
        collect(source, snapshot);
        for (const char* name : {"wg-a", "wg-z"})
          EXPECT_EQ(device(snapshot, "", name).peers.size(), 2) << name;
        EXPECT_THAT(failures(snapshot), Each(AnyOf("/wg-m: nodev", "/: interrupted")));
        return std::ranges::count(failures(snapshot), "/wg-m: nodev") > 0;
      },
      kLongEnough);
  EXPECT_TRUE(met) << "none was deleted between listing and reading: this test tests nothing";
  churn.stop();
}

TEST(KernelDump, EndsAtADeadlineThatHasPassed) {
  const Interface wg("wg0");
  configure("", "wg0", {.peers = made_up_peers({2000})});
  std::vector<std::byte> buffer = make_buffer();
  const Instant past = os::boot_now() - std::chrono::seconds(1);

  std::vector<Link> links;
  const auto listed = netlink::list_wireguard_links(past, buffer, links);
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Errc::timeout);

  const auto family = netlink::resolve_wireguard_family(soon(), buffer).value();
  const Link link = netlink::find_link("wg0", soon(), buffer).value();
  Device into{.name = "wg0"};
  netlink::LeftOut left_out;
  const auto read = netlink::read_device(family, link.ifindex, past, buffer, into, left_out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::timeout);

  source::SnapshotSource source({});
  Snapshot snapshot;
  source.collect(os::now(), past, snapshot);
  EXPECT_THAT(failures(snapshot), Contains("/: timeout"));
  EXPECT_FALSE(snapshot.report(Collector::links).success);
  collect(source, snapshot);
  EXPECT_THAT(failures(snapshot), IsEmpty()) << "and the next collection is not disturbed";
}

}  // namespace
}  // namespace wgscope::test
