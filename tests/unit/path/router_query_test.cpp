#include "wgscope/path/router_query.hpp"

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::path {
namespace {

using Bytes = std::vector<std::byte>;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes made;
  for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

const Bytes kOuter = bytes({0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 5});
const Bytes kOtherOuter = bytes({0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 6});
const Bytes kNatPmpOnly = bytes({0, 128, 0, 1, 0, 0, 0, 9});
const Bytes kNetworkFailure = bytes({0, 128, 0, 3, 0, 0, 0, 9});

Bytes pcp(unsigned result, unsigned version = 2) {
  Bytes made = bytes({version, 128, 0, result});
  made.resize(24);
  return made;
}

class RouterQueryTest : public testing::Test {
 protected:
  std::size_t sent() {
    std::size_t count = 0;
    while (query_.poll_transmit()) ++count;
    return count;
  }
  void hear(const Bytes& datagram) { query_.handle_datagram(now_, query_.router(), datagram); }
  void pass_to_timeout() {
    now_ = query_.next_timeout().value();
    query_.handle_timeout(now_);
  }

  Instant now_{std::chrono::seconds(100)};
  RouterQuery query_{address("10.7.0.2"), address("10.7.0.1"), now_};
};

TEST_F(RouterQueryTest, AsksForBothAndEndsWithBothAnswers) {
  EXPECT_EQ(query_.router(), (Endpoint{address("10.7.0.1"), 0, 5351}));
  EXPECT_EQ(sent(), 2U);
  hear(kOuter);
  EXPECT_FALSE(query_.done());
  hear(pcp(0));
  EXPECT_TRUE(query_.done());
  EXPECT_EQ(query_.next_timeout(), std::nullopt);
  EXPECT_EQ(
      query_.result(),
      (RouterQueryResult{
          .nat_pmp = true, .pcp = true, .outer = address("203.0.113.5"), .datagrams_sent = 2}));
}

TEST_F(RouterQueryTest, GivesUpOnSilenceInTime) {
  const Instant begun = now_;
  std::size_t datagrams = sent();
  while (!query_.done()) {
    pass_to_timeout();
    datagrams += sent();
  }
  EXPECT_EQ(now_ - begun, kLongestRouterQuery);
  EXPECT_EQ(datagrams, 2U * kRouterTransmissions);
  EXPECT_EQ(query_.result(), (RouterQueryResult{.datagrams_sent = datagrams}));
}

TEST_F(RouterQueryTest, RepeatsOnlyWhatIsNotAnswered) {
  EXPECT_EQ(sent(), 2U);
  hear(pcp(0));
  pass_to_timeout();
  EXPECT_EQ(sent(), 1U);
  hear(kOuter);
  EXPECT_TRUE(query_.done());
}

TEST_F(RouterQueryTest, TakesTheWrongVersionOfOneProtocolForTheOther) {
  hear(kNatPmpOnly);
  EXPECT_FALSE(query_.done()) << "the outer address is still to come";
  hear(kOuter);
  EXPECT_TRUE(query_.done());
  EXPECT_TRUE(query_.result().nat_pmp);
  EXPECT_FALSE(query_.result().pcp);
  EXPECT_EQ(query_.result().outer, address("203.0.113.5"));

  query_ = RouterQuery(address("10.7.0.2"), address("10.7.0.1"), now_);
  hear(pcp(1));
  EXPECT_FALSE(query_.done());
  hear(pcp(0));
  EXPECT_TRUE(query_.done());
  EXPECT_TRUE(query_.result().pcp);
  EXPECT_FALSE(query_.result().nat_pmp);
}

TEST_F(RouterQueryTest, KnowsPcpOfAnOldVersion) {
  hear(pcp(1, 1));
  EXPECT_TRUE(query_.done());
  EXPECT_TRUE(query_.result().pcp);
  EXPECT_EQ(query_.result().pcp_error, 1U);
}

TEST_F(RouterQueryTest, KeepsErrorsApartFromAddresses) {
  hear(kNetworkFailure);
  hear(pcp(wire::kPcpAddressMismatch));
  EXPECT_TRUE(query_.done());
  EXPECT_EQ(query_.result().nat_pmp_error, 3U);
  EXPECT_EQ(query_.result().pcp_error, wire::kPcpAddressMismatch);
  EXPECT_TRUE(query_.result().nat_before_router);
  EXPECT_FALSE(query_.result().outer);
}

TEST_F(RouterQueryTest, BelievesTheFirstAnswer) {
  hear(kOuter);
  hear(kOtherOuter);
  EXPECT_EQ(query_.result().outer, address("203.0.113.5"));
}

TEST_F(RouterQueryTest, LetsFallWhatIsNotTheRouters) {
  query_.handle_datagram(now_, {address("10.7.0.3"), 0, 5351}, kOuter);
  query_.handle_datagram(now_, {address("10.7.0.1"), 0, 5352}, kOuter);
  EXPECT_EQ(query_.result(), (RouterQueryResult{.datagrams_sent = 2}));
}

TEST_F(RouterQueryTest, CountsWhatItDoesNotUnderstand) {
  hear({});
  hear(bytes({255, 255, 255, 255}));
  hear(Bytes(65507));
  EXPECT_FALSE(query_.done());
  EXPECT_EQ(query_.result().not_understood, 3U);
}

TEST_F(RouterQueryTest, EndsWhereNothingListens) {
  query_.handle_unreachable();
  EXPECT_TRUE(query_.done());
  EXPECT_TRUE(query_.result().refused);
}

}  // namespace
}  // namespace wgscope::path
