// The probe on a host whose whole traffic goes into a tunnel of another VPN, as wg-quick sets one
// up: what it measures of the direct path, and what it must not say of the tunnel's.

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
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

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMark = "0xca6c";

/// What one run said.
struct Said {
  Finished program;
  json report;

  [[nodiscard]] std::string all() const { return program.out + program.err; }
  [[nodiscard]] json check(const std::string& name) const {
    for (const json& check : report.at("checks"))
      if (check.at("name") == name) return check;
    return json::object();
  }
  /// "warning: through wgs1, …"
  [[nodiscard]] std::string words(const std::string& name) const {
    const json found = check(name);
    if (found.empty()) return "absent: " + program.out;
    std::string made = found.at("status").get<std::string>();
    if (found.contains("because")) made += " because " + found.at("because").get<std::string>();
    return made + ": " + found.value("summary", "");
  }
};

/// The host `ours` reaches everything by its router; an exit of a VPN runs there:
///
///   ours 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 theirs, the probe's gateway
///        10.66.0.2 ======= 10.66.0.1                             10.9.0.1 inside
class FullTunnel : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    place_.emplace();
    place_->ours.ip("route del 10.2.0.0/24\nroute add default via 10.1.0.2");
    place_->theirs.ip("route add 10.66.0.0/24 via 10.2.0.2");
    place_->gateway.set_peer({.public_key = keys_.public_key});
    begin_vpn();
    // Where nobody may go: the build folder may be in somebody's home.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::copy_file(binary_dir() / "probe/wgscope", folder_ / "wgscope");
    write_config("");
    std::filesystem::create_directory(folder_ / "state");
  }

  /// What `wg-quick up` does with AllowedIPs = 0.0.0.0/0.
  void begin_vpn() {
    near_.emplace(place_->ours);
    far_.emplace(place_->router);
    near_->configure(
        fmt::format("[Interface]\nPrivateKey = {}\nFwMark = {}\n[Peer]\n"
                    "PublicKey = {}\nEndpoint = 10.1.0.2:51900\n"
                    "AllowedIPs = 0.0.0.0/0\n",
                    near_keys_.private_key, kMark, far_keys_.public_key));
    far_->configure(
        fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51900\n[Peer]\n"
                    "PublicKey = {}\nAllowedIPs = 10.66.0.2/32\n",
                    far_keys_.private_key, near_keys_.public_key));
    near_->up("10.66.0.2/24");
    far_->up("10.66.0.1/24");
    place_->ours.ip(
        fmt::format("route add default dev {} table 51820\n"
                    "rule add not fwmark {} table 51820\n"
                    "rule add table main suppress_prefixlength 0",
                    near_->name(), kMark));
  }

  void write_config(const std::string& more) const {
    write_file(config(), fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/24\n{}"
                                     "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                                     "AllowedIPs = 10.9.0.0/24\n",
                                     keys_.private_key, more, place_->gateway.keys().public_key));
    std::filesystem::permissions(config(), std::filesystem::perms(0600));
  }

  [[nodiscard]] std::string config() const { return folder_ / "probe.conf"; }

  [[nodiscard]] std::vector<std::string> command(const std::string& verb,
                                                 const std::vector<std::string>& more) const {
    std::vector<std::string> argv{folder_ / "wgscope", verb, "--config", config(), "--state-dir",
                                  folder_ / "state"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  Said ask(const std::string& verb, std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    return said(place_->ours.exec(command(verb, more)));
  }

  Said ask_as_nobody(const std::string& verb) const {
    for (const std::string& path : {config(), std::string(folder_ / "state")})
      if (chown(path.c_str(), 65534, 65534) != 0) throw std::runtime_error("chown " + path);
    std::vector<std::string> argv{"setpriv",        "--reuid=65534",   "--regid=65534",
                                  "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"};
    const std::vector<std::string> program = command(verb, {"--json"});
    argv.insert(argv.end(), program.begin(), program.end());
    return said(place_->ours.exec(argv));
  }

  static Said said(Finished program) {
    json report = json::parse(program.out, nullptr, false);
    if (!report.is_object()) throw std::runtime_error(program.out + program.err);
    return {.program = std::move(program), .report = std::move(report)};
  }

  void expect_astray(const Said& said) const {
    EXPECT_EQ(said.report.value("finding", ""), "WGS-LOC-006") << said.all();
    EXPECT_THAT(said.report.value("verdict", ""), HasSubstr("through " + near_->name()))
        << said.all();
    EXPECT_THAT(said.words("path.route"),
                AllOf(HasSubstr("warning"), HasSubstr(near_->name()), HasSubstr("TUN")));
    EXPECT_THAT(said.all(), AllOf(HasSubstr("--fwmark " + std::string(kMark)),
                                  HasSubstr("--through " + near_->name())))
        << "the mark is in this host's policy rules";
  }

  void expect_direct(const Said& said) const {
    EXPECT_THAT(
        said.words("path.route"),
        AllOf(HasSubstr("ok"), HasSubstr(place_->near.left), HasSubstr("10.1.0.2"),
              HasSubstr("firewall mark " + std::string(kMark)), Not(HasSubstr(near_->name()))));
  }

  TempDir folder_;
  KeyPair keys_ = make_key_pair();
  KeyPair near_keys_ = make_key_pair();
  KeyPair far_keys_ = make_key_pair();
  std::optional<Place> place_;
  std::optional<WireguardGo> near_;
  std::optional<WireguardGo> far_;
};

TEST_F(FullTunnel, IsNamedFirstWhereTheProbeSetsNoMark) {
  const Said handshake = ask("handshake");
  expect_astray(handshake);
  EXPECT_EQ(handshake.report.at("status"), "warning") << handshake.all();
  EXPECT_EQ(handshake.program.exit_code, 1);
  EXPECT_THAT(handshake.words("handshake.response"), HasSubstr("ok"))
      << "the handshake is tried all the same";

  for (const auto& [verb, more] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"ping", {"--count", "3", "--interval", "20ms"}}, {"reach", {"--icmp", "10.9.0.1"}}}) {
    const Said said = ask(verb, more);
    expect_astray(said);
    EXPECT_EQ(said.program.exit_code, 1) << said.all();
  }
}

TEST_F(FullTunnel, GivesNoAdviceFromAPathThroughIt) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> verbs{
      {"mtu", {}}, {"mtu", {"--outer"}}, {"check", {}}, {"nat", {"--stun", "10.2.0.1:3478"}}};
  for (const auto& [verb, more] : verbs) {
    const Said said = ask(verb, more);
    SCOPED_TRACE(verb);
    expect_astray(said);
    EXPECT_EQ(said.program.exit_code, 3) << "the question was not answered: " << said.all();
    EXPECT_THAT(said.all(), Not(HasSubstr("1360"))) << "the MTU inside both tunnels";
    EXPECT_THAT(said.all(), Not(HasSubstr("path_mtu_bytes")));
    EXPECT_EQ(said.words("mtu.setting"), "absent: " + said.program.out);
  }
  EXPECT_EQ(ask("mtu").words("mtu.forward"), "skipped because WGS-LOC-006: ");
  EXPECT_EQ(ask("mtu", {"--outer"}).words("outer.both"), "skipped because WGS-LOC-006: ");
  EXPECT_EQ(ask("nat", {"--stun", "10.2.0.1:3478"}).words("nat.mapping"),
            "skipped because WGS-LOC-006: ");
}

TEST_F(FullTunnel, IsLeftAsideWithTheMarkOfTheFileOrOfTheOption) {
  const Said option = ask("handshake", {"--fwmark", kMark});
  EXPECT_EQ(option.program.exit_code, 0) << option.all();
  expect_direct(option);

  write_config(fmt::format("FwMark = {}\n", kMark));
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--outer"}}) {
    const Said mtu = ask("mtu", more);
    EXPECT_EQ(mtu.program.exit_code, 0) << mtu.all();
    expect_direct(mtu);
  }
  EXPECT_THAT(ask("mtu").words("mtu.setting"), HasSubstr("MTU 1420 fits in both directions"));
  expect_direct(ask("nat", {"--stun", "10.2.0.1:3478", "--quick", "--no-router"}));

  expect_astray(ask("handshake", {"--fwmark", "off"}));
}

TEST_F(FullTunnel, IsSaidToAUserWhoMayNotSetTheMark) {
  write_config(fmt::format("FwMark = {}\n", kMark));
  const Said said = ask_as_nobody("handshake");
  EXPECT_EQ(said.report.value("finding", ""), "WGS-LOC-006") << said.all();
  EXPECT_THAT(said.all(), AllOf(HasSubstr("could not be set"), HasSubstr("CAP_NET_ADMIN")));
  EXPECT_THAT(said.all(), Not(HasSubstr("--fwmark"))) << "the mark is there already";
}

TEST_F(FullTunnel, IsMeasuredWhereItsNameIsGiven) {
  const Said mtu = ask("mtu", {"--through", near_->name()});
  EXPECT_THAT(mtu.words("path.route"),
              AllOf(HasSubstr("ok: through " + near_->name()), HasSubstr("as accepted")));
  // A WireGuard of MTU 1420 leaves 1360 for one inside it.
  EXPECT_THAT(mtu.words("mtu.setting"),
              HasSubstr("warning: through " + near_->name() + ": MTU 1420 does not fit"));
  EXPECT_THAT(mtu.report.value("verdict", ""), HasSubstr("through " + near_->name() + ": "))
      << mtu.all();
  const Said outer = ask("mtu", {"--outer", "--through", near_->name()});
  EXPECT_THAT(outer.words("outer.setting"),
              HasSubstr("through " + near_->name() + ": packets of 1420"));

  expect_astray(ask("mtu", {"--through", near_->name() + "x"}));
}

TEST_F(FullTunnel, MayBeTheCauseOfSilence) {
  Place::add_rule(place_->router, "forward", "iifname " + far_->name() + " drop");
  const Said said = ask("handshake", {"--timeout", "7s"});
  EXPECT_EQ(said.program.exit_code, 2) << said.all();
  const json finding = said.check("handshake.response").at("finding");
  EXPECT_THAT(finding.at("hypotheses").at(0).dump(), HasSubstr("through " + near_->name()))
      << said.all();
}

/// The endpoint is an address of the probe's own host.
TEST_F(FullTunnel, IsNoneWhereTheEndpointIsThisHost) {
  const Said silent = ask("handshake", {"--endpoint", "10.1.0.1:51999", "--timeout", "5s"});
  EXPECT_EQ(silent.program.exit_code, 2) << silent.all();
  EXPECT_EQ(silent.check("path.route").at("finding").at("id"), "WGS-LOC-007") << silent.all();
  EXPECT_THAT(silent.check("path.icmp").at("finding").at("hypotheses").at(0).dump(),
              HasSubstr("10.1.0.1 is this host itself"));
}

}  // namespace
}  // namespace wgscope::test
