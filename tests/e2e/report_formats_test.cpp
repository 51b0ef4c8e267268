// Reports of every shape and of every verb, held against what reads them: the published JSON schema
// by Debian's validator, JUnit's XML by a schema of what its readers have in common, Prometheus'
// text by promtool.

#include <chrono>
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
#include "wgscope/render/placed.hpp"
#include "wgscope/render/report.hpp"

#include "../unit/render/sample_placed.hpp"
#include "../unit/render/sample_reports.hpp"
#include "files.hpp"
#include "json_schema.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
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
  void SetUp() override { WGSCOPE_NEED(why_no_json_schema()); }

  /// What is wrong with a list of documents, a line each.
  static std::string faults(const std::vector<std::string>& documents) {
    json all = json::array();
    for (const std::string& document : documents) all.push_back(json::parse(document));
    return schema_faults("docs/report.schema.json", all);
  }
};

TEST_F(JsonSchema, DescribesWhatLintFinds) {
  json documents = json::array();
  for (const bool redact : {false, true})
    documents.push_back(json::parse(
        render::to_json(render::sample_placed(), render::PlacedStyle{.redact = redact})));
  documents.push_back(json::parse(render::to_json(render::PlacedReport{.verb = "lint"}, {})));
  EXPECT_EQ(schema_faults("docs/lint.schema.json", documents), "");
  documents[0]["findings"][0].erase("cause");
  EXPECT_THAT(schema_faults("docs/lint.schema.json", documents), HasSubstr("cause"));
}

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

/// The program beside a gateway.
class JsonSchemaOfVerbs : public JsonSchema {
 protected:
  void SetUp() override {
    JsonSchema::SetUp();
    ASSERT_TRUE(listen_.wait_for_output("stop with Ctrl-C", 30s)) << listen_.err();
  }
  static std::string wgscope() { return binary_dir() / "probe/wgscope"; }

  /// What a verb prints with --json, whatever it ends with.
  std::string document(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), wgscope());
    arguments.insert(arguments.begin() + 2,
                     {"--json", "--uapi-dir", folder_ / "none", "--state-dir", folder_ / "state"});
    return run(std::move(arguments), {}, 60s).out;
  }

  TempDir folder_;
  Process listen_{{wgscope(), "listen", "--generate", "--stun", "--peer-file",
                   folder_ / "peer.conf", "--uapi-dir", folder_.path()}};
};

TEST_F(JsonSchemaOfVerbs, DescribesWhatEachVerbPrints) {
  const std::string peer = folder_ / "peer.conf";
  const std::string config = read_file(peer);
  const std::size_t begin = config.find("127.0.0.1:");
  const std::string endpoint = config.substr(begin, config.find('\n', begin) - begin);
  std::vector<std::string> documents;
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{
           {"check", "--quick", "--config", peer},
           {"handshake", "--config", peer},
           {"ping", "--count", "2", "--interval", "10ms", "--config", peer},
           {"reach", "--icmp", "10.95.86.1", "--expect-closed", "tcp:10.95.86.1:7", "--config",
            peer},
           {"mtu", "--quick", "--config", peer},
           {"mtu", "--outer", "127.0.0.1", "--timeout", "2s"},
           {"nat", "--quick", "--stun", endpoint},
           {"handshake", "--config", peer, "--endpoint", "127.0.0.1:9", "--timeout", "300ms"},
           {"handshake", "--config", peer, "--endpoint", "[::1]:9", "--timeout", "300ms"},
           {"check", "--no-such-option"},
           {"ping", "--config", folder_ / "missing"}}) {
    documents.push_back(document(verb));
    std::vector<std::string> redacted = verb;
    redacted.emplace_back("--redact");
    documents.push_back(document(redacted));
  }
  for (const std::string& document : documents) ASSERT_TRUE(json::accept(document)) << document;
  EXPECT_EQ(faults(documents), "");
  // A schema that takes everything would pass, too.
  json wrong = json::parse(documents.front());
  wrong["checks"][0]["status"] = "splendid";
  EXPECT_THAT(faults({wrong.dump()}), HasSubstr("splendid"));
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
