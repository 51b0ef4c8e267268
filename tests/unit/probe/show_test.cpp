#include "probe/render/show.hpp"

#include <filesystem>
#include <string>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/render/report.hpp"

#include "../render/sample_reports.hpp"
#include "files.hpp"
#include "probe/options/output_options.hpp"
#include "probe/verbs.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using diagnosis::FailOn;
using diagnosis::Report;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

class ShowReport : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }

  Exit show(const Report& report, const OutputOptions& options) {
    CaptureStdout();
    CaptureStderr();
    const Exit exit = show_report(report, options).exit;
    out_ = GetCapturedStdout();
    err_ = GetCapturedStderr();
    return exit;
  }

  test::TempDir folder_;
  std::string out_;
  std::string err_;
};

TEST_F(ShowReport, PrintsTextOrJsonAndEndsAsTheReportDoes) {
  EXPECT_EQ(show(test::silent_report(), {}), Exit::critical);
  EXPECT_EQ(out_, render::to_text(test::silent_report(), {}));
  EXPECT_EQ(show(test::well_report(), {.json = true, .redact = true}), Exit::ok);
  EXPECT_EQ(out_, render::to_json(test::well_report(), FailOn::warning, true));
  EXPECT_EQ(show(test::untold_report(), {.fail_on = FailOn::critical}), Exit::unknown);
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(ShowReport, WritesFilesThatOthersCanRead) {
  const OutputOptions options{.junit_file = path("junit.xml"), .prometheus_file = path("wg.prom")};
  ASSERT_TRUE(check_outputs(options));
  EXPECT_THAT(std::filesystem::is_empty(folder_.path()), true);
  EXPECT_EQ(show(test::well_report(), options), Exit::ok);
  EXPECT_EQ(test::read_file(path("junit.xml")),
            render::to_junit(test::well_report(), FailOn::warning, false));
  EXPECT_EQ(test::read_file(path("wg.prom")),
            render::to_prometheus(test::well_report(), FailOn::warning, false));
  struct stat status{};
  ASSERT_EQ(stat(path("wg.prom").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U) << "node_exporter is another user";
}

TEST_F(ShowReport, EndsWithUnknownWhereAFileCannotBeWritten) {
  const OutputOptions options{.junit_file = path("missing/junit.xml"),
                              .prometheus_file = path("wg.prom")};
  EXPECT_EQ(show(test::well_report(), options), Exit::unknown);
  EXPECT_THAT(err_, AllOf(StartsWith("wgscope handshake: write " + path("missing/junit.xml")),
                          HasSubstr("No such file or directory"), EndsWith("\n")));
  EXPECT_THAT(out_, StartsWith("OK: ")) << "nothing of what was found out is lost";
  EXPECT_TRUE(std::filesystem::exists(path("wg.prom"))) << "nor are the others";
  EXPECT_EQ(show(test::silent_report(), options), Exit::unknown) << "whatever was found";
}

TEST_F(ShowReport, NeverReplacesADevice) {
  const OutputOptions options{.junit_file = "/dev/null"};
  const auto checked = check_outputs(options);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().context, HasSubstr("/dev/null: not a regular file"));
  EXPECT_EQ(show(test::well_report(), options), Exit::unknown);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(ShowReport, RefusesOneFileForBoth) {
  EXPECT_FALSE(check_outputs({.junit_file = path("x"), .prometheus_file = path("x")}));
  EXPECT_TRUE(check_outputs({}));
}

}  // namespace
}  // namespace wgscope::probe
