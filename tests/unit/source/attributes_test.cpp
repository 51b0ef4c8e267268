#include "wgscope/source/netlink/attributes.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"

#include "attribute_builder.hpp"

namespace wgscope::netlink {
namespace {

using testing::attribute_header;
using testing::Attributes;
using testing::Bytes;
using testing::join;
using testing::repeat;

struct Walked {
  std::vector<std::uint16_t> types;
  std::vector<std::size_t> sizes;
  bool ok = false;
};

Walked walk(std::span<const std::byte> bytes) {
  Walked walked;
  AttributeWalk attributes(bytes);
  for (Attribute a; attributes.next(a);) {
    walked.types.push_back(a.type);
    walked.sizes.push_back(a.payload.size());
  }
  walked.ok = attributes.ok();
  return walked;
}

TEST(AttributeWalk, EndsAtOnceWithNothing) {
  const Walked walked = walk({});
  EXPECT_TRUE(walked.ok);
  EXPECT_TRUE(walked.types.empty());
}

TEST(AttributeWalk, GivesEachAttributeWithoutItsPadding) {
  const Walked walked =
      walk(Attributes().put(1, repeat(0, 1)).put(2, repeat(1, 1)).put(3, repeat(4, 1)).bytes());
  EXPECT_TRUE(walked.ok);
  EXPECT_EQ(walked.types, (std::vector<std::uint16_t>{1, 2, 3}));
  EXPECT_EQ(walked.sizes, (std::vector<std::size_t>{0, 1, 4}));
}

TEST(AttributeWalk, StripsTheNestedAndByteOrderFlags) {
  const Walked walked = walk(Attributes()
                                 .put(NLA_F_NESTED | 5, repeat(4, 0))
                                 .put(NLA_F_NET_BYTEORDER | 6, repeat(4, 0))
                                 .bytes());
  EXPECT_EQ(walked.types, (std::vector<std::uint16_t>{5, 6}));
}

TEST(AttributeWalk, AcceptsALastAttributeWithoutItsPadding) {
  Bytes bytes = Attributes().put(1, repeat(5, 1)).bytes();
  bytes.resize(4 + 5);
  const Walked walked = walk(bytes);
  EXPECT_TRUE(walked.ok);
  EXPECT_EQ(walked.sizes, (std::vector<std::size_t>{5}));
}

TEST(AttributeWalk, StopsAtALengthShorterThanItsOwnHeader) {
  for (std::uint16_t length = 0; length < 4; ++length) {
    const Walked walked = walk(join(
        {Attributes().put(1, repeat(4, 0)).bytes(), attribute_header(length, 2), repeat(8, 0)}));
    EXPECT_FALSE(walked.ok) << length;
    EXPECT_EQ(walked.types, (std::vector<std::uint16_t>{1}));
  }
}

TEST(AttributeWalk, StopsAtALengthBeyondTheEnd) {
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{9, 12, 0xffff}) {
    const Walked walked = walk(join({attribute_header(length, 2), repeat(4, 0)}));
    EXPECT_FALSE(walked.ok) << length;
    EXPECT_TRUE(walked.types.empty());
  }
  EXPECT_TRUE(walk(join({attribute_header(8, 2), repeat(4, 0)})).ok);
}

TEST(AttributeWalk, StopsInsideAHeader) {
  for (std::size_t rest = 1; rest < 4; ++rest) {
    const Walked walked =
        walk(join({Attributes().put(1, repeat(4, 0)).bytes(), repeat(rest, 0xff)}));
    EXPECT_FALSE(walked.ok) << rest;
    EXPECT_EQ(walked.types.size(), 1U);
  }
}

TEST(AttributeWalk, StaysStoppedOnceItMetGarbage) {
  const Bytes bytes = join({attribute_header(3, 2), Attributes().put(1, repeat(4, 0)).bytes()});
  AttributeWalk attributes(bytes);
  Attribute a;
  EXPECT_FALSE(attributes.next(a));
  EXPECT_FALSE(attributes.next(a));
  EXPECT_FALSE(attributes.ok());
}

TEST(AttributeWalk, NeverLeavesRandomBytes) {
  // The bound itself is watched by the address sanitizer: each input is a heap block of
  // its exact size.
  std::mt19937_64 random(6);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random() % 64);
    for (std::byte& b : bytes)
      b = static_cast<std::byte>(random() % 3 == 0 ? random() % 16 : random() % 2);
    AttributeWalk attributes(bytes);
    for (Attribute a; attributes.next(a);) {
      ASSERT_GE(a.payload.data(), bytes.data());
      ASSERT_LE(a.payload.data() + a.payload.size(), bytes.data() + bytes.size());
    }
  }
}

TEST(ReadAttribute, CopiesAValueOfItsSize) {
  const Bytes payload = testing::bytes_of(std::uint64_t{0x8000000000000005});
  std::uint64_t value = 0;
  ASSERT_TRUE(read_attribute({7, payload}, "A_COUNTER", value));
  EXPECT_EQ(value, 0x8000000000000005U);
}

TEST(ReadAttribute, RejectsEveryOtherSizeByName) {
  for (const std::size_t size : {0U, 1U, 7U, 9U, 16U}) {
    const Bytes payload = repeat(size, 1);
    std::uint64_t value = 17;
    const auto read = read_attribute({7, payload}, "A_COUNTER", value);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, Errc::bad_length);
    EXPECT_NE(read.error().context.find("A_COUNTER"), std::string::npos);
    EXPECT_EQ(value, 17U);
  }
}

TEST(ReadString, NeedsATerminatedText) {
  std::string text = "before";
  const auto read = [&](const Bytes& payload) { return read_string({1, payload}, "A_NAME", text); };
  EXPECT_EQ(read({}).error().code, Errc::bad_length);
  EXPECT_EQ(read(repeat(1, 0)).error().code, Errc::bad_length) << "empty";
  EXPECT_EQ(read(repeat(4, 'x')).error().code, Errc::bad_length) << "not terminated";
  EXPECT_EQ(text, "before");
  ASSERT_TRUE(read(join({repeat(3, 'x'), repeat(1, 0)})));
  EXPECT_EQ(text, "xxx");
  ASSERT_TRUE(read(join({repeat(2, 'y'), repeat(14, 0)})));
  EXPECT_EQ(text, "yy");
}

}  // namespace
}  // namespace wgscope::netlink
