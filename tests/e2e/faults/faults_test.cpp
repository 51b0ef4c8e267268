// Faults that are really made, under a real Prometheus with the rules and a real Alertmanager with
// the example: the right alert fires within its promised time and no other does, those are told who
// should be, and it ends after the repair. What must not fire is looked at just as long.
//
// All scenarios run at once, while the first test waits for them: about six minutes.

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alertmanager.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "prometheus.hpp"
#include "scenario.hpp"
#include "watch.hpp"

namespace wgscope::test {
namespace {

using testing::Contains;
using testing::Each;
using testing::EndsWith;
using testing::IsEmpty;

std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  for (const auto& some : {peer_scenarios(), interface_scenarios(), exporter_scenarios(),
                           declared_scenarios(), kernel_scenarios(), probe_scenarios()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

std::string name_in_tests(const testing::TestParamInfo<Scenario>& instance) {
  std::string name = instance.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Those that can be had here, and of which --gtest_filter has left a test, so that one can be
/// tried alone.
std::vector<Scenario> chosen_scenarios() {
  std::set<std::string> chosen;
  const auto& suite = *testing::UnitTest::GetInstance()->current_test_suite();
  for (int test = 0; test < suite.total_test_count(); ++test) {
    const std::string name = suite.GetTestInfo(test)->name();
    if (suite.GetTestInfo(test)->should_run()) chosen.insert(name.substr(name.find('/') + 1));
  }
  std::vector<Scenario> scenarios;
  for (const Scenario& scenario : all_scenarios())
    if (chosen.contains(name_in_tests({scenario, 0})) && !scenario.missing)
      scenarios.push_back(scenario);
  return scenarios;
}

/// All tests look at the same watch.
class FaultsTest : public testing::TestWithParam<Scenario> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    WGSCOPE_NEED(why_no_prometheus());
    WGSCOPE_NEED(why_no_alertmanager());
    WGSCOPE_NEED(GetParam().missing);
    if (watch_) return;
    leave_shared_folders();
    const std::vector<Scenario> scenarios = chosen_scenarios();
    watch_ = std::make_unique<Watch>(scenarios);
    std::cout << as_table(scenarios, *watch_);
    // Among a few there may be no exporter, of which WireGuardExporterAbsent rightly tells.
    if (scenarios.size() == all_scenarios().size()) {
      EXPECT_THAT(watch_->fired_elsewhere(), IsEmpty());
    }
  }
  static void TearDownTestSuite() { watch_.reset(); }

  [[nodiscard]] const Course& course() const { return watch_->course(GetParam().name); }
  /// Three alerts promise a time after the last handshake, the others one after the fault.
  [[nodiscard]] Timestamp promised_from(const std::string& alert) const {
    const bool after_handshake = alert == "WireGuardPeerRepliesLost" ||
                                 alert == "WireGuardPeerUnanswered" ||
                                 alert == "WireGuardPeerUnexpectedlyOffline";
    return after_handshake ? course().last_handshake.value() : course().injected.value();
  }

  static std::unique_ptr<Watch> watch_;
};

std::unique_ptr<Watch> FaultsTest::watch_;

/// On a busy machine Prometheus scrapes and evaluates later than it should.
constexpr double kLateness = 4;

TEST_P(FaultsTest, FiresItsAlertInTimeAndNoOtherAndEndsAfterTheRepair) {
  const Scenario& scenario = GetParam();
  ASSERT_EQ(course().trouble, "");
  ASSERT_TRUE(course().injected);
  std::set<std::string> expected = scenario.held_back;
  if (!scenario.alert.empty()) expected.insert(scenario.alert);
  EXPECT_EQ(course().fired_at_all, expected);
  if (scenario.alert.empty()) return;

  ASSERT_TRUE(course().fired) << "it did not fire";
  EXPECT_GE(*course().fired, *course().injected);
  EXPECT_LE(*course().fired - promised_from(scenario.alert),
            watch_->promise(scenario.alert) + kLateness);
  EXPECT_TRUE(course().resolved) << "it fires on after the repair";
}

TEST_P(FaultsTest, TellsWhoShouldBeToldOfTheCauseAlone) {
  const Scenario& scenario = GetParam();
  EXPECT_EQ(course().held_back, scenario.held_back);
  const std::vector<std::string> told = watch_->told(scenario.name);
  if (scenario.alert.empty()) {
    EXPECT_THAT(told, IsEmpty());
    return;
  }
  EXPECT_THAT(told, Each(EndsWith(" " + scenario.alert)));
  const std::map<std::string, std::string> receivers = {
      {"critical", "page"}, {"warning", "ticket"}, {"info", "notice"}};
  const std::string receiver = receivers.at(course().severity);
  EXPECT_THAT(told, Contains(receiver + ": firing " + scenario.alert));
  EXPECT_THAT(told, Contains(receiver + ": resolved " + scenario.alert));
}

INSTANTIATE_TEST_SUITE_P(, FaultsTest, testing::ValuesIn(all_scenarios()), name_in_tests);

}  // namespace
}  // namespace wgscope::test
