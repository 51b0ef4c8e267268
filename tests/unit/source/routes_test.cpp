#include "wgscope/source/netlink/routes.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/dump.hpp"

#include "attribute_builder.hpp"

namespace wgscope::netlink {
namespace {

using testing::Attributes;
using testing::Bytes;
using testing::bytes_of;
using testing::join;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

Bytes octets_of(const char* text) {
  const IpAddress parsed = address(text);
  const auto octets = parsed.octets();
  return {octets.begin(), octets.end()};
}

Bytes route(const Attributes& attributes, unsigned char family = AF_INET) {
  rtmsg message{};
  message.rtm_family = family;
  return join({bytes_of(message), attributes.bytes()});
}

TEST(DecodeRoute, ReadsTheNextRouter) {
  const Route read = decode_route(route(Attributes()
                                            .put(RTA_TABLE, std::uint32_t{254})
                                            .put(RTA_DST, octets_of("192.0.2.1"))
                                            .put(RTA_GATEWAY, octets_of("10.7.0.1"))
                                            .put(RTA_OIF, std::uint32_t{7})
                                            .put(RTA_PREFSRC, octets_of("10.7.0.2"))))
                         .value();
  EXPECT_EQ(read,
            (Route{.gateway = address("10.7.0.1"), .source = address("10.7.0.2"), .ifindex = 7}));
  const Route v6 =
      decode_route(route(Attributes().put(RTA_GATEWAY, octets_of("fe80::1")), AF_INET6)).value();
  EXPECT_EQ(v6.gateway, address("fe80::1"));
}

TEST(DecodeRoute, KnowsNoRouterOfWhatIsOnTheLink) {
  EXPECT_FALSE(decode_route(route(Attributes().put(RTA_OIF, std::uint32_t{7})))->gateway);
  // An IPv6 router for an IPv4 route is named otherwise.
  Bytes via = bytes_of(std::uint16_t{AF_INET6});
  via.resize(18);
  EXPECT_FALSE(decode_route(route(Attributes().put(RTA_VIA, via)))->gateway);
}

TEST(DecodeRoute, RefusesMalformedMessages) {
  EXPECT_EQ(decode_route(Bytes(sizeof(rtmsg) - 1)).error().code, Errc::truncated);
  EXPECT_EQ(decode_route(route(Attributes().put(RTA_GATEWAY, octets_of("fe80::1")))).error().code,
            Errc::bad_length);
  EXPECT_EQ(
      decode_route(route(Attributes().raw(testing::attribute_header(200, RTA_OIF)))).error().code,
      Errc::bad_length);
}

TEST(FindRoute, KnowsTheWayToThisHost) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const auto found =
      find_route(address("127.0.0.1"), os::boot_now() + std::chrono::seconds(10), buffer);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_FALSE(found->gateway);
  EXPECT_EQ(found->source, address("127.0.0.1"));
  EXPECT_NE(found->ifindex, 0U);
}

}  // namespace
}  // namespace wgscope::netlink
