#include "wgscope/wire/port_control.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::hex;
using Bytes = std::vector<std::byte>;
using Protocol = PortControlAnswer::Protocol;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }
Bytes as_vector(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

TEST(PortControlRequests, AreWhatTheRfcsDraw) {
  EXPECT_EQ(as_vector(nat_pmp_address_request()), hex("0000"));
  EXPECT_EQ(as_vector(pcp_announce_request(address("192.0.2.7"))),
            hex("0200000000000000"
                "00000000000000000000ffffc0000207"));
  EXPECT_EQ(as_vector(pcp_announce_request(address("2001:db8::7"))),
            hex("0200000000000000"
                "20010db8000000000000000000000007"));
}

TEST(ParsePortControl, ReadsAnOuterAddress) {
  const auto answer = parse_port_control(hex("008000000000002a cb007105")).value();
  EXPECT_EQ(answer.protocol, Protocol::nat_pmp);
  EXPECT_EQ(answer.result, kPortControlSuccess);
  EXPECT_EQ(answer.epoch, 42U);
  EXPECT_EQ(answer.outer, address("203.0.113.5"));
}

TEST(ParsePortControl, ReadsAnErrorWithoutAnAddress) {
  const auto answer = parse_port_control(hex("0080000300000001")).value();
  EXPECT_EQ(answer.result, 3U);
  EXPECT_FALSE(answer.outer);
  // Whatever stands behind an error is no address.
  EXPECT_FALSE(parse_port_control(hex("0080000300000001cb007105")).value().outer);
}

TEST(ParsePortControl, ReadsAnAnnounceOfPcp) {
  const auto answer =
      parse_port_control(hex("02800000000000000000002a 000000000000000000000000")).value();
  EXPECT_EQ(answer.protocol, Protocol::pcp);
  EXPECT_EQ(answer.version, 2);
  EXPECT_EQ(answer.result, kPortControlSuccess);
  EXPECT_EQ(answer.epoch, 42U);
  EXPECT_FALSE(answer.outer);
  EXPECT_EQ(
      parse_port_control(hex("02800001000000000000002a 000000000000000000000000")).value().result,
      kUnsupportedVersion);
}

TEST(ParsePortControl, RefusesWhatIsNoAnswer) {
  for (const char* bytes : {
           "", "00",                        // nothing
           "0000", "02000000",              // requests, as of a router that echoes
           "0080000000000001", "00800000",  // success without its address, and a stump
           "0081000000000001cb007105",      // the answer to a mapping that nobody asked for
           "03800000000000000000002a000000000000000000000000",    // another version
           "02800000000000000000002a0000000000000000000000",      // a byte too few
           "02800000000000000000002a00000000000000000000000000",  // no multiple of four
       })
    EXPECT_FALSE(parse_port_control(hex(bytes))) << bytes;
  Bytes huge(1104);
  huge[0] = std::byte{2};
  huge[1] = std::byte{0x80};
  EXPECT_FALSE(parse_port_control(huge));
  huge.resize(1100);
  EXPECT_TRUE(parse_port_control(huge));
}

}  // namespace
}  // namespace wgscope::wire
