// Pings through tunnels of wireguard-go and of wgscope listen, over a router that loses every so
// many packets of one direction, which the pings must tell exactly.
//
//   client 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 server
//     10.9.0.2 =================== tunnel =================== 10.9.0.1

#include "wgscope/checks/ping.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "endpoint_fixture.hpp"
#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "ping_site.hpp"
#include "process.hpp"
#include "relay.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::PingFacts;
using diagnosis::PingLoss;
using diagnosis::Report;
using diagnosis::Status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

INSTANTIATE_TEST_SUITE_P(, PingOverRouter,
                         testing::Values(Kind::wireguard_go, Kind::wgscope_listen),
                         [](const auto& test) {
                           return std::string(test.param == Kind::wireguard_go ? "WireguardGo"
                                                                               : "WgscopeListen");
                         });

TEST_P(PingOverRouter, IsAnsweredThroughTheTunnelAndBesideIt) {
  const auto [facts, report] = ping(10);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->inner.sent, 10U);
  EXPECT_EQ(facts->inner.round_trips.size(), 10U);
  EXPECT_EQ(facts->outer.sent, 10U);
  EXPECT_EQ(facts->outer.round_trips.size(), 10U);
  EXPECT_EQ(facts->back.missing, 0U);
  EXPECT_EQ(facts->back.replayed + facts->back.reordered, 0U);
  EXPECT_EQ(overall(report), Status::ok) << verdict(report).plain();
  EXPECT_THAT(verdict(report).plain(), HasSubstr("10.9.0.1 answers through the tunnel after"));
}

TEST_P(PingOverRouter, TellsLossOnTheWayThere) {
  drop("dport", 6);
  const auto [facts, report] = ping(30);
  ASSERT_TRUE(facts);
  EXPECT_EQ(loss_of(*facts), (PingLoss{.forward = 5, .backward = 0, .unknown_direction = 0}));
  EXPECT_THAT(findings(report), ElementsAre(FindingId::loss_forward));
  EXPECT_EQ(overall(report), Status::warning);
}

TEST_P(PingOverRouter, TellsLossOnTheWayBack) {
  drop("sport", 6);
  const auto [facts, report] = ping(30);
  ASSERT_TRUE(facts);
  EXPECT_EQ(loss_of(*facts), (PingLoss{.forward = 0, .backward = 5, .unknown_direction = 0}));
  EXPECT_THAT(findings(report), ElementsAre(FindingId::loss_backward));
}

TEST_P(PingOverRouter, TellsLossOfBothDirectionsApart) {
  drop("dport", 5);
  drop("sport", 4);
  const auto [facts, report] = ping(30);
  ASSERT_TRUE(facts);
  EXPECT_EQ(loss_of(*facts), (PingLoss{.forward = 6, .backward = 6, .unknown_direction = 0}));
  EXPECT_THAT(findings(report), ElementsAre(FindingId::loss_forward, FindingId::loss_backward));
  EXPECT_EQ(overall(report), Status::critical) << "20 % and more";
}

TEST_P(PingOverRouter, WithoutReplyIsCritical) {
  drop("dport", 1);
  const auto [facts, report] = ping(3);
  ASSERT_TRUE(facts);
  EXPECT_THAT(findings(report), ElementsAre(FindingId::no_reply));
  EXPECT_EQ(overall(report), Status::critical);
}

TEST_P(PingOverRouter, WhereTheHandshakeFailsIsSkipped) {
  net_->router.must({"sysctl", "-qw", "net.ipv4.ip_forward=0"});
  PingCheck check = check_of(3);
  check.handshake.timeout = 3s;
  const auto [facts, report] =
      ping_in(net_->client, target_of(*gateway_, RoutedPath::kServer), std::move(check));
  EXPECT_FALSE(facts);
  EXPECT_EQ(overall(report), Status::critical);
  const diagnosis::Check& reply = find(report, "ping.reply");
  EXPECT_EQ(reply.status, Status::skipped);
  EXPECT_EQ(reply.skipped_because, worst_finding(report)->id);
}

/// Capabilities belong to threads (capabilities(7)): this one has none any more.
void drop_all_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  if (syscall(SYS_capset, &header, none) != 0) throw std::runtime_error("capset");
}

TEST_P(PingOverRouter, AsAnOrdinaryUserWithoutPingSocketsIsFineInside) {
  net_->client.must({"sysctl", "-qw", "net.ipv4.ping_group_range=1 0"});
  const auto [facts, report] = ping(5, drop_all_capabilities);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->inner.round_trips.size(), 5U);
  EXPECT_EQ(facts->outer.sent, 0U);
  EXPECT_EQ(find(report, "ping.outer").status, Status::unknown);
  EXPECT_THAT(find(report, "ping.outer").summary.plain(), HasSubstr("ping_group_range"));
  EXPECT_EQ(overall(report), Status::ok);
}

TEST_P(PingOverRouter, AsAnOrdinaryUserWithPingSocketsLacksNothing) {
  net_->client.must({"sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"});
  const auto [facts, report] = ping(5, drop_all_capabilities);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->outer.round_trips.size(), 5U);
  EXPECT_EQ(overall(report), Status::ok);
}

/// The verb itself, as a process.
class PingVerb : public PingOverRouter {
 protected:
  std::vector<std::string> command(std::vector<std::string> more) const {
    const std::string file = folder_ / "probe.conf";
    std::ofstream(file) << gateway_->target_file(RoutedPath::kServer);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    std::vector<std::string> argv{
        binary_dir() / "probe/wgscope", "ping", "--config", file, "--state.dir", folder_.path()};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  Finished run_verb(std::vector<std::string> more) const {
    return net_->client.exec(command(std::move(more)));
  }
  /// Until the router has seen some go by. Count them first.
  void count_pings() {
    net_->router.must({"nft", "-f", "-"},
                      "table inet seen { chain c { type filter hook forward priority 0; udp length "
                      "136 counter; }; }\n");
  }
  void wait_for_pings() {
    ASSERT_TRUE(wait_until(
        [&] {
          std::smatch found;
          const std::string rules = net_->router.must({"nft", "list", "ruleset"});
          return std::regex_search(rules, found, std::regex("counter packets ([0-9]+)")) &&
                 std::stoul(found[1]) >= 20;
        },
        20s));
  }

  TempDir folder_;
};

INSTANTIATE_TEST_SUITE_P(, PingVerb, testing::Values(Kind::wireguard_go));

TEST_P(PingVerb, EndsWithZeroAndTheMedianWhenAllIsWell) {
  const Finished done = run_verb({"-c", "5", "-i", "10ms", "10.9.0.1"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("OK: 10.9.0.1 answers through the tunnel after "));
  EXPECT_EQ(done.err, "") << "no live view where there is no terminal";
}

TEST_P(PingVerb, EndsByWhatWasFoundAndWritesItForPrometheus) {
  drop("sport", 2);
  const std::string file = folder_ / "ping.prom";
  const Finished done =
      run_verb({"-c", "10", "-i", "10ms", "--prometheus", file, "--redact", "10.9.0.1"});
  EXPECT_EQ(done.exit_code, 2) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("5 of 10 answers (50 %) lost on the reverse path (WGS-PNG-003)"));
  EXPECT_THAT(done.out, Not(HasSubstr("10.9.0.1")));
  EXPECT_THAT(read_file(file), HasSubstr("direction=\"backward\"} 0.5"));
}

TEST_P(PingVerb, WithoutACountCtrlCIsANormalEnd) {
  count_pings();
  Process ping(command({"-c", "0", "-i", "10ms", "--json"}), {.netns = net_->client.name()});
  wait_for_pings();
  ping.signal(SIGINT);
  EXPECT_EQ(ping.wait(20s), 0) << ping.out() << ping.err();
  EXPECT_THAT(ping.out(), HasSubstr("\"interrupted\": false"));
}

TEST_P(PingVerb, WithACountCtrlCCutsItShort) {
  count_pings();
  Process ping(command({"-c", "100000", "-i", "10ms"}), {.netns = net_->client.name()});
  wait_for_pings();
  ping.signal(SIGINT);
  EXPECT_EQ(ping.wait(20s), 3) << ping.out() << ping.err();
  EXPECT_THAT(ping.out(), HasSubstr("interrupted"));
}

TEST_P(PingVerb, SaysWhatIsWrongWithItsOptions) {
  for (const auto& [options, message] :
       {std::pair{std::vector<std::string>{"-i", "1ms"}, "the interval must be at least 10 ms"},
        std::pair{std::vector<std::string>{"-c", "-1"}, "--count"},
        std::pair{std::vector<std::string>{"host"}, "'host' is not an IP address"},
        std::pair{std::vector<std::string>{"192.0.2.1"}, "is not in the gateway's AllowedIPs"}}) {
    const Finished done = run_verb(options);
    EXPECT_EQ(done.exit_code, 3);
    EXPECT_THAT(done.err, HasSubstr(message));
    EXPECT_EQ(done.out, "");
  }
}

// What a router seldom does to order: by a relay beside the gateway.
TEST(PingOverRelay, TellsDoublesAndOrderOfWireguardGoByDirection) {
  WGSCOPE_NEED(why_no_netns());
  const NetworkNamespace netns;
  const GatewayProcess gateway(netns, Kind::wireguard_go);
  Pinged pinged;
  inside(netns.path(), [&] {
    auto run = checks::Run::open().value();
    Relay relay(run, kPort);
    relay.backward = [](std::size_t n) { return n % 10 == 3 ? Fate::twice : Fate::pass; };
    relay.forward = [](std::size_t n) { return n % 10 == 6 ? Fate::late : Fate::pass; };
    pinged = ask(run, target_of(gateway, "127.0.0.1", relay.port()), check_of(30));
  });
  const auto& [facts, report] = pinged;
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->inner.round_trips.size(), 30U);
  EXPECT_EQ(facts->back.replayed, 3U);
  EXPECT_EQ(facts->inner.duplicates, 0U);
  EXPECT_EQ(facts->inner.reordered, 3U);
  EXPECT_EQ(facts->back.reordered, 0U) << "wireguard-go numbers its answers as it sends them";
  EXPECT_THAT(findings(report), ElementsAre(FindingId::duplicates, FindingId::reordered));
}

/// Where a name, here a list of addresses, leads to one gateway twice.
TEST(PingWithTwoAddresses, GoesThroughTheNewestSession) {
  WGSCOPE_NEED(why_no_netns());
  const NetworkNamespace netns;
  const GatewayProcess gateway(netns, Kind::wireguard_go);
  checks::Target target = target_of(gateway, "127.0.0.1");
  PingCheck check = check_of(5);
  check.handshake.ports = {51821};
  netns.must({"nft", "-f", "-"},
             "table ip wgs { chain c { type nat hook output priority -100; udp dport 51821 dnat to "
             "127.0.0.1:51820; }; }\n");
  const auto [facts, report] = ping_in(netns, std::move(target), std::move(check));
  ASSERT_TRUE(facts) << verdict(report).plain();
  EXPECT_EQ(facts->inner.round_trips.size(), 5U);
  EXPECT_THAT(findings(report), IsEmpty());
}

}  // namespace
}  // namespace wgscope::test
