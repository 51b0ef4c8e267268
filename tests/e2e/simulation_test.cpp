// A small fleet and all faults, as script/simulate runs them at full size: no false alarm, and every fault named in time.
// With rules that are wrong on purpose it must say so.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class SimulationTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_prometheus()); }

  /// Rules for a scrape interval of 15 s, with other values for some settings.
  void make_rules(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> command{source_dir() / "script/rules", "--scrape-interval", "15s"};
    for (const std::string& setting : settings) command.insert(command.end(), {"--set", setting});
    std::vector<std::string> promises = command;
    promises.emplace_back("--promises");
    command.insert(command.end(), {"--output", folder.path().string()});
    const Finished made = run(command);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    write_file(folder / "promises", run(promises).out);
  }

  Finished simulate(std::vector<std::string> arguments) {
    std::vector<std::string> command{binary_dir() / "tests/simulator/wgscope-simulate",
                                     "--rules",
                                     folder / "core.yaml",
                                     "--rules",
                                     folder / "declared.yaml",
                                     "--promises",
                                     folder / "promises",
                                     "--scrape-interval",
                                     "15",
                                     "--peers",
                                     "50",
                                     "--list"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command, {}, 10min);
  }

  TempDir folder;
};

TEST_F(SimulationTest, EveryFaultIsNamedInTimeAndNothingElseFires) {
  make_rules();
  const Finished finished = simulate({"--hours", "3", "--faults"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("wgscope: 0 false alarms\n"));
  EXPECT_THAT(finished.out,
              ContainsRegex("WireGuardPeerRepliesLost: our replies are dropped +1 of +1 in time"));
  EXPECT_THAT(finished.out, Not(HasSubstr("  0 of ")));
}

TEST_F(SimulationTest, WithAnInventoryEveryDeclaredFaultIsNamedAndNoDeploymentIs) {
  make_rules();
  // With seed 1 one of two devices with one key sends without a pause, which readings cannot tell
  // (docs/simulation.md, "What the rules cannot tell").
  const Finished finished = simulate({"--hours", "5", "--faults", "--inventory", "--seed", "2"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("wgscope: 0 false alarms\n"));
  EXPECT_THAT(
      finished.out,
      ContainsRegex("WireGuardPeerUndeclared: a key that nobody declared +1 of +1 in time"));
  EXPECT_THAT(finished.out, Not(HasSubstr("  0 of ")));
}

TEST_F(SimulationTest, AnAlertThatDoesNotWaitForADeploymentIsFalse) {
  make_rules({"deploy=60s"});
  const Finished finished = simulate({"--hours", "8", "--inventory"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.out, ContainsRegex("false alarms.* WireGuardPeerDrift"));
  EXPECT_THAT(finished.out, ContainsRegex("false alarms.* WireGuardPeerUndeclared"));
}

TEST_F(SimulationTest, AnAlertThatWaitsTooShortTakesSleepForAFault) {
  make_rules({"unanswered_for=30s"});
  const Finished finished = simulate({"--hours", "3"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.out,
              ContainsRegex("wgscope: [1-9][0-9]* false alarms, WireGuardPeerUnanswered"));
}

TEST_F(SimulationTest, AnAlertThatNeverFiresIsMissed) {
  make_rules({"frame_errors=1000"});
  const Finished finished = simulate({"--hours", "3", "--faults"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.out,
              ContainsRegex("packets from outside of allowed IPs +0 of +1 in time, slowest never"));
  EXPECT_THAT(finished.out, HasSubstr("wgscope: 0 false alarms\n"));
}

}  // namespace
}  // namespace wgscope::test
