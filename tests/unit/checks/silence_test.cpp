// What is asked around an endpoint that stays silent, on the loopback interface.

#include "checks/handshake/silence.hpp"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "udp_sockets.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

class Silence : public testing::TestWithParam<Family> {
 protected:
  diagnosis::SilenceFacts ask(const Endpoint& endpoint) {
    const auto probe = SilenceProbe::start(run_, random_, endpoint, std::nullopt).value();
    EXPECT_TRUE(run_.wait([&] { return probe->done(); }, os::boot_now() + 20s));
    return probe->facts();
  }
  static Endpoint at(const os::UdpSocket& socket) {
    return test::loopback(GetParam(), socket.local_port());
  }

  checks::Run run_ = *checks::Run::open();
  crypto::SystemRandom random_;
};

TEST_P(Silence, OfAPortThatIsOpenIsToldFromItsNeighbours) {
  const os::UdpSocket silent = test::must_open(test::loopback(GetParam()));
  const auto facts = ask(at(silent));
  EXPECT_TRUE(facts.plain_neighbour.answer);
  EXPECT_TRUE(facts.wireguard_neighbour.answer);
  EXPECT_FALSE(facts.plain_same_port.answer);
  EXPECT_GT(facts.plain_same_port.sent, 1U) << "silence is asked again";
  EXPECT_FALSE(facts.plain_same_port.datagram);
}

TEST_P(Silence, OfAPortThatNobodyHasIsAnsweredByItsHost) {
  Endpoint closed;
  {
    const os::UdpSocket gone = test::must_open(test::loopback(GetParam()));
    closed = at(gone);
  }
  const auto facts = ask(closed);
  EXPECT_TRUE(facts.plain_same_port.answer);
  ASSERT_FALSE(facts.hops.empty());
  EXPECT_TRUE(facts.hops.back().arrived);
  EXPECT_EQ(facts.hops.back().limit, 1U) << "this host is one hop away";
}

INSTANTIATE_TEST_SUITE_P(Families, Silence, testing::Values(Family::v4, Family::v6),
                         [](const auto& shown) {
                           return shown.param == Family::v4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace wgscope::checks
