#include "wgscope/model/address.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

using namespace std::string_view_literals;

/// What libc reads `text` as.
std::optional<IpAddress> libc_parse(const std::string& text) {
  IpAddress address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.family = Family::v6;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

void expect_as_libc(const std::string& text) {
  const auto expected = libc_parse(text);
  const auto parsed = IpAddress::parse(text);
  ASSERT_EQ(parsed.has_value(), expected.has_value()) << '\'' << text << '\'';
  if (!parsed) {
    ASSERT_EQ(parsed.error().code, Errc::bad_value);
    return;
  }
  ASSERT_EQ(*parsed, *expected) << text;
  std::array<char, INET6_ADDRSTRLEN> shown{};
  inet_ntop(parsed->family == Family::v4 ? AF_INET : AF_INET6, parsed->bytes.data(), shown.data(),
            shown.size());
  ASSERT_EQ(parsed->to_string(), shown.data());
}

TEST(IpAddress, ReadsHandPickedTextsAsLibcDoes) {
  for (const char* text : {"0.0.0.0",
                           "255.255.255.255",
                           "1.2.3.4",
                           "01.2.3.4",
                           "1.2.3.04",
                           "1.2.3.00",
                           "256.1.1.1",
                           "1.1.1.256",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.",
                           ".1.2.3",
                           "1..2.3",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.-4",
                           "+1.2.3.4",
                           "1.2.3.4a",
                           "0x1.2.3.4",
                           "1.2.3.1000",
                           "16909060",
                           "",
                           ".",
                           "...",
                           "::",
                           "::1",
                           "1::",
                           "2001:db8::1",
                           "2001:DB8::A",
                           "1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           ":::",
                           ":",
                           ":1",
                           "1:",
                           "::ffff:1.2.3.4",
                           "::1.2.3.4",
                           "::ffff:1.2.3.256",
                           "::ffff:1.2.3.04",
                           "1:2:3:4:5:6:1.2.3.4",
                           "12345::",
                           "g::",
                           "fe80::1%eth0",
                           "fe80::1%3",
                           "[::1]",
                           "::1/64",
                           "0:0:0:0:0:0:0:0",
                           "00000::",
                           "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                           "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
                           "::0000000000000000000000000000000000000000000000000000000000000001"})
    expect_as_libc(text);
}

TEST(IpAddress, ReadsRandomAddressesAsLibcPrintsThem) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress address;
    address.family = i % 2 == 0 ? Family::v4 : Family::v6;
    for (std::size_t b = 0; b < address.octets().size(); ++b)
      address.bytes[b] = random() % 3 == 0 ? std::byte{0} : static_cast<std::byte>(random());
    const std::string text = address.to_string();
    expect_as_libc(text);
    ASSERT_EQ(IpAddress::parse(text).value(), address) << text;
  }
}

TEST(IpAddress, ReadsRandomGarbageAsLibcDoes) {
  constexpr std::string_view kCharacters = "0123456789abcdefF.::..%/[] gx-+";
  const std::vector<std::string> pieces{"0", "00",   "1",    "255",     "256", "::", ":",
                                        ".", "ffff", "fe80", "1.2.3.4", "%1",  "/8"};
  std::mt19937_64 random(3);
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    const std::size_t size = random() % 12;
    for (std::size_t p = 0; p < size; ++p) {
      if (random() % 2 == 0)
        text += pieces[random() % pieces.size()];
      else
        text += kCharacters[random() % kCharacters.size()];
    }
    expect_as_libc(text);
  }
}

TEST(IpAddress, ReadsMutatedAddressesAsLibcDoes) {
  std::mt19937_64 random(4);
  const std::vector<std::string> seeds{"192.0.2.200", "2001:db8:0:1:2:3:4:5", "::ffff:10.0.0.255",
                                       "fe80::1"};
  for (int i = 0; i < 50'000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (std::size_t changes = 1 + random() % 2; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      // Any byte but NUL, at which libc would stop.
      if (random() % 3 == 0)
        text.erase(at, 1);
      else
        text[at] = random() % 2 == 0 ? "0123456789:."[random() % 12]
                                     : static_cast<char>(1 + random() % 255);
      if (text.empty()) text = "x";
    }
    expect_as_libc(text);
  }
}

TEST(IpAddress, DoesNotStopAtANulByte) {
  EXPECT_FALSE(IpAddress::parse("1.2.3.4\0"sv));
  EXPECT_FALSE(IpAddress::parse("::1\0"sv));
  EXPECT_FALSE(IpAddress::parse("::1\0garbage"sv));
}

TEST(IpAddress, TellsApartTheFamilies) {
  EXPECT_NE(IpAddress::parse("0.0.0.0").value(), IpAddress::parse("::").value());
  EXPECT_EQ(IpAddress::parse("1.2.3.4").value().octets().size(), 4U);
  EXPECT_EQ(IpAddress::parse("::ffff:1.2.3.4").value().octets().size(), 16U);
}

TEST(IpAddress, SaysWhatItCouldNotRead) {
  const auto parsed = IpAddress::parse("10.0.0.\n1");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().context, "not an IP address: '10.0.0.\\x0a1'");
}

struct Case {
  std::string_view text;
  std::string_view printed;
};

TEST(Endpoint, ReadsAndPrintsBothFamilies) {
  for (const auto& [text, printed] :
       {Case{"192.0.2.1:51820", "192.0.2.1:51820"}, Case{"0.0.0.0:0", "0.0.0.0:0"},
        Case{"[2001:db8::1]:51820", "[2001:db8::1]:51820"},
        Case{"[2001:DB8:0:0::1]:65535", "[2001:db8::1]:65535"},
        Case{"[fe80::1%3]:1", "[fe80::1%3]:1"},
        Case{"[fe80::1%4294967295]:1", "[fe80::1%4294967295]:1"},
        Case{"[::ffff:192.0.2.1]:7", "[::ffff:192.0.2.1]:7"}}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), printed);
    EXPECT_EQ(Endpoint::parse(endpoint->to_string()).value(), *endpoint);
  }
}

TEST(Endpoint, KeepsPortAndScopeAsNumbers) {
  const Endpoint endpoint = Endpoint::parse("[fe80::1%17]:51820").value();
  EXPECT_EQ(endpoint.scope_id, 17U);
  EXPECT_EQ(endpoint.port, 51820);
  EXPECT_EQ(endpoint.address, IpAddress::parse("fe80::1").value());
}

TEST(Endpoint, AcceptsAZoneThatIsNoIndexAndForgetsIt) {
  for (const char* text :
       {"[fe80::1%eth0]:1", "[fe80::1%eth0.5]:1", "[fe80::1%4294967296]:1", "[fe80::1%03]:1",
        "[fe80::1%3x]:1", "[fe80::1%-3]:1", "[fe80::1%wg%0]:1"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->scope_id, 0U) << text;
    EXPECT_EQ(endpoint->to_string(), "[fe80::1]:1");
  }
}

TEST(Endpoint, RefusesEverythingElse) {
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      "1.2.3.4"sv,
                                      "1.2.3.4:"sv,
                                      ":51820"sv,
                                      "1.2.3.4:65536"sv,
                                      "1.2.3.4:-1"sv,
                                      "1.2.3.4:+1"sv,
                                      "1.2.3.4:01"sv,
                                      "1.2.3.4:00"sv,
                                      "1.2.3.4:1 "sv,
                                      "1.2.3.4 :1"sv,
                                      "1.2.3.4:1:2"sv,
                                      "1.2.3.4:0x1"sv,
                                      "1.2.3.256:1"sv,
                                      "1.2.3.04:1"sv,
                                      "1.2.3.4%3:1"sv,
                                      "2001:db8::1:51820"sv,
                                      "[2001:db8::1]"sv,
                                      "[2001:db8::1]:"sv,
                                      "[2001:db8::1]51820"sv,
                                      "[2001:db8::1"sv,
                                      "2001:db8::1]:1"sv,
                                      "[]:1"sv,
                                      "[%3]:1"sv,
                                      "[::1%]:1"sv,
                                      "[[::1]]:1"sv,
                                      "[1.2.3.4]:1"sv,
                                      "[::1]]:1"sv,
                                      "[::1]:65536"sv,
                                      "[::1]:1\n"sv,
                                      "[::1\0]:1"sv,
                                      "example.com:51820"sv,
                                      "(none)"sv,
                                      "1.2.3.4:99999999999999999999"sv}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, Errc::bad_value);
  }
}

TEST(Endpoint, ReadsEveryPort) {
  for (unsigned port = 0; port <= 65535; ++port) {
    const auto endpoint = Endpoint::parse("10.0.0.1:" + std::to_string(port));
    ASSERT_TRUE(endpoint && endpoint->port == port) << port;
  }
}

TEST(Prefix, ReadsAndPrintsEveryLength) {
  for (unsigned bits = 0; bits <= 130; ++bits) {
    const auto v4 = Prefix::parse("10.1.2.3/" + std::to_string(bits));
    ASSERT_EQ(v4.has_value(), bits <= 32) << bits;
    if (v4) {
      EXPECT_EQ(v4->to_string(), "10.1.2.3/" + std::to_string(bits));
    }
    const auto v6 = Prefix::parse("fd00::1/" + std::to_string(bits));
    ASSERT_EQ(v6.has_value(), bits <= 128) << bits;
    if (v6) {
      EXPECT_EQ(v6->to_string(), "fd00::1/" + std::to_string(bits));
    }
  }
}

TEST(Prefix, TakesAnAddressAloneAsAHost) {
  EXPECT_EQ(Prefix::parse("10.0.0.1").value().to_string(), "10.0.0.1/32");
  EXPECT_EQ(Prefix::parse("fd00::1").value().to_string(), "fd00::1/128");
}

TEST(Prefix, RefusesEverythingElse) {
  for (const std::string_view text : {""sv,
                                      "/"sv,
                                      "/8"sv,
                                      "10.0.0.0/"sv,
                                      "10.0.0.0/08"sv,
                                      "10.0.0.0/00"sv,
                                      "10.0.0.0/-1"sv,
                                      "10.0.0.0/+8"sv,
                                      "10.0.0.0/ 8"sv,
                                      "10.0.0.0/8 "sv,
                                      "10.0.0.0/8/8"sv,
                                      "10.0.0.0/33"sv,
                                      "10.0.0.0/256"sv,
                                      "10.0.0.0/264"sv,
                                      "10.0.0.0/255.0.0.0"sv,
                                      "10.0.0/8"sv,
                                      "::/129"sv,
                                      "::/0x0"sv,
                                      "fe80::%3/64"sv,
                                      "(none)"sv,
                                      "10.0.0.0/8\0"sv}) {
    const auto prefix = Prefix::parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().code, Errc::bad_value);
  }
}

}  // namespace
}  // namespace wgscope
