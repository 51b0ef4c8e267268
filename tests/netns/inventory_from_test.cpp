// wgscope inventory from INTERFACE: what runs, as an inventory that its own check accepts.

#include <filesystem>
#include <optional>
#include <pwd.h>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class InventoryFromInterface : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    netns_.emplace();
    interface_.emplace(*netns_);
  }
  [[nodiscard]] Finished probe(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {(binary_dir() / "probe/wgscope").string(), "inventory"});
    return netns_->exec(std::move(arguments));
  }

  std::optional<NetworkNamespace> netns_;
  std::optional<WireguardGo> interface_;
  KeyPair own_ = make_key_pair();
  KeyPair peer_ = make_key_pair();
  TempDir folder_;
};

TEST_F(InventoryFromInterface, DeclaresWhatRunsWithoutSecrets) {
  const std::string preshared = make_key_pair().private_key;
  interface_->configure(
      fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51999\nFwMark = 7\n"
                  "[Peer]\nPublicKey = {}\nPresharedKey = {}\n"
                  "AllowedIPs = 10.9.0.7/32\nEndpoint = 192.0.2.1:51820\n"
                  "PersistentKeepalive = 25\n",
                  own_.private_key, peer_.public_key, preshared));
  interface_->up("10.9.0.1/24");
  const Finished made = probe({"from", interface_->name(), "--host", "gw-1"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out + made.err, AllOf(Not(HasSubstr(own_.private_key)),
                                         Not(HasSubstr(preshared)), Not(HasSubstr("192.0.2.1"))));
  EXPECT_THAT(made.out, HasSubstr(fmt::format("  - name: \"{}\"\n    hosts: [\"gw-1\"]\n"
                                              "    public_key: {}\n",
                                              interface_->name(), own_.public_key)));
  EXPECT_THAT(made.out, HasSubstr("    addresses: [\"10.9.0.1/24\"]\n    listen_port: 51999\n"
                                  "    mtu: 1420\n    fwmark: 0x7\n"));
  EXPECT_THAT(made.out, HasSubstr(fmt::format("    public_key: {}\n    interfaces: [\"{}@gw-1\"]\n"
                                              "    allowed_ips: [\"10.9.0.7/32\"]\n"
                                              "    persistent_keepalive: 25\n"
                                              "    preshared_key: required\n",
                                              peer_.public_key, interface_->name())));
  const std::string file = folder_ / "a.yaml";
  write_file(file, made.out);
  const Finished checked = probe({"check", file});
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
}

/// Files in two of networkd's own directories, of which those in /run come first.
class InventoryFromNetworkd : public InventoryFromInterface {
 protected:
  /// What a command of the shell prints where these directories have these files.
  [[nodiscard]] Finished with_files(const std::string& command) const {
    const std::string script =
        fmt::format(R"(set -e
mount -t tmpfs none /run && mount -t tmpfs none /usr/local/lib
first=/run/systemd/network low=/usr/local/lib/systemd/network
mkdir -p $first/wg7.netdev.d $low/wg7.netdev.d
echo '{0}' > /run/systemd/key && chmod 600 /run/systemd/key
printf '[NetDev]\nName=wg7\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/run/systemd/key\n' > $low/wg7.netdev
printf '[WireGuardPeer]\nPublicKey={1}\nAllowedIPs=10.9.1.7/24\n' > $low/wg7.netdev.d/10-hidden.conf
printf '[WireGuardPeer]\nPublicKey={2}\nAllowedIPs=10.9.2.7/24\n' > $low/wg7.netdev.d/20-there.conf
printf '[Match]\nName=wg7\n[Network]\nAddress=10.9.1.1/24\n' > $low/10-hidden.network
printf '[Match]\nName=wg7\n[Network]\nAddress=10.9.2.1/24\n' > $low/20-there.network
ln -s /dev/null $first/wg7.netdev.d/10-hidden.conf && : > $first/10-hidden.network
chown -R root:root /run/systemd $low && chmod 600 $low/wg7.netdev.d/20-there.conf
{3}
)",
                    own_.private_key, peer_.public_key, other_.public_key, command);
    return netns_->exec({"unshare", "--mount", "sh", "-c", script});
  }
  [[nodiscard]] static std::string program() { return (binary_dir() / "probe/wgscope").string(); }

  KeyPair other_ = make_key_pair();
};

TEST_F(InventoryFromNetworkd, LeavesOutWhatAnotherDirectoryHides) {
  const Finished made = with_files(program() + " inventory from $low/wg7.netdev");
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr(own_.public_key), HasSubstr(other_.public_key),
                              Not(HasSubstr(peer_.public_key))));
  EXPECT_THAT(made.out, HasSubstr("    addresses: [\"10.9.2.1/24\"]\n"));
}

TEST_F(InventoryFromNetworkd, AreJudgedAsFilesOfThisHost) {
  const Finished judged = with_files(program() + " lint $low");
  EXPECT_THAT(judged.out, AllOf(HasSubstr("20-there.conf:3:12: warning: AllowedIPs 10.9.2.7/24"),
                                Not(HasSubstr("hidden"))));
  // The key of its file is known, so the peer that has it is found.
  const Finished own = with_files(
      fmt::format("printf '[WireGuardPeer]\nPublicKey={}\n' > $first/wg7.netdev.d/30-own.conf\n"
                  "{} lint $low",
                  own_.public_key, program()));
  EXPECT_THAT(own.out, HasSubstr("30-own.conf:2:11: critical: this peer has the interface's own"));
  const Finished gone = with_files("rm /run/systemd/key\n" + program() + " lint $low");
  EXPECT_THAT(gone.out, HasSubstr("wg7.netdev:5:16: critical: there is no file /run/systemd/key"));
  if (getpwnam("systemd-network") != nullptr) {
    EXPECT_THAT(judged.out, HasSubstr("/run/systemd/key: critical: networkd runs as the user"));
  }
  EXPECT_THAT(judged.out + own.out + gone.out, Not(HasSubstr(own_.private_key)));
}

TEST_F(InventoryFromInterface, SaysWhatIsMissing) {
  const Finished none = probe({"from", "wgnone0"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("there is no file wgnone0 and no WireGuard interface wgnone0 on "
                                  "this host"));
  // Where nobody may go: the build folder may be in somebody's home.
  const std::string program = folder_ / "wgscope";
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::copy_file(binary_dir() / "probe/wgscope", program);
  const Finished nobody =
      netns_->exec({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program,
                    "inventory", "from", interface_->name()});
  EXPECT_EQ(nobody.exit_code, 3);
  EXPECT_THAT(nobody.err, AllOf(HasSubstr("cannot be read"), HasSubstr("run as root")));
}

}  // namespace
}  // namespace wgscope::test
