#include "wgscope/source/netlink/routes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <net/if.h>
#include <optional>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/fib_rules.h>
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

Bytes route(const Attributes& attributes, unsigned char family = AF_INET,
            unsigned char type = RTN_UNICAST) {
  rtmsg message{};
  message.rtm_family = family;
  message.rtm_type = type;
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

TEST(DecodeRoute, TellsTheHostItselfAndWhatIsDroppedFromAWay) {
  const auto type_of = [](unsigned char type) {
    return decode_route(route(Attributes(), AF_INET, type)).value().type;
  };
  EXPECT_EQ(type_of(RTN_UNICAST), RouteType::unicast);
  EXPECT_EQ(type_of(RTN_LOCAL), RouteType::local);
  for (const unsigned char type : {RTN_UNREACHABLE, RTN_PROHIBIT, RTN_BLACKHOLE})
    EXPECT_EQ(type_of(type), RouteType::rejected) << int{type};
  EXPECT_EQ(type_of(RTN_BROADCAST), RouteType::broadcast);
  EXPECT_EQ(type_of(RTN_MULTICAST), RouteType::other);
  EXPECT_EQ(type_of(255), RouteType::other);
}

TEST(DecodeRoute, RefusesMalformedMessages) {
  EXPECT_EQ(decode_route(Bytes(sizeof(rtmsg) - 1)).error().code, Errc::truncated);
  EXPECT_EQ(decode_route(route(Attributes().put(RTA_GATEWAY, octets_of("fe80::1")))).error().code,
            Errc::bad_length);
  EXPECT_EQ(
      decode_route(route(Attributes().raw(testing::attribute_header(200, RTA_OIF)))).error().code,
      Errc::bad_length);
}

TEST(DecodeTableRoute, ReadsPrefixTableAndInterface) {
  const auto with = [](unsigned char family, unsigned char bits, const Attributes& attributes) {
    rtmsg message{};
    message.rtm_family = family;
    message.rtm_type = RTN_UNICAST;
    message.rtm_dst_len = bits;
    message.rtm_table = RT_TABLE_COMPAT;
    message.rtm_protocol = RTPROT_KERNEL;
    return decode_table_route(join({bytes_of(message), attributes.bytes()}));
  };
  EXPECT_EQ(with(AF_INET, 24,
                 Attributes()
                     .put(RTA_DST, octets_of("10.9.0.0"))
                     .put(RTA_TABLE, std::uint32_t{51820})
                     .put(RTA_OIF, std::uint32_t{7}))
                .value(),
            (TableRoute{.to = Prefix::parse("10.9.0.0/24").value(),
                        .table = 51820,
                        .ifindex = 7,
                        .of_kernel = true}));
  const TableRoute everything = with(AF_INET6, 0, Attributes()).value();
  EXPECT_EQ(everything.to, Prefix::parse("::/0").value());
  EXPECT_EQ(everything.table, RT_TABLE_COMPAT);
  EXPECT_EQ(with(AF_INET, 33, Attributes()).error().code, Errc::bad_length);
  EXPECT_EQ(with(AF_INET, 24, Attributes().put(RTA_DST, octets_of("fd00::"))).error().code,
            Errc::bad_length);
  EXPECT_EQ(decode_table_route(Bytes(sizeof(rtmsg) - 1)).error().code, Errc::truncated);
}

TEST(ListRoutes, KnowsTheRoutesOfTheLoopbackInterface) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const auto found = list_routes(Family::v4, if_nametoindex("lo"),
                                 os::boot_now() + std::chrono::seconds(10), buffer);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_NE(std::ranges::find(*found, Prefix::parse("127.0.0.0/8").value(), &TableRoute::to),
            found->end());
  for (const TableRoute& route : *found) EXPECT_EQ(route.ifindex, if_nametoindex("lo"));
}

TEST(FindRoute, KnowsTheWayToThisHost) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const auto found = find_route({.to = address("127.0.0.1"), .port = 51820},
                                os::boot_now() + std::chrono::seconds(10), buffer);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_FALSE(found->gateway);
  EXPECT_EQ(found->source, address("127.0.0.1"));
  EXPECT_NE(found->ifindex, 0U);
  EXPECT_EQ(found->type, RouteType::local);
}

Bytes rule(const Attributes& attributes) {
  fib_rule_hdr header{};
  header.family = AF_INET;
  header.flags = FIB_RULE_INVERT;
  header.action = FR_ACT_TO_TBL;
  return join({bytes_of(header), attributes.bytes()});
}

TEST(DecodeRuleMark, ReadsTheMarkThatARuleLooksFor) {
  const Bytes of_wg_quick = rule(Attributes()
                                     .put(FRA_TABLE, std::uint32_t{51820})
                                     .put(FRA_FWMARK, std::uint32_t{0xca6c})
                                     .put(FRA_FWMASK, std::uint32_t{0xffffffff}));
  EXPECT_EQ(decode_rule_mark(of_wg_quick).value(), 0xca6cU);
  EXPECT_EQ(decode_rule_mark(rule(Attributes().put(FRA_TABLE, std::uint32_t{254}))).value(),
            std::nullopt);
}

TEST(DecodeRuleMark, RefusesMalformedMessages) {
  EXPECT_EQ(decode_rule_mark(Bytes(sizeof(fib_rule_hdr) - 1)).error().code, Errc::truncated);
  EXPECT_EQ(decode_rule_mark(rule(Attributes().put(FRA_FWMARK, std::uint8_t{1}))).error().code,
            Errc::bad_length);
  EXPECT_EQ(decode_rule_mark(rule(Attributes().raw(testing::attribute_header(200, FRA_TABLE))))
                .error()
                .code,
            Errc::bad_length);
}

TEST(FindRuleMarks, ReadsTheRulesOfThisHost) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const auto marks = find_rule_marks(Family::v4, os::boot_now() + std::chrono::seconds(10), buffer);
  ASSERT_TRUE(marks) << marks.error().context;
}

}  // namespace
}  // namespace wgscope::netlink
