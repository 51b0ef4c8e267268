#include "wgscope/wire/message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"

#include "hex.hpp"

namespace wgscope::wire {
namespace {

using Bytes = std::vector<std::byte>;

Bytes datagram(unsigned type, std::size_t size) {
  Bytes bytes(size);
  if (!bytes.empty()) bytes[0] = static_cast<std::byte>(type);
  return bytes;
}

TEST(Classify, KnowsEachTypeByItsNumberAndExactSize) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const auto is = [&](unsigned type, MessageType expected) {
      return classify(datagram(type, size)) == expected;
    };
    EXPECT_EQ(is(1, MessageType::initiation), size == 148) << size;
    EXPECT_EQ(is(2, MessageType::response), size == 92) << size;
    EXPECT_EQ(is(3, MessageType::cookie_reply), size == 64) << size;
    EXPECT_EQ(is(4, MessageType::transport), size >= 32) << size;
  }
}

TEST(Classify, KnowsNoOtherType) {
  for (unsigned type = 0; type < 256; ++type)
    for (const std::size_t size : {32U, 64U, 92U, 148U, 1500U}) {
      if (type >= 1 && type <= 4) continue;
      EXPECT_EQ(classify(datagram(type, size)), std::nullopt) << type << ' ' << size;
    }
}

TEST(Classify, InsistsOnZerosInTheReservedBytes) {
  for (const std::size_t at : {1U, 2U, 3U}) {
    Bytes bytes = datagram(4, 64);
    bytes[at] = std::byte{1};
    EXPECT_EQ(classify(bytes), std::nullopt) << at;
  }
}

TEST(Classify, TakesTransportOfAnySizeThatCouldArrive) {
  EXPECT_EQ(classify(datagram(4, 65'535)), MessageType::transport);
}

TEST(WriteType, IsWhatClassifyReads) {
  struct Case {
    MessageType type;
    std::size_t size;
  };
  for (const Case& c :
       {Case{MessageType::initiation, kInitiationSize}, Case{MessageType::response, kResponseSize},
        Case{MessageType::cookie_reply, kCookieReplySize},
        Case{MessageType::transport, kKeepaliveSize}}) {
    Bytes bytes(c.size, std::byte{0xff});
    write_type(c.type, std::span(bytes).first<4>());
    EXPECT_EQ(classify(bytes), c.type);
    EXPECT_EQ(bytes[4], std::byte{0xff}) << "four bytes, no more";
  }
}

/// Where a field lies.
struct Place {
  std::size_t offset, size;
  friend bool operator==(const Place&, const Place&) = default;
  friend void PrintTo(const Place& place, std::ostream* out) {
    *out << place.size << " bytes at " << place.offset;
  }
};

Place place(std::span<const std::byte> field, std::span<const std::byte> message) {
  return {static_cast<std::size_t>(field.data() - message.data()), field.size()};
}

// The layouts of the whitepaper, §5.4.2 to §5.4.7.

TEST(Views, FindTheFieldsOfAnInitiation) {
  const std::array<std::byte, kInitiationSize> m{};
  const Initiation view{m};
  EXPECT_EQ(place(view.sender(), m), (Place{4, 4}));
  EXPECT_EQ(place(view.ephemeral(), m), (Place{8, 32}));
  EXPECT_EQ(place(view.sealed_static(), m), (Place{40, 48}));
  EXPECT_EQ(place(view.sealed_timestamp(), m), (Place{88, 28}));
  EXPECT_EQ(place(view.before_mac1(), m), (Place{0, 116}));
  EXPECT_EQ(place(view.mac1(), m), (Place{116, 16}));
  EXPECT_EQ(place(view.before_mac2(), m), (Place{0, 132}));
  EXPECT_EQ(place(view.mac2(), m), (Place{132, 16}));
}

TEST(Views, FindTheFieldsOfAResponse) {
  const std::array<std::byte, kResponseSize> m{};
  const Response view{m};
  EXPECT_EQ(place(view.sender(), m), (Place{4, 4}));
  EXPECT_EQ(place(view.receiver(), m), (Place{8, 4}));
  EXPECT_EQ(place(view.ephemeral(), m), (Place{12, 32}));
  EXPECT_EQ(place(view.sealed_nothing(), m), (Place{44, 16}));
  EXPECT_EQ(place(view.before_mac1(), m), (Place{0, 60}));
  EXPECT_EQ(place(view.mac1(), m), (Place{60, 16}));
  EXPECT_EQ(place(view.before_mac2(), m), (Place{0, 76}));
  EXPECT_EQ(place(view.mac2(), m), (Place{76, 16}));
}

TEST(Views, FindTheFieldsOfACookieReplyAndOfTransport) {
  const std::array<std::byte, kCookieReplySize> m{};
  const CookieReply view{m};
  EXPECT_EQ(place(view.receiver(), m), (Place{4, 4}));
  EXPECT_EQ(place(view.nonce(), m), (Place{8, 24}));
  EXPECT_EQ(place(view.sealed_cookie(), m), (Place{32, 32}));
  const Bytes t(100);
  const TransportView<const std::byte> transport{t};
  EXPECT_EQ(place(transport.receiver(), t), (Place{4, 4}));
  EXPECT_EQ(place(transport.counter(), t), (Place{8, 8}));
  EXPECT_EQ(place(transport.sealed(), t), (Place{16, 84}));
}

TEST(PaddedSize, IsTheNextMultipleOf16) {
  EXPECT_EQ(padded_size(0, 1420), 0U);
  EXPECT_EQ(padded_size(1, 1420), 16U);
  EXPECT_EQ(padded_size(16, 1420), 16U);
  EXPECT_EQ(padded_size(17, 1420), 32U);
  EXPECT_EQ(padded_size(1408, 1420), 1408U);
}

TEST(PaddedSize, StaysWithinTheMtuAndNeverShrinksAPacket) {
  EXPECT_EQ(padded_size(1409, 1420), 1420U);
  EXPECT_EQ(padded_size(1420, 1420), 1420U);
  EXPECT_EQ(padded_size(1421, 1420), 1421U);
  EXPECT_EQ(padded_size(5, 0), 5U);
}

Bytes ipv4(std::uint16_t claimed, std::size_t size) {
  Bytes bytes(size);
  bytes[0] = std::byte{0x45};
  store_be16(std::span(bytes).subspan<2, 2>(), claimed);
  return bytes;
}

Bytes ipv6(std::uint16_t claimed, std::size_t size) {
  Bytes bytes(size);
  bytes[0] = std::byte{0x60};
  store_be16(std::span(bytes).subspan<4, 2>(), claimed);
  return bytes;
}

TEST(TrimPadding, LeavesThePacketByItsOwnLength) {
  Bytes four = ipv4(21, 32);
  const auto packet4 = trim_padding(four);
  ASSERT_TRUE(packet4);
  EXPECT_FALSE(packet4->v6);
  EXPECT_EQ(packet4->bytes.data(), four.data());
  EXPECT_EQ(packet4->bytes.size(), 21U);

  Bytes six = ipv6(8, 64);
  const auto packet6 = trim_padding(six);
  ASSERT_TRUE(packet6);
  EXPECT_TRUE(packet6->v6);
  EXPECT_EQ(packet6->bytes.data(), six.data());
  EXPECT_EQ(packet6->bytes.size(), 48U);
}

TEST(TrimPadding, NeedsNoPadding) {
  Bytes four = ipv4(33, 33);
  EXPECT_EQ(trim_padding(four)->bytes.size(), 33U);
  Bytes six = ipv6(0, 40);
  EXPECT_EQ(trim_padding(six)->bytes.size(), 40U);
}

TEST(TrimPadding, RefusesWhatClaimsMoreThanIsThere) {
  Bytes four = ipv4(33, 32);
  EXPECT_FALSE(trim_padding(four));
  Bytes six = ipv6(9, 48);
  EXPECT_FALSE(trim_padding(six));
  Bytes most = ipv6(0xffff, 1500);
  EXPECT_FALSE(trim_padding(most));
}

TEST(TrimPadding, RefusesWhatIsShorterThanAHeader) {
  for (std::size_t size = 6; size < 40; ++size) {
    Bytes six = ipv6(0, size);
    EXPECT_FALSE(trim_padding(six)) << size;
    if (size >= 20) continue;
    Bytes four = ipv4(static_cast<std::uint16_t>(size), size);
    EXPECT_FALSE(trim_padding(four)) << size;
  }
  Bytes claims_less = ipv4(19, 32);
  EXPECT_FALSE(trim_padding(claims_less));
}

TEST(TrimPadding, RefusesWhatIsNoIpPacket) {
  EXPECT_FALSE(trim_padding({}));
  for (unsigned version = 0; version < 16; ++version) {
    Bytes bytes(64);
    bytes[0] = static_cast<std::byte>(version << 4U);
    bytes[3] = std::byte{64};
    EXPECT_EQ(trim_padding(bytes).has_value(), version == 4 || version == 6) << version;
  }
}

}  // namespace
}  // namespace wgscope::wire
