// The path's MTU through a real tunnel on the loopback interface, with a way in between that drops
// what is larger than a test says, each way, without a word.

#include "wgscope/checks/mtu.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "gateway.hpp"
#include "relay.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

class MtuCheck : public testing::Test {
 protected:
  explicit MtuCheck(const test::GatewayOptions& gateway = {}) : gateway_(run_, gateway) {
    target_ = gateway_.target();
    options_.read_headers = false;  // that takes a privilege
  }

  diagnosis::MtuFacts search() {
    auto session =
        Session::open(run_, target_, Endpoint{*IpAddress::parse("127.0.0.1"), 0, relay_.port()},
                      stamps_)
            .value();
    session->initiate();
    EXPECT_TRUE(run_.wait([&] { return session->established(); }, os::boot_now() + 10s));
    return mtu(run_, *session, target_, options_);
  }

  checks::Run run_ = *checks::Run::open();
  test::Gateway gateway_;
  test::Relay relay_{run_, gateway_.port()};
  Target target_;
  Stamps stamps_;
  MtuOptions options_;
};

class MtuCheckWithService : public MtuCheck {
 protected:
  MtuCheckWithService() : MtuCheck({.measuring = true}) {}
};

std::optional<std::size_t> mtu_of(const auto& direction) {
  return direction ? direction->mtu : std::nullopt;
}

TEST_F(MtuCheckWithService, FindsBothDirectionsToTheByte) {
  relay_.forward_mtu = 1381;
  relay_.backward_mtu = 1297;
  const auto facts = search();
  EXPECT_EQ(mtu_of(facts.forward), 1381U);
  EXPECT_EQ(mtu_of(facts.backward), 1297U);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1297U - facts.overhead);
}

TEST_F(MtuCheckWithService, FindsNothingToLowerWhereFullPacketsPass) {
  const auto facts = search();
  EXPECT_GE(mtu_of(facts.forward), facts.tunnel_mtu + facts.overhead);
  EXPECT_GE(mtu_of(facts.backward), facts.tunnel_mtu + facts.overhead);
}

TEST_F(MtuCheck, FindsTheWayBackInStepsOf16BytesWithAStockPeer) {
  relay_.backward_mtu = 1301;
  const auto facts = search();
  EXPECT_EQ(facts.method, diagnosis::MtuBackward::replies);
  ASSERT_TRUE(mtu_of(facts.backward));
  EXPECT_LE(*mtu_of(facts.backward), 1301U);
  EXPECT_GT(*mtu_of(facts.backward) + 16, 1301U);
}

TEST_F(MtuCheck, SaysWhatIsKnownWhenTheTimeIsOver) {
  relay_.forward_mtu = 1200;
  relay_.backward_mtu = 1200;
  options_.deadline = os::boot_now() + 300ms;
  const auto facts = search();
  EXPECT_FALSE(facts.forward && facts.forward->exact && facts.backward && facts.backward->exact);
}

TEST_F(MtuCheck, LeavesTheSearchWhenItIsInterrupted) {
  relay_.forward = [this](std::size_t) {
    run_.interrupt();
    return test::Fate::lose;
  };
  const auto facts = search();
  EXPECT_TRUE(run_.interrupted());
  EXPECT_FALSE(facts.forward && facts.forward->exact);
}

}  // namespace
}  // namespace wgscope::checks
