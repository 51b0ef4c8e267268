#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../config/keys.hpp"
#include "captured.hpp"
#include "files.hpp"
#include "probe/verbs.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using config::key_text;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class InventoryFrom : public testing::Test {
 protected:
  static Ended run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"inventory", "from"});
    return run_captured(std::move(arguments));
  }
  static Ended check(const std::string& file) { return run_captured({"inventory", "check", file}); }
  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    test::write_file(path, text);
    return path.string();
  }
  static std::string netdev(const std::string& name, const std::string& more = "") {
    return fmt::format(
        "[NetDev]\nName={}\nKind=wireguard\n[WireGuard]\nPrivateKey={}\n"
        "ListenPort=51820\n{}",
        name, key_text(1), more);
  }
  static std::string peer(std::uint32_t number, const std::string& more = "") {
    return fmt::format("[WireGuardPeer]\nPublicKey={}\n{}", key_text(number), more);
  }
  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

  test::TempDir folder_;
};

TEST_F(InventoryFrom, TakesTheFilesOfNetworkdAsOneInterface) {
  write("50-vpn.network",
        "[Match]\nName=wg*\n[Network]\nAddress=10.9.0.1/16\n[Link]\nMTUBytes=1400\n");
  write("50-vpn.netdev.d/peers.conf",
        peer(3, "PresharedKeyFile=/nowhere/psk\nAllowedIPs=10.9.0.8/32\n"));
  const std::string file =
      write("50-vpn.netdev", netdev("wg7", peer(2,
                                                "# Name = anna\nAllowedIPs=10.9.0.7/32\n"
                                                "PersistentKeepalive=25\n")));
  const Ended ended = run({file, "--host", "gw-1"});
  EXPECT_EQ(ended.exit, Exit::ok) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("# Names such as wg0-peer-1 are made up"));
  EXPECT_THAT(ended.out, Not(HasSubstr(key_text(1))));
  EXPECT_THAT(ended.out, HasSubstr("interfaces:\n  - name: \"wg7\"\n    hosts: [\"gw-1\"]\n"
                                   "    public_key: "));
  EXPECT_THAT(ended.out, HasSubstr("    addresses: [\"10.9.0.1/16\"]\n    listen_port: 51820\n"
                                   "    mtu: 1400\n"));
  EXPECT_THAT(ended.out,
              EndsWith(fmt::format("  - name: \"anna\"\n    public_key: {}\n"
                                   "    interfaces: [\"wg7@gw-1\"]\n"
                                   "    allowed_ips: [\"10.9.0.7/32\"]\n"
                                   "    persistent_keepalive: 25\n    preshared_key: absent\n"
                                   "    expected_online: roaming\n"
                                   "  - name: \"wg7-peer-1\"\n    public_key: {}\n"
                                   "    interfaces: [\"wg7@gw-1\"]\n"
                                   "    allowed_ips: [\"10.9.0.8/32\"]\n"
                                   "    persistent_keepalive: off\n    preshared_key: required\n"
                                   "    expected_online: roaming\n",
                                   key_text(2), key_text(3))));
  EXPECT_EQ(check(write("a.yaml", ended.out)).exit, Exit::ok);
}

TEST_F(InventoryFrom, TakesADirectory) {
  write("a.netdev", netdev("wg1", peer(2)));
  write("b.netdev", "[NetDev]\nName=br0\nKind=bridge\n");
  write("wg2.conf", fmt::format("[Peer]\nPublicKey = {}\n", key_text(3)));
  write("a.netdev.d/x.conf", peer(4));
  write("notes.txt", "x");
  const Ended ended = run({folder()});
  EXPECT_EQ(ended.exit, Exit::ok) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("name: \"wg1\""), HasSubstr("name: \"wg2\""),
                               HasSubstr(key_text(4)), Not(HasSubstr("br0"))));
  std::filesystem::create_directory(folder_.path() / "empty");
  EXPECT_THAT(run({folder() + "/empty"}).err, HasSubstr("there are no wg-quick files (.conf)"));
}

TEST_F(InventoryFrom, ChoosesTheNetworkThatFits) {
  const std::string file = write("x.netdev", netdev("wg0"));
  write("10-other.network", "[Match]\nName=eth*\n[Network]\nAddress=10.1.0.1/16\n");
  write("20-this.network", "[Match]\nName=wg0\n[Network]\nAddress=10.2.0.1/16\n");
  write("30-late.network", "[Match]\nKind=wireguard\n[Network]\nAddress=10.3.0.1/16\n");
  EXPECT_THAT(run({file}).out, HasSubstr("addresses: [\"10.2.0.1/16\"]"));
  const std::string own = write("own/own.network", "[Network]\nAddress=10.4.0.1/16\n");
  EXPECT_THAT(run({file, own}).out, HasSubstr("addresses: [\"10.4.0.1/16\"]"));
  EXPECT_THAT(run({own}).err, HasSubstr("a .network file alone has no keys"));
}

TEST_F(InventoryFrom, PassesOverFilesThatHideOthers) {
  const auto hide = [&](const char* name) {
    std::filesystem::create_symlink("/dev/null", folder_.path() / name);
  };
  write("a.netdev", netdev("wg1", peer(2)));
  write("a.netdev.d/10.conf", peer(3));
  hide("a.netdev.d/20.conf");
  hide("10-hidden.network");
  write("20-empty.network", "");
  write("30-this.network", "[Match]\nName=wg1\n[Network]\nAddress=10.2.0.1/16\n");
  write("b.netdev", "");
  hide("c.netdev");
  const Ended ended = run({folder()});
  EXPECT_EQ(ended.exit, Exit::ok) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr(key_text(3)), HasSubstr("addresses: [\"10.2.0.1/16\"]")));
}

TEST_F(InventoryFrom, LeavesOutWhatTheFilesDoNotTell) {
  const std::string file =
      write("x.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey=@wg.key\n");
  const Ended none = run({file});
  EXPECT_THAT(none.out, StartsWith("# public_key of wg0 is left out: the private key is in the "
                                   "credential 'wg.key' of systemd, which only networkd can read.\n"
                                   "# addresses of wg0 are left out: there is no .network file for "
                                   "it beside the .netdev file.\n"));
  EXPECT_THAT(none.out, Not(HasSubstr("public_key:")));
  write("x.network", "[Match]\nName=wg0\n[Network]\nAddress=10.2.0.1\nAddress=10.3.0.1/16\n");
  EXPECT_THAT(run({file}).out,
              AllOf(HasSubstr("# Address 10.2.0.1 of wg0 is left out: it has no prefix length"),
                    HasSubstr("addresses: [\"10.3.0.1/16\"]")));
}

TEST_F(InventoryFrom, SaysWhichPeersNetworkdIgnores) {
  const std::string file = write("x.netdev", netdev("wg0", peer(2, "PersistentKeepalive=25s\n")));
  const Ended ended = run({file});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_THAT(ended.err, HasSubstr("line 9: PersistentKeepalive must be a number of seconds from 0 "
                                   "to 65535, or off, so networkd ignores the whole section"));
  EXPECT_THAT(ended.out, Not(HasSubstr(key_text(2))));
}

TEST_F(InventoryFrom, ReadsKeysFromTheirFiles) {
  const std::string key = write("key", key_text(1) + "\n");
  const std::string file = write(
      "x.netdev",
      fmt::format("[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile={}\n", key));
  const std::string same = write("wg1.netdev", netdev("wg1"));
  const auto public_key = [](const std::string& text) {
    return text.substr(text.find("public_key: "), 56);
  };
  EXPECT_EQ(public_key(run({file}).out), public_key(run({same}).out));
}

TEST_F(InventoryFrom, TellsFilesFromInterfaces) {
  EXPECT_THAT(run({"nothing.conf"}).err, HasSubstr("nothing.conf: "));
  EXPECT_THAT(run({"./nothing"}).err, HasSubstr("./nothing: "));
  EXPECT_THAT(run({"no such name"}).err, HasSubstr("an interface cannot have that name"));
  EXPECT_THAT(run({"wgnone0", "--uapi-dir", folder()}).err,
              AllOf(HasSubstr("wgnone0"), StartsWith("wgscope inventory from: ")));
  EXPECT_EQ(run({"wgnone0", "--uapi-dir", folder()}).exit, Exit::unknown);
  EXPECT_THAT(run({}).err, HasSubstr("give a file, a directory or an interface"));
  const std::string a = write("a.netdev", netdev("wg0"));
  const std::string b = write("b.netdev", netdev("wg0"));
  EXPECT_THAT(run({a, b}).err, HasSubstr("there are two sources for the interface 'wg0'"));
}

}  // namespace
}  // namespace wgscope::probe
