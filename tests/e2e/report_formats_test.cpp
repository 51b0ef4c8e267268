// Reports of every shape, held against what reads them: the published JSON schema by a validator,
// JUnit's XML by a schema of what its readers have in common, Prometheus' text by promtool.

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/render/report.hpp"

#include "../unit/render/sample_reports.hpp"
#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using diagnosis::FailOn;
using nlohmann::json;
using testing::HasSubstr;

constexpr FailOn kEvery[] = {FailOn::critical, FailOn::warning, FailOn::unknown};

std::optional<std::string> why_not(std::vector<std::string> command, const std::string& advice) {
  try {
    must_run(std::move(command));
    return std::nullopt;
  } catch (const std::exception& error) {
    return advice + ": " + error.what();
  }
}

class JsonSchema : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_not({"python3", "-c", "import jsonschema"},
                         "needs python3-jsonschema (script/bootstrap --tests)"));
  }

  /// What is wrong with a list of documents, a line each.
  static std::string faults(const std::vector<std::string>& documents) {
    static constexpr const char* kProgram = R"(
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for number, document in enumerate(json.load(sys.stdin)):
    for error in validator.iter_errors(document):
        print(number, list(error.absolute_path), error.message[:200])
)";
    json all = json::array();
    for (const std::string& document : documents) all.push_back(json::parse(document));
    return must_run({"python3", "-c", kProgram, source_dir() / "docs/report.schema.json"},
                    {.env = {}, .netns = {}, .input = all.dump()});
  }
};

TEST_F(JsonSchema, DescribesReportsOfEveryShape) {
  std::vector<std::string> documents;
  for (const SampleReport& sample : sample_reports())
    for (const FailOn fail_on : kEvery)
      for (const bool redact : {false, true})
        documents.push_back(render::to_json(sample.report, fail_on, redact));
  EXPECT_EQ(faults(documents), "");
}

TEST_F(JsonSchema, FindsFaultsWhereThereAreSome) {
  const json good = json::parse(render::to_json(silent_report(), FailOn::warning, false));
  const auto with = [&](const char* place, json value) {
    json document = good;
    document[json::json_pointer(place)] = std::move(value);
    return document.dump();
  };
  const std::vector<std::string> bad{with("/other", 1),
                                     with("/status", "skipped"),
                                     with("/schema", "wgscope.report/2"),
                                     with("/checks/2/finding/other", ""),
                                     with("/checks/2/finding/id", "HS-005"),
                                     with("/checks/2/finding/hypotheses/0/other", ""),
                                     with("/checks/0/layer", "cellar"),
                                     with("/started", "yesterday"),
                                     with("/measurements", json::array({{{"name", "x"}}}))};
  const std::string found = "\n" + faults(bad);
  for (std::size_t i = 0; i < bad.size(); ++i)
    EXPECT_THAT(found, HasSubstr("\n" + std::to_string(i) + " ")) << bad[i];
}

class JunitSchema : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(
        why_not({"xmllint", "--version"}, "needs libxml2-utils (script/bootstrap --tests)"));
  }

  Finished check(const std::string& xml) const {
    const std::string file = folder_ / "junit.xml";
    write_file(file, xml);
    return run({"xmllint", "--noout", "--nonet", "--schema",
                source_dir() / "tests/fixtures/junit.xsd", file});
  }

  TempDir folder_;
};

TEST_F(JunitSchema, DescribesReportsOfEveryShape) {
  for (const SampleReport& sample : sample_reports()) {
    for (const FailOn fail_on : kEvery) {
      const Finished checked = check(render::to_junit(sample.report, fail_on, sample.redact));
      EXPECT_EQ(checked.exit_code, 0) << sample.name << ": " << checked.err;
    }
  }
}

TEST_F(JunitSchema, FindsFaultsWhereThereAreSome) {
  const std::string good = render::to_junit(silent_report(), FailOn::warning, false);
  const auto with = [&](const std::string& old, const std::string& replacement) {
    std::string made = good;
    return made.replace(made.find(old), old.size(), replacement);
  };
  for (const std::string& bad :
       {with("<skipped ", "<jumped "), with(" tests=", " count="), with("T13:30:01", "T13:30:01Z"),
        with("seen: ", "seen: \x1b"), with("WGS-HS-005", "<WGS>"), with("</testsuites>", "")})
    EXPECT_NE(check(bad).exit_code, 0) << bad;
}

TEST(PrometheusFile, PleasesPromtool) {
  WGSCOPE_NEED(why_no_prometheus());
  const std::string promtool = find_prometheus_program("promtool").value();
  const auto check = [&](const std::string& text) {
    return run({promtool, "check", "metrics"}, {.env = {}, .netns = {}, .input = text});
  };
  for (const SampleReport& sample : sample_reports()) {
    const Finished checked =
        check(render::to_prometheus(sample.report, FailOn::warning, sample.redact));
    EXPECT_EQ(checked.exit_code, 0) << sample.name;
    EXPECT_EQ(checked.out + checked.err, "") << sample.name;
  }
  EXPECT_NE(check("# TYPE a gauge\na{b=\"c} 1\n").exit_code, 0);
}

}  // namespace
}  // namespace wgscope::test
