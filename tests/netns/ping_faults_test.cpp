// What happens to a tunnel while it is pinged, made for real: a gateway that dies, another device
// with the same key, a path that drops what is large or what is data, random loss. Each must be
// named, and nothing that was not seen.

#include <chrono>
#include <cstddef>
#include <cstdint>
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

#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "netns.hpp"
#include "paths.hpp"
#include "ping_site.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::Status;
using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using testing::ResultOf;

std::string plain(const diagnosis::Text& text) { return text.plain(); }
auto has_text(const std::string& part) { return ResultOf(plain, HasSubstr(part)); }

class PingFault : public PingOverRouter {
 protected:
  Pinged ping_with(PingCheck check) {
    return ping_in(net_->client, target_of(*gateway_, RoutedPath::kServer), std::move(check));
  }
  void rule(const std::string& table, const std::string& text) {
    net_->router.must(
        {"nft", "-f", "-"},
        fmt::format("table inet {} {{ chain c {{ type filter hook forward priority 0; "
                    "{}; }}; }}\n",
                    table, text));
  }
  /// How many packets a rule with a counter has matched.
  std::size_t counted(const std::string& table) {
    std::smatch found;
    const std::string rules = net_->router.must({"nft", "list", "table", "inet", table});
    if (!std::regex_search(rules, found, std::regex("counter packets ([0-9]+)"))) return 0;
    return std::stoul(found[1]);
  }
};

INSTANTIATE_TEST_SUITE_P(, PingFault, testing::Values(Kind::wireguard_go, Kind::wgscope_listen),
                         [](const auto& test) {
                           return std::string(test.param == Kind::wireguard_go ? "WireguardGo"
                                                                               : "WgscopeListen");
                         });

TEST_P(PingFault, AGatewayThatDiesIsNamedAndNoDirectionIsCalledFine) {
  PingCheck check = check_of(20);
  check.ping.interval = 50ms;
  check.on_sent = [&](std::uint64_t number) {
    if (number == 8) gateway_->die();
  };
  const auto [facts, report] = ping_with(std::move(check));
  ASSERT_TRUE(facts);
  EXPECT_LE(facts->inner.round_trips.size(), 8U);
  EXPECT_GE(facts->refused, 3U) << "a kernel rations them: a few at once, then one a second";
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("nothing listens on 10.2.0.1:51820; the "
                                                 "gateway's last packet came"));
  const auto& icmp = find(report, "path.icmp");
  EXPECT_EQ(icmp.status, Status::critical);
  EXPECT_THAT(icmp.finding->evidence, Contains(has_text("port unreachable")));
  EXPECT_NE(find(report, "ping.loss_forward").status, Status::ok);
  EXPECT_EQ(loss_of(*facts).backward, 0U);
}

TEST_P(PingFault, AnotherDeviceWithTheSameKeyIsTheHeadlineAndTheDirectionIsUnknown) {
  const NetworkNamespace phone;
  const Veth link = connect(net_->router, "10.3.0.2/24", phone, "10.3.0.1/24");
  phone.must({"ip", "route", "add", "default", "via", "10.3.0.2"});
  net_->server.ip("route add 10.3.0.0/24 via 10.2.0.2");
  WireguardGo tunnel(phone);
  tunnel.up("10.9.0.2/24");
  PingCheck check = check_of(40);
  check.ping.interval = 50ms;
  check.on_sent = [&](std::uint64_t number) {
    if (number == 8) tunnel.configure(gateway_->second_device(RoutedPath::kServer));
  };
  const auto [facts, report] = ping_with(std::move(check));
  ASSERT_TRUE(facts);
  EXPECT_GE(facts->session.taken.foreign, 2U);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("another device uses this key"));
  EXPECT_EQ(find(report, "key.use").finding->id, FindingId::key_used_elsewhere);
  EXPECT_EQ(find(report, "ping.loss_forward").status, Status::unknown);
  EXPECT_EQ(find(report, "ping.loss_backward").status, Status::unknown);
  const auto& loss = find(report, "ping.loss");
  EXPECT_THAT(loss.finding->cause, has_text("cannot tell in which direction"));
  EXPECT_THAT(loss.finding->hypotheses.front().cause, has_text("another device uses this key"));
  EXPECT_EQ(loss_of(*facts).unknown_direction, 40 - facts->inner.round_trips.size());
}

TEST_P(PingFault, LargePingsThatTheForwardPathDropsAreToldFromASilentHost) {
  rule("large", "udp dport 51820 udp length > 1000 drop");
  PingCheck check = check_of(3);
  check.ping.payload_size = 1300;
  const auto [facts, report] = ping_with(std::move(check));
  ASSERT_TRUE(facts && facts->smaller);
  EXPECT_EQ(facts->smaller->answered, 1U);
  EXPECT_EQ(verdict(report).plain(),
            "10.9.0.1 answers pings of 56 bytes through the tunnel, but none of 3 of 1300 bytes");
  const auto& finding = *find(report, "ping.reply").finding;
  EXPECT_THAT(finding.hypotheses.front().check, has_text("wgscope mtu --config FILE 10.9.0.1"));
  EXPECT_THAT(finding.evidence, Contains(has_text("the gateway sent no answer to pings of 1300")));
}

TEST_P(PingFault, LargeAnswersThatTheReversePathDropsAreToldByTheCounters) {
  rule("large", "udp sport 51820 udp length > 1000 drop");
  PingCheck check = check_of(3);
  check.ping.payload_size = 1300;
  const auto [facts, report] = ping_with(std::move(check));
  EXPECT_THAT(find(report, "ping.reply").finding->evidence,
              Contains(has_text("dropped on the reverse path")));
}

TEST_P(PingFault, WhereOnlyDataIsDroppedTheCommandThatTellsMoreIsGiven) {
  rule("data", "udp dport 51820 @th,64,8 4 drop");
  const auto [facts, report] = ping_with(check_of(3));
  const auto& finding = *find(report, "ping.reply").finding;
  bool named = false;
  for (const auto& cause : finding.hypotheses)
    named = named || (cause.cause.plain().starts_with("data is lost on the path") &&
                      cause.check.plain().starts_with("wgscope handshake --config FILE "));
  EXPECT_TRUE(named);
}

/// A kernel says so only after three seconds in which nobody answered for the address. The endpoint
/// of our own forwards nothing, so there nobody ever says it.
TEST_P(PingFault, AHostThatIsNotThereHasTheTimeUntilItsRouterReportsThat) {
  const NetworkNamespace lan;
  const Veth link = connect(net_->server, "10.8.0.1/24", lan, "10.8.0.2/24");
  net_->server.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  PingCheck check = check_of(3);
  check.ping.target = IpAddress::parse("10.8.0.77").value();
  checks::Target target = target_of(*gateway_, RoutedPath::kServer);
  target.allowed_ips.push_back(Prefix::parse("10.8.0.0/24").value());
  const auto [facts, report] = ping_in(net_->client, std::move(target), std::move(check));
  ASSERT_TRUE(facts);
  if (GetParam() == Kind::wgscope_listen) {
    EXPECT_GE(facts->waited, 4s);
    EXPECT_EQ(verdict(report).plain(), "10.8.0.77 answered none of 3 pings through the tunnel");
    return;
  }
  EXPECT_EQ(verdict(report).plain(),
            "10.9.0.1 reports that 10.8.0.77 cannot be reached: host unreachable");
}

TEST_P(PingFault, WhoRejectsThePingsOutsideIsNamed) {
  rule("refuse", "icmp type echo-request reject with icmpx admin-prohibited");
  const auto [facts, report] = ping_with(check_of(3));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->outer_refused, 3U);
  const auto& outer = find(report, "ping.outer");
  EXPECT_EQ(outer.status, Status::unknown);
  EXPECT_EQ(outer.summary.plain(),
            "none of 3 pings was answered outside the tunnel; ICMP errors about them: "
            "communication administratively prohibited (ICMP type 3, code 13) from 10.1.0.2, 3 "
            "times");
  EXPECT_EQ(overall(report), Status::ok) << "they say nothing about the tunnel";
  EXPECT_LT(facts->waited, 1s) << "a ping that was rejected gets no answer";
}

/// Loss that nothing causes must not be blamed on anything, nor on the wrong direction.
TEST_P(PingFault, RandomLossHasNoOtherCause) {
  const TempDir nobody;  // programs of other tests may be too busy to say what keys they use
  for (const int percent : {10, 30, 50}) {
    for (const char* direction : {"dport", "sport"})
      rule(fmt::format("{}{}", direction, percent),
           fmt::format("udp {} 51820 udp length 136 numgen random mod 100 < {} counter drop",
                       direction, percent));
    PingCheck check = check_of(60);
    check.handshake.uapi_folder = nobody.path();
    const auto [facts, report] = ping_with(std::move(check));
    ASSERT_TRUE(facts);
    const auto loss = loss_of(*facts);
    const std::size_t there = counted(fmt::format("dport{}", percent));
    const std::size_t back = counted(fmt::format("sport{}", percent));
    EXPECT_LE(loss.forward, there) << percent;
    EXPECT_LE(loss.backward, back) << percent;
    EXPECT_LE(60 - facts->inner.round_trips.size(), there + back) << percent;
    EXPECT_THAT(findings(report), Each(AnyOf(Eq(FindingId::loss_forward),
                                             Eq(FindingId::loss_backward), Eq(FindingId::loss))));
    EXPECT_EQ(find(report, "key.use").status, Status::ok);
    EXPECT_EQ(find(report, "path.icmp").status, Status::ok);
    for (const char* direction : {"dport", "sport"})
      net_->router.must(
          {"nft", "delete", "table", "inet", fmt::format("{}{}", direction, percent)});
  }
}

/// The command that pings point to does name the place.
class PingPointsTo : public PingFault {};
INSTANTIATE_TEST_SUITE_P(, PingPointsTo, testing::Values(Kind::wireguard_go));

TEST_P(PingPointsTo, MtuWhichNamesTheHopThatDropsWhatIsLarge) {
  rule("large", "udp dport 51820 udp length > 1000 drop");
  const TempDir folder;
  const std::string file = folder / "probe.conf";
  std::ofstream(file) << gateway_->target_file(RoutedPath::kServer);
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const Finished done = net_->client.exec({binary_dir() / "probe/wgscope", "mtu", "--config", file,
                                           "--state.dir", folder.path(), "10.9.0.1"});
  EXPECT_THAT(done.out, HasSubstr("10.1.0.2 (hop 1)")) << done.err;
}

}  // namespace
}  // namespace wgscope::test
