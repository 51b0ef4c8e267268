// Namespaces that come and go while the exporter runs.

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class NamespacesTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }
};

std::optional<double> failure(const Metrics& metrics, const NetworkNamespace& netns,
                              const std::string& reason) {
  return metrics.value("wireguard_exporter_interface_failures",
                       {{"netns", netns.name()}, {"reason", reason}});
}

TEST_F(NamespacesTest, OneThatIsGoneIsReportedAndHidesNoOther) {
  const NetworkNamespace stays;
  const NetworkNamespace goes;
  const WireguardGo tunnel(stays);
  tunnel.up("10.9.0.1/24");
  Exporter exporter(
      {.flags = {only_own_interfaces(), "--netns=" + goes.name(), "--netns=" + stays.path()}});
  const Labels interface{{"interface", tunnel.name()}};
  Metrics metrics = exporter.scrape();
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "netlink"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_up", interface), 1);

  must_run({"ip", "netns", "del", goes.name()});
  for (int scrape = 0; scrape < 3; ++scrape) metrics = exporter.scrape();
  EXPECT_EQ(failure(metrics, goes, "netns_gone"), 1);
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "netlink"}}), 0);
  EXPECT_EQ(metrics.value("wireguard_interface_up", interface), 1);
  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr(goes.name() + ": netns_gone: "));
  EXPECT_EQ(count_of(exporter.log(), "netns_gone"), 1U) << exporter.log();

  must_run({"ip", "netns", "add", goes.name()});
  const WireguardGo back(goes);
  metrics = exporter.scrape();
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "netlink"}}), 1);
  EXPECT_EQ(
      metrics.value("wireguard_interface_up", {{"interface", back.name()}, {"netns", goes.name()}}),
      0);
}

TEST_F(NamespacesTest, ThatNeverWasIsReportedFromTheStart) {
  Exporter exporter({.flags = {only_own_interfaces(), "--netns=wgs-none"}});
  EXPECT_THAT(exporter.log(), HasSubstr("netns_gone: network namespace /run/netns/wgs-none"));
  EXPECT_EQ(exporter.scrape().value("wireguard_exporter_interface_failures",
                                    {{"netns", "wgs-none"}, {"reason", "netns_gone"}}),
            1);
}

TEST_F(NamespacesTest, AllNamedOnesAreLookedUpAtEachScrape) {
  const Exporter exporter({.flags = {only_own_interfaces(), "--netns=all"}});
  const NetworkNamespace later;
  const WireguardGo tunnel(later);
  EXPECT_THAT(exporter.scrape().find("wireguard_interface_info",
                                     {{"interface", tunnel.name()}, {"netns", later.name()}}),
              testing::SizeIs(1));
  // A name whose mount is gone: the plain file below it remains.
  const NetworkNamespace unmounted;
  must_run({"umount", unmounted.path()});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(failure(metrics, unmounted, "netns_gone"), 1);
  EXPECT_EQ(failure(metrics, later, "netns_gone"), std::nullopt);
  EXPECT_THAT(metrics.find("wireguard_interface_info", {{"interface", tunnel.name()}}),
              testing::SizeIs(1));
}

TEST_F(NamespacesTest, ADaemonInANamespaceWithoutNameKeepsItsLink) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns);
  const std::string inode =
      std::filesystem::read_symlink("/proc/" + std::to_string(tunnel.pid()) + "/ns/net");
  must_run({"ip", "netns", "del", netns.name()});  // the daemon keeps the namespace itself alive
  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Metrics metrics = exporter.scrape();
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
  EXPECT_EQ(
      metrics.value("wireguard_interface_up", {{"interface", tunnel.name()}, {"netns", inode}}), 0);
}

}  // namespace
}  // namespace wgscope::test
