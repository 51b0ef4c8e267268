// Every branch of the handshake's decision tree, against the other implementation.

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "interop/site.hpp"
#include "need.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

/// Those that take longest begin first.
const Scenarios& all_scenarios() {
  static const Scenarios all = [] {
    Scenarios gathered;
    for (const auto& table :
         {data_scenarios(), silence_scenarios(), key_scenarios(), refusal_scenarios(),
          healthy_scenarios(), name_scenarios(), route_scenarios(), load_scenarios()})
      gathered.insert(gathered.end(), table.begin(), table.end());
    return gathered;
  }();
  return all;
}

class HandshakeDiagnosis : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    if (!runner_) runner_ = std::make_unique<ScenarioRunner>(all_scenarios(), wanted());
  }
  static void TearDownTestSuite() { runner_.reset(); }

  /// Those that a filter leaves.
  static std::vector<bool> wanted() {
    std::vector<bool> all(all_scenarios().size());
    const testing::TestSuite& suite = *testing::UnitTest::GetInstance()->current_test_suite();
    for (int i = 0; i < suite.total_test_count(); ++i)
      for (std::size_t k = 0; k < all.size(); ++k)
        if (std::string(suite.GetTestInfo(i)->name()).ends_with('/' + all_scenarios()[k].name))
          all[k] = suite.GetTestInfo(i)->should_run();
    return all;
  }

  static inline std::unique_ptr<ScenarioRunner> runner_;
};

INSTANTIATE_TEST_SUITE_P(, HandshakeDiagnosis,
                         testing::Range(std::size_t{0}, all_scenarios().size()),
                         [](const auto& test) { return all_scenarios()[test.param].name; });

TEST_P(HandshakeDiagnosis, Finds) {
  const Outcome& outcome = runner_->outcome(GetParam());
  all_scenarios()[GetParam()].expect(outcome);
}

}  // namespace
}  // namespace wgscope::test
