// What wgscope mtu advises is set at both ends of a tunnel of the other implementation, over the path
// that it was measured on: full packets with DF pass in both directions then, and so does TCP; and
// where the number is claimed to be exact, one byte more does not pass.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/checks/mtu.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "interop/site.hpp"
#include "narrow_place.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "place.hpp"
#include "stream.hpp"

namespace wgscope::test {
namespace {

using diagnosis::FindingId;

class MtuAdvice : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    place_.emplace(GetParam());
    place_->gateway.set_peer({.public_key = keys_.public_key});
  }

  [[nodiscard]] static bool v4() { return GetParam() == Family::v4; }

  /// What the probe says of a tunnel with that MTU.
  std::vector<diagnosis::Check> ask(std::size_t tunnel_mtu, checks::MtuOptions options = {}) {
    options.quick = true;
    const std::string file = fmt::format(
        "[Interface]\nPrivateKey = {}\nAddress = {}\nMTU = {}\n[Peer]\nPublicKey = {}\n"
        "Endpoint = {}\nAllowedIPs = 10.9.0.0/24, fd09::/64, 10.3.0.0/24\n",
        keys_.private_key, ipv6_inside_ ? "10.9.0.2/24, fd09::2/64" : "10.9.0.2/24", tunnel_mtu,
        place_->gateway.keys().public_key, Place::outer(GetParam()));
    return diagnosis::diagnose(measure_mtu(*place_, file, options).facts);
  }

  static const diagnosis::Finding& finding(const std::vector<diagnosis::Check>& checks,
                                           FindingId id) {
    for (const diagnosis::Check& check : checks)
      if (check.finding && check.finding->id == id) return *check.finding;
    throw std::runtime_error("the probe did not find that");
  }

  /// The number in "MTU = 1331 in [Interface] at both ends".
  static std::size_t advised(const diagnosis::Finding& finding) {
    static const std::regex kAdvice(R"(MTU = (\d+) in \[Interface\] at both ends)");
    for (const diagnosis::Text& line : finding.fix) {
      const std::string text = line.plain();
      std::smatch found;
      if (std::regex_search(text, found, kAdvice)) return std::stoul(found[1]);
    }
    throw std::runtime_error("no MTU is advised");
  }
  std::size_t advised(std::size_t tunnel_mtu, FindingId id) {
    return advised(finding(ask(tunnel_mtu), id));
  }

  /// A tunnel with the probe's key, as a user has it, with this MTU at both ends. Neither host knows
  /// anything of the path yet.
  void set(std::size_t mtu) {
    if (!client_) {
      client_ = make_real_interface(place_->ours);
      place_->ours.must(
          {"wg", "setconf", client_->name(), "/dev/stdin"},
          fmt::format("[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {}\nEndpoint = {}\n"
                      "AllowedIPs = 10.9.0.0/24, fd09::/64, 10.3.0.0/24\n",
                      keys_.private_key, place_->gateway.keys().public_key,
                      Place::outer(GetParam())));
      place_->ours.ip(
          fmt::format("address add 10.9.0.2/24 dev {0}\nlink set {0} up", client_->name()));
      if (ipv6_inside_)
        place_->ours.ip(fmt::format("address add fd09::2/64 dev {} nodad", client_->name()));
    }
    place_->ours.ip(fmt::format("link set {} mtu {}", client_->name(), mtu));
    place_->theirs.ip(fmt::format("link set {} mtu {}", place_->gateway.name(), mtu));
    for (const char* family : {"-4", "-6"}) {
      place_->ours.must({"ip", family, "route", "flush", "cache"});
      place_->theirs.must({"ip", family, "route", "flush", "cache"});
    }
  }

  static bool passes(const NetworkNamespace& host, const std::string& to, std::size_t size) {
    const bool ipv6 = to.find(':') != std::string::npos;
    return host.exec({"ping", "-q", "-c1", "-W2", "-M", "do", "-s",
                      std::to_string(size - (ipv6 ? 48 : 28)), to})
               .exit_code == 0;
  }

  /// Full packets of the tunnel and TCP, both begun by either side, in datagrams that are whole.
  void expect_works(std::size_t mtu) {
    set(mtu);
    place_->drop_fragments(place_->ours);
    place_->drop_fragments(place_->theirs);
    for (int once = 0; once < 2; ++once) {  // the first one waits for a handshake
      EXPECT_TRUE(passes(place_->ours, "10.9.0.1", mtu)) << mtu;
      EXPECT_TRUE(passes(place_->theirs, "10.9.0.2", mtu)) << mtu;
    }
    EXPECT_TRUE(stream_passes(place_->ours, place_->theirs, "10.9.0.1"));
    EXPECT_TRUE(stream_passes(place_->theirs, place_->ours, "10.9.0.2"));
  }

  void expect_too_large(std::size_t mtu) {
    set(mtu);
    EXPECT_FALSE(passes(place_->ours, "10.9.0.1", mtu)) << mtu;
  }

  KeyPair keys_ = generate_key_pair();
  bool ipv6_inside_ = false;
  std::optional<NarrowPlace> place_;
  std::unique_ptr<RealInterface> client_;
};

INSTANTIATE_TEST_SUITE_P(, MtuAdvice, testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(MtuAdvice, ForABlackHoleForwardIsExact) {
  place_->limit_forward(1391);
  place_->silence_router();
  const std::size_t mtu = advised(1420, FindingId::mtu_black_hole_forward);
  EXPECT_EQ(mtu, v4() ? 1331U : 1311U);
  expect_works(mtu);
  expect_too_large(mtu + 1);
}

TEST_P(MtuAdvice, ForABlackHoleBackwardIsExactWhereTheLimitIsASizeOfReplies) {
  place_->limit_backward(v4() ? 1388 : 1408);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const std::size_t mtu = advised(1420, FindingId::mtu_black_hole_backward);
  EXPECT_EQ(mtu, 1328U);
  expect_works(mtu);
  expect_too_large(mtu + 1);
}

TEST_P(MtuAdvice, ForOneLimitBothWaysPasses) {
  place_->limit_forward(1400);
  place_->limit_backward(1400);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const std::size_t mtu = advised(1420, FindingId::mtu_black_hole_forward);
  EXPECT_GE(mtu, 1400U - (v4() ? 60 : 80) - 15);
  expect_works(mtu);
  expect_too_large(1400 - (v4() ? 60 : 80) + 1);
}

TEST_P(MtuAdvice, ForALimitThatARouterReportsIsExact) {
  place_->limit_forward(1387);
  const std::size_t mtu = advised(1420, FindingId::mtu_reported);
  EXPECT_EQ(mtu, 1387U - (v4() ? 60 : 80));
  expect_works(mtu);
  // The next ones would arrive in fragments, as the router has reported its MTU.
  expect_too_large(mtu + 1);
}

TEST_P(MtuAdvice, ForRepliesInFragmentsNeedsNoFragments) {
  place_->limit_backward(1400);
  const std::size_t mtu = advised(1420, FindingId::mtu_fragments);
  expect_works(mtu);
}

TEST_P(MtuAdvice, ForTheSmallestPathPasses) {
  const std::size_t smallest = v4() ? 580 : 1280;
  place_->limit_forward(smallest);
  place_->limit_backward(smallest);
  place_->silence_router();
  if (v4()) place_->drop_fragments(place_->ours);
  const std::size_t mtu = advised(1420, FindingId::mtu_black_hole_forward);
  EXPECT_EQ(mtu, v4() ? 512U : 1200U);
  expect_works(mtu);
}

/// A virtual interface receives 4 bytes more than it sends. Over IPv4 no reply has a size between
/// the last one that arrives and the limit, so what is advised is a lower bound, and says so. Over
/// IPv6 there is one of 1392 bytes: the limit of what is sent is the smaller one, and exact.
TEST_P(MtuAdvice, ForTheOwnInterfacePassesAndNamesWhatMayPassToo) {
  place_->ours.ip(fmt::format("link set {} mtu 1390\n", place_->near.left));
  const auto checks = ask(1420);
  const diagnosis::Finding& own = finding(checks, FindingId::mtu_own_interface);
  const std::size_t mtu = advised(own);
  const std::size_t most = 1390 - (v4() ? 60 : 80);
  EXPECT_EQ(mtu, v4() ? 1328U : most);
  EXPECT_EQ(own.fix.at(1).plain().starts_with("an MTU up to 1330 may fit as well"), v4());
  expect_works(mtu);
  expect_works(most);
  expect_too_large(most + 1);
}

class MtuAdviceOverIpv4 : public MtuAdvice {};
INSTANTIATE_TEST_SUITE_P(, MtuAdviceOverIpv4, testing::Values(Family::v4));

TEST_P(MtuAdviceOverIpv4, ForAPeerWithASmallerMtuIsThatMtu) {
  const auto checks = ask(1440);
  const diagnosis::Finding& smaller = finding(checks, FindingId::mtu_peer_smaller);
  EXPECT_EQ(smaller.fix.front().plain(), "set the same MTU at both ends");
  expect_works(1420);  // the gateway's
}

TEST_P(MtuAdviceOverIpv4, ForASettingThatIsTooSmallForIpv6LetsIpv6Pass) {
  ipv6_inside_ = true;
  const std::size_t mtu = advised(1200, FindingId::mtu_below_ipv6);
  EXPECT_EQ(mtu, 1280U);
  expect_works(mtu);
  EXPECT_TRUE(passes(place_->ours, "fd09::1", mtu));
  EXPECT_TRUE(passes(place_->theirs, "fd09::2", mtu));
}

/// Hosts behind the gateway know nothing of the tunnel's MTU, and the path's limit is silent.
TEST_P(MtuAdviceOverIpv4, ForTcpLetsHostsBehindTheGatewayThrough) {
  Host behind;
  const Veth lan = connect(place_->theirs, "10.3.0.1/24", behind, "10.3.0.2/24");
  behind.ip("route add default via 10.3.0.1");
  place_->theirs.set("net/ipv4/ip_forward", "1");
  place_->limit_forward(1391);
  place_->limit_backward(1391);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  std::optional<ListeningSocket> service(behind);
  const auto checks = ask(1420, {.tcp_port = ListeningSocket::kPort,
                                 .tcp_address = IpAddress::parse("10.3.0.2").value()});
  const diagnosis::Finding& mss = finding(checks, FindingId::mtu_mss_too_large);
  service.reset();
  place_->drop_fragments(place_->theirs);  // not before, as requests are cut inside the tunnel
  set(1420);
  place_->ours.ip(fmt::format("route replace 10.3.0.0/24 dev {}", client_->name()));
  ASSERT_TRUE(passes(place_->ours, "10.3.0.2", 100));
  EXPECT_FALSE(stream_passes(place_->ours, behind, "10.3.0.2")) << "large segments are lost";
  std::string rules =
      "add table inet filter\nadd chain inet filter forward "
      "{ type filter hook forward priority 0; }\n";
  for (const diagnosis::Text& line : mss.fix) {
    const std::string text =
        std::regex_replace(line.plain(), std::regex("INTERFACE"), place_->gateway.name());
    if (text.starts_with("nft ")) rules += text.substr(4) + "\n";
  }
  place_->theirs.must({"nft", "-f", "-"}, rules);
  EXPECT_TRUE(stream_passes(place_->ours, behind, "10.3.0.2"));
  EXPECT_TRUE(stream_passes(behind, place_->ours, "10.9.0.2"));
}

}  // namespace
}  // namespace wgscope::test
