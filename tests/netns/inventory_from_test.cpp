// wgscope inventory from INTERFACE: what runs, as an inventory that its own check accepts.

#include <filesystem>
#include <optional>
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
