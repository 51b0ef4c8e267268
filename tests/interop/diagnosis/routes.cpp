// Ways that lead into another tunnel of the probe's host, or end there.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "endpoint_fixture.hpp"
#include "interop/site.hpp"
#include "place.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

/// What wg-quick does for AllowedIPs = 0.0.0.0/0, for a VPN whose other end is dead. In
/// tests/netns/full_tunnel_test.cpp it lives.
Scenario a_full_tunnel_takes_the_way() {
  const auto arrange = [](Place& place, Probe& probe) {
    std::shared_ptr<RealInterface> vpn = make_real_interface(place.ours);
    const std::string& name = vpn->name();
    place.ours.must(
        {"wg", "setconf", name, "/dev/stdin"},
        fmt::format("[Interface]\nPrivateKey = {}\nFwMark = 0xca6c\n[Peer]\nPublicKey = {}\n"
                    "Endpoint = 10.1.0.2:51900\nAllowedIPs = 0.0.0.0/0\n",
                    generate_key_pair().private_key, generate_key_pair().public_key));
    place.ours.ip(
        fmt::format("route del 10.2.0.0/24\nroute add default via 10.1.0.2\n"
                    "address add 10.66.0.2/24 dev {0}\nlink set {0} up\n"
                    "route add default dev {0} table 51820\n"
                    "rule add not fwmark 0xca6c table 51820\n"
                    "rule add table main suppress_prefixlength 0",
                    name));
    probe.beside = std::move(vpn);
    probe.options.timeout = 7s;
  };
  const auto expect = [](const Outcome& outcome) {
    const auto* finding = finding_of(outcome, FindingId::through_tunnel);
    ASSERT_NE(finding, nullptr) << outcome;
    EXPECT_THAT(text_of(*finding), AllOf(AnyOf(HasSubstr("a WireGuard interface of this host"),
                                               HasSubstr("a userspace tunnel (TUN) of this host")),
                                         HasSubstr("--fwmark 0xca6c"), HasSubstr("--through")))
        << outcome;
    const auto* worst = worst_finding(outcome.report);
    ASSERT_NE(worst, nullptr) << outcome;
    ASSERT_FALSE(worst->hypotheses.empty()) << outcome;
    EXPECT_THAT(worst->hypotheses.front().cause.plain(), HasSubstr("the packets travel through"))
        << outcome;
  };
  return {"AFullTunnelTakesTheWay", arrange, expect};
}

Scenario the_endpoint_is_this_host() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.endpoint = "10.1.0.1:51820";
    probe.options.timeout = 5s;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::nothing_listens);
    EXPECT_NE(finding_of(outcome, FindingId::endpoint_is_this_host), nullptr) << outcome;
  };
  return {"TheEndpointIsThisHost", arrange, expect};
}

Scenario the_endpoint_is_a_broadcast_address() {
  const auto arrange = [](Place&, Probe& probe) { probe.endpoint = "10.1.0.255:51820"; };
  const auto expect = [](const Outcome& outcome) {
    const auto* worst = worst_finding(outcome.report);
    ASSERT_NE(worst, nullptr) << outcome;
    EXPECT_EQ(worst->id, FindingId::endpoint_unusable) << outcome;
    EXPECT_THAT(text_of(*worst), HasSubstr("10.1.0.255 is the broadcast address of a network"));
    EXPECT_EQ(finding_of(outcome, FindingId::local_firewall), nullptr) << "it is known";
    EXPECT_LT(outcome.took, 5s);
  };
  return {"TheEndpointIsABroadcastAddress", arrange, expect};
}

/// A VPN of frames, such as OpenVPN's with "dev tap", whose other end is a router.
Scenario a_tap_takes_the_way() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.ours.ip(
        "tuntap add dev tap0 mode tap\naddress add 10.66.0.2/24 dev tap0\nlink set tap0 up\n"
        "route replace 10.2.0.0/24 via 10.66.0.1 dev tap0");
    probe.options.timeout = 5s;
  };
  const auto expect = [](const Outcome& outcome) {
    const auto* finding = finding_of(outcome, FindingId::through_tunnel);
    ASSERT_NE(finding, nullptr) << outcome;
    EXPECT_THAT(text_of(*finding),
                AllOf(HasSubstr("through tap0, a TAP of this host"), HasSubstr("--through tap0")));
  };
  return {"ATapTakesTheWay", arrange, expect};
}

}  // namespace

Scenarios route_scenarios() {
  return {a_full_tunnel_takes_the_way(), the_endpoint_is_this_host(),
          the_endpoint_is_a_broadcast_address(), a_tap_takes_the_way()};
}

}  // namespace wgscope::test
