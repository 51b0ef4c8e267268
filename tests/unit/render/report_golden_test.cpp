// Each renderer's output for reports of every shape, as files to look at.

#include <cstddef>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/render/report.hpp"

#include "../exporter/exposition_checker.hpp"
#include "../exporter/golden.hpp"
#include "sample_reports.hpp"

namespace wgscope::render {
namespace {

using diagnosis::FailOn;
using ::testing::IsEmpty;

constexpr auto kFailOn = FailOn::warning;

class ReportGolden : public ::testing::TestWithParam<test::SampleReport> {
 protected:
  static void expect_as_recorded(std::string_view made, std::string_view ending) {
    EXPECT_TRUE(is_valid_utf8(made));
    test::expect_as_recorded(
        made, "tests/golden/report/" + std::string(GetParam().name) + std::string(ending));
  }
};

TEST_P(ReportGolden, TextIsAsRecorded) {
  const auto& [name, report, redact, verbose] = GetParam();
  expect_as_recorded(to_text(report, {.verbose = verbose, .redact = redact}), ".txt");
}

TEST_P(ReportGolden, ColouredAndFoldedTextIsAsRecorded) {
  const auto& [name, report, redact, verbose] = GetParam();
  const TextStyle style{.colour = true, .verbose = verbose, .redact = redact, .width = 80};
  expect_as_recorded(to_text(report, style), ".ansi");
}

TEST_P(ReportGolden, JsonIsAsRecorded) {
  expect_as_recorded(to_json(GetParam().report, kFailOn, GetParam().redact), ".json");
}

TEST_P(ReportGolden, JunitIsAsRecorded) {
  expect_as_recorded(to_junit(GetParam().report, kFailOn, GetParam().redact), ".xml");
}

TEST_P(ReportGolden, PrometheusIsAsRecorded) {
  const std::string made = to_prometheus(GetParam().report, kFailOn, GetParam().redact);
  EXPECT_THAT(test::check_exposition(made, test::Syntax::text), IsEmpty());
  expect_as_recorded(made, ".prom");
}

INSTANTIATE_TEST_SUITE_P(Samples, ReportGolden, ::testing::ValuesIn(test::sample_reports()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace wgscope::render
