// The exporter as a user who may do nothing: it starts, serves, and says by itself for each thing
// what is missing.

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PrivilegeTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    // Where nobody may go: the build folder may be in somebody's home.
    for (const auto& folder : {open_.path(), closed_.path()})
      std::filesystem::permissions(folder, std::filesystem::perms(0755));
    std::filesystem::copy_file(Exporter::program(), open_ / "wgscope-exporter");
  }

  Exporter start_as_nobody(std::vector<std::string> flags) {
    return Exporter({.flags = std::move(flags),
                     .wrapper = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                 "--inh-caps=-all", "--bounding-set=-all"},
                     .program = open_ / "wgscope-exporter"});
  }

  TempDir open_;
  TempDir closed_;
};

TEST_F(PrivilegeTest, ASocketOfRootIsReportedAndOthersAreRead) {
  const UapiServer allowed(closed_ / "allowed.sock", {uapi_answer(1)});
  const UapiServer denied(closed_ / "denied.sock", {uapi_answer(1)});
  chmod((closed_ / "allowed.sock").c_str(), 0666);
  chmod((closed_ / "denied.sock").c_str(), 0700);
  Exporter exporter = start_as_nobody({"--uapi.dir=" + closed_.path().string()});
  EXPECT_THAT(exporter.log(),
              HasSubstr("eacces: connect to " + (closed_ / "denied.sock").string() +
                        ": permission denied (run as root, or grant access to it)"));
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_exporter_interface_failures",
                          {{"interface", "denied"}, {"reason", "eacces"}}),
            1);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "allowed"}}), 1);
  EXPECT_GT(metrics.value("process_open_fds"), 3);
  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr("denied: eacces: "));
}

TEST_F(PrivilegeTest, AFolderThatCannotBeListedIsReported) {
  const UapiServer inside(closed_ / "wg0.sock", {uapi_answer(1)});
  std::filesystem::permissions(closed_.path(), std::filesystem::perms(0700));
  Exporter exporter = start_as_nobody({"--uapi.dir=" + closed_.path().string()});
  const Metrics metrics = exporter.scrape();
  const auto failures = metrics.find("wireguard_exporter_interface_failures");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].labels, (Labels{{"reason", "eacces"}}));
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "uapi"}}), 0);
  // The kernel was asked, and has no interface.
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "netlink"}}), 1);
  EXPECT_EQ(exporter.get("/-/ready").status, 200);
}

TEST_F(PrivilegeTest, NotReadyWhenNothingAtAllCanBeRead) {
  const UapiServer inside(closed_ / "wg0.sock", {uapi_answer(1)});
  std::filesystem::permissions(closed_.path(), std::filesystem::perms(0700));
  Exporter exporter =
      start_as_nobody({"--no-collector.netlink", "--uapi.dir=" + closed_.path().string()});
  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, AllOf(HasSubstr("eacces: list UAPI sockets in "),
                                HasSubstr(closed_.path().string())));
  EXPECT_EQ(exporter.get("/-/healthy").status, 200);
  EXPECT_EQ(exporter.get("/metrics").status, 200);
}

TEST_F(PrivilegeTest, ANamespaceThatCannotBeEnteredIsReported) {
  const NetworkNamespace netns;
  const UapiServer allowed(closed_ / "allowed.sock", {uapi_answer(1)});
  chmod((closed_ / "allowed.sock").c_str(), 0666);
  Exporter exporter =
      start_as_nobody({"--uapi.dir=" + closed_.path().string(), "--netns=" + netns.name()});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_exporter_interface_failures",
                          {{"netns", netns.name()}, {"reason", "eperm"}}),
            1);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "allowed"}}), 1);
  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_THAT(ready.body, AllOf(HasSubstr(netns.name() + ": eperm: "), HasSubstr("CAP_SYS_ADMIN")));
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(count_of(exporter.log(), "CAP_SYS_ADMIN"), 1U);
}

}  // namespace
}  // namespace wgscope::test
