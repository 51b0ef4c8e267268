// Echo replies as ICMP sockets hand them over.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/os/echo_socket.hpp"

namespace wgscope::os {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes made;
  for (const int value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

/// @param type  of ICMP; id 0x1234, sequence 0x5678, two bytes of payload.
Bytes reply(int type) { return bytes({type, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0xaa, 0xbb}); }

/// With so many 32-bit words of IPv4 header in front.
Bytes with_ip_header(int words, const Bytes& message) {
  Bytes packet(static_cast<std::size_t>(words) * 4);
  packet[0] = static_cast<std::byte>(0x40 | words);
  packet.insert(packet.end(), message.begin(), message.end());
  return packet;
}

TEST(ParseEchoReply, ReadsIdSequenceAndPayload) {
  for (const auto& [received, framing] :
       {std::pair{reply(0), EchoFraming::v4}, std::pair{reply(129), EchoFraming::v6},
        std::pair{with_ip_header(5, reply(0)), EchoFraming::v4_with_ip_header},
        std::pair{with_ip_header(15, reply(0)), EchoFraming::v4_with_ip_header}}) {
    const auto message = parse_echo_reply(received, framing);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->id, 0x1234);
    EXPECT_EQ(message->sequence, 0x5678);
    ASSERT_EQ(message->payload.size(), 2U);
    EXPECT_EQ(message->payload[0], std::byte{0xaa});
    EXPECT_EQ(message->payload.data(), received.data() + received.size() - 2) << "not copied";
  }
}

TEST(ParseEchoReply, PassesOverOtherMessages) {
  EXPECT_FALSE(parse_echo_reply(reply(8), EchoFraming::v4)) << "a request, such as our own on lo";
  EXPECT_FALSE(parse_echo_reply(reply(128), EchoFraming::v6));
  EXPECT_FALSE(parse_echo_reply(reply(129), EchoFraming::v4));
  EXPECT_FALSE(parse_echo_reply(reply(0), EchoFraming::v6));
  Bytes with_code = reply(0);
  with_code[1] = std::byte{1};
  EXPECT_FALSE(parse_echo_reply(with_code, EchoFraming::v4));
}

TEST(ParseEchoReply, RefusesHeadersThatEndEarlyOrContradictThemselves) {
  const Bytes whole = with_ip_header(6, reply(0));
  for (std::size_t size = 0; size < 24 + 8; ++size)
    EXPECT_FALSE(parse_echo_reply(std::span(whole).first(size), EchoFraming::v4_with_ip_header))
        << size;
  EXPECT_TRUE(parse_echo_reply(std::span(whole).first(24 + 8), EchoFraming::v4_with_ip_header));
  EXPECT_FALSE(parse_echo_reply(with_ip_header(4, reply(0)), EchoFraming::v4_with_ip_header));
  Bytes version6 = with_ip_header(5, reply(0));
  version6[0] = std::byte{0x65};
  EXPECT_FALSE(parse_echo_reply(version6, EchoFraming::v4_with_ip_header));
  EXPECT_FALSE(parse_echo_reply(std::span(whole).first(0), EchoFraming::v6));
}

}  // namespace
}  // namespace wgscope::os
