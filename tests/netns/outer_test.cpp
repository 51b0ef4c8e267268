// wgscope mtu --outer over a chain of routers, run by a user who may do nothing. Somewhere on the
// way a link takes less than the others, and its router says so or does not.
//
//   ours ---- r1 ---- r2 ---- r3 ---- far      link k: 10.20.k.1 to 10.20.k.2, fd20:k::1, …

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
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

namespace wgscope::test {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kLinks = 4;

std::string net(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.0/24", link) : fmt::format("fd20:{}::/64", link + 1);
}
std::string left(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.1", link) : fmt::format("fd20:{}::1", link + 1);
}
std::string right(std::size_t link, bool v4) {
  return v4 ? fmt::format("10.20.{}.2", link) : fmt::format("fd20:{}::2", link + 1);
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

class OuterPath : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    for (auto& host : hosts_) host = std::make_unique<Host>();
    for (std::size_t link = 0; link < kLinks; ++link) join(link);
    for (std::size_t at = 0; at <= kLinks; ++at) route(at);
    for (std::size_t link = 0; link < kLinks; ++link) {
      hosts_[link]->wait_for_link_local(links_[link].left);
      hosts_[link + 1]->wait_for_link_local(links_[link].right);
    }
    // Where nobody may go: the build folder may be in somebody's home.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::copy_file(binary_dir() / "probe/wgscope", folder_ / "wgscope");
    allow_echo();
  }

  static bool v4() { return GetParam(); }
  static std::string far() { return right(kLinks - 1, v4()); }
  Host& router(std::size_t number) { return *hosts_[number]; }

  /// As most distributions do.
  void allow_echo() { hosts_[0]->set("net/ipv4/ping_group_range", "0 2147483647"); }

  /// A router sends nothing larger to that side.
  void limit_forward(std::size_t number, std::size_t mtu) {
    for (std::size_t link = number; link < kLinks; ++link)
      replace_route(number, link, right(number, v4()), mtu);
  }
  void limit_backward(std::size_t number, std::size_t mtu) {
    for (std::size_t link = 0; link < number; ++link)
      replace_route(number, link, left(number - 1, v4()), mtu);
  }
  void drop_too_big(std::size_t number) {
    Place::add_rule(router(number), "output",
                    v4() ? "icmp type destination-unreachable icmp code 4 drop"
                         : "icmpv6 type packet-too-big drop");
  }
  void drop_time_exceeded(std::size_t number) {
    Place::add_rule(router(number), "output",
                    v4() ? "icmp type time-exceeded drop" : "icmpv6 type time-exceeded drop");
  }

  Said outer(std::vector<std::string> more = {far()}) {
    std::vector<std::string> argv{"setpriv",           "--reuid=65534",
                                  "--regid=65534",     "--clear-groups",
                                  "--inh-caps=-all",   "--bounding-set=-all",
                                  folder_ / "wgscope", "mtu",
                                  "--outer",           "--json",
                                  "--verbose"};
    argv.insert(argv.end(), more.begin(), more.end());
    Said said{
        .program = run(argv, {.env = {}, .netns = hosts_[0]->name(), .input = {}}, seconds(100)),
        .report = {}};
    said.report = nlohmann::json::parse(said.program.out, nullptr, false);
    EXPECT_TRUE(said.report.is_object()) << said.program.out << said.program.err;
    return said;
  }

  TempDir folder_;

 private:
  void join(std::size_t link) {
    links_[link] = connect(*hosts_[link], left(link, true) + "/24", *hosts_[link + 1],
                           right(link, true) + "/24");
    hosts_[link]->ip(
        fmt::format("address add {}/64 dev {} nodad", left(link, false), links_[link].left));
    hosts_[link + 1]->ip(
        fmt::format("address add {}/64 dev {} nodad", right(link, false), links_[link].right));
  }

  void route(std::size_t at) {
    hosts_[at]->set("net/ipv4/ip_forward", "1");
    hosts_[at]->set("net/ipv6/conf/all/forwarding", "1");
    std::string commands;
    for (std::size_t link = 0; link < kLinks; ++link) {
      if (link == at || link + 1 == at) continue;
      for (const bool four : {true, false})
        commands += fmt::format("route add {} via {}\n", net(link, four),
                                link > at ? right(at, four) : left(at - 1, four));
    }
    hosts_[at]->ip(commands);
  }

  /// A link of its own is a router's without a gateway.
  void replace_route(std::size_t at, std::size_t link, const std::string& gateway,
                     std::size_t mtu) {
    const bool own = link == at || link + 1 == at;
    const std::string way =
        own ? "dev " + (link == at ? links_[link].left : links_[link].right) : "via " + gateway;
    hosts_[at]->ip(fmt::format("route {} {} {} {} mtu lock {}", v4() || !own ? "replace" : "add",
                               net(link, v4()), way, v4() || !own ? "" : "metric 1", mtu));
  }

  std::array<std::unique_ptr<Host>, kLinks + 1> hosts_;
  std::array<Veth, kLinks> links_;
};

INSTANTIATE_TEST_SUITE_P(, OuterPath, testing::Values(true, false),
                         [](const auto& test) { return std::string(test.param ? "V4" : "V6"); });

TEST_P(OuterPath, SaysWhatTakesAHealthyPathWithoutPrivileges) {
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out << said.program.err;
  EXPECT_EQ(said.summary("outer.forward"), "1500 bytes arrive unfragmented");
  EXPECT_EQ(said.summary("outer.both"),
            "every size up to 1500 bytes arrives unfragmented in both directions");
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr(v4() ? "MTU 1440 fits" : "MTU 1420 fits"));
  EXPECT_LE(said.report.at("duration_seconds").get<double>(), 3);
}

TEST_P(OuterPath, NamesTheLinkOfABlackHoleWhereverItIs) {
  for (std::size_t number = 1; number < kLinks; ++number) {
    // From the far end on, so that the narrowest is the nearest one so far.
    const std::size_t at = kLinks - number;
    const std::size_t mtu = 1400 - 7 * number;
    limit_forward(at, mtu);
    drop_too_big(at);
    const Said said = outer();
    EXPECT_EQ(said.program.exit_code, 2) << said.program.out << said.program.err;
    EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
    const std::string last = fmt::format("{} (hop {})", right(at - 1, v4()), at);
    const std::string first = fmt::format("{} (hop {})", right(at, v4()), at + 1);
    EXPECT_THAT(said.summary("outer.forward"),
                AllOf(HasSubstr(fmt::format("is {} bytes", mtu)),
                      HasSubstr("between " + last + " and " + first)));
  }
}

TEST_P(OuterPath, NamesTheRouterThatReports) {
  limit_forward(2, 1391);
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out << said.program.err;
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-003");
  EXPECT_THAT(said.summary("outer.forward"),
              AllOf(HasSubstr("is 1391 bytes"), HasSubstr("as " + right(1, v4()) + " reports")));
  EXPECT_THAT(said.program.out,
              HasSubstr("the larger packets reach " + right(1, v4()) + " (hop 2)"));
}

TEST_P(OuterPath, NamesTheNearestHopsThatSpeakAroundASilentOne) {
  limit_forward(2, 1391);
  drop_too_big(2);
  drop_time_exceeded(2);
  const Said said = outer();
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
  EXPECT_THAT(
      said.summary("outer.forward"),
      HasSubstr(fmt::format("between {} (hop 1) and {} (hop 3)", right(0, v4()), right(2, v4()))));
  EXPECT_THAT(said.program.out,
              HasSubstr("hops between them that answer no packet of either size: 1"));
}

/// What takes long and does not hang on the family; how IPv6 replies are cut is in echo_test.cpp.
class OuterPathOverIpv4 : public OuterPath {};
INSTANTIATE_TEST_SUITE_P(, OuterPathOverIpv4, testing::Values(true));

TEST_P(OuterPathOverIpv4, TellsTheWayBackFromTheWayThere) {
  router(4).set("net/ipv4/icmp_ratelimit", "0");
  limit_forward(1, 1450);
  limit_backward(2, 1390);
  drop_too_big(1);
  const Said said = outer();
  EXPECT_THAT(said.summary("outer.forward"), HasSubstr("is 1450 bytes"));
  // The far end learns of it where routers must not cut, and cuts then.
  EXPECT_THAT(said.check("outer.both").at("finding").at("id"), "WGS-MTU-004");
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr(v4() ? "MTU 1330 fits" : "MTU 1310 fits"));
}

TEST_P(OuterPathOverIpv4, MakesDoWithUdpWhereEchoIsNotPermitted) {
  router(0).set("net/ipv4/ping_group_range", "1 0");
  limit_forward(2, 1391);
  drop_too_big(2);
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 2) << said.program.out << said.program.err;
  EXPECT_THAT(
      said.summary("outer.forward"),
      AllOf(HasSubstr("is 1391 bytes"), HasSubstr(fmt::format("between {} (hop 2) and {} (hop 3)",
                                                              right(1, v4()), right(2, v4())))));
  EXPECT_THAT(said.summary("outer.both"), HasSubstr("ping_group_range"));
}

TEST_P(OuterPath, MakesDoWithEchoWhereNothingElseIsAnswered) {
  Place::add_rule(router(4), "input", "meta l4proto udp drop");
  limit_forward(2, 1391);
  drop_too_big(2);
  const Said said = outer();
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
  EXPECT_THAT(
      said.summary("outer.forward"),
      HasSubstr(fmt::format("between {} (hop 2) and {} (hop 3)", right(1, v4()), right(2, v4()))));
}

TEST_P(OuterPath, SaysWhereNothingAnswersAtAll) {
  Place::add_rule(router(4), "input",
                  "meta l4proto { icmp, udp } drop; icmpv6 type echo-request drop");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-012");
}

TEST_P(OuterPath, TakesTheHostAndTheMtuOfAConfigurationButNoKey) {
  const std::string endpoint = v4() ? far() : "[" + far() + "]";
  const std::string file = folder_ / "wg0.conf";
  write_file(file, fmt::format("[Interface]\nMTU = 1300\n[Peer]\nPublicKey = {}\n"
                               "Endpoint = {}:51820\nAllowedIPs = 10.9.0.0/24\n",
                               generate_key_pair().public_key, endpoint));
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  limit_forward(3, 1391);
  drop_too_big(3);
  const Said said = outer({"--config", file});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out << said.program.err;
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr("over MTU 1300"));
}

}  // namespace
}  // namespace wgscope::test
