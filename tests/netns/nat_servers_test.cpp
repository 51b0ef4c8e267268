// wgscope nat and STUN servers that lie, cannot be reached, or speak something else.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/wire/stun.hpp"

#include "nat_site.hpp"
#include "udp_responder.hpp"

namespace wgscope::test {
namespace {

using testing::HasSubstr;
using Bytes = UdpResponder::Bytes;
using Datagrams = std::vector<Bytes>;

constexpr const char* kServer = "198.51.100.10:3478";

class NatServers : public NatSite {
 protected:
  void SetUp() override {
    NatSite::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) translate(*router_, far_.left, "masquerade");
  }

  /// What is said where the server answers so. @param answer  made from an honest one.
  [[nodiscard]] Said with_server(const std::function<Datagrams(wire::StunMessage)>& answer) const {
    const UdpResponder server(outside_->path(), kServer,
                              [&](const Endpoint& from, std::span<const std::byte> request) {
                                auto message = wire::parse_stun(request).value();
                                message.kind = wire::StunClass::success;
                                message.xor_mapped = from;
                                return answer(message);
                              });
    return nat({"--stun", kServer, "--quick", "--no-router"});
  }
  static void expect_no_answer(const Said& said) {
    EXPECT_EQ(said.program.exit_code, 3) << said.program.out;
    EXPECT_EQ(said.report.at("finding"), "WGS-NAT-001");
  }
};

TEST_F(NatServers, AreUnderstoodWhereTheyAreHonest) {
  const Said said = with_server(
      [](const wire::StunMessage& honest) -> Datagrams { return {wire::build_stun(honest)}; });
  EXPECT_THAT(said.summary("nat.servers"), HasSubstr("1 of 1"));
}

TEST_F(NatServers, ThatSeeAnotherFamilyAreFoundOut) {
  const Said said = with_server([](wire::StunMessage answer) -> Datagrams {
    answer.xor_mapped = Endpoint::parse("[2001:db8::5]:40000").value();
    return {wire::build_stun(answer)};
  });
  expect_no_answer(said);
  EXPECT_THAT(said.program.out,
              HasSubstr("reports the address [2001:db8::5]:40000, which cannot be"));
}

TEST_F(NatServers, ThatDoNotKnowTheTransactionHaveNotAnswered) {
  const Said said = with_server([](wire::StunMessage answer) -> Datagrams {
    answer.transaction[11] ^= std::byte{1};
    return {wire::build_stun(answer)};
  });
  expect_no_answer(said);
  EXPECT_THAT(said.program.out, HasSubstr("its STUN answers carry other transaction IDs"));
}

TEST_F(NatServers, ThatSendHugeOrBrokenDatagramsHaveNotAnswered) {
  const Said said = with_server([](const wire::StunMessage& honest) -> Datagrams {
    const Bytes good = wire::build_stun(honest);
    Bytes huge(60000);
    std::ranges::copy(good, huge.begin());
    const Bytes broken(good.begin(), good.begin() + 24);
    Bytes lying = good;  // about an attribute's length
    lying.at(23) = std::byte{0xff};
    return {huge, broken, lying, Bytes(1), Bytes(20, std::byte{0xff})};
  });
  expect_no_answer(said);
}

TEST_F(NatServers, ThatHaveNoPortOpenAreNamedAtOnce) {
  const Said said = nat({"--stun", kServer, "--quick", "--no-router"});
  expect_no_answer(said);
  EXPECT_THAT(said.program.out, HasSubstr("198.51.100.10:3478 cannot be reached"));
  EXPECT_LT(said.report.at("duration_seconds").get<double>(), 5);
}

TEST_F(NatServers, ThatNoRouteLeadsToAreNamed) {
  const Said said = nat({"--stun", "[2001:db8::1]:3478", "--ipv6", "--quick"});
  expect_no_answer(said);
  EXPECT_EQ(said.summary("nat.servers"), "no route");
  EXPECT_THAT(said.program.out, HasSubstr("no route to [2001:db8::1]:3478"));
  const Said of_another_family = nat({"--stun", "[2001:db8::1]:3478", "--quick"});
  expect_no_answer(of_another_family);
  EXPECT_THAT(of_another_family.program.out, HasSubstr("look up 2001:db8::1 over IPv4"));
}

}  // namespace
}  // namespace wgscope::test
