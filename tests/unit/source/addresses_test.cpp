#include "wgscope/source/netlink/addresses.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <net/if.h>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/if_addr.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/dump.hpp"

#include "attribute_builder.hpp"

namespace wgscope::netlink {
namespace {

using testing::Attributes;
using testing::Bytes;
using testing::bytes_of;
using testing::join;

Bytes octets_of(const char* text) {
  const IpAddress parsed = IpAddress::parse(text).value();
  const auto octets = parsed.octets();
  return {octets.begin(), octets.end()};
}

Bytes address(const Attributes& attributes, unsigned char family, unsigned char bits) {
  ifaddrmsg message{};
  message.ifa_family = family;
  message.ifa_prefixlen = bits;
  message.ifa_index = 7;
  return join({bytes_of(message), attributes.bytes()});
}

TEST(DecodeAddress, ReadsTheAddressWithItsHostBits) {
  EXPECT_EQ(decode_address(address(Attributes()
                                       .put(IFA_ADDRESS, octets_of("10.9.0.1"))
                                       .put(IFA_LOCAL, octets_of("10.9.0.1"))
                                       .put_string(IFA_LABEL, "wg0"),
                                   AF_INET, 24))
                .value(),
            (InterfaceAddress{.address = Prefix::parse("10.9.0.1/24").value(), .ifindex = 7}));
  EXPECT_EQ(
      decode_address(address(Attributes().put(IFA_ADDRESS, octets_of("fd09::1")), AF_INET6, 64))
          .value()
          .address,
      Prefix::parse("fd09::1/64").value());
}

TEST(DecodeAddress, ReadsOurOwnEndOfAPointToPointLink) {
  EXPECT_EQ(decode_address(address(Attributes()
                                       .put(IFA_ADDRESS, octets_of("10.9.0.2"))
                                       .put(IFA_LOCAL, octets_of("10.9.0.1")),
                                   AF_INET, 32))
                .value()
                .address,
            Prefix::parse("10.9.0.1/32").value());
}

TEST(DecodeAddress, RefusesMalformedMessages) {
  const auto error_of = [](const Bytes& bytes) { return decode_address(bytes).error().code; };
  EXPECT_EQ(error_of(Bytes(sizeof(ifaddrmsg) - 1)), Errc::truncated);
  EXPECT_EQ(error_of(address(Attributes(), AF_INET, 24)), Errc::bad_length);
  EXPECT_EQ(error_of(address(Attributes().put(IFA_LOCAL, octets_of("fd09::1")), AF_INET, 24)),
            Errc::bad_length);
  EXPECT_EQ(error_of(address(Attributes().put(IFA_LOCAL, octets_of("10.9.0.1")), AF_INET, 33)),
            Errc::bad_length);
  EXPECT_EQ(error_of(address(Attributes().put(IFA_LOCAL, octets_of("10.9.0.1")), AF_PACKET, 24)),
            Errc::bad_length);
  EXPECT_EQ(
      error_of(address(Attributes().raw(testing::attribute_header(200, IFA_LOCAL)), AF_INET, 8)),
      Errc::bad_length);
}

TEST(ListAddresses, KnowsThatOfTheLoopbackInterface) {
  std::vector<std::byte> buffer(kReceiveBufferSize);
  const auto found =
      list_addresses(if_nametoindex("lo"), os::boot_now() + std::chrono::seconds(10), buffer);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_NE(std::ranges::find(*found, Prefix::parse("127.0.0.1/8").value()), found->end());
  const auto none = list_addresses(0x7FFFFFFF, os::boot_now() + std::chrono::seconds(10), buffer);
  EXPECT_TRUE(!none || none->empty());
}

}  // namespace
}  // namespace wgscope::netlink
