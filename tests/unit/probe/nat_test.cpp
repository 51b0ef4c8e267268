// wgscope nat with a tunnel, as a process: what it refuses, and wgscope listen as a gateway whose
// own services are TCP services that can be used.

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <utility>
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

class NatProgram : public testing::Test {
 protected:
  static std::string wgscope() { return test::binary_dir() / "probe/wgscope"; }

  void SetUp() override {
    ASSERT_TRUE(listen_.wait_for_output("stop with Ctrl-C", 30s)) << listen_.err();
    config_ = test::read_file(folder_ / "peer.conf");
  }

  [[nodiscard]] std::vector<std::string> command(std::vector<std::string> more) const {
    std::vector<std::string> argv{wgscope(),     "nat",         "--config",   folder_ / "peer.conf",
                                  "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  Finished nat(std::vector<std::string> more) const {
    return test::run(command(std::move(more)), {}, 60s);
  }

  /// What stands behind a key in the peer's file, the first time.
  [[nodiscard]] std::string value(const std::string& key) const {
    const std::size_t at = config_.find(key + " = ") + key.size() + 3;
    return config_.substr(at, config_.find('\n', at) - at);
  }
  /// The gateway's address inside.
  [[nodiscard]] std::string gateway() const {
    const std::string ours = value("Address");
    return ours.substr(0, ours.rfind('.')) + ".1";
  }
  /// A file like the peer's, with something replaced.
  [[nodiscard]] std::string file_with(const std::string& old, const std::string& made) const {
    std::string text = config_;
    for (std::size_t at = 0; (at = text.find(old, at)) != std::string::npos; at += made.size())
      text.replace(at, old.size(), made);
    test::write_file(folder_ / "other.conf", text);
    return folder_ / "other.conf";
  }

  test::TempDir folder_;
  test::Process listen_{{wgscope(), "listen", "--generate", "--peer-file", folder_ / "peer.conf",
                         "--uapi.dir", folder_.path()}};
  std::string config_;
};

// Of RFC 7748 §6.1: Bob's private key, and Alice's public one.
constexpr const char* kOtherKey = "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=";
constexpr const char* kOtherGateway = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

TEST_F(NatProgram, SeesWhichTcpServicesCanBeUsed) {
  const Finished echo = nat({"--quick", "--tcp", gateway() + ":7"});  // which has to be asked
  EXPECT_EQ(echo.exit_code, 0) << echo.out << echo.err;
  EXPECT_THAT(echo.out, HasSubstr("arrive through the gateway"));
  const Finished closed = nat({"--quick", "--tcp", gateway() + ":80"});
  EXPECT_EQ(closed.exit_code, 3) << closed.out;
  EXPECT_THAT(closed.out, AllOf(StartsWith("UNKNOWN"), HasSubstr("refuses connections"),
                                HasSubstr("WGS-NAT-021")));
}

TEST_F(NatProgram, TellsTheLifetimeSoFarWhenInterrupted) {
  test::Process program(command({"-v", "--tcp", gateway() + ":19"}));
  EXPECT_EQ(program.wait(8s), std::nullopt) << program.out();
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(5s), 3) << program.out() << program.err();
  EXPECT_THAT(program.out(), AllOf(HasSubstr("interrupted: this is what is known so far"),
                                   HasSubstr("interrupted; so far: the tunnel's flow lives "
                                             "for more than")));
}

TEST_F(NatProgram, SendsNothingForAPlan) {
  const std::string twin = file_with(value("PrivateKey"), kOtherKey);
  test::write_file(twin, [&] {
    std::string text = test::read_file(twin);
    const std::string ours = value("Address");
    text.replace(text.find(ours), ours.size(), gateway().substr(0, gateway().size() - 1) + "3/24");
    return text;
  }());
  const Finished plan = nat({"--plan", "--tcp", gateway() + ":22", "--twin", twin});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out,
              AllOf(HasSubstr("to each address of 127.0.0.1"), HasSubstr("of the second peer"),
                    HasSubstr(gateway() + ":22"), HasSubstr("TCP connections")));
  EXPECT_THAT(listen_.out(), Not(HasSubstr("initiation accepted")));
}

TEST_F(NatProgram, RefusesWhatCannotBeMeasured) {
  const auto refuses = [](const Finished& ended, const std::string& why) {
    EXPECT_EQ(ended.exit_code, 3) << ended.out;
    EXPECT_THAT(ended.err, AllOf(StartsWith("wgscope nat: "), HasSubstr(why)));
    EXPECT_EQ(ended.out, "");
  };
  refuses(test::run({test::binary_dir() / "probe/wgscope", "nat"}), "nothing to ask");
  refuses(nat({"--tcp", "gateway:22"}), "'gateway:22' is not ADDRESS:PORT");
  refuses(nat({"--tcp", "192.0.2.1:22"}), "is not in the gateway's AllowedIPs");
  refuses(nat({"--second-peer", folder_ / "peer.conf"}),
          "peer.conf has the same PrivateKey as the first peer: the second peer must have a key of "
          "its own");
  refuses(nat({"--second-peer", folder_ / "none"}), "--second-peer: ");
  test::write_file(folder_ / "elsewhere.conf",
                   std::string("[Interface]\nPrivateKey = ") + kOtherKey +
                       "\nAddress = 10.0.0.3/24\n" + "[Peer]\nPublicKey = " + kOtherGateway +
                       "\nEndpoint = 127.0.0.1:9\nAllowedIPs = 10.0.0.0/8\n");
  refuses(nat({"--second-peer", folder_ / "elsewhere.conf"}), "another gateway");
  refuses(nat({"--second-peer", file_with(value("PrivateKey"), kOtherKey)}), "AllowedIPs");
  refuses(nat({"--stun", "127.0.0.1:9", "--longest", "1000"}), "at most 480 s");
  refuses(nat({"--stun", "127.0.0.1:9", "--longest", "16m40s"}), "at most 480 s");
  refuses(nat({"--stun", "127.0.0.1:9", "--longest", "0s"}), "expected whole seconds, 1 to 3600");
  refuses(nat({"--stun", "127.0.0.1:9", "--keepalive", "1500ms"}), "expected whole seconds, 0 to");
  refuses(nat({"--stun", "127.0.0.1:9", "--keepalive", "25x"}), "is not a valid duration");
}

}  // namespace
}  // namespace wgscope::probe
