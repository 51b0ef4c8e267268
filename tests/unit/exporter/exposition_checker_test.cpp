#include "exposition_checker.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// A checker that finds nothing looks like good metrics: here it must find each fault it
// is there for.
namespace wgscope::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

const std::string kText =
    "# HELP a_total Some \"a\" \\\\ \\n.\n# TYPE a_total counter\na_total{x=\"\\\"\\\\\\n\"} "
    "1\na_total 18446744073709551615\n"
    "# HELP b_seconds B.\n# TYPE b_seconds histogram\nb_seconds_bucket{le=\"1.0\"} "
    "1\nb_seconds_bucket{le=\"+Inf\"} 2\n"
    "b_seconds_sum 0.5\nb_seconds_count 2\n# HELP c_info C.\n# TYPE c_info gauge\nc_info{y=\"z\"} "
    "1\n";

const std::string kOpenMetrics =
    "# HELP a Some \\\"a\\\" \\\\ \\n.\n# TYPE a counter\na_total{x=\"\\\"\\\\\\n\"} 1\na_total "
    "18446744073709551615\n"
    "# HELP b_seconds B.\n# TYPE b_seconds histogram\n# UNIT b_seconds "
    "seconds\nb_seconds_bucket{le=\"1.0\"} 1\n"
    "b_seconds_bucket{le=\"+Inf\"} 2\nb_seconds_sum 0.5\nb_seconds_count 2\n# HELP c C.\n# TYPE c "
    "info\nc_info{y=\"z\"} 1\n"
    "# EOF\n";

TEST(ExpositionChecker, FindsNothingInGoodOnes) {
  EXPECT_THAT(check_exposition(kText, Syntax::text), IsEmpty());
  EXPECT_THAT(check_exposition(kOpenMetrics, Syntax::openmetrics), IsEmpty());
  EXPECT_THAT(check_exposition("# EOF\n", Syntax::openmetrics), IsEmpty());
}

struct Fault {
  const char* from;
  const char* to;
  const char* problem;
};

void expect_found(const std::string& good, Syntax syntax, const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    const auto problems = check_exposition(replaced(good, fault.from, fault.to), syntax);
    ASSERT_FALSE(problems.empty()) << fault.to;
    EXPECT_THAT(problems.front(), HasSubstr(fault.problem)) << fault.to;
  }
}

TEST(ExpositionChecker, FindsFaultsInBothFormats) {
  const std::vector<Fault> faults{
      {"c_info{y=\"z\"} 1\n", "c_info{y=\"z\"} 1\nc_info{y=\"z\"} 1\n", "a series stands twice"},
      {"a_total 1844", "\na_total 1844", "an empty line"},
      {"a_total 1844", "d_total 1844", "away from its family"},
      {"a_total 1844", "c_info 1\na_total 1844", "away from its family"},
      {"a_total 1844", "a_total -1844", "below zero"},
      {"a_total 1844", "a_total 0x1844", "no number"},
      {"a_total 1844", "a_total  1844", "no number"},
      {"a_total 1844", "a_total nan", "no number"},
      {"a_total 1844", "a_total{} 1844", "braces without labels"},
      {"a_total 1844", "a_total{z=\"\"} 1844", "an empty label"},
      {"a_total 1844", "a_total{z=\"1\",z=\"1\"} 1844", "a label stands twice"},
      {"a_total 1844", "a_total{z=\"1\"z=\"1\"} 1844", "',' is missing"},
      {"a_total 1844", "a_total{1=\"1\"} 1844", "a name is missing"},
      {"a_total 1844", "a_total{z:=\"1\"} 1844", "is missing"},
      {"a_total 1844", "a_total{z=\"\\t\"} 1844", "an unknown escape"},
      {"a_total 1844", "a_total{z=\"1\nz\"} 1844", "is missing"},
      {"a_total 1844", "a_total{z=\"\xff\"} 1844", "not UTF-8"},
      {"c_info{y=\"z\"} 1\n", "c_info{y=\"z\"} 1\n# HELP b_seconds B.\n", "a family stands twice"},
      {"# HELP b_seconds B.\n", "", "away from its family's HELP"},
      {"# TYPE b_seconds histogram\n", "", ""},
      {"# TYPE b_seconds histogram\n", "# TYPE b_seconds summary\n", "an unknown type"},
      {"# TYPE b_seconds histogram\n", "# TYPE b_seconds histogram\n# TYPE b_seconds gauge\n",
       "TYPE out of order"},
      {"# TYPE b_seconds histogram\n", "# hello\n# TYPE b_seconds histogram\n", "is missing"},
      {"B.\n", "\\t\n", "an unknown escape"},
      {"le=\"1.0\"", "le=\"1\"", "no float"},
      {"le=\"1.0\"", "le=\"\"", "an empty label"},
      {"le=\"1.0\"} 1", "le=\"1.0\"} 3", "do not add up"},
      {"b_seconds_count 2", "b_seconds_count 3", "_count is not"},
      {"b_seconds_count 2\n", "", "an incomplete histogram"},
      {"b_seconds_sum 0.5\n", "", "an incomplete histogram"},
      {"b_seconds_bucket{le=\"+Inf\"} 2\n", "", "_count before"},
      {"b_seconds_bucket{le=\"1.0\"} 1\nb_seconds_bucket{le=\"+Inf\"} 2\n",
       "b_seconds_bucket{le=\"+Inf\"} 1\nb_seconds_bucket{le=\"1.0\"} 2\n", "out of order"},
  };
  expect_found(kText, Syntax::text, faults);
  expect_found(kOpenMetrics, Syntax::openmetrics, faults);
}

TEST(ExpositionChecker, FindsFaultsOfTheTextFormat) {
  expect_found(kText, Syntax::text,
               {{"gauge\n", "info\n", "an unknown type"},
                {"c_info{", "# EOF\nc_info{", "' ' is missing"},
                {"# TYPE b_seconds histogram\n",
                 "# TYPE b_seconds histogram\n# UNIT b_seconds seconds\n", "an unknown comment"},
                {"c_info{y=\"z\"} 1\n", "c_info{y=\"z\"} 1", "has no end"}});
  EXPECT_THAT(check_exposition("# HELP a A.\n# TYPE a counter\na 1\n", Syntax::text).front(),
              HasSubstr("a counter without _total"));
}

TEST(ExpositionChecker, FindsFaultsOfOpenMetrics) {
  expect_found(
      kOpenMetrics, Syntax::openmetrics,
      {{"# EOF\n", "", "no # EOF"},
       {"# EOF\n", "# EOF", "has no end"},
       {"# EOF\n", "# EOF\n# EOF\n", "behind # EOF"},
       {"# EOF\n", "# EOF\n\n", "behind # EOF"},
       {"B.\n", "\"B\".\n", "a bare quote"},
       {"seconds seconds", "seconds ms", "does not end in its unit"},
       {"# TYPE b_seconds histogram\n# UNIT b_seconds seconds\n",
        "# UNIT b_seconds seconds\n# TYPE b_seconds histogram\n", "UNIT out of order"},
       {"# TYPE c info\n", "# TYPE c info\n# UNIT c c\n", "does not end in its unit"},
       {"\na_total 1", "\na 1", "away from its family"},
       {"c_info{y=\"z\"}", "c{y=\"z\"}", "away from its family"},
       {"c_info{y=\"z\"} 1", "c_info{y=\"z\"} 0", "not 1"},
       {"# HELP c C.\n# TYPE c info\n",
        "# HELP a_total A.\n# TYPE a_total gauge\na_total{q=\"1\"} 1\n", "two families make"}});
}

}  // namespace
}  // namespace wgscope::test
