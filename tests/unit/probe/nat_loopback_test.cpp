// wgscope nat as a process, wgscope listen --stun its server, over the loopback interface.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using test::Finished;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class NatOfTheLoopback : public testing::Test {
 protected:
  static std::string wgscope() { return test::binary_dir() / "probe/wgscope"; }

  void SetUp() override {
    ASSERT_TRUE(listen_.wait_for_output("stop with Ctrl-C", 30s)) << listen_.err();
  }

  Finished nat(std::vector<std::string> more) {
    std::vector<std::string> argv{wgscope(), "nat", "--config", folder_ / "peer.conf"};
    argv.insert(argv.end(), more.begin(), more.end());
    return test::run(std::move(argv), {}, 60s);
  }

  test::TempDir folder_;
  test::Process listen_{{wgscope(), "listen", "--generate", "--stun", "--peer-file",
                         folder_ / "peer.conf", "--uapi.dir", folder_.path()}};
};

TEST_F(NatOfTheLoopback, LeavesLifetimesByTheStateOfTheFlow) {
  const Finished ended =
      nat({"--longest", "1", "--no-router", "--prometheus", folder_ / "figures.prom"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  const std::string figures = test::read_file(folder_ / "figures.prom");
  EXPECT_THAT(figures, AllOf(HasSubstr("wireguard_probe_nat_mapping_lifetime_seconds{"),
                             HasSubstr("state=\"stream\""), HasSubstr("state=\"one_way\"")));
}

TEST_F(NatOfTheLoopback, KnowsNoRouterOnTheWay) {
  const Finished ended = nat({"--quick", "--json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("no router on the path is known"));
}

TEST_F(NatOfTheLoopback, SaysInItsPlanWhatRoutersAreAsked) {
  const Finished with = nat({"--plan"});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_THAT(with.out, AllOf(HasSubstr("STUN requests to 127.0.0.1:"),
                              HasSubstr("NAT-PMP and PCP requests to the next router"),
                              HasSubstr("239.255.255.250:1900")));
  const Finished without = nat({"--plan", "--no-router"});
  EXPECT_THAT(without.out, Not(HasSubstr("router")));
  EXPECT_THAT(nat({"--plan", "--ipv6"}).out, Not(HasSubstr("router"))) << "NATs are IPv4's";
}

TEST_F(NatOfTheLoopback, NeedsAServerOfSomeSort) {
  const Finished ended = test::run({wgscope(), "nat"}, {}, 60s);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, AllOf(StartsWith("wgscope nat: "), HasSubstr("--stun HOST:PORT")));
}

}  // namespace
}  // namespace wgscope::probe
