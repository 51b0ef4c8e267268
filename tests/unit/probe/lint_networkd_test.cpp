// wgscope lint of systemd-networkd's files as a user has them: in a directory, with drop-ins and
// .network files beside them, hidden ones, and other kinds of devices.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "captured.hpp"
#include "files.hpp"
#include "lint_fixture.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LintNetworkd : public LintTest {
 protected:
  void SetUp() override {
    write("wg0.netdev", fmt::format("[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\n"
                                    "PrivateKey={}\nRouteTable=main\n",
                                    kAlice));
    write("wg0.network", "[Match]\nName=wg0\n[Network]\nAddress=10.9.0.2/24\n");
  }

  /// "wg0.netdev:3 WGS-LNT-008" of each finding, with the names of files alone.
  static std::vector<std::string> found(std::vector<std::string> paths) {
    paths.insert(paths.begin(), {"lint", "--json"});
    const Ended ended = run_captured(std::move(paths));
    const json document = json::parse(ended.out, nullptr, false);
    std::vector<std::string> lines;
    for (const json& one : document["findings"]) {
      const std::string file = one["file"];
      const std::string name = file.substr(file.rfind('/') + 1);
      lines.push_back(
          fmt::format("{}:{} {}", name, one.value("line", 0), one["id"].get<std::string>()));
    }
    return lines;
  }
};

const std::string kPeer =
    fmt::format("[WireGuardPeer]\nPublicKey={}\nAllowedIPs=10.9.0.7/24\nEndpoint=192.0.2.1:51820\n",
                kBobPublic);

TEST_F(LintNetworkd, ReadsDropInsAndTheNetworkFile) {
  EXPECT_THAT(found({folder_.path()}), IsEmpty());
  write("wg0.netdev.d/10-bob.conf", kPeer);
  write("wg0.network.d/10-more.conf", "[Network]\nAddress=10.8.0.0/24\n");
  const std::vector<std::string> expected{"10-bob.conf:3 WGS-LNT-008",
                                          "10-more.conf:2 WGS-LNT-025"};
  EXPECT_EQ(found({folder_.path()}), expected);
  EXPECT_EQ(found({at("wg0.netdev")}), expected);
}

TEST_F(LintNetworkd, NamesEveryFileInEveryFormat) {
  const std::string drop_in = write("wg0.netdev.d/10-bob.conf", kPeer);
  const Ended text = run_captured({"lint", folder_.path()});
  EXPECT_EQ(text.exit, Exit::warning);
  EXPECT_THAT(text.out, HasSubstr(drop_in + ":3:12: warning: AllowedIPs 10.9.0.7/24 means"));
  EXPECT_THAT(text.out, HasSubstr("3 files"));
  EXPECT_THAT(run_captured({"lint", "--github", folder_.path()}).out,
              HasSubstr("file=" + drop_in + ",line=3,col=12"));
  const Ended others = run_captured(
      {"lint", folder_.path(), "--sarif", at("s"), "--gitlab", at("g"), "--junit", at("j")});
  EXPECT_EQ(others.exit, Exit::warning) << others.err;
  for (const char* name : {"s", "g", "j"}) {
    const std::string written = test::read_file(at(name));
    EXPECT_THAT(written, AllOf(HasSubstr("10-bob.conf"), HasSubstr("WGS-LNT-008"))) << name;
    EXPECT_THAT(written, Not(HasSubstr(std::string(kAlice)))) << name;
  }
}

TEST_F(LintNetworkd, ShowsTheCorrectionsOfDropIns) {
  const std::string drop_in = write("wg0.netdev.d/10-bob.conf", kPeer);
  const Ended ended = run_captured({"lint", "--fix-print", folder_.path()});
  EXPECT_EQ(ended.out, fmt::format("--- {0}\n+++ {0}\n@@ -3 +3,1 @@\n-AllowedIPs=10.9.0.7/24\n"
                                   "+AllowedIPs=10.9.0.0/24\n",
                                   drop_in));
}

TEST_F(LintNetworkd, PassesOverOtherKindsOfDevicesInADirectory) {
  write("br0.netdev", "[NetDev]\nName=br0\nKind=bridge\n");
  write("lan.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\nAddress=10.0.0.0/24\n");
  EXPECT_THAT(found({folder_.path()}), IsEmpty());
  EXPECT_THAT(found({at("br0.netdev")}), ElementsAre("br0.netdev:0 WGS-LNT-002"));
}

TEST_F(LintNetworkd, PassesOverHiddenFiles) {
  write("wg0.netdev.d/10-bob.conf", kPeer);
  fs::create_symlink("/dev/null", at("wg0.netdev.d/20-none.conf"));
  write("wg0.netdev.d/30-empty.conf", "");
  fs::create_symlink("/dev/null", at("wg1.netdev"));
  write("wg2.netdev", "");
  // The first that fits is hidden, so the next one counts.
  fs::create_symlink("/dev/null", at("00-wg0.network"));
  EXPECT_THAT(found({folder_.path()}), ElementsAre("10-bob.conf:3 WGS-LNT-008"));
}

TEST_F(LintNetworkd, SaysWhatIsMissingOrMisplaced) {
  write("wg0.netdev.d/10-bob.conf", kPeer);
  EXPECT_THAT(found({at("wg0.netdev.d/10-bob.conf")}), ElementsAre("10-bob.conf:0 WGS-LNT-001"));
  EXPECT_THAT(found({at("wg0.network")}), ElementsAre("wg0.network:0 WGS-LNT-001"));
  fs::remove(at("wg0.netdev.d/10-bob.conf"));
  const std::string elsewhere = write("other/wg0.network", "[Match]\nName=wg0\n[Network]\n");
  EXPECT_THAT(found({at("wg0.netdev"), elsewhere}), IsEmpty());
  EXPECT_THAT(found({at("wg0.netdev"), write("other/x.network", "[Match]\nName=x\n")}),
              ElementsAre("x.network:0 WGS-LNT-001", "wg0.netdev:0 WGS-LNT-052"));
  fs::remove(at("wg0.network"));
  EXPECT_THAT(found({at("wg0.netdev")}), ElementsAre("wg0.netdev:0 WGS-LNT-052"));
  write("wg0.network", "[Match\n");
  EXPECT_THAT(found({at("wg0.netdev")}),
              ElementsAre("wg0.netdev:0 WGS-LNT-052", "wg0.network:0 WGS-LNT-001"));
}

TEST_F(LintNetworkd, KnowsBothEndsFromFilesOfBothKinds) {
  write("wg0.netdev.d/10-bob.conf",
        fmt::format("[WireGuardPeer]\nPublicKey={}\nAllowedIPs=10.9.0.1/32\n"
                    "Endpoint=192.0.2.1:51820\nPersistentKeepalive=25\n",
                    kBobPublic));
  const auto gateway = [&](std::string_view port) {
    return write("gw.conf", fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24\n"
                                        "ListenPort = {}\n[Peer]\nPublicKey = {}\n"
                                        "AllowedIPs = 10.9.0.2/32\n",
                                        kBob, port, kAlicePublic));
  };
  gateway("51820");
  EXPECT_THAT(found({folder_.path()}), IsEmpty());
  gateway("51821");
  EXPECT_THAT(found({folder_.path()}), ElementsAre("10-bob.conf:4 WGS-LNT-034"));
}

TEST_F(LintNetworkd, TakesNoKeysOfThisHostForThoseOfAnother) {
  const std::string key = write("key", std::string(kBob) + "\n");
  write("wg0.netdev", fmt::format("[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\n"
                                  "PrivateKeyFile={}\n[WireGuardPeer]\nPublicKey={}\n",
                                  key, kBobPublic));
  EXPECT_THAT(found({at("wg0.netdev")}), IsEmpty());
}

}  // namespace
}  // namespace wgscope::probe
