// wgscope nat --twin and --tcp, run by a user who may do nothing, behind a NAT that forgets soon.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "interop/diagnosis/place.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class NatFlowProgram : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    place_.emplace();
    place_->theirs.set("net/ipv4/ip_forward", "1");
    place_->router.must(
        {"nft", "-f", "-"},
        fmt::format("table ip nat {{\n chain post {{\n  type nat hook postrouting priority 100\n  "
                    "oifname \"{}\" masquerade\n }}\n}}\n",
                    place_->far.left));
    place_->router.set("net/netfilter/nf_conntrack_udp_timeout", "1");
    place_->router.set("net/netfilter/nf_conntrack_udp_timeout_stream", "2");
    // Where nobody may go: the build folder may be in somebody's home.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::copy_file(binary_dir() / "probe/wgscope", folder_ / "wgscope");
    std::filesystem::create_directory(folder_ / "state");
    give_to_nobody(folder_ / "state");
    add_peer("ours", "10.9.0.2");
    add_peer("twin", "10.9.0.3");
  }

  static void give_to_nobody(const std::string& path) {
    std::filesystem::permissions(
        path, std::filesystem::perms::group_all | std::filesystem::perms::others_all,
        std::filesystem::perm_options::remove);
    ASSERT_EQ(chown(path.c_str(), kNobody, kNobody), 0);
  }

  void add_peer(const std::string& name, const std::string& address) {
    const KeyPair keys = make_key_pair();
    secrets_.push_back(keys.private_key);
    place_->gateway.set_peer({.public_key = keys.public_key, .allowed_ips = address + "/32"});
    write_file(folder_ / name,
               fmt::format("[Interface]\nPrivateKey = {}\nAddress = {}/24\n"
                           "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                           "AllowedIPs = 10.9.0.0/24\nPersistentKeepalive = 2\n",
                           keys.private_key, address, place_->gateway.keys().public_key));
    give_to_nobody(folder_ / name);
  }

  [[nodiscard]] Finished nat(const std::vector<std::string>& more) const {
    std::vector<std::string> argv{
        "setpriv",         "--reuid=65534",       "--regid=65534",     "--clear-groups",
        "--inh-caps=-all", "--bounding-set=-all", folder_ / "wgscope", "nat",
        "--config",        folder_ / "ours",      "--state.dir",       folder_ / "state"};
    argv.insert(argv.end(), more.begin(), more.end());
    return place_->ours.exec(argv);
  }

  static constexpr uid_t kNobody = 65534;
  TempDir folder_;
  std::vector<std::string> secrets_;
  std::optional<Place> place_;
};

TEST_F(NatFlowProgram, NeedsNoRootToSeeThroughATwinThatTheFilesKeepaliveIsTooLong) {
  const Finished said = nat({"--json", "--second-peer", folder_ / "twin", "--longest", "3"});
  EXPECT_EQ(said.exit_code, 2) << said.out << said.err;
  const auto report = nlohmann::json::parse(said.out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << said.out;
  EXPECT_EQ(report.at("finding"), "WGS-NAT-008");
  EXPECT_THAT(said.out, HasSubstr("the tunnel's flow lives for"));
  for (const std::string& secret : secrets_)
    EXPECT_THAT(said.out + said.err, Not(HasSubstr(secret)));
}

/// The second peer's session is a session as any other. Only its calls have that size.
TEST_F(NatFlowProgram, ReportsWhatCameOfTheSecondPeersDatagrams) {
  Place::add_rule(place_->router, "forward",
                  "udp dport 51820 udp length 88 numgen inc mod 2 0 counter reject with icmpx "
                  "admin-prohibited");
  const Finished said = nat({"--quick", "--twin", folder_ / "twin"});
  EXPECT_THAT(said.out, HasSubstr("ICMP errors the second peer:")) << said.err;
  EXPECT_THAT(said.out, HasSubstr("communication administratively prohibited")) << said.err;
}

TEST_F(NatFlowProgram, SaysInSecondsWhetherTheGatewayForwards) {
  const Finished does = nat({"--quick", "--twin", folder_ / "twin"});
  EXPECT_EQ(does.exit_code, 0) << does.out << does.err;
  EXPECT_THAT(does.out,
              HasSubstr("packets of the second peer 10.9.0.3 arrive through the gateway"));
  place_->theirs.set("net/ipv4/ip_forward", "0");
  const Finished does_not = nat({"--quick", "--twin", folder_ / "twin"});
  EXPECT_EQ(does_not.exit_code, 3) << does_not.out;
  EXPECT_THAT(does_not.out, HasSubstr("WGS-NAT-020"));
}

}  // namespace
}  // namespace wgscope::test
