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
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "endpoint_fixture.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "routed_path.hpp"
#include "temp_dir.hpp"
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
                                  "PublicKey={}\nAllowedIPs=10.9.0.2/32\n",
                                  keys_.private_key, peer));
    net_->server.ip("address add 10.9.0.1/24 dev " + name_);
    net_->server.ip("link set " + name_ + " up");
  }

  Finished ask(std::vector<std::string> arguments) {
    arguments.emplace_back("--verbose");
    return ask_quietly(std::move(arguments));
  }
  Finished ask_quietly(std::vector<std::string> arguments) {
    const std::string file = folder_ / "probe.conf";
    std::ofstream(file) << fmt::format(
        "[Interface]\nPrivateKey={}\nAddress=10.9.0.2/24\nMTU=1420\n[Peer]\nPublicKey={}\n"
        "AllowedIPs=10.9.0.0/24\nEndpoint=10.2.0.1:51820\n",
        probe_.private_key, keys_.public_key);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    std::vector<std::string> argv{binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    for (const std::string& more :
         {std::string("--config"), file, std::string("--state-dir"), std::string(folder_.path())})
      argv.push_back(more);
    return run(argv, {.env = {}, .netns = net_->client.name(), .input = {}}, 60s);
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
                      "  ip saddr 10.1.0.1 icmp type echo-request counter name sent\n }\n}\n");
  }
  std::size_t take_count() {
    const std::string counters = net_->router.must({"nft", "reset", "counters"});
    std::smatch found;
    return std::regex_search(counters, found, std::regex("packets ([0-9]+)")) ? std::stoul(found[1])
                                                                              : 0;
  }
  [[nodiscard]] std::string log() { return gateway_->out() + gateway_->err(); }

  std::optional<RoutedPath> net_;
  KeyPair keys_ = make_key_pair();
  KeyPair probe_ = make_key_pair();
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

/// The counts of a report, added.
std::size_t sum_of(const std::string& report) {
  const auto json = nlohmann::json::parse(report, nullptr, false);
  if (!json.is_object() || !json.contains("sent")) return 0;
  std::size_t sum = 0;
  for (const auto& one : json.at("sent")) sum += one.value("count", std::size_t{0});
  return sum;
}

/// Every datagram that leaves this host is in the report, whatever was asked, and nothing else is.
TEST_F(SentBesideALog, NothingLeavesThatTheReportDoesNotHave) {
  configure(probe_.public_key);
  count_at_router();
  const std::vector<std::vector<std::string>> commands{
      {"handshake"},
      {"handshake", "--ping", "10.9.0.77"},
      {"handshake", "--hold", "2s", "10.9.0.1"},
      {"ping", "-c", "5", "-i", "20ms", "10.9.0.1"},
      {"ping", "-c", "3", "-i", "20ms", "-s", "1600", "10.9.0.1"},
      {"reach", "--tcp", "10.9.0.1:22", "--icmp", "10.9.0.1"},
      {"mtu"},
      {"mtu", "--outer", "10.2.0.1"},
      {"check", "--quick"},
      {"nat", "--stun", "10.2.0.1:3478", "--quick"},
  };
  for (std::vector<std::string> command : commands) {
    SCOPED_TRACE(command.front() + " " + command.back());
    command.emplace_back("--json");
    static_cast<void>(take_count());
    const Finished said = ask_quietly(command);
    const std::size_t left = take_count();
    EXPECT_GT(left, 0U) << said.err;
    EXPECT_EQ(sum_of(said.out), left) << said.out << said.err;
  }
  net_->server.must({"wg", "set", name_, "peer", probe_.public_key, "remove"});
  const Finished said = ask_quietly({"handshake", "--timeout", "9s", "--json"});
  EXPECT_EQ(sum_of(said.out), take_count()) << said.out;
}

}  // namespace
}  // namespace wgscope::test
