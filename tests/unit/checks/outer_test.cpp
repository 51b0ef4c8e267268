// The path's MTU without a tunnel, to this host itself: its closed UDP ports answer, and so does
// echo where this user may send it.

#include "wgscope/checks/outer.hpp"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

OuterOptions options(const char* host) {
  OuterOptions options;
  options.host = {host, 0};
  return options;
}

class OuterCheck : public testing::Test {
 protected:
  checks::Run run_ = *checks::Run::open();
};

TEST_F(OuterCheck, TakesThisHostsLargestPackets) {
  const auto facts = outer(run_, options("127.0.0.1"));
  EXPECT_EQ(facts.host_address->address, *IpAddress::parse("127.0.0.1"));
  EXPECT_TRUE(facts.udp_answers || facts.echo_answers);
  EXPECT_GE(diagnosis::fitting_mtu(facts), kUsualTunnelMtu);
  EXPECT_GT(facts.round_trip, 0ns);
}

TEST_F(OuterCheck, NamesAHostThatDoesNotExist) {
  const auto facts = outer(run_, options("nowhere.invalid"));
  EXPECT_TRUE(facts.error);
  EXPECT_FALSE(facts.host_address);
}

TEST_F(OuterCheck, HasNothingWhenTheTimeIsOver) {
  OuterOptions late = options("127.0.0.1");
  late.deadline = os::boot_now();
  const auto facts = outer(run_, late);
  EXPECT_FALSE(diagnosis::fitting_mtu(facts));
}

}  // namespace
}  // namespace wgscope::checks
