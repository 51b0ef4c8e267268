// A Prometheus that loses its last exporter, as when a list of targets is emptied by mistake. It has a
// Prometheus of its own: in any other there are exporters.

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class ExporterAbsentTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_prometheus());
    must_run({source_dir() / "script/rules", "--scrape-interval=1s", "--set=evaluation=1s",
              "--set=absent_for=5s", "--set=down_for=5s", "--output",
              (folder_ / "rules").string()});
    exporter_.emplace(ExporterOptions{.flags = {"--uapi.dir=" + folder_.path().string()}});
    list_exporter();
    prometheus_.emplace(fmt::format(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
        "rule_files: ['{0}/rules/*.yaml']\n"
        "scrape_configs:\n"
        "  - job_name: wireguard\n"
        "    file_sd_configs: [{{files: ['{0}/targets.json'], refresh_interval: 1s}}]\n",
        folder_.path().string()));
  }

  void list_exporter() {
    write_file(targets(),
               fmt::format(R"([{{"targets": ["127.0.0.1:{}"]}}])", exporter_->server().port));
  }
  void list_nobody() { write_file(targets(), "[]"); }

  [[nodiscard]] bool scraped() const { return !prometheus_->query("up == 1").empty(); }
  [[nodiscard]] std::set<std::string> firing() const {
    std::set<std::string> names;
    for (const auto& alert : prometheus_->query("ALERTS{alertstate=\"firing\"}"))
      names.insert(alert.at("metric").at("alertname"));
    return names;
  }

  std::optional<Prometheus> prometheus_;

 private:
  [[nodiscard]] std::string targets() const { return folder_ / "targets.json"; }

  TempDir folder_;
  std::optional<Exporter> exporter_;
};

TEST_F(ExporterAbsentTest, IsNamedWhenTheListOfTargetsIsEmptiedAndEndsWhenItIsBack) {
  // Until its first scrape Prometheus rightly says that there is no exporter.
  ASSERT_TRUE(wait_until([&] { return scraped() && firing().empty(); }, 30s));
  list_nobody();
  // 5 s of waiting, a scrape and an evaluation; and what Prometheus takes to read the list.
  ASSERT_TRUE(wait_until([&] { return !firing().empty(); }, 7s + 10s));
  EXPECT_THAT(firing(), ElementsAre("WireGuardExporterAbsent"));
  list_exporter();
  EXPECT_TRUE(wait_until([&] { return firing().empty() && scraped(); }, 30s));
}

}  // namespace
}  // namespace wgscope::test
