// The alert rules, their source, their promtool tests, their runbooks and docs/alerts.md agree with each other,
// with the metrics that exist and with the probe's options. That the rules find what they are for
// is tested in alerts/tests, by promtool.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "files.hpp"
#include "matches.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::ContainerEq;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Names = std::set<std::string>;

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// Every rule of every file in alerts/.
std::vector<YAML::Node> rules() {
  std::vector<YAML::Node> all;
  for (const std::filesystem::path& file : files_in("alerts", ".yaml"))
    for (const YAML::Node& group : YAML::LoadFile(file.string())["groups"])
      for (const YAML::Node& rule : group["rules"]) all.push_back(rule);
  return all;
}

/// Nodes are copied, never assigned: assigning a YAML::Node changes what its copies refer to.
std::vector<YAML::Node> alerts() {
  std::vector<YAML::Node> found;
  for (const YAML::Node& rule : rules())
    if (rule["alert"]) found.push_back(rule);
  return found;
}

Names alert_names() {
  Names names;
  for (const YAML::Node& alert : alerts()) names.insert(alert["alert"].as<std::string>());
  return names;
}

Names without(Names names, const Names& others) {
  for (const std::string& other : others) names.erase(other);
  return names;
}

class AlertsPromtoolTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_prometheus()); }

  static void expect_success(std::vector<std::string> arguments,
                             const std::vector<std::filesystem::path>& files) {
    ASSERT_THAT(files, Not(IsEmpty()));
    arguments.insert(arguments.begin(), find_prometheus_program("promtool").value());
    for (const std::filesystem::path& file : files) arguments.push_back(file);
    const Finished finished = run(arguments, {}, 100s);
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  }
};

TEST_F(AlertsPromtoolTest, HasNothingToSayOfTheRules) {
  expect_success({"check", "rules", "--lint=all", "--lint-fatal"}, files_in("alerts", ".yaml"));
}

TEST_F(AlertsPromtoolTest, PassesTheRulesTests) {
  expect_success({"test", "rules"}, files_in("alerts/tests", ".yaml"));
}

TEST(AlertsTest, EachIsSeenFiringAndSilent) {
  Names firing;
  Names silent;
  for (const std::filesystem::path& file : files_in("alerts/tests", ".yaml"))
    for (const YAML::Node& group : YAML::LoadFile(file.string())["tests"])
      for (const YAML::Node& expected : group["alert_rule_test"])
        (expected["exp_alerts"].size() > 0 ? firing : silent)
            .insert(expected["alertname"].as<std::string>());
  EXPECT_THAT(firing, ContainerEq(alert_names()));
  EXPECT_THAT(silent, ContainerEq(alert_names()));
}

TEST(AlertsTest, EachHasItsRunbookAndEachRunbookItsAlert) {
  Names runbooks;
  for (const std::filesystem::path& file : files_in("docs/runbooks", ".md")) {
    runbooks.insert(file.stem());
    const std::string page = read_file(file);
    EXPECT_THAT(page, testing::StartsWith("# " + file.stem().string() + "\n"));
    for (const char* part : {"Meaning", "Impact", "Diagnosis", "Mitigation"})
      EXPECT_THAT(page, HasSubstr(fmt::format("\n## {}\n\n", part))) << file;
  }
  EXPECT_THAT(runbooks, ContainerEq(alert_names()));
}

TEST(AlertsTest, EachHasItsLabelsAndAnnotations) {
  ASSERT_THAT(alerts(), Not(IsEmpty()));
  for (const YAML::Node& alert : alerts()) {
    const auto name = alert["alert"].as<std::string>();
    const auto text = [&](const char* kind, const char* key) {
      return alert[kind][key] ? alert[kind][key].as<std::string>() : std::string();
    };
    EXPECT_THAT(name, testing::StartsWith("WireGuard"));
    EXPECT_THAT(text("labels", "severity"), AnyOf("critical", "warning", "info")) << name;
    const std::string summary = text("annotations", "summary");
    EXPECT_THAT(summary, EndsWith(".")) << name;
    EXPECT_THAT(summary, Not(HasSubstr("{{"))) << name << ": a summary is static";
    EXPECT_THAT(text("annotations", "description"), HasSubstr("{{ $labels.")) << name;
    EXPECT_THAT(text("annotations", "runbook_url"), EndsWith("/" + name + ".md")) << name;
  }
}

/// The variables of each dashboard, by its uid.
std::map<std::string, Names> dashboards() {
  std::map<std::string, Names> found;
  for (const std::filesystem::path& file : files_in("dashboards", ".json")) {
    const auto dashboard = nlohmann::json::parse(read_file(file));
    Names& variables = found[dashboard["uid"].get<std::string>()];
    for (const auto& variable : dashboard["templating"]["list"])
      variables.insert(variable["name"].get<std::string>());
  }
  return found;
}

TEST(AlertsTest, EachLeadsToADashboardThatExistsWithVariablesThatItHas) {
  const std::map<std::string, Names> known = dashboards();
  for (const YAML::Node& alert : alerts()) {
    const auto name = alert["alert"].as<std::string>();
    const YAML::Node address = alert["annotations"]["dashboard_url"];
    ASSERT_TRUE(address) << name;
    const auto url = address.as<std::string>();
    const Names uid = all_matches(url, "^https://[a-z.]+/d/([a-z-]+)\\?");
    ASSERT_EQ(uid.size(), 1U) << url;
    ASSERT_TRUE(known.contains(*uid.begin())) << url;
    EXPECT_THAT(without(all_matches(url, "[?&]var-([a-z_]+)="), known.at(*uid.begin())), IsEmpty())
        << name;
    EXPECT_THAT(url, HasSubstr("var-job={{ $labels.job | urlquery }}")) << name;
  }
}

TEST(AlertsTest, NoPeerPages) {
  for (const YAML::Node& alert : alerts()) {
    const auto name = alert["alert"].as<std::string>();
    if (!name.starts_with("WireGuardPeer")) continue;
    EXPECT_NE(alert["labels"]["severity"].as<std::string>(), "critical") << name;
  }
}

TEST(AlertsTest, UseMetricsThatExist) {
  const Names known =
      all_matches(read_file(source_dir() / "docs/metrics.md"), "\n\\| `([a-z_]+)` \\|");
  Names recorded;
  Names used;
  for (const YAML::Node& rule : rules()) {
    if (rule["record"]) recorded.insert(rule["record"].as<std::string>());
    used.merge(all_matches(rule["expr"].as<std::string>(), "\\b(wireguard[_:][a-z0-9_:]+)"));
  }
  EXPECT_THAT(used, Not(IsEmpty()));
  EXPECT_THAT(without(without(used, known), recorded), IsEmpty());
}

// Reading one metric of 100 000 peers costs Prometheus more than all rules may together.
TEST(AlertsTest, NoRuleReadsAllPeers) {
  for (const YAML::Node& rule : rules()) {
    const auto expression = rule["expr"].as<std::string>();
    for (const std::string& selector : all_matches(expression, "\\b(wireguard_peer_[^ )]*)"))
      // Only peers that differ from what is declared have the series of the second line.
      EXPECT_THAT(selector, testing::MatchesRegex(
                                "wireguard_peer_verdict\\{verdict=\"[a-z_]+\"\\}|wireguard_peer_"
                                "(undeclared|missing|handshake_overdue|unexpectedly_offline|drift|"
                                "allowed_ips_conflict|"
                                "allowed_ips_too_broad|key_rotation_overdue)"))
          << expression;
  }
}

TEST(AlertsTest, RecordedNamesHaveLevelMetricAndOperations) {
  for (const YAML::Node& rule : rules()) {
    if (!rule["record"]) continue;
    EXPECT_THAT(rule["record"].as<std::string>(),
                testing::MatchesRegex("[a-z_]+:[a-z_]+:[a-z0-9_]+"));
  }
}

Finished script_rules(std::vector<std::string> options) {
  options.insert(options.begin(), (source_dir() / "script/rules").string());
  return run(options, {}, 60s);
}

TEST(AlertsTest, RulesAreMadeFromTheirSource) {
  const Finished finished = script_rules({"--check"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

TEST(AlertsTest, EveryThresholdIsASettingAndEverySettingIsUsed) {
  std::string source;
  for (const std::filesystem::path& file : files_in("alerts/source", ".yaml"))
    source += read_file(file);
  EXPECT_THAT(all_matches(source, "(\\[[0-9]+[smhd])"), IsEmpty());
  EXPECT_THAT(all_matches(source, "\n *(for: [0-9]+)"), IsEmpty());
  EXPECT_THAT(all_matches(source, "[<>]=? ([0-9.]+)"), ContainerEq(Names{"0"}));
  const std::string settings = read_file(source_dir() / "alerts/source/settings");
  for (const std::string& name : all_matches(settings, "\n(?:time|number|text) ([a-z_]+) ="))
    EXPECT_THAT(source + settings, testing::ContainsRegex(fmt::format(
                                       "@{0}[:@]|= [^#\n]*[^a-z_]{0}[^a-z_]|= {0} ", name)))
        << name << " is not used";
}

/// As docs/alerts.md has it: "9 min 30 s".
std::string in_words(int seconds) {
  std::string words;
  if (seconds >= 60) words = fmt::format("{} min", seconds / 60);
  if (seconds % 60 != 0) words += fmt::format("{}{} s", words.empty() ? "" : " ", seconds % 60);
  return words;
}

TEST(AlertsTest, EachPromisesATimeAndTheDocumentTellsIt) {
  const Finished finished = script_rules({"--promises"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const std::string document = read_file(source_dir() / "docs/alerts.md");
  Names promised;
  std::istringstream lines(finished.out);
  std::string alert;
  for (int seconds = 0; lines >> alert >> seconds;) {
    promised.insert(alert);
    EXPECT_THAT(all_matches(document, fmt::format("\n\\| \\[{}\\][^|]+\\|[^|]+\\|[^|]+\\| "
                                                  "((?:[0-9]+ min)?(?: ?[0-9]+ s)?)",
                                                  alert)),
                ContainerEq(Names{in_words(seconds)}))
        << alert;
  }
  EXPECT_THAT(promised, ContainerEq(alert_names()));
}

TEST(AlertsTest, WindowsFollowTheScrapeInterval) {
  TempDir folder;
  const Finished finished = script_rules(
      {"--scrape-interval=15s", "--set", "one_way_for=7m", "--output", folder.path().string()});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const std::string rules = read_file(folder.path() / "core.yaml");
  EXPECT_THAT(rules, HasSubstr("rate(wireguard_interface_receive_bytes_total[2m])"));
  EXPECT_THAT(rules, HasSubstr("for: 7m"));
}

/// The alerts of declared.yaml, made with these settings: how long each waits, and its description.
std::map<std::string, std::pair<std::string, std::string>> declared_with(
    std::vector<std::string> options) {
  const TempDir folder;
  options.insert(options.end(), {"--output", folder.path().string()});
  const Finished made = script_rules(options);
  EXPECT_EQ(made.exit_code, 0) << made.err;
  std::map<std::string, std::pair<std::string, std::string>> alerts;
  for (const YAML::Node& group : YAML::LoadFile((folder / "declared.yaml").string())["groups"])
    for (const YAML::Node& rule : group["rules"])
      alerts[rule["alert"].as<std::string>()] = {
          rule["for"] ? rule["for"].as<std::string>() : "",
          rule["annotations"]["description"].as<std::string>()};
  return alerts;
}

TEST(AlertsTest, OneSettingIsTheTimeOfADeploymentForAllDeclaredAlerts) {
  const auto committed = declared_with({});
  const auto slower = declared_with({"--set", "deploy=2700s"});
  ASSERT_EQ(slower.size(), committed.size());
  // These do not wait for a deployment: what they name is no difference between two changes.
  const Names others{"WireGuardPeerHandshakeOverdue", "WireGuardPeerUnexpectedlyOffline",
                     "WireGuardPeerKeyRotationDue", "WireGuardInventoryNotLoaded"};
  for (const auto& [alert, rule] : slower) {
    EXPECT_EQ(rule.first == "45m", !others.contains(alert)) << alert << " waits " << rule.first;
    if (others.contains(alert)) {
      EXPECT_EQ(rule, committed.at(alert)) << alert;
    }
    EXPECT_EQ(all_matches(rule.second, "([0-9]+ minutes)").contains("45 minutes"),
              rule.second != committed.at(alert).second)
        << alert;
  }
  EXPECT_THAT(slower.at("WireGuardPeerUndeclared").second, HasSubstr("45 minutes"));
  EXPECT_THAT(script_rules({"--set", "deploy=2700s", "--promises"}).out,
              HasSubstr("WireGuardPeerAllowedIPsStolen 2790\n"));
}

TEST(AlertsTest, SettingsThatDoNotExistAreRefused) {
  EXPECT_THAT(script_rules({"--set", "windows=3m"}).err, HasSubstr("no such setting: windows"));
  EXPECT_THAT(script_rules({"--set", "window=soon"}).err, HasSubstr("'soon' is not a duration"));
  EXPECT_THAT(script_rules({"--scrape-interval"}).err,
              HasSubstr("--scrape-interval wants a value"));
}

TEST(AlertsTest, TheDocumentListsEveryAlertWithItsTests) {
  const std::string document = read_file(source_dir() / "docs/alerts.md");
  std::string tests;
  for (const std::filesystem::path& file : files_in("alerts/tests", ".yaml"))
    for (const YAML::Node& group : YAML::LoadFile(file.string())["tests"])
      tests += group["name"].as<std::string>() + "\n";
  const Names listed = all_matches(document, "\n\\| \\[(WireGuard[A-Za-z]+)\\]\\(runbooks/");
  EXPECT_THAT(listed, ContainerEq(alert_names()));
  const Names quoted = all_matches(document, "“([^”]+)”");
  EXPECT_THAT(quoted, Not(IsEmpty()));
  EXPECT_THAT(without(quoted, all_matches(tests, "([^\n]+)")), IsEmpty());
  const std::string of_verdicts =
      read_file(source_dir() / "tests/unit/exporter/peer_verdict_test.cpp") +
      read_file(source_dir() / "tests/unit/exporter/peer_attempts_test.cpp");
  const Names named = all_matches(document, "`([A-Z][A-Za-z]+[.][A-Z][A-Za-z]+)`");
  EXPECT_THAT(named, Not(IsEmpty()));
  for (const std::string& test : named)
    EXPECT_THAT(of_verdicts,
                HasSubstr("TEST(" + std::regex_replace(test, std::regex("[.]"), ", ") + ")"));
}

/// What `wgscope VERB --help` lists, or `wgscope VERB ACTION --help` for a verb that has actions.
std::string help_of(const std::string& command) {
  std::smatch words;
  EXPECT_TRUE(std::regex_search(command, words, std::regex("wgscope ([a-z]+)( ([a-z]+))?")));
  const auto ask = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), (binary_dir() / "probe/wgscope").string());
    arguments.emplace_back("--help");
    return run(std::move(arguments)).out;
  };
  std::string help = ask({words[1]});
  const bool has_actions = help.find(words[1].str() + " ACTION") != std::string::npos;
  return has_actions ? ask({words[1], words[3]}) : help;
}

TEST(AlertsTest, RunbooksAndDocumentsNameVerbsAndOptionsThatExist) {
  std::string pages = read_file(source_dir() / "README.md");
  for (const char* folder : {"docs", "docs/runbooks"})
    for (const std::filesystem::path& file : files_in(folder, ".md")) pages += read_file(file);
  const Names commands = all_matches(pages, "[`\n] *(wgscope [a-z]+[^`\n]*)");
  ASSERT_THAT(commands, Not(IsEmpty()));
  for (const std::string& command : commands) {
    const Names options = all_matches(command, " (--[a-z.-]+)");
    if (options.empty()) continue;
    const std::string help = help_of(command);
    for (const std::string& option : options)
      EXPECT_THAT(help, testing::ContainsRegex("[ ,]" + option + "[ ,=\n]")) << command;
  }
}

}  // namespace
}  // namespace wgscope::test
