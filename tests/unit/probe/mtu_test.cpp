// wgscope mtu as a process, wgscope listen its gateway, over the loopback interface.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using test::Finished;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MtuProgram : public testing::Test {
 protected:
  static std::string wgscope() { return test::binary_dir() / "probe/wgscope"; }

  void SetUp() override {
    ASSERT_TRUE(listen_.wait_for_output("stop with Ctrl-C", 30s)) << listen_.err();
  }

  Finished mtu(std::vector<std::string> more) {
    std::vector<std::string> argv{wgscope(),     "mtu",         "--config",   folder_ / "peer.conf",
                                  "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none"};
    argv.insert(argv.end(), more.begin(), more.end());
    return test::run(std::move(argv), {}, 60s);
  }

  test::TempDir folder_;
  test::Process listen_{{wgscope(), "listen", "--generate", "--peer-file", folder_ / "peer.conf",
                         "--uapi.dir", folder_.path()}};
};

TEST_F(MtuProgram, SaysThatTheSettingFitsAndWhatElseWould) {
  const Finished ended = mtu({});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(StartsWith("OK: MTU 1420 fits in both directions"), HasSubstr("TCP MSS"),
                    HasSubstr("forward path MTU:"), HasSubstr("reverse path MTU:")));
}

TEST_F(MtuProgram, GivesProgramsTheFiguresOfEachDirection) {
  const Finished ended = mtu({"--json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("\"wireguard_probe_path_mtu_bytes\""),
                               HasSubstr("\"direction\": \"forward\""),
                               HasSubstr("\"direction\": \"backward\"")));
}

TEST_F(MtuProgram, MeasuresTheWayBackToTheByteByTheListenersService) {
  EXPECT_THAT(mtu({}).out, HasSubstr("measured with the gateway's measuring service"));
}

TEST_F(MtuProgram, ComparesTheMssOfAnInnerService) {
  const Finished of_target = mtu({"--quick", "--tcp", "7"});
  EXPECT_EQ(of_target.exit_code, 0) << of_target.out << of_target.err;
  EXPECT_THAT(of_target.out,
              HasSubstr("10.95.86.1:7 accepts TCP segments of 1380 bytes, which fit"));
  const Finished named = mtu({"--quick", "--tcp", "[fd95:86::1]:7"});
  EXPECT_THAT(named.out, HasSubstr("[fd95:86::1]:7 accepts TCP segments of"));
  const Finished closed = mtu({"--quick", "--tcp", "4444"});
  EXPECT_EQ(closed.exit_code, 3) << closed.out;
  EXPECT_THAT(closed.out, HasSubstr("10.95.86.1:4444 refuses the connection"));
}

TEST_F(MtuProgram, RefusesATcpServiceThatIsNoneOrOutsideOfTheTunnel) {
  for (const char* service : {"0", "65536", "ssh", "10.95.86.1", "192.0.2.1:22"}) {
    const Finished ended = mtu({"--tcp", service});
    EXPECT_EQ(ended.exit_code, 3) << service;
    EXPECT_THAT(ended.err, StartsWith("wgscope mtu: --tcp"));
  }
}

TEST_F(MtuProgram, SendsNothingForAPlan) {
  const Finished ended = mtu({"--plan"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(listen_.out(), ::testing::Not(HasSubstr("initiation accepted")));
}

TEST_F(MtuProgram, RefusesATargetThatIsNoAddress) {
  const Finished ended = mtu({"gateway"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, StartsWith("wgscope mtu: "));
}

}  // namespace
}  // namespace wgscope::probe
