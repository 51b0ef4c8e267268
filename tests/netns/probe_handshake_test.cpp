// wgscope handshake, run by a user who may do nothing, towards Debian's wireguard-go.

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

class HandshakeProgram : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    place_.emplace();
    // Where nobody may go: the build folder may be in somebody's home.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::copy_file(binary_dir() / "probe/wgscope", folder_ / "wgscope");
    write_file(config(), fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/24\n"
                                     "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                                     "AllowedIPs = 10.9.0.0/24\n",
                                     keys_.private_key, place_->gateway.keys().public_key));
    std::filesystem::create_directory(state());
    for (const std::string& of_nobody : {config(), state()}) {
      std::filesystem::permissions(
          of_nobody, std::filesystem::perms::group_all | std::filesystem::perms::others_all,
          std::filesystem::perm_options::remove);
      ASSERT_EQ(chown(of_nobody.c_str(), kNobody, kNobody), 0);
    }
    place_->gateway.set_peer({.public_key = keys_.public_key});
  }

  [[nodiscard]] std::string config() const { return folder_ / "probe.conf"; }
  [[nodiscard]] std::string state() const { return folder_ / "state"; }

  Finished run_as_nobody(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> argv{"setpriv",           "--reuid=65534",
                                  "--regid=65534",     "--clear-groups",
                                  "--inh-caps=-all",   "--bounding-set=-all",
                                  folder_ / "wgscope", "handshake",
                                  "--config",          config(),
                                  "--state.dir",       state()};
    argv.insert(argv.end(), more.begin(), more.end());
    return place_->ours.exec(argv);
  }

  static constexpr uid_t kNobody = 65534;
  TempDir folder_;
  KeyPair keys_ = make_key_pair();
  std::optional<Place> place_;
};

TEST_F(HandshakeProgram, NeedsNoRootToSayThatAllIsWell) {
  const Finished text = run_as_nobody();
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_THAT(text.out, HasSubstr("10.2.0.1:51820"));
  EXPECT_THAT(text.out + text.err, Not(HasSubstr(keys_.private_key)));
  EXPECT_NE(place_->gateway.latest_handshake(keys_.public_key), 0);
  EXPECT_FALSE(std::filesystem::is_empty(state())) << "the last handshake's time is kept";

  const Finished json = run_as_nobody({"--json"});
  EXPECT_EQ(json.exit_code, 0) << json.out << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report["status"], "ok");
  EXPECT_EQ(report["exit_code"], 0);
  EXPECT_FALSE(report.contains("finding"));
}

TEST_F(HandshakeProgram, NamesTheCauseInItsFirstLineAndItsJson) {
  Place::add_rule(place_->router, "forward",
                  "udp dport 51820 reject with icmpx type admin-prohibited");
  const Finished text = run_as_nobody();
  EXPECT_EQ(text.exit_code, 2) << text.out << text.err;
  const std::string first_line = text.out.substr(0, text.out.find('\n'));
  EXPECT_THAT(first_line, HasSubstr(Place::kRouter));
  EXPECT_THAT(text.out, HasSubstr("WGS-HS-003"));

  const Finished json = run_as_nobody({"--json", "--quick"});
  EXPECT_EQ(json.exit_code, 2) << json.out << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report["finding"], "WGS-HS-003");
  EXPECT_EQ(report["status"], "critical");
  EXPECT_EQ(report["exit_code"], 2);
}

}  // namespace
}  // namespace wgscope::test
