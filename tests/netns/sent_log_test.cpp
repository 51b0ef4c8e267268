// What --verbose says of what was sent, beside the log of a real gateway: the same numbers, in the
// words that the report names, and nothing else that comes from the probe.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "routed_path.hpp"
#include "temp_dir.hpp"
#include "test_service.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

class SentBesideALog : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    gateway_.emplace(
        std::vector<std::string>{"wireguard-go", "-f", name_},
        ProcessOptions{.env = {"LOG_LEVEL=verbose"}, .netns = net_->server.name(), .input = {}});
    ASSERT_TRUE(wait_until(
        [&] { return std::filesystem::exists("/var/run/wireguard/" + name_ + ".sock"); }, 20s));
  }

  void configure(const std::string& peer) {
    net_->server.must({"wg", "setconf", name_, "/dev/stdin"},
                      fmt::format("[Interface]\nPrivateKey={}\nListenPort=51820\n[Peer]\n"
                                  "PublicKey={}\nAllowedIPs=10.9.0.2/32\n[Peer]\n"
                                  "PublicKey={}\nAllowedIPs=10.9.0.3/32\n",
                                  keys_.private_key, peer, second_.public_key));
    net_->server.ip("address add 10.9.0.1/24 dev " + name_);
    net_->server.ip("link set " + name_ + " up");
  }

  Finished ask(std::vector<std::string> arguments) {
    arguments.emplace_back("--verbose");
    return ask_quietly(std::move(arguments));
  }
  Finished ask_quietly(std::vector<std::string> arguments) {
    const std::string file = write_config("probe.conf", probe_, "10.9.0.2");
    std::vector<std::string> argv{binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    for (const std::string& more :
         {std::string("--config"), file, std::string("--state-dir"), std::string(folder_.path())})
      argv.push_back(more);
    return run(argv, {.env = {}, .netns = net_->client.name(), .input = {}}, 60s);
  }

  /// @returns the path of a peer's wg-quick file.
  std::string write_config(const std::string& name, const KeyPair& keys,
                           const std::string& address) {
    const std::string file = folder_ / name;
    std::ofstream(file) << fmt::format(
        "[Interface]\nPrivateKey={}\nAddress={}/24\nMTU=1420\n[Peer]\nPublicKey={}\n"
        "AllowedIPs=10.9.0.0/24\nEndpoint={}\n",
        keys.private_key, address, keys_.public_key, endpoint_);
    std::filesystem::permissions(
        file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return file;
  }

  /// How many of something the report says were sent.
  static std::size_t sent(const Finished& said, const std::string& what) {
    const std::string page = std::regex_replace(said.out, std::regex("\n +"), " ");
    const std::size_t begin = page.find("sent by this run");
    std::smatch found;
    const std::string part = begin == std::string::npos ? "" : page.substr(begin);
    if (!std::regex_search(part, found, std::regex("([0-9]+) " + what))) return 0;
    return std::stoul(found[1]);
  }
  /// Has the first router count what our host sends. A batch of datagrams is to cross the link one
  /// by one.
  void count_at_router() {
    net_->client.must({"ip", "link", "set", "dev", net_->near.left, "gso_max_segs", "1"});
    net_->router.must({"nft", "-f", "-"},
                      "table inet count {\n counter sent {}\n chain in {\n"
                      "  type filter hook prerouting priority -300\n"
                      "  ip saddr 10.1.0.1 ip daddr != 239.255.255.250 meta l4proto udp counter "
                      "name sent\n"
                      "  ip saddr 10.1.0.1 icmp type echo-request counter name sent\n"
                      "  ip6 saddr fd01::1 meta l4proto udp counter name sent\n"
                      "  ip6 saddr fd01::1 icmpv6 type echo-request counter name sent\n }\n}\n");
  }
  std::size_t take_count() {
    const std::string counters = net_->router.must({"nft", "reset", "counters"});
    std::smatch found;
    return std::regex_search(counters, found, std::regex("packets ([0-9]+)")) ? std::stoul(found[1])
                                                                              : 0;
  }
  /// What such a command sends is what its report says.
  void expect_all_said(std::vector<std::string> command) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(command, " ")));
    command.emplace_back("--json");
    static_cast<void>(take_count());
    const Finished said = ask_quietly(command);
    const std::size_t left = take_count();
    EXPECT_GT(left, 0U) << said.err;
    EXPECT_EQ(sum_of(said.out), left) << said.out << said.err;
  }
  /// The counts of a report, added.
  static std::size_t sum_of(const std::string& report) {
    const auto json = nlohmann::json::parse(report, nullptr, false);
    if (!json.is_object() || !json.contains("sent")) return 0;
    std::size_t sum = 0;
    for (const auto& one : json.at("sent")) sum += one.value("count", std::size_t{0});
    return sum;
  }
  /// From now on the tunnel's datagrams take fd01::1 ---- fd01::2 router fd02::2 ---- fd02::1.
  void go_by_ipv6() {
    constexpr const char* kAdd = "address add {}/64 dev {} nodad\n";
    net_->router.must({"sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"});
    net_->client.ip(fmt::format(kAdd, "fd01::1", net_->near.left) +
                    "route add fd02::/64 via fd01::2");
    net_->router.ip(fmt::format(kAdd, "fd01::2", net_->near.right) +
                    fmt::format(kAdd, "fd02::2", net_->far.left));
    net_->server.ip(fmt::format(kAdd, "fd02::1", net_->far.right) +
                    "route add fd01::/64 via fd02::2");
    // Until its link-local addresses were waited for, the router says nothing.
    const auto through = [&] {
      return net_->client.exec({"ping", "-6", "-c1", "-W1", "fd02::1"}).exit_code == 0;
    };
    ASSERT_TRUE(wait_until(through, 20s));
    endpoint_ = "[fd02::1]:51820";
  }
  [[nodiscard]] std::string log() { return gateway_->out() + gateway_->err(); }

  /// @param outer  an address of the gateway's host
  void expect_all_said_of_each_verb(const std::string& outer) {
    const std::vector<std::vector<std::string>> commands{
        {"handshake"},
        {"handshake", "--ping", "10.9.0.77"},
        {"ping", "-c", "5", "-i", "20ms", "10.9.0.1"},
        {"ping", "-c", "3", "-i", "20ms", "-s", "1600", "10.9.0.1"},
        {"reach", "--tcp", "10.9.0.1:22", "--icmp", "10.9.0.1"},
        {"mtu"},
        {"mtu", "--outer", outer},
        {"check", "--quick"},
    };
    for (const std::vector<std::string>& command : commands) expect_all_said(command);
  }
  void expect_all_said_of_an_unknown_key() {
    net_->server.must({"wg", "set", name_, "peer", probe_.public_key, "remove"});
    expect_all_said({"handshake", "--timeout", "9s"});
  }

  std::optional<RoutedPath> net_;
  KeyPair keys_ = make_key_pair();
  KeyPair probe_ = make_key_pair();
  KeyPair second_ = make_key_pair();
  std::string endpoint_ = "10.2.0.1:51820";  ///< of the gateway
  TempDir folder_;
  std::string name_ = unique_interface_name();
  std::optional<Process> gateway_;
};

TEST_F(SentBesideALog, OfAGatewayThatDoesNotKnowTheKey) {
  configure(make_key_pair().public_key);
  const Finished said = ask({"handshake", "--timeout", "9s"});
  const std::size_t initiations = sent(said, "handshake initiation");
  EXPECT_EQ(initiations, 2U) << said.out;
  EXPECT_TRUE(gateway_->wait_for_output("Received invalid initiation message", 10s));
  EXPECT_EQ(count_of(log(), "Received invalid initiation message"), initiations) << log();
  EXPECT_GE(sent(said, "plain datagrams"), 24U);
  EXPECT_EQ(count_of(log(), "invalid mac1") + count_of(log(), "unknown type"), 0U) << log();
}

TEST_F(SentBesideALog, OfAGatewayThatAnswers) {
  configure(probe_.public_key);
  const Finished said = ask({"ping", "-c", "3", "-i", "50ms", "10.9.0.1"});
  EXPECT_THAT(said.out, HasSubstr("OK: ")) << said.err;
  EXPECT_EQ(sent(said, "handshake initiation"), 1U) << said.out;
  EXPECT_TRUE(gateway_->wait_for_output("Receiving keepalive packet", 10s));
  EXPECT_EQ(count_of(log(), "Received handshake initiation"), 1U) << log();
  // The handshake ends with an empty packet.
  EXPECT_EQ(sent(said, "packets? inside the tunnel"),
            3 + count_of(log(), "Receiving keepalive packet"))
      << said.out << log();
}

/// Every datagram that leaves this host is in the report, whatever was asked, and nothing else is.
TEST_F(SentBesideALog, NothingLeavesThatTheReportDoesNotHave) {
  configure(probe_.public_key);
  count_at_router();
  expect_all_said_of_each_verb("10.2.0.1");
  expect_all_said({"handshake", "--hold", "2s", "10.9.0.1"});
  expect_all_said({"nat", "--stun", "10.2.0.1:3478", "--quick"});
  expect_all_said_of_an_unknown_key();
}

TEST_F(SentBesideALog, NothingLeavesThatTheReportDoesNotHaveWhereTheTunnelsOwnFlowIsMeasured) {
  configure(probe_.public_key);
  net_->server.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  const TestService service(net_->server, TestService::Kind::speaks_first);
  const std::string tcp = fmt::format("10.9.0.1:{}", TestService::kPort);
  const std::string second = write_config("second.conf", second_, "10.9.0.3");
  count_at_router();
  const std::vector<std::vector<std::string>> commands{
      {"nat", "--second-peer", second, "--quick"},
      {"nat", "--second-peer", second, "--keepalive", "1", "--longest", "2"},
      {"nat", "--tcp", tcp, "--quick"},
      {"nat", "--tcp", tcp, "--keepalive", "1", "--longest", "2"},
      {"nat", "--tcp", "10.9.0.1:9", "--quick"},
      {"nat", "--second-peer", second, "--tcp", tcp, "--quick"},
  };
  for (const std::vector<std::string>& command : commands) expect_all_said(command);
}

TEST_F(SentBesideALog, NothingLeavesThatTheReportDoesNotHaveOverIpv6) {
  configure(probe_.public_key);
  ASSERT_NO_FATAL_FAILURE(go_by_ipv6());
  const std::string second = write_config("second.conf", second_, "10.9.0.3");
  count_at_router();
  expect_all_said_of_each_verb("fd02::1");
  expect_all_said({"nat", "--ipv6", "--stun", "[fd02::1]:3478", "--quick"});
  expect_all_said({"nat", "--second-peer", second, "--quick"});
  expect_all_said({"nat", "--tcp", "10.9.0.1:22", "--quick"});
  expect_all_said_of_an_unknown_key();
}

}  // namespace
}  // namespace wgscope::test
