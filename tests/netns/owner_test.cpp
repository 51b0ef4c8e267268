// Whose interface it is, where containers make that hard: they use the same paths for sockets of
// their own, and an exporter in one does not see the daemons of the host.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OwnerTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }
};

/// wireguard-go in a namespace and with a folder of sockets of its own, started once it is told the
/// interface: processes are looked at by number, and this one is to have the lower one.
class Container {
 public:
  explicit Container(const NetworkNamespace& netns)
      : process_({"ip", "netns", "exec", netns.name(), "sh", "-c",
                  "mount -t tmpfs none /run/wireguard && read name < " + fifo() +
                      " && exec wireguard-go -f $name"},
                 {.env = {"WG_PROCESS_FOREGROUND=1"}, .netns = {}, .input = {}}) {}

  void start(const std::string& interface) {
    std::ofstream(fifo()) << interface << '\n';
    const std::string table = "/proc/" + std::to_string(process_.pid()) + "/net/unix";
    ASSERT_TRUE(wait_until(
        [&] { return read_file(table).find("/" + interface + ".sock") != std::string::npos; }, 10s))
        << process_.err();
  }

 private:
  std::string fifo() {
    std::filesystem::create_directories("/run/wireguard");
    const std::string path = folder_ / "name";
    if (!std::filesystem::exists(path)) mkfifo(path.c_str(), 0600);
    return path;
  }

  TempDir folder_;
  Process process_;
};

TEST_F(OwnerTest, IsNotAContainerThatHasASocketWithTheSamePath) {
  const NetworkNamespace host;
  const NetworkNamespace elsewhere;
  Container container(elsewhere);
  const WireguardGo tunnel(host, WireguardGo::Mode::daemon);
  tunnel.up("10.9.0.1/24");
  ASSERT_NO_FATAL_FAILURE(container.start(tunnel.name()));

  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_interface_up",
                          {{"interface", tunnel.name()}, {"netns", host.name()}}),
            1);
  EXPECT_THAT(metrics.find("wireguard_interface_info", {{"interface", tunnel.name()}}), SizeIs(1));
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
}

TEST_F(OwnerTest, IsToldToBeUnknownWhereTheExporterDoesNotSeeTheDaemon) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns, WireguardGo::Mode::daemon);
  const KeyPair peer = make_key_pair();
  tunnel.configure("[Interface]\nPrivateKey=" + make_key_pair().private_key +
                   "\n[Peer]\nPublicKey=" + peer.public_key + "\n");
  // A container with the host's sockets and without its processes.
  Exporter exporter({.flags = {only_own_interfaces()},
                     .wrapper = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}});
  Metrics metrics = exporter.scrape();
  metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", tunnel.name()}}), 1);
  EXPECT_THAT(metrics.find("wireguard_interface_up"), IsEmpty()) << "its link is not known";
  EXPECT_EQ(metrics.value("wireguard_exporter_interface_failures",
                          {{"interface", tunnel.name()}, {"reason", "nodev"}}),
            1);
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "uapi"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "links"}}), 0);
  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body,
              AllOf(HasSubstr(tunnel.name() + ": nodev: "), HasSubstr("host's PID namespace")));
  EXPECT_EQ(count_of(exporter.log(), "host's PID namespace"), 1U) << exporter.log();
}

}  // namespace
}  // namespace wgscope::test
