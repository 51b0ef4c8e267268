#include "wgscope/os/resolve.hpp"

#include <net/if.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::os {
namespace {

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

TEST(Resolve, TakesAddressesAsTheyAre) {
  EXPECT_EQ(resolve("192.0.2.1", 51820).value(), std::vector{endpoint("192.0.2.1:51820")});
  EXPECT_EQ(resolve("2001:db8::1", 1).value(), std::vector{endpoint("[2001:db8::1]:1")});
  EXPECT_EQ(resolve("192.0.2.1", 65535, Family::v4).value(),
            std::vector{endpoint("192.0.2.1:65535")});
}

TEST(Resolve, KeepsTheZoneOfALinkLocalAddress) {
  const unsigned loopback = if_nametoindex("lo");
  ASSERT_NE(loopback, 0U);
  const auto found = resolve("fe80::1%lo", 51820);
  ASSERT_TRUE(found) << found.error().context;
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().scope_id, loopback);
  EXPECT_EQ(found->front().address, IpAddress::parse("fe80::1").value());
}

TEST(Resolve, FindsNamesOfTheHostsFileOnce) {
  const auto found = resolve("localhost", 7, Family::v4);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(*found, std::vector{endpoint("127.0.0.1:7")});
}

TEST(Resolve, SaysThatAnAddressIsOfTheOtherFamily) {
  const auto v6 = resolve("192.0.2.1", 1, Family::v6);
  ASSERT_FALSE(v6);
  EXPECT_EQ(v6.error().code, Errc::bad_value);
  EXPECT_NE(v6.error().context.find("192.0.2.1 over IPv6"), std::string::npos)
      << v6.error().context;
  EXPECT_EQ(resolve("::1", 1, Family::v4).error().code, Errc::bad_value);
}

TEST(Resolve, RefusesWhatIsNoName) {
  EXPECT_EQ(resolve("", 1).error().code, Errc::bad_value);
  EXPECT_EQ(resolve(std::string("127.0.0.1\0.example", 18), 1).error().code, Errc::bad_value)
      << "which ends where C strings end";
}

}  // namespace
}  // namespace wgscope::os
