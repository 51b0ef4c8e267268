// What NATs do, as STUN servers see it: embedded endpoints that answer STUN, directly and behind a
// relay, which is a NAT as far as the servers can tell. On the loopback interface.

#include "wgscope/checks/nat.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/nat_behaviour.hpp"

#include "gateway.hpp"
#include "relay.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

class NatCheck : public testing::Test {
 protected:
  static NatOptions options(const std::vector<std::uint16_t>& ports) {
    NatOptions options;
    for (const std::uint16_t port : ports) options.servers.push_back({"127.0.0.1", port});
    options.lifetime = false;
    options.router = false;
    return options;
  }

  checks::Run run_ = *checks::Run::open();
  test::Gateway server_{run_, {.answer_stun = true}};
};

TEST_F(NatCheck, SeesThatThereIsNoNat) {
  const auto facts = nat(run_, options({server_.port()}));
  ASSERT_TRUE(facts.behaviour);
  EXPECT_EQ(facts.behaviour->mapping, path::NatMapping::none);
  EXPECT_EQ(facts.local, *IpAddress::parse("127.0.0.1"));
}

TEST_F(NatCheck, SeesThatThePortIsAnotherOneBehindARelay) {
  const test::Relay relay(run_, server_.port());
  const auto facts = nat(run_, options({relay.port()}));
  ASSERT_TRUE(facts.behaviour);
  ASSERT_EQ(facts.behaviour->servers.size(), 1U);
  ASSERT_TRUE(facts.behaviour->servers[0].mapped);
  EXPECT_NE(facts.behaviour->mapping, path::NatMapping::none);
}

TEST_F(NatCheck, SaysThatAServerDoesNotAnswerAndGoesOnWithTheOther) {
  std::uint16_t gone = 0;
  {
    const test::Gateway closed(run_);
    gone = closed.port();
  }
  const auto facts = nat(run_, options({gone, server_.port()}));
  ASSERT_TRUE(facts.behaviour);
  ASSERT_EQ(facts.behaviour->servers.size(), 2U);
  EXPECT_TRUE(facts.behaviour->servers[0].unreachable);
  EXPECT_TRUE(facts.behaviour->servers[1].mapped);
}

TEST_F(NatCheck, IsInterruptedWhileItWaits) {
  const test::Gateway silent(run_);  // knows no STUN

  bool asked = false;
  const auto watch = run_.loop().add({.next = [&]() -> std::optional<Instant> {
                                        if (asked) return std::nullopt;
                                        return Instant{};
                                      },
                                      .expired =
                                          [&](Instant) {
                                            asked = true;
                                            run_.interrupt();
                                          }});
  const auto facts = nat(run_, options({silent.port()}));
  EXPECT_TRUE(facts.interrupted);
}

}  // namespace
}  // namespace wgscope::checks
