#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

// Where wgscope nat is tried:
//
//   inside 10.7.0.2 ---- 10.7.0.1 router 198.51.100.2 ---- 198.51.100.10, .11 outside (coturn)

namespace wgscope::test {

inline std::optional<std::string> find_coturn() {
  for (const std::filesystem::path& folder :
       {source_dir() / "build/deps/coturn/usr/bin", std::filesystem::path("/usr/bin"),
        std::filesystem::path("/usr/local/bin")})
    if (access((folder / "turnserver").c_str(), X_OK) == 0) return folder / "turnserver";
  return std::nullopt;
}

inline std::optional<std::string> why_no_nat_site() {
  if (!find_coturn()) return "no program turnserver (script/bootstrap --tests unpacks it)";
  return why_no_netns();
}

/// What one run said.
struct Said {
  Finished program;
  nlohmann::json report;

  [[nodiscard]] nlohmann::json check(const std::string& name) const {
    for (const auto& check : report.at("checks"))
      if (check.at("name") == name) return check;
    return {};
  }
  [[nodiscard]] std::string summary(const std::string& name) const {
    const auto found = check(name);
    return found.is_null() ? "no such check: " + program.out
                           : found.at("summary").get<std::string>();
  }
};

/// A home behind a router, with coturn outside, and wgscope run at home.
class NatSite : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_nat_site());
    inside_.emplace();
    router_.emplace();
    outside_.emplace();
    near_ = connect(*inside_, "10.7.0.2/24", *router_, "10.7.0.1/24");
    far_ = connect(*router_, "198.51.100.2/24", *outside_, "198.51.100.10/24");
    inside_->ip("route add default via 10.7.0.1");
    outside_->ip("address add 198.51.100.11/24 dev " + far_.right);
    router_->must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  }

  /// @param statement  "masquerade", "masquerade random" …
  void translate(const NetworkNamespace& router, const std::string& outer,
                 const std::string& statement) const {
    router.must({"nft", "-f", "-"},
                fmt::format("table ip nat {{\n chain post {{\n  type nat hook postrouting priority "
                            "100\n  oifname \"{}\" {}\n }}\n}}\n",
                            outer, statement));
  }

  static void set_timeouts(const NetworkNamespace& router, int one_way, int stream) {
    router.must({"sysctl", "-qw", fmt::format("net.netfilter.nf_conntrack_udp_timeout={}", one_way),
                 fmt::format("net.netfilter.nf_conntrack_udp_timeout_stream={}", stream)});
  }

  /// @param addresses  to listen on; two make it a server of RFC 5780.
  void start_coturn(const std::vector<std::string>& addresses) {
    std::vector<std::string> argv{*find_coturn(),
                                  "-n",
                                  "--stun-only",
                                  "--listening-port=3478",
                                  "--alt-listening-port=3479",
                                  "--no-tls",
                                  "--no-dtls",
                                  "--no-tcp",
                                  "--no-cli",
                                  "--log-file=stdout",
                                  "--pidfile=" + (folder_ / "pid").string(),
                                  "--userdb=" + (folder_ / "db").string()};
    for (const std::string& address : addresses) argv.push_back("--listening-ip=" + address);
    coturn_.emplace(argv, ProcessOptions{.netns = outside_->name()});
    ASSERT_TRUE(coturn_->wait_for_output("Total General servers", std::chrono::seconds(20)))
        << coturn_->out();
  }

  [[nodiscard]] Said nat(const std::vector<std::string>& options) const {
    const auto program = start(options);
    return wait_for(*program);
  }
  /// One of several at the same time: most of it is waiting.
  [[nodiscard]] std::unique_ptr<Process> start(const std::vector<std::string>& options) const {
    std::vector<std::string> argv{binary_dir() / "probe/wgscope", "nat", "--json"};
    argv.insert(argv.end(), options.begin(), options.end());
    return std::make_unique<Process>(argv, ProcessOptions{.netns = inside_->name()});
  }
  [[nodiscard]] static Said wait_for(Process& program) {
    const auto exit_code = program.wait(std::chrono::seconds(120));
    EXPECT_TRUE(exit_code) << "it goes on: " << program.out() << program.err();
    Said said{.program = {exit_code.value_or(-1), program.out(), program.err()}, .report = {}};
    said.report = nlohmann::json::parse(said.program.out, nullptr, false);
    EXPECT_TRUE(said.report.is_object()) << said.program.out << said.program.err;
    return said;
  }

  TempDir folder_;
  std::optional<NetworkNamespace> inside_;
  std::optional<NetworkNamespace> router_;
  std::optional<NetworkNamespace> outside_;
  Veth near_;
  Veth far_;
  std::optional<Process> coturn_;
};

}  // namespace wgscope::test
