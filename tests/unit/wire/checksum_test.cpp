#include "wgscope/wire/checksum.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

#include <gtest/gtest.h>

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using testing::hex;

/// RFC 1071 §1, word by word.
std::uint16_t plainly(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << 8U;
    if (i + 1 < bytes.size()) sum += std::to_integer<std::uint32_t>(bytes[i + 1]);
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum & 0xffffU);
}

TEST(Checksum, IsThatOfTheExampleInTheRfc) {
  Checksum sum;
  sum.add(hex("0001 f203 f4f5 f6f7"));
  EXPECT_EQ(sum.value(), 0xffff - 0xddf2);  // RFC 1071 §3
}

TEST(Checksum, IsThePlainOneForEveryLengthAndAlignment) {
  std::mt19937_64 dice(1);
  Bytes bytes(300);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice() & 0xffU);
  for (std::size_t offset = 0; offset < 8; ++offset)
    for (std::size_t size = 0; size <= bytes.size() - offset; ++size) {
      const auto part = std::span(bytes).subspan(offset, size);
      Checksum sum;
      sum.add(part);
      ASSERT_EQ(sum.value(), plainly(part)) << offset << " " << size;
    }
}

TEST(Checksum, CarriesAllTheWay) {
  const Bytes ones(65'536, std::byte{0xff});
  Checksum sum;
  sum.add(ones);
  EXPECT_EQ(sum.value(), 0);
}

TEST(Checksum, AddsUpOverPieces) {
  const Bytes bytes = hex("0102030405060708090a0b0c0d");
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 2) {
    Checksum sum;
    sum.add(std::span(bytes).first(cut));
    sum.add(std::span(bytes).subspan(cut));
    EXPECT_EQ(sum.value(), plainly(bytes));
  }
}

TEST(TransportChecksum, IsZeroOverWhatTheKernelSummed) {
  const Bytes message = hex("80 00 174d 5c55 0001 0001020304050607");  // Linux, ping ::1
  EXPECT_EQ(transport_checksum(address("::1"), address("::1"), 58, message), 0);
  EXPECT_NE(transport_checksum(address("::1"), address("::2"), 58, message), 0);
  EXPECT_NE(transport_checksum(address("::1"), address("::1"), 17, message), 0);
}

}  // namespace
}  // namespace wgscope::wire
