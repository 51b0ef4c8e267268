#include "wgscope/source/netlink/links.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/dump.hpp"

#include "attribute_builder.hpp"

namespace wgscope::netlink {
namespace {

using namespace std::chrono_literals;
using testing::Attributes;
using testing::Bytes;
using testing::bytes_of;
using testing::join;
using testing::repeat;

Bytes link(const Attributes& attributes, unsigned flags = IFF_UP, int ifindex = 7) {
  ifinfomsg info{};
  info.ifi_index = ifindex;
  info.ifi_flags = flags;
  return join({bytes_of(info), attributes.bytes()});
}

rtnl_link_stats64 counted() {
  rtnl_link_stats64 raw{};
  raw.rx_packets = 1;
  raw.tx_packets = 2;
  raw.rx_bytes = 0x8000000000000003;
  raw.tx_bytes = 4;
  raw.rx_errors = 5;
  raw.tx_errors = 6;
  raw.rx_dropped = 7;
  raw.tx_dropped = 8;
  raw.rx_length_errors = 9;
  raw.rx_frame_errors = 10;
  raw.rx_fifo_errors = 999;
  return raw;
}

constexpr LinkStats kCounted{.receive_packets = 1,
                             .transmit_packets = 2,
                             .receive_bytes = 0x8000000000000003,
                             .transmit_bytes = 4,
                             .receive_errors = 5,
                             .transmit_errors = 6,
                             .receive_dropped = 7,
                             .transmit_dropped = 8,
                             .receive_length_errors = 9,
                             .receive_frame_errors = 10};

TEST(DecodeLink, ReadsWhatAWireguardInterfaceSays) {
  const Attributes attributes =
      Attributes()
          .put_string(IFLA_IFNAME, "wg0")
          .put(IFLA_MTU, std::uint32_t{1420})
          .put(IFLA_STATS64, bytes_of(counted()))
          .nest(IFLA_LINKINFO,
                Attributes().put_string(IFLA_INFO_KIND, "wireguard").put(IFLA_INFO_DATA, Bytes()));
  const auto decoded = decode_link(link(attributes));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, (Link{.name = "wg0",
                            .kind = "wireguard",
                            .ifindex = 7,
                            .mtu_bytes = 1420,
                            .up = true,
                            .stats = kCounted}));
}

TEST(DecodeLink, TellsUpFromOtherFlags) {
  EXPECT_TRUE(decode_link(link({}, IFF_UP))->up);
  EXPECT_TRUE(decode_link(link({}, IFF_UP | IFF_NOARP))->up);
  EXPECT_FALSE(decode_link(link({}, IFF_RUNNING | IFF_NOARP))->up)
      << "running is not administratively up";
  EXPECT_FALSE(decode_link(link({}, 0))->up);
}

TEST(DecodeLink, LeavesOutWhatTheKernelLeftOut) {
  const auto decoded = decode_link(link({}, 0));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, (Link{.name = "",
                            .kind = "",
                            .ifindex = 7,
                            .mtu_bytes = 0,
                            .up = false,
                            .stats = std::nullopt}));
}

TEST(DecodeLink, HasNoKindWithoutOne) {
  const auto decoded = decode_link(
      link(Attributes().nest(IFLA_LINKINFO, Attributes().put(IFLA_INFO_DATA, Bytes()))));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->kind, "");
}

TEST(DecodeLink, ReadsStatisticsOfOlderAndNewerKernels) {
  Bytes raw = bytes_of(counted());
  for (const std::size_t size :
       {std::size_t{184}, std::size_t{192}, std::size_t{200}, std::size_t{208}, std::size_t{512},
        offsetof(rtnl_link_stats64, rx_fifo_errors)}) {
    raw = bytes_of(counted());
    raw.resize(size, std::byte{0xff});
    const auto decoded = decode_link(link(Attributes().put(IFLA_STATS64, raw)));
    ASSERT_TRUE(decoded) << size;
    EXPECT_EQ(decoded->stats, kCounted) << size;
  }
}

TEST(DecodeLink, RejectsStatisticsThatEndBeforeWhatIsUsed) {
  for (std::size_t size = 0; size < offsetof(rtnl_link_stats64, rx_fifo_errors); ++size) {
    const auto decoded = decode_link(link(Attributes().put(IFLA_STATS64, repeat(size, 1))));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, Errc::bad_length);
    EXPECT_NE(decoded.error().context.find("IFLA_STATS64"), std::string::npos);
  }
}

struct Malformed {
  std::string_view name;
  Attributes attributes;
};

TEST(DecodeLink, RejectsMalformedAttributesByName) {
  const std::vector<Malformed> cases{
      {"IFLA_IFNAME", Attributes().put(IFLA_IFNAME, Bytes())},
      {"IFLA_IFNAME", Attributes().put(IFLA_IFNAME, repeat(16, 'x'))},
      {"IFLA_MTU", Attributes().put(IFLA_MTU, std::uint16_t{1420})},
      {"IFLA_MTU", Attributes().put(IFLA_MTU, std::uint64_t{1420})},
      {"IFLA_INFO_KIND",
       Attributes().nest(IFLA_LINKINFO, Attributes().put(IFLA_INFO_KIND, repeat(4, 'x')))},
      {"IFLA_LINKINFO",
       Attributes().nest(IFLA_LINKINFO, Attributes().raw(testing::attribute_header(3, 1)))},
      {"RTM_NEWLINK", Attributes().raw(testing::attribute_header(200, IFLA_MTU))},
      {"RTM_NEWLINK", Attributes().put(IFLA_MTU, std::uint32_t{1}).raw(repeat(2, 0))},
  };
  for (const Malformed& tested : cases) {
    const auto decoded = decode_link(link(tested.attributes));
    ASSERT_FALSE(decoded) << tested.name;
    EXPECT_EQ(decoded.error().code, Errc::bad_length) << tested.name;
    EXPECT_NE(decoded.error().context.find(tested.name), std::string::npos)
        << decoded.error().context;
  }
}

TEST(DecodeLink, RejectsAMessageThatEndsInsideItsHeader) {
  for (std::size_t size = 0; size < sizeof(ifinfomsg); ++size)
    EXPECT_EQ(decode_link(repeat(size, 0)).error().code, Errc::truncated) << size;
}

// The running kernel, without privileges.

class KernelLinks : public ::testing::Test {
 protected:
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kReceiveBufferSize);
  Instant deadline_ = os::boot_now() + 10s;
};

TEST_F(KernelLinks, FindsTheLoopbackInterface) {
  const auto link = find_link("lo", deadline_, buffer_);
  ASSERT_TRUE(link) << link.error().context;
  EXPECT_EQ(link->name, "lo");
  EXPECT_EQ(link->kind, "");
  EXPECT_NE(link->ifindex, 0U);
  EXPECT_TRUE(link->stats.has_value());
}

TEST_F(KernelLinks, SaysWhichInterfaceIsMissing) {
  const auto link = find_link("wgscope-missing", deadline_, buffer_);
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Errc::no_device);
  EXPECT_NE(link.error().context.find("wgscope-missing"), std::string::npos)
      << link.error().context;
}

TEST_F(KernelLinks, AsksNoKernelForANameThatCannotBe) {
  EXPECT_EQ(find_link("", deadline_, buffer_).error().code, Errc::no_device);
  EXPECT_EQ(find_link(std::string(16, 'x'), deadline_, buffer_).error().code, Errc::no_device);
  EXPECT_EQ(find_link(std::string(4096, 'x'), deadline_, buffer_).error().code, Errc::no_device);
}

TEST_F(KernelLinks, ListsOnlyWireguard) {
  std::vector<Link> links(3);
  const auto listed = list_wireguard_links(deadline_, buffer_, links);
  ASSERT_TRUE(listed) << listed.error().context;
  for (const Link& link : links) EXPECT_EQ(link.kind, "wireguard");
}

TEST_F(KernelLinks, LeavesNothingInTheBuffer) {
  std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
  ASSERT_TRUE(find_link("lo", deadline_, buffer_));
  EXPECT_TRUE(
      std::all_of(buffer_.begin(), buffer_.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(DecodeOutlet, TellsFramesFromBarePackets) {
  const auto outlet = [](unsigned short type, const char* kind) {
    ifinfomsg info{};
    info.ifi_type = type;
    return decode_outlet(join({bytes_of(info), Attributes()
                                                   .put_string(IFLA_IFNAME, "wg0")
                                                   .nest(IFLA_LINKINFO, Attributes().put_string(
                                                                            IFLA_INFO_KIND, kind))
                                                   .bytes()}))
        .value();
  };
  const Outlet tunnel = outlet(ARPHRD_NONE, "tun");
  EXPECT_EQ(tunnel.name, "wg0");
  EXPECT_EQ(tunnel.kind, "tun");
  EXPECT_FALSE(tunnel.ethernet);
  EXPECT_TRUE(outlet(ARPHRD_ETHER, "tun").ethernet) << "a TAP device";
}

TEST(DecodeOutlet, RefusesMalformedMessages) {
  EXPECT_EQ(decode_outlet(Bytes(sizeof(ifinfomsg) - 1)).error().code, Errc::truncated);
}

TEST(FindOutlet, KnowsTheLoopbackAndSaysWhatIsMissing) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const Instant deadline = os::boot_now() + 10s;
  const auto loopback = find_link("lo", deadline, buffer);
  ASSERT_TRUE(loopback) << loopback.error().context;
  EXPECT_EQ(find_outlet(loopback->ifindex, deadline, buffer).value().name, "lo");
  EXPECT_FALSE(find_outlet(0x7fffffff, deadline, buffer));
}

}  // namespace
}  // namespace wgscope::netlink
