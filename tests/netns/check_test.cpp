// wgscope check as a process, over a router, against wireguard-go.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
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
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class CheckProgram : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    place_.emplace();
    place_->gateway.set_peer({.public_key = keys_.public_key});
  }

  std::string file(const std::string& name, const std::string& content) const {
    const std::string path = folder_ / name;
    write_file(path, content);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }
  [[nodiscard]] std::string config(const std::string& gateway) const {
    return fmt::format(
        "[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/24\nMTU = 1420\n[Peer]\nPublicKey = {}\n"
        "Endpoint = 10.2.0.1:51820\nAllowedIPs = 10.9.0.0/24\n",
        keys_.private_key, gateway);
  }

  Finished check(std::vector<std::string> more = {}) {
    return check(config(place_->gateway.keys().public_key), std::move(more));
  }
  Finished check(const std::string& content, std::vector<std::string> more) {
    std::vector<std::string> argv{binary_dir() / "probe/wgscope", "check"};
    argv.insert(argv.end(), {"--config", file("probe.conf", content), "--state-dir",
                             folder_ / "state", "--uapi-dir", folder_ / "none"});
    argv.insert(argv.end(), more.begin(), more.end());
    const auto begun = std::chrono::steady_clock::now();
    Finished ended = place_->ours.exec(argv);
    took_ = std::chrono::steady_clock::now() - begun;
    EXPECT_THAT(ended.out + ended.err, Not(HasSubstr(keys_.private_key)));
    return ended;
  }

  /// The check of that name in a JSON report.
  static nlohmann::json find(const nlohmann::json& report, std::string_view name) {
    for (const auto& one : report["checks"])
      if (one["name"] == name) return one;
    return {};
  }

  TempDir folder_;
  KeyPair keys_ = generate_key_pair();
  std::optional<Place> place_;
  std::chrono::nanoseconds took_{};
};

TEST_F(CheckProgram, SaysInOneLineThatAllIsWellWithin15Seconds) {
  const Finished text = check();
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_LT(took_, 15s);
  EXPECT_THAT(text.out, StartsWith("OK: the tunnel to 10.2.0.1:51820 works; "));
  for (const char* part : {"handshake response:", "data:", "forward loss:", "reverse loss:",
                           "forward path MTU:", "reverse path MTU:", "tunnel MTU:"})
    EXPECT_THAT(text.out, HasSubstr(part));
  EXPECT_THAT(text.out, HasSubstr("wgscope mtu --watch --config " +
                                  (folder_ / "probe.conf").string() + " --state-dir "));
  EXPECT_THAT(text.out, Not(HasSubstr("skipped")));
}

TEST_F(CheckProgram, TakesLessThan3SecondsWithQuick) {
  const std::string expectations = file("expect.yaml", "- icmp: 10.9.0.1\n");
  const Finished text = check({"--quick", "--expect", expectations});
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_LT(took_, 3s);
  EXPECT_THAT(text.out, HasSubstr("ping 10.9.0.1"));
}

TEST_F(CheckProgram, HandshakesOnce) {
  const Finished json = check({"--json", "--quick"});
  ASSERT_EQ(json.exit_code, 0) << json.out << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report["verb"], "check");
  std::size_t responses = 0;
  for (const auto& one : report["checks"]) responses += one["name"] == "handshake.response";
  EXPECT_EQ(responses, 1U);
  EXPECT_THAT(find(report, "path.send")["summary"].get<std::string>(), HasSubstr("1 initiation"));
  EXPECT_EQ(report["further"].size(), 4U);
}

TEST_F(CheckProgram, WritesTheSameDocumentsAsOtherVerbs) {
  const std::string junit = folder_ / "check.xml";
  const std::string metrics = folder_ / "check.prom";
  ASSERT_EQ(check({"--quick", "--junit", junit, "--prometheus", metrics}).exit_code, 0);
  EXPECT_THAT(read_file(junit), HasSubstr("classname=\"wgscope.check.handshake\""));
  EXPECT_THAT(read_file(metrics),
              AllOf(HasSubstr("probe_success{verb=\"check\",gateway=\"10.2.0.1:51820\"} 1\n"),
                    HasSubstr("wireguard_probe_path_mtu_bytes{verb=\"check\""),
                    HasSubstr("wireguard_probe_loss_ratio{verb=\"check\"")));
}

TEST_F(CheckProgram, SkipsAllThatAFailedHandshakeExplains) {
  const std::string other = generate_key_pair().public_key;
  const std::string expectations = file("expect.yaml", "- tcp: 10.9.0.1:22\n");
  const Finished json = check(config(other), {"--json", "--quick", "--expect", expectations});
  EXPECT_EQ(json.exit_code, 2) << json.out << json.err;
  EXPECT_LT(took_, 12s);
  const auto report = nlohmann::json::parse(json.out);
  ASSERT_TRUE(report.contains("finding")) << json.out;
  const std::string cause = report["finding"];
  EXPECT_THAT(cause, StartsWith("WGS-HS-"));
  for (const char* name : {"tunnel.data", "ping.reply", "mtu.forward", "reach.tcp"}) {
    const auto skipped = find(report, name);
    ASSERT_FALSE(skipped.is_null()) << name;
    EXPECT_EQ(skipped["status"], "skipped") << name;
    EXPECT_EQ(skipped["because"], cause) << name;
  }
  EXPECT_FALSE(report.contains("further"));
}

TEST_F(CheckProgram, NamesOnceThatDataIsDropped) {
  // Data towards the gateway, of which a transport message is recognized by its first byte.
  Place::add_rule(place_->router, "forward", "udp dport 51820 @th,64,8 4 drop");
  const Finished json = check({"--json"});
  EXPECT_EQ(json.exit_code, 2) << json.out << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(find(report, "handshake.response")["status"], "ok");
  EXPECT_EQ(find(report, "tunnel.data")["status"], "critical") << json.out;
  EXPECT_EQ(find(report, "tunnel.data")["finding"]["id"], report["finding"]);
  for (const char* name : {"ping.reply", "mtu.forward"}) {
    EXPECT_EQ(find(report, name)["status"], "skipped") << name;
    EXPECT_EQ(find(report, name)["because"], report["finding"]) << name;
  }
}

TEST_F(CheckProgram, FindsAnMtuBlackHole) {
  place_->router.must(
      {"ip", "route", "replace", "10.2.0.0/24", "dev", place_->far.left, "mtu", "lock", "1400"});
  Place::add_rule(place_->router, "output", "icmp type destination-unreachable drop");
  const Finished json = check({"--json"});
  const auto report = nlohmann::json::parse(json.out);
  ASSERT_TRUE(report.contains("finding")) << json.out;
  EXPECT_THAT(report["finding"].get<std::string>(), StartsWith("WGS-MTU-"));
  EXPECT_EQ(json.exit_code, report["exit_code"]);
  EXPECT_NE(json.exit_code, 0);
  EXPECT_EQ(find(report, "ping.reply")["status"], "ok") << "small packets cross";
}

TEST_F(CheckProgram, FailsOnWhatIsExpectedAndNotReachable) {
  place_->theirs.must({"sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"});
  const std::string expectations =
      file("expect.yaml",
           "- icmp: 10.9.0.1\n- tcp: 10.9.0.1:22\n- tcp: 10.9.0.1:23\n  expect: closed\n");
  const Finished text = check({"--expect", expectations});
  EXPECT_EQ(text.exit_code, 2) << text.out << text.err;
  EXPECT_THAT(text.out, AllOf(StartsWith("CRITICAL: "), HasSubstr("WGS-RCH-")));
  EXPECT_THAT(text.out.substr(0, text.out.find('\n')), HasSubstr("10.9.0.1:22"));
  EXPECT_THAT(text.out, HasSubstr("ping 10.9.0.1:")) << "the others are told all the same";
}

TEST_F(CheckProgram, SendsNothingForAPlan) {
  const Finished plan = check({"--plan", "--expect", file("expect.yaml", "- tcp: 10.9.0.1:22\n")});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  for (const char* part :
       {"handshake initiations", "20 echo requests", "576 to 9000 bytes", "tcp 10.9.0.1:22"})
    EXPECT_THAT(plan.out, HasSubstr(part));
  EXPECT_EQ(place_->gateway.latest_handshake(keys_.public_key), 0);
}

}  // namespace
}  // namespace wgscope::test
