// alerts/alertmanager.yml: what amtool says of it, and what a real Alertmanager makes of it.

#include "alertmanager.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::filesystem::path config_file() { return source_dir() / "alerts/alertmanager.yml"; }

/// Names of all alerts of alerts/*.yaml with their severities.
std::map<std::string, std::string> severities() {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "alerts")) {
    if (entry.path().extension() != ".yaml") continue;
    for (const YAML::Node& group : YAML::LoadFile(entry.path().string())["groups"])
      for (const YAML::Node& rule : group["rules"])
        if (rule["alert"])
          found[rule["alert"].as<std::string>()] = rule["labels"]["severity"].as<std::string>();
  }
  return found;
}

class AmtoolTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_alertmanager()); }

  static Finished amtool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), find_prometheus_program("amtool").value());
    return run(std::move(arguments));
  }
};

TEST_F(AmtoolTest, HasNothingToSayOfTheConfiguration) {
  const Finished finished = amtool({"check-config", config_file()});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("SUCCESS"));
}

TEST_F(AmtoolTest, EverySeverityHasItsReceiver) {
  const std::map<std::string, std::string> receivers = {
      {"critical", "page"}, {"warning", "ticket"}, {"info", "notice"}};
  for (const auto& [alert, severity] : severities()) {
    const Finished finished =
        amtool({"config", "routes", "test", "--config.file=" + config_file().string(),
                "--verify.receivers=" + receivers.at(severity), "alertname=" + alert,
                "severity=" + severity});
    EXPECT_EQ(finished.exit_code, 0) << alert << ": " << finished.out << finished.err;
  }
}

json alert(const std::string& name, std::map<std::string, std::string> labels) {
  labels["alertname"] = name;
  labels.try_emplace("job", "wireguard");
  labels.try_emplace("instance", "here");
  return {{"labels", labels}};
}

class AlertmanagerTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_alertmanager());
    receivers_.emplace();
    alertmanager_.emplace(quick_alertmanager_config(receivers_->url()));
  }

  /// Raises the causes first, so that no notification comes before its cause is known.
  void raise(const json& causes, const json& alerts) const {
    alertmanager_->raise(causes);
    alertmanager_->raise(alerts);
  }

  /// Of all alerts that have the label `is`.
  [[nodiscard]] std::vector<std::string> in_state(const std::string& state) const {
    std::vector<std::string> found;
    for (const json& one : alertmanager_->alerts())
      if (one.at("status").at("state") == state && one.at("labels").contains("is"))
        found.push_back(one.at("labels").at("is"));
    std::ranges::sort(found);
    return found;
  }
  /// Waits until Alertmanager has decided about all of them.
  void expect_silenced(const std::vector<std::string>& silenced,
                       const std::vector<std::string>& told) const {
    const auto decided = [&] { return in_state("unprocessed").empty(); };
    EXPECT_TRUE(wait_until([&] { return in_state("suppressed") == silenced && decided(); }, 10s))
        << alertmanager_->alerts().dump(1);
    EXPECT_EQ(in_state("suppressed"), silenced);
    EXPECT_EQ(in_state("active"), told);
  }

  std::optional<Receivers> receivers_;
  std::optional<Alertmanager> alertmanager_;
};

TEST_F(AlertmanagerTest, ADeadExporterSilencesWhatIsKnownOfItsTunnelsOnly) {
  raise(json::array({alert("WireGuardExporterDown", {})}),
        {alert("WireGuardPeerRepliesLost", {{"is", "its peer"}, {"interface", "wg0"}}),
         alert("WireGuardInterfaceDown", {{"is", "its interface"}, {"interface", "wg0"}}),
         alert("WireGuardClockStep", {{"is", "its clock"}}),
         alert("WireGuardPeerRepliesLost",
               {{"is", "another exporter's peer"}, {"instance", "there"}, {"interface", "wg0"}}),
         alert("WireGuardPeerRepliesLost",
               {{"is", "another job's peer"}, {"job", "branches"}, {"interface", "wg0"}}),
         alert("WireGuardExporterDown", {{"is", "another exporter"}, {"instance", "elsewhere"}}),
         alert("WireGuardProbeFailing", {{"is", "a probe"}}),
         alert("NodeDown", {{"is", "somebody else's"}})});
  expect_silenced({"its clock", "its interface", "its peer"},
                  {"a probe", "another exporter", "another exporter's peer", "another job's peer",
                   "somebody else's"});
}

TEST_F(AlertmanagerTest, NoExporterAtAllSilencesTheJob) {
  json absent = alert("WireGuardExporterAbsent", {});
  absent.at("labels").erase("instance");
  alertmanager_->raise(json::array({absent}));
  raise(json::array(),
        {alert("WireGuardExporterDown", {{"is", "exporter"}}),
         alert("WireGuardCountersReset", {{"is", "interface"}, {"instance", "there"}}),
         alert("WireGuardExporterDown", {{"is", "another job's exporter"}, {"job", "branches"}})});
  expect_silenced({"exporter", "interface"}, {"another job's exporter"});
}

TEST_F(AlertmanagerTest, AnInterfaceThatIsDownOrGoneSilencesItsPeersOnly) {
  for (const char* cause :
       {"WireGuardInterfaceDown", "WireGuardInterfaceGone", "WireGuardInterfaceUnreadable"}) {
    SCOPED_TRACE(cause);
    alertmanager_.emplace(quick_alertmanager_config(receivers_->url()));
    raise({alert(cause, {{"interface", "wg0"}}),
           alert(cause, {{"interface", "wg0"}, {"netns", "blue"}, {"instance", "there"}})},
          {alert("WireGuardPeerUnanswered", {{"is", "its peer"}, {"interface", "wg0"}}),
           alert("WireGuardCountersReset", {{"is", "its counters"}, {"interface", "wg0"}}),
           alert("WireGuardPeerUnanswered", {{"is", "another's peer"}, {"interface", "wg1"}}),
           alert("WireGuardPeerUnanswered", {{"is", "peer of its namesake in a namespace"},
                                             {"interface", "wg0"},
                                             {"netns", "blue"}}),
           alert("WireGuardPeerUnanswered", {{"is", "peer in its namespace"},
                                             {"interface", "wg0"},
                                             {"netns", "blue"},
                                             {"instance", "there"}}),
           alert("WireGuardExporterDown", {{"is", "exporter"}, {"instance", "elsewhere"}})});
    expect_silenced({"its counters", "its peer", "peer in its namespace"},
                    {"another's peer", "exporter", "peer of its namesake in a namespace"});
  }
}

TEST_F(AlertmanagerTest, AnInterfaceThatCannotBeReadExplainsItsCollectorAndTheWaiting) {
  raise({alert("WireGuardInterfaceUnreadable", {{"interface", "wg0"}, {"reason", "timeout"}}),
         alert("WireGuardInterfaceUnreadable",
               {{"interface", "wg0"}, {"reason", "eperm"}, {"instance", "there"}})},
        {alert("WireGuardCollectorFailing", {{"is", "its collector"}, {"collector", "uapi"}}),
         alert("WireGuardCollectorFailing", {{"is", "another collector"}, {"collector", "names"}}),
         alert("WireGuardScrapeSlow", {{"is", "waiting"}}),
         alert("WireGuardScrapeSlow",
               {{"is", "waiting for something else"}, {"instance", "there"}})});
  expect_silenced({"its collector", "waiting"},
                  {"another collector", "waiting for something else"});
}

/// The inhibition names alerts by a pattern: it must mean each alert that looks through an exporter.
TEST_F(AlertmanagerTest, ADeadExporterSilencesEveryAlertThatLooksThroughIt) {
  json alerts = json::array();
  std::vector<std::string> silenced;
  std::vector<std::string> told;
  for (const auto& [name, severity] : severities()) {
    if (name == "WireGuardExporterAbsent" || name == "WireGuardExporterDown") continue;
    const bool of_probe = name == "WireGuardPathMTUBlackHole" || name.starts_with("WireGuardProbe");
    (of_probe ? told : silenced).push_back(name);
    alerts.push_back(alert(name, {{"is", name}, {"collector", "names"}}));
  }
  raise(json::array({alert("WireGuardExporterDown", {})}), alerts);
  expect_silenced(silenced, told);
}

TEST_F(AlertmanagerTest, AThousandPeersAreOneNotification) {
  json alerts = json::array();
  for (int peer = 0; peer < 1000; ++peer)
    alerts.push_back(alert(
        "WireGuardPeerRepliesLost",
        {{"severity", "warning"}, {"interface", "wg0"}, {"public_key", fmt::format("{}", peer)}}));
  alerts.push_back(alert("WireGuardPeerRepliesLost",
                         {{"severity", "warning"}, {"interface", "wg0"}, {"instance", "there"}}));
  alerts.push_back(
      alert("WireGuardInterfaceDown", {{"severity", "critical"}, {"interface", "wg1"}}));
  alerts.push_back(alert("WireGuardClockStep", {{"severity", "info"}}));
  alertmanager_->raise(alerts);
  ASSERT_TRUE(wait_until([&] { return receivers_->notifications().size() >= 4; }, 20s));
  std::vector<std::string> told;
  for (const auto& [receiver, body] : receivers_->notifications())
    told.push_back(fmt::format("{}: {} {} {}", receiver, body.at("status").get<std::string>(),
                               body.at("groupLabels").at("alertname").get<std::string>(),
                               body.at("alerts").size()));
  EXPECT_THAT(told, testing::UnorderedElementsAre("ticket: firing WireGuardPeerRepliesLost 1000",
                                                  "ticket: firing WireGuardPeerRepliesLost 1",
                                                  "page: firing WireGuardInterfaceDown 1",
                                                  "notice: firing WireGuardClockStep 1"));
}

}  // namespace
}  // namespace wgscope::test
