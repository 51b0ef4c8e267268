#include "wgscope/wire/measuring.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {
namespace {

MeasuringAnswer full_answer() {
  return {.serial = 0x01020304,
          .answer_size = 1433,
          .asker = *Endpoint::parse("192.0.2.7:41641"),
          .request_size = 1397,
          .largest_fragment = 1276,
          .refused_above = 1500,
          .largest_answer = 9000,
          .report = MeasuringReport{.from = *IpAddress::parse("2001:db8::9"), .mtu = 1400}};
}

TEST(MeasuringMessages, ReadWhatTheyWrite) {
  const MeasuringRequest request{.serial = 0xfffffffe, .answer_size = 9000};
  EXPECT_EQ(parse_measuring_request(build_measuring_request(request)).value(), request);
  EXPECT_EQ(parse_measuring_answer(build_measuring_answer(full_answer())).value(), full_answer());
  const MeasuringAnswer least{.serial = 0,
                              .answer_size = 0,
                              .asker = *Endpoint::parse("[2001:db8::1]:51820"),
                              .request_size = 128,
                              .largest_fragment = {},
                              .refused_above = {},
                              .largest_answer = 1280,
                              .report = {}};
  EXPECT_EQ(parse_measuring_answer(build_measuring_answer(least)).value(), least);
}

TEST(MeasuringMessages, RefuseAnotherLengthVersionOrKind) {
  const auto bytes = build_measuring_request({.serial = 7, .answer_size = 1400});
  EXPECT_EQ(parse_measuring_request({}).error().code, Errc::bad_length);
  EXPECT_EQ(parse_measuring_request(std::span(bytes).first(19)).error().code, Errc::bad_length);
  EXPECT_EQ(parse_measuring_answer(bytes).error().code, Errc::bad_length);
  for (const std::size_t at : {0U, 3U, 4U, 5U, 6U, 7U, 14U, 19U}) {
    auto other = bytes;
    other[at] ^= std::byte{0x10};
    EXPECT_EQ(parse_measuring_request(other).error().code, Errc::bad_value) << at;
  }
}

TEST(MeasuringMessages, RefuseAnswersThatContradictThemselves) {
  const auto bytes = build_measuring_answer(full_answer());
  // No family, a family that is none, bytes behind an IPv4 address, a report without a reporter.
  for (const std::size_t at : {24U, 25U, 28U, 47U}) {
    auto other = bytes;
    other[at] ^= std::byte{0x08};
    EXPECT_EQ(parse_measuring_answer(other).error().code, Errc::bad_value) << at;
  }
  auto other = bytes;
  other[25] = std::byte{0};
  EXPECT_EQ(parse_measuring_answer(other).error().code, Errc::bad_value);
}

}  // namespace
}  // namespace wgscope::wire
