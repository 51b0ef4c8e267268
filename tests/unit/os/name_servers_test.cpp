#include "wgscope/os/name_servers.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

namespace wgscope::os {
namespace {

std::vector<std::string> servers(std::string_view text) {
  std::vector<std::string> all;
  for (const Endpoint& server : parse_name_servers(text)) all.push_back(server.to_string());
  return all;
}

using Servers = std::vector<std::string>;

TEST(NameServers, AreThoseOfTheFileInItsOrderAndAtMostThree) {
  EXPECT_EQ(servers("# by hand\nsearch example.net\nnameserver 192.0.2.1\n"
                    "\tnameserver\t2001:db8::1 \r\noptions edns0\n"),
            (Servers{"192.0.2.1:53", "[2001:db8::1]:53"}));
  EXPECT_EQ(servers("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
                    "nameserver 192.0.2.4"),
            (Servers{"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}));
}

TEST(NameServers, ThatAreNoneArePassedOver) {
  EXPECT_EQ(servers(""), Servers{});
  EXPECT_EQ(servers("nameserver\nnameserver dns.example.net\nnameserver 192.0.2.1:53\n"
                    "nameservers 192.0.2.1\n;nameserver 192.0.2.1\n#nameserver 192.0.2.1"),
            Servers{});
}

TEST(NameServers, OfALinkKeepTheirZone) {
  const auto found = parse_name_servers("nameserver fe80::1%lo\nnameserver fe80::1%7\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].scope_id, 1U) << "the loopback is a namespace's first interface";
  EXPECT_EQ(found[1].scope_id, 7U);
}

TEST(NameServers, OfThisHostAreNeverNone) { EXPECT_FALSE(system_name_servers().empty()); }

}  // namespace
}  // namespace wgscope::os
