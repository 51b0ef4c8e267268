#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "declared_fixture.hpp"
#include "exporter/collection.hpp"
#include "exporter/device_view.hpp"
#include "exporter/inventory/declarations.hpp"
#include "fake_daemon.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "metrics.hpp"
#include "sample_collection.hpp"
#include "wait.hpp"
#include "write_later.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(DeclaredState, TellsPeersThatArePresentMissingAndUndeclared) {
  const auto metrics = scrape("peers:\n" + declare(1, "anna") + declare(2, "bert"), {{1}, {3}});
  EXPECT_EQ(metrics.value("wireguard_peer_declared",
                          {{"interface", "lo"}, {"public_key", key(1).base64()}, {"name", "anna"}}),
            1);
  EXPECT_EQ(metrics.value("wireguard_peer_declared",
                          {{"interface", "lo"}, {"public_key", key(2).base64()}, {"name", "bert"}}),
            0);
  EXPECT_THAT(metrics.find("wireguard_peer_declared", {}), SizeIs(2));
  EXPECT_THAT(named(metrics, "wireguard_peer_missing"), ElementsAre("bert"));
  const auto undeclared = metrics.find("wireguard_peer_undeclared", {});
  ASSERT_THAT(undeclared, SizeIs(1));
  EXPECT_EQ(undeclared[0].value, 1);
  EXPECT_EQ(undeclared[0].labels.at("public_key"), key(3).base64());
  EXPECT_EQ(metrics.value("wireguard_inventory_last_reload_success", {}), 1);
  EXPECT_EQ(metrics.value("wireguard_inventory_last_reload_timestamp_seconds", {}), kMonday);
}

TEST_F(DeclaredState, SaysNothingWithoutAnInventory) {
  FakeDaemon daemon(folder_.path(), "lo", daemon_answer({{1}}));
  Collections collections(options(), collect_warnings());
  const std::string text = render(*get(collections), {}, Format::text);
  for (const char* part : {"declared", "inventory", "stale", "expected", "wireguard_findings"})
    EXPECT_THAT(text, Not(HasSubstr(std::string(part) + "_")));
  EXPECT_THAT(text, Not(HasSubstr("\"stale\"")));
}

TEST_F(DeclaredState, CallsNothingUndeclaredWhileAFileThatMayDeclareItIsBroken) {
  begin("peers:\n" + declare(1, "anna"), {{1}, {3}});
  write_later(folder_ / "inventory.yaml", "peers: broken\n");
  Declarations::Settings settings;
  test::write_file(folder_ / "a.yaml", "peers:\n" + declare(1, "anna"));
  test::write_file(folder_ / "b.yaml", "peers: broken\n");
  settings.paths = {(folder_ / "a.yaml").string(), (folder_ / "b.yaml").string()};
  CollectorOptions with = options();
  with.declarations = std::make_shared<Declarations>(settings, collect_warnings());
  Collections collections(with, collect_warnings());
  const auto metrics = test::Metrics::parse(render(*get(collections), {}, Format::text));
  EXPECT_THAT(named(metrics, "wireguard_peer_declared"), ElementsAre("anna"));
  EXPECT_THAT(metrics.find("wireguard_peer_undeclared", {}), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_inventory_last_reload_success", {}), 0);
  EXPECT_THAT(metrics.find("wireguard_inventory_last_reload_timestamp_seconds", {}), IsEmpty());
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("b.yaml:1:")));
}

TEST_F(DeclaredState, ServesWhereNoInventoryCouldBeReadYet) {
  const auto metrics = scrape("peers: broken\n", {{1}});
  EXPECT_EQ(metrics.value("wireguard_inventory_last_reload_success", {}), 0);
  EXPECT_THAT(metrics.find("wireguard_peer_session_live", {}), SizeIs(1));
  EXPECT_THAT(metrics.find("wireguard_peer_declared", {}), IsEmpty());
  EXPECT_THAT(metrics.find("wireguard_peer_undeclared", {}), IsEmpty());
}

TEST_F(DeclaredState, TellsStaleFromIdleByWhatIsExpected) {
  const auto metrics =
      scrape("peers:\n" + declare(1, "site", "expected_online: always") + declare(2, "laptop") +
                 declare(3, "live", "expected_online: always") +
                 declare(4, "new", "expected_online: always"),
             {{1, kMonday - 200}, {2, kMonday - 200}, {3, kMonday - 10}, {4}});
  const auto state = [&](const char* name) {
    return metrics.value("wireguard_interface_peers_by_state",
                         {{"interface", "lo"}, {"state", name}});
  };
  EXPECT_EQ(state("stale"), 1);
  EXPECT_EQ(state("idle"), 1);
  EXPECT_EQ(state("live"), 1);
  EXPECT_EQ(state("never"), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_peers_by_verdict",
                          {{"interface", "lo"}, {"verdict", "stale"}}),
            1);
  EXPECT_EQ(metrics.find("wireguard_peer_verdict", {{"name", "site"}}).at(0).labels.at("verdict"),
            "stale");
  EXPECT_EQ(metrics.find("wireguard_peer_verdict", {{"name", "laptop"}}).at(0).labels.at("verdict"),
            "idle");
  EXPECT_THAT(named(metrics, "wireguard_peer_unexpectedly_offline"),
              UnorderedElementsAre("site", "new"))
      << "after a restart of the host nobody has had a handshake: those that are expected are "
         "missed";
  EXPECT_EQ(metrics.value("wireguard_peer_expected_online",
                          {{"interface", "lo"}, {"public_key", key(2).base64()}}),
            0);
  EXPECT_EQ(metrics.value("wireguard_peer_expected_online",
                          {{"interface", "lo"}, {"public_key", key(1).base64()}}),
            1);
}

TEST_F(DeclaredState, FollowsTheClockOfTheScheduleInItsTimeZone) {
  const std::string hours =
      "expected_online: {time_zone: Europe/Berlin, hours: [mon-fri 08:00-18:00]}";
  begin("peers:\n" + declare(1, "anna", hours), {{1, kMonday - 7 * 86'400}});
  const auto expected_at = [&](std::int64_t wall) {
    wall_ = wall;
    const auto metrics = scrape();
    EXPECT_EQ(named(metrics, "wireguard_peer_unexpectedly_offline").size(),
              metrics.value("wireguard_peer_expected_online",
                            {{"interface", "lo"}, {"public_key", key(1).base64()}}));
    return metrics.value("wireguard_peer_expected_online",
                         {{"interface", "lo"}, {"public_key", key(1).base64()}});
  };
  EXPECT_EQ(expected_at(kMonday), 1);
  EXPECT_EQ(expected_at(kMonday - 4 * 3600 - 1), 0) << "07:59:59 in Berlin, 05:59:59 in UTC";
  EXPECT_EQ(expected_at(kMonday - 4 * 3600), 1) << "08:00:00";
  EXPECT_EQ(expected_at(kMonday + 6 * 3600 - 1), 1);
  EXPECT_EQ(expected_at(kMonday + 6 * 3600), 0) << "18:00:00";
  // In the last week of October the clocks go back: 08:00 is then 07:00 in UTC.
  constexpr std::int64_t kWinterMonday = 1'793'000'000 / 86'400 * 86'400;  // 2026-10-26
  EXPECT_EQ(expected_at(kWinterMonday + 6 * 3600 + 1800), 0);
  EXPECT_EQ(expected_at(kWinterMonday + 7 * 3600), 1);
}

TEST_F(DeclaredState, SaysWhichFieldsDiffer) {
  const auto metrics = scrape(
      "peers:\n" + declare(1, "anna", "allowed_ips: [10.0.0.1/32], persistent_keepalive: 10") +
          declare(2, "bert", std::string(kAllowed) + ", preshared_key: required") +
          declare(3, "cleo", std::string(kAllowed) + R"(, endpoint: "192.0.2.9:51820")") +
          declare(4, "dora"),
      {{1}, {2}, {3}, {4}});
  std::vector<std::string> fields;
  for (const test::Sample& sample : metrics.find("wireguard_peer_drift", {}))
    fields.push_back(sample.labels.at("name") + " " + sample.labels.at("field"));
  EXPECT_THAT(fields, UnorderedElementsAre("anna allowed_ips", "anna persistent_keepalive",
                                           "bert preshared_key", "cleo endpoint"));
}

TEST_F(DeclaredState, SaysWhoseAllowedIpsAreTooBroad) {
  const auto metrics =
      scrape("peers:\n" + declare(1, "anna") + "policies:\n  widest_prefix: [{ipv4: 16}]\n", {{1}});
  EXPECT_THAT(named(metrics, "wireguard_peer_allowed_ips_too_broad"), ElementsAre("anna"));
}

TEST_F(DeclaredState, ForgetsWhatWasDeclaredOfAPeerThatIsListedTwice) {
  const auto declared = [&] {
    const auto collection = collections_->get(soon());
    std::vector<std::uint32_t> indexes;
    for (const PeerView& view : (*collection)->views.at(0).peers) indexes.push_back(view.declared);
    return indexes;
  };
  begin("peers:\n" + declare(1, "anna") + declare(2, "bert"), {{1}, {2}});
  EXPECT_THAT(declared(), ElementsAre(0, 1));
  daemon_->answer_with(daemon_answer({{1}, {1}}));
  EXPECT_THAT(declared(), ElementsAre(0, audit::kNotDeclared));
}

TEST_F(DeclaredState, CountsFindingsAndGoesOnWithZeroWhenTheyAreGone) {
  begin("interfaces: [{name: lo, listen_port: 7}, {name: wg7}]\npeers:\n" + declare(1, "anna") +
            declare(2, "bert", "interfaces: [lo], persistent_keepalive: 10"),
        {{1}, {3}, {4}});
  const auto count = [](const test::Metrics& metrics, const char* id, const char* interface) {
    return metrics.value("wireguard_findings", {{"id", id}, {"interface", interface}});
  };
  auto metrics = scrape();
  EXPECT_EQ(count(metrics, "WGS-DRF-014", "lo"), 1) << "bert is missing";
  EXPECT_EQ(count(metrics, "WGS-DRF-015", "lo"), 2) << "nobody declared 3 and 4";
  EXPECT_EQ(count(metrics, "WGS-DRF-002", "wg7"), 1) << "the interface is missing";
  EXPECT_EQ(count(metrics, "WGS-DRF-006", "lo"), 1) << "another port";
  EXPECT_FALSE(count(metrics, "WGS-DRF-020", "lo")) << "nobody has another keepalive so far";
  EXPECT_EQ(metrics.find("wireguard_findings", {{"id", "WGS-DRF-015"}}).at(0).labels.at("severity"),
            "critical");

  daemon_->answer_with(daemon_answer({{1}, {2}}));
  metrics = scrape();
  EXPECT_EQ(count(metrics, "WGS-DRF-014", "lo"), 0);
  EXPECT_EQ(count(metrics, "WGS-DRF-015", "lo"), 0);
  EXPECT_EQ(count(metrics, "WGS-DRF-020", "lo"), 1) << "bert has, now that he is there";
}

TEST_F(DeclaredState, CountsWhatLintFindsInTheInventory) {
  const auto count = [](const test::Metrics& metrics, const char* id) {
    return metrics.value("wireguard_findings", {{"id", id}});
  };
  const std::string policy = "policies: {no_overlap: [tenant], widest_prefix: [{ipv4: 9}]}\n";
  const std::string labelled = "labels: {tenant: acme}, " + std::string(kAllowed);
  const std::string overlapping = "labels: {tenant: beta}, allowed_ips: [10.1.0.0/16]";
  begin("peers:\n" + declare(1, "anna", labelled) + declare(2, "bert", overlapping) + policy,
        {{1}});
  auto metrics = scrape();
  EXPECT_EQ(count(metrics, "WGS-LNT-042"), 1) << "10.0.0.0/8";
  EXPECT_EQ(count(metrics, "WGS-LNT-043"), 1);
  EXPECT_FALSE(count(metrics, "WGS-LNT-041"));
  EXPECT_EQ(metrics.find("wireguard_findings", {{"id", "WGS-LNT-043"}}).at(0).labels.at("severity"),
            "critical");

  // A comment suppresses a finding, an error has one, and what is gone goes on with 0.
  write_later(path(), "peers:\n# wgscope: ignore WGS-LNT-042\n" + declare(1, "anna", labelled) +
                          "colour: blue\n" + policy);
  declarations_->watch();
  reload_until([](const Declarations::State& state) { return state.lint.size() == 1; });
  metrics = scrape();
  EXPECT_EQ(count(metrics, "WGS-LNT-042"), 0);
  EXPECT_EQ(count(metrics, "WGS-LNT-043"), 0);
  EXPECT_EQ(count(metrics, "WGS-LNT-041"), 1);
  write_later(path(), "peers: [\n");
  reload_until([](const Declarations::State& state) { return !state.success; });
  metrics = scrape();
  EXPECT_EQ(count(metrics, "WGS-LNT-040"), 1) << "counted although the last good file is in use";
  EXPECT_EQ(count(metrics, "WGS-LNT-041"), 0);
}

TEST_F(DeclaredState, TakesNamesFromTheInventoryBeforeThoseOfFiles) {
  names_ = fmt::format("{}: from a file\n{}: only there\n", key(1).base64(), key(2).base64());
  const auto metrics = scrape("peers:\n" + declare(1, "anna"), {{1}, {2}});
  EXPECT_THAT(metrics.find("wireguard_peer_info", {{"name", "anna"}}), SizeIs(1));
  EXPECT_THAT(metrics.find("wireguard_peer_info", {{"name", "only there"}}), SizeIs(1));
}

TEST_F(DeclaredState, PutsChosenLabelsOnEverySeriesAndAllOnTheInfo) {
  labels_ = {"name", "team"};
  const auto metrics = scrape(
      "peers:\n" + declare(1, "anna", R"(labels: {team: "a \"quoted\" \\ team", site: north})") +
          declare(2, "bert"),
      {{1}, {2}, {3}});
  const auto live = metrics.find("wireguard_peer_session_live", {});
  ASSERT_THAT(live, SizeIs(3));
  EXPECT_EQ(live[0].labels.at("team"), R"(a "quoted" \ team)");
  EXPECT_EQ(live[0].labels.at("name"), "anna");
  EXPECT_EQ(live[0].labels.count("site"), 0U);
  EXPECT_EQ(live[1].labels.count("team"), 0U);
  EXPECT_EQ(metrics.find("wireguard_peer_info", {{"name", "anna"}}).at(0).labels.at("site"),
            "north");
}

TEST_F(DeclaredState, LeavesOutDeclaredLabelsThatTheExporterHasItself) {
  const auto metrics =
      scrape("peers:\n" + declare(1, "anna", "labels: {endpoint: x, site: north}"), {{1}});
  EXPECT_EQ(metrics.find("wireguard_peer_info", {{"name", "anna"}}).at(0).labels.at("endpoint"),
            "192.0.2.1:51820");
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("has labels of the same names: endpoint")));
}

TEST_F(DeclaredState, WarnsOfAnInventoryThatIsForOtherHostsOnly) {
  const auto metrics =
      scrape("interfaces: [{name: lo, hosts: [gw-2]}]\npeers:\n" + declare(1, "anna"), {{1}, {2}});
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("none for the host gw-1, so nothing is compared")));
  for (const char* silent :
       {"wireguard_peer_declared", "wireguard_peer_undeclared", "wireguard_interface_declared"})
    EXPECT_THAT(metrics.find(silent, {}), IsEmpty()) << silent;
  // An exporter that was given the wrong name is not silent.
  EXPECT_EQ(metrics.value("wireguard_interface_undeclared", {{"interface", "lo"}}), 1);
}

TEST_F(DeclaredState, AlertsOnTheKeysOfAnInterfaceThatNobodyDeclared) {
  const std::string inventory = "interfaces: [{name: wg7}]\npeers:\n" + declare(1, "anna") +
                                declare(2, "bert", "interfaces: [wg7]");
  const auto metrics = scrape(inventory, {{1}, {2}, {3}});
  EXPECT_EQ(metrics.value("wireguard_interface_undeclared", {{"interface", "lo"}}), 1);
  EXPECT_THAT(metrics.find("wireguard_peer_undeclared", {}), SizeIs(2));
  EXPECT_THAT(metrics.find("wireguard_peer_missing", {}), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_findings", {{"id", "WGS-DRF-003"}, {"interface", "lo"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_findings", {{"id", "WGS-DRF-015"}, {"interface", "lo"}}), 2);
}

TEST_F(DeclaredState, TellsTheJournalOfTheKeysOfAnInterfaceThatNobodyDeclared) {
  journal_ = (folder_ / "journal").string();
  scrape("interfaces: [{name: wg7}]\npeers: []\n", {{3}});
  collections_.reset();  // what it was handed is written then
  EXPECT_THAT(test::read_file(journal_), HasSubstr("key_undeclared"));
}

TEST_F(DeclaredState, SaysNothingOfAnInterfaceThatIsUnmanaged) {
  const auto metrics = scrape(
      "interfaces: [{name: wg7}]\nunmanaged_interfaces: [\"l*\"]\npeers:\n" + declare(1, "anna"),
      {{1}, {2}});
  for (const char* silent :
       {"wireguard_interface_undeclared", "wireguard_peer_undeclared", "wireguard_peer_declared"})
    EXPECT_THAT(metrics.find(silent, {}), IsEmpty()) << silent;
}

TEST_F(DeclaredState, TellsInterfacesThatAreDeclaredForThisHost) {
  const auto metrics = scrape(
      "interfaces:\n  - {name: lo, hosts: [gw-1]}\n  - {name: wg7, hosts: [gw-1]}\n"
      "  - {name: wg8, hosts: [gw-2]}\npeers:\n" +
          declare(1, "anna"),
      {{1}});
  EXPECT_EQ(metrics.value("wireguard_interface_declared", {{"interface", "lo"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_declared", {{"interface", "wg7"}}), 0);
  EXPECT_THAT(metrics.find("wireguard_interface_declared", {}), SizeIs(2));
}

}  // namespace
}  // namespace wgscope::exporter
