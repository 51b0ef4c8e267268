#include "wgscope/wire/stun.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::hex;
using testing::join;

// RFC 5769 §2.1, §2.2, §2.3.
const Bytes kRequest =
    hex("0001 0058 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 0010 5354554e207465737420636c69656e74"
        "0024 0004 6e0001ff"
        "8029 0008 932ff9b151263b36"
        "0006 0009 6576746a3a68367659202020"
        "0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
        "8028 0004 e57a3bcf");
const Bytes kResponse4 =
    hex("0101 003c 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 000b 7465737420766563746f7220"
        "0020 0008 0001a147e112a643"
        "0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
        "8028 0004 c07d4c96");
const Bytes kResponse6 =
    hex("0101 0048 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 000b 7465737420766563746f7220"
        "0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
        "0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41"
        "8028 0004 c8fb0b4c");

const Bytes kId = hex("b7e7a701bc34d686fa87dfae");

/// A success response with these attributes.
Bytes response(const Bytes& attributes) {
  Bytes message = join({hex("0101 0000 2112a442"), kId, attributes});
  message[2] = static_cast<std::byte>(attributes.size() >> 8U);
  message[3] = static_cast<std::byte>(attributes.size() & 0xffU);
  return message;
}

Errc error_of(const Bytes& datagram) {
  const auto read = parse_stun(datagram);
  EXPECT_FALSE(read);
  return read ? Errc::io : read.error().code;
}

TEST(ParseStun, ReadsTheSamplesOfTheRfc) {
  const StunMessage request = parse_stun(kRequest).value();
  EXPECT_EQ(request.kind, StunClass::request);
  EXPECT_EQ(request.method, kStunBinding);
  EXPECT_TRUE(std::ranges::equal(request.transaction, kId));
  EXPECT_TRUE(request.fingerprint);
  EXPECT_THAT(request.not_understood, ElementsAre(0x0024));  // PRIORITY, which is ICE's

  const StunMessage v4 = parse_stun(kResponse4).value();
  EXPECT_EQ(v4.kind, StunClass::success);
  EXPECT_EQ(v4.mapped()->to_string(), "192.0.2.1:32853");
  EXPECT_TRUE(v4.fingerprint);
  EXPECT_EQ(parse_stun(kResponse6).value().mapped()->to_string(),
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

TEST(ParseStun, RefusesAFingerprintThatIsWrongOrNotLast) {
  const std::size_t type = kResponse4.size() - 8;  // which makes it a fingerprint at all
  for (std::size_t at = 0; at < kResponse4.size(); ++at) {
    if (at == type || at == type + 1) continue;
    Bytes changed = kResponse4;
    changed[at] ^= std::byte{1};
    EXPECT_FALSE(parse_stun(changed)) << at;
  }
  Bytes early = kResponse4;
  early[3] = std::byte{0x40};
  EXPECT_EQ(error_of(join({early, hex("8022 0000")})), Errc::bad_value);
  EXPECT_EQ(error_of(response(hex("8028 0008 0000000000000000"))), Errc::bad_length);
}

TEST(ParseStun, ReadsWhatServersSayOfTheirAddresses) {
  const StunMessage now = parse_stun(response(hex("802b 0008 00010d96c0000201"
                                                  "802c 0008 00010d97c0000202")))
                              .value();
  EXPECT_EQ(now.origin->to_string(), "192.0.2.1:3478");
  EXPECT_EQ(now.other->to_string(), "192.0.2.2:3479");

  const StunMessage old = parse_stun(response(hex("0001 0008 0001 1000 cb007101"
                                                  "0004 0008 0001 0d96 c0000201"
                                                  "0005 0008 0001 0d97 c0000202")))
                              .value();
  EXPECT_EQ(old.mapped()->to_string(), "203.0.113.1:4096");
  EXPECT_EQ(old.origin, now.origin);
  EXPECT_EQ(old.other, now.other);
}

TEST(ParseStun, PrefersTheMappingThatNatsDoNotRewrite) {
  const StunMessage read = parse_stun(response(hex("0001 0008 0001 1000 cb007101"
                                                   "0020 0008 0001 a147 e112a643")))
                               .value();
  EXPECT_EQ(read.mapped()->to_string(), "192.0.2.1:32853");
  EXPECT_EQ(read.plain_mapped->to_string(), "203.0.113.1:4096");
}

TEST(ParseStun, TakesTheFirstOfTwoAndNothingBehindIntegrity) {
  const StunMessage read = parse_stun(response(hex("802c 0008 00010d97c0000202"
                                                   "802c 0008 00010d97c0000203"
                                                   "001c 0004 00000000"
                                                   "0020 0008 0001a147e112a643")))
                               .value();
  EXPECT_EQ(read.other->to_string(), "192.0.2.2:3479");
  EXPECT_EQ(read.mapped(), std::nullopt);
}

TEST(ParseStun, TakesResponsePortsOfBothLengths) {
  for (const char* attribute : {"0027 0002 1234 0000", "0027 0004 1234 0000"})
    EXPECT_EQ(parse_stun(response(hex(attribute))).value().response_port, 0x1234) << attribute;
  EXPECT_EQ(error_of(response(hex("0027 0003 12340000"))), Errc::bad_length);
}

TEST(ParseStun, ReadsChangeRequestsAndErrors) {
  EXPECT_EQ(parse_stun(response(hex("0003 0004 00000006"))).value().change,
            (StunChange{true, true}));
  EXPECT_EQ(parse_stun(response(hex("0003 0004 00000002"))).value().change,
            (StunChange{false, true}));
  EXPECT_EQ(
      parse_stun(response(hex("0009 0010 00000414 556e6b6e6f776e2041747472"))).value().error_code,
      420);
  EXPECT_EQ(error_of(response(hex("0009 0004 00000714"))), Errc::bad_value);
  EXPECT_EQ(error_of(response(hex("0009 0004 00000464"))), Errc::bad_value);
  EXPECT_EQ(error_of(response(hex("0009 0003 00000400"))), Errc::bad_length);
  EXPECT_EQ(error_of(response(hex("0003 0008 0000000600000000"))), Errc::bad_length);
}

TEST(ParseStun, RefusesWhatIsNoMessage) {
  EXPECT_EQ(error_of({}), Errc::truncated);
  EXPECT_EQ(error_of(Bytes(19)), Errc::truncated);
  EXPECT_EQ(error_of(Bytes(20)), Errc::bad_value);  // no magic cookie
  Bytes channel = response({});
  channel[0] = std::byte{0x40};
  EXPECT_EQ(error_of(channel), Errc::bad_value);
  EXPECT_EQ(error_of(join({response({}), hex("00000000")})), Errc::bad_length);
  EXPECT_EQ(error_of(response(hex("0020 0008 0001a147"))), Errc::truncated);
  EXPECT_EQ(error_of(response(hex("0020 0008 0002a147e112a643"))), Errc::bad_length);
  EXPECT_EQ(error_of(response(hex("0020 0004 0001a147"))), Errc::bad_length);
}

TEST(ParseStun, EveryBeginningIsRefused) {
  for (std::size_t size = 0; size < kResponse6.size(); ++size)
    EXPECT_FALSE(parse_stun(std::span(kResponse6).first(size))) << size;
}

TEST(BuildStun, WritesWhatIsReadBack) {
  StunMessage message{.kind = StunClass::error, .method = 0xabc};
  std::ranges::copy(kId, message.transaction.begin());
  for (const char* host : {"192.0.2.1", "2001:db8::1"}) {
    message.xor_mapped = {address(host), 0, 1};
    message.plain_mapped = {address(host), 0, 2};
    message.other = {address(host), 0, 3};
    message.origin = {address(host), 0, 4};
    message.change = {.address = true, .port = false};
    message.response_port = 5;
    message.error_code = 487;
    for (const bool fingerprint : {false, true}) {
      message.fingerprint = fingerprint;
      EXPECT_EQ(parse_stun(build_stun(message)).value(), message) << host;
    }
  }
}

TEST(BuildStun, KeepsClassAndMethodApart) {
  for (const StunClass kind :
       {StunClass::request, StunClass::indication, StunClass::success, StunClass::error})
    for (unsigned bit = 0; bit < 12; ++bit) {
      const StunMessage message{.kind = kind, .method = static_cast<std::uint16_t>(1U << bit)};
      EXPECT_EQ(parse_stun(build_stun(message)).value(), message) << bit;
    }
}

TEST(BuildStun, WritesABindingRequestAsTheRfcDrawsIt) {
  StunMessage request;
  std::ranges::copy(kId, request.transaction.begin());
  request.change = {.address = true, .port = true};
  EXPECT_EQ(build_stun(request), join({hex("0001 0008 2112a442"), kId, hex("0003 0004 00000006")}));
}

TEST(AnswerBinding, TellsTheSourceToWhereItIsWanted) {
  const Endpoint from{address("203.0.113.5"), 0, 40000};
  StunMessage request;
  std::ranges::copy(kId, request.transaction.begin());
  const auto plain = answer_binding(build_stun(request), from).value();
  EXPECT_EQ(plain.to, from);
  const StunMessage answer = parse_stun(plain.bytes).value();
  EXPECT_EQ(answer.kind, StunClass::success);
  EXPECT_EQ(answer.transaction, request.transaction);
  EXPECT_EQ(answer.xor_mapped, from);

  request.response_port = 50000;
  const auto elsewhere = answer_binding(build_stun(request), from).value();
  EXPECT_EQ(elsewhere.to, (Endpoint{from.address, 0, 50000}));
  EXPECT_EQ(parse_stun(elsewhere.bytes).value().mapped(), from);
}

TEST(AnswerBinding, RefusesWhatItCannotDo) {
  const Endpoint from{address("203.0.113.5"), 0, 40000};
  StunMessage request;
  request.change = {.address = false, .port = true};
  const auto refused = answer_binding(build_stun(request), from).value();
  EXPECT_EQ(parse_stun(refused.bytes).value().error_code, 420);
  EXPECT_EQ(parse_stun(answer_binding(kRequest, from).value().bytes).value().error_code, 420);
  request.change = StunChange{};
  EXPECT_EQ(parse_stun(answer_binding(build_stun(request), from).value().bytes).value().error_code,
            std::nullopt);
}

TEST(AnswerBinding, IsHardlyLongerThanTheRequest) {
  const Bytes request = build_stun({});
  const Endpoint v4{address("203.0.113.5"), 0, 40000};
  const Endpoint v6{address("2001:db8::5"), 0, 40000};
  EXPECT_EQ(answer_binding(request, v4).value().bytes.size(), request.size() + 12);
  EXPECT_EQ(answer_binding(request, v6).value().bytes.size(), request.size() + 24);
}

TEST(AnswerBinding, IsSilentToAllElse) {
  const Endpoint from{address("203.0.113.5"), 0, 40000};
  // An answer to an answer would go round for ever.
  EXPECT_FALSE(answer_binding(kResponse4, from));
  EXPECT_FALSE(answer_binding(Bytes(148), from));
  StunMessage request;
  request.response_port = std::uint16_t{0};
  EXPECT_FALSE(answer_binding(build_stun(request), from));
  request = {.kind = StunClass::indication};
  EXPECT_FALSE(answer_binding(build_stun(request), from));
  request = {.method = 3};
  EXPECT_FALSE(answer_binding(build_stun(request), from));
}

TEST(LooksLikeStun, TellsItFromWireGuard) {
  EXPECT_TRUE(looks_like_stun(kRequest));
  Bytes initiation(148);
  initiation[0] = std::byte{1};
  EXPECT_FALSE(looks_like_stun(initiation));
}

}  // namespace
}  // namespace wgscope::wire
