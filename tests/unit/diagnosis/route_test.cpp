#include "wgscope/diagnosis/route.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RouteFacts direct() {
  return {.to = address("192.0.2.1"),
          .interface = "eth0",
          .ethernet = true,
          .router = address("198.51.100.1")};
}

RouteFacts into(const char* kind) {
  return {.to = address("192.0.2.1"), .interface = "wg0", .kind = kind};
}

std::string said(const RouteFacts& route, bool answered = true) {
  const Check check = check_route(route, answered);
  std::string made{to_string(check.status)};
  if (check.finding) made.append(" ").append(kind_of(check.finding->id).id);
  return made + ": " + check.summary.plain();
}

HandshakeFacts working_over(const RouteFacts& route) {
  AttemptFacts attempt = working_at();
  attempt.route = route;
  return facts_of(attempt);
}

TEST(PathRoute, NamesTheInterfaceItsKindAndTheNextRouter) {
  EXPECT_EQ(said(direct()), "ok: over eth0, next router 198.51.100.1");
  RouteFacts route = direct();
  route.kind = "vlan";
  route.router.reset();
  route.mark = 0xca6c;
  EXPECT_EQ(said(route), "ok: over eth0 (a VLAN), on the link, firewall mark 0xca6c");
  route.kind = "a kind of next year";
  EXPECT_EQ(said(route), "ok: over eth0, on the link, firewall mark 0xca6c");
}

TEST(PathRoute, IsAFindingWhereItLeadsIntoATunnelOfAnyVpn) {
  for (const char* kind : {"wireguard", "amneziawg", "tun", "ovpn", "xfrm"})
    EXPECT_THAT(said(into(kind)), HasSubstr("warning WGS-LOC-006: through wg0, a")) << kind;
  for (const char* kind : {"", "veth", "bridge", "ppp", "sit", "unheard of"})
    EXPECT_THAT(said(into(kind)), HasSubstr("ok: over wg0")) << kind;
}

TEST(PathRoute, TakesATapForATunnelWhereARouterIsBeyondIt) {
  RouteFacts tap = into("tun");
  tap.ethernet = true;
  EXPECT_EQ(said(tap), "ok: over wg0 (TAP: a virtual machine, or a tunnel of frames), on the link");
  EXPECT_FALSE(is_astray(tap));
  tap.router = IpAddress::parse("10.66.0.1").value();
  EXPECT_EQ(said(tap),
            "warning WGS-LOC-006: through wg0, a TAP of this host (a VPN's, or a virtual machine's "
            "that forwards): not the direct path");
  EXPECT_TRUE(is_astray(tap));
  tap.accepted = true;
  EXPECT_FALSE(is_astray(tap));
}

TEST(PathRoute, NamesTheBroadcastAddressOfANetwork) {
  RouteFacts route = direct();
  route.broadcast = true;
  EXPECT_THAT(said(route), HasSubstr("critical WGS-CFG-010: 192.0.2.1 is the broadcast address"));
  AttemptFacts attempt = working_at();
  attempt.response_after.reset();
  attempt.data.reset();
  attempt.initiations = 0;
  attempt.send_errno = EACCES;
  attempt.route = route;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_THAT(verdict_of(facts), HasSubstr("192.0.2.1 is the broadcast address of a network"));
  EXPECT_EQ(outcome(facts, "path.send"), "skipped WGS-CFG-010");
}

TEST(PathRoute, OffersTheMarkThatLeadsAroundTheTunnelOrSaysWhereToLookForIt) {
  RouteFacts route = into("wireguard");
  const std::string without = words_of(*check_route(route, true).finding);
  EXPECT_THAT(without, AllOf(HasSubstr("--fwmark MARK"), HasSubstr("wg show wg0 fwmark")));
  EXPECT_THAT(without, HasSubstr("without a firewall mark"));

  route.mark_around = 0xca6c;
  route.interface_around = "eth0";
  const std::string with = words_of(*check_route(route, true).finding);
  EXPECT_THAT(with, AllOf(HasSubstr("--fwmark 0xca6c"), HasSubstr("FwMark = 0xca6c"),
                          HasSubstr("leads to eth0 instead"), HasSubstr("--through wg0")));
  EXPECT_THAT(with, Not(HasSubstr("MARK, or")));
}

TEST(PathRoute, SaysThatTheMarkOfTheFileCouldNotBeSet) {
  RouteFacts route = into("tun");
  route.mark_refused = 0x51;
  EXPECT_THAT(words_of(*check_route(route, true).finding),
              AllOf(HasSubstr("0x51 could not be set"), HasSubstr("run the probe as root"),
                    Not(HasSubstr("--fwmark"))));
  RouteFacts harmless = direct();
  harmless.mark_refused = 0x51;
  EXPECT_EQ(said(harmless),
            "ok: over eth0, next router 198.51.100.1, without the firewall mark 0x51, which needs "
            "CAP_NET_ADMIN");
}

TEST(PathRoute, IsFineWhereTheUserWantsTheTunnel) {
  RouteFacts route = into("wireguard");
  route.accepted = true;
  EXPECT_EQ(said(route),
            "ok: through wg0, a WireGuard interface of this host, as accepted with --through wg0");
  EXPECT_FALSE(is_astray(route));
  EXPECT_EQ(accepted_tunnel(&route), "wg0");
  const RouteFacts unasked = into("wireguard");
  EXPECT_EQ(accepted_tunnel(&unasked), "");
  EXPECT_EQ(accepted_tunnel(nullptr), "");
}

TEST(PathRoute, SaysThatItDoesNotLeadThroughTheTunnelThatTheUserWants) {
  RouteFacts route = direct();
  route.not_through = "wg0";
  EXPECT_EQ(said(route),
            "ok: over eth0, next router 198.51.100.1; not through wg0, as --through asks");
}

TEST(PathRoute, ThatEndsHereIsANoteWhereTheGatewayAnswersAndElseAFinding) {
  RouteFacts route = direct();
  route.local = true;
  EXPECT_EQ(said(route, true),
            "ok: 192.0.2.1 is an address of this host: packets to it do not leave this host");
  EXPECT_THAT(said(route, false), HasSubstr("warning WGS-LOC-007: "));
  // The loopback of some hosts is a tunnel's: the kernel says that it keeps the packet.
  route.kind = "wireguard";
  EXPECT_FALSE(is_tunnel(route));
}

TEST(PathRoute, ThatTheKernelDoesNotTellIsUnknownAndLeavesTheVerdictAlone) {
  RouteFacts route{.to = address("192.0.2.1")};
  route.error = "open a netlink socket: Address family not supported by protocol";
  EXPECT_THAT(said(route), HasSubstr("unknown: the kernel does not tell: open a netlink socket"));
  EXPECT_EQ(overall_of(working_over(route)), Status::ok);
}

TEST(PathRoute, IsAbsentWhereNothingIsKnown) {
  EXPECT_EQ(outcome(facts_of(working_at()), "path.route"), "absent");
}

TEST(PathRoute, ThroughATunnelIsNamedBeforeOtherWarnings) {
  HandshakeFacts facts = working_over(into("wireguard"));
  facts.stamp_ahead = 1h;
  EXPECT_EQ(outcome(facts, "key.stamp"), "warning WGS-CLK-001");
  EXPECT_EQ(worst_finding(report_of(facts))->id, FindingId::through_tunnel);
  EXPECT_THAT(verdict_of(facts),
              HasSubstr("the probe's own packets to 192.0.2.1 travel through wg0, a WireGuard "
                        "interface of this host, so they measure the path through that tunnel"));
}

TEST(PathRoute, StandsAmongTheCausesOfSilence) {
  for (const bool local : {false, true}) {
    AttemptFacts attempt = attempt_at();
    attempt.route = into("wireguard");
    attempt.route->local = local;
    attempt.silence = SilenceFacts{};
    attempt.silence->plain_neighbour.sent = 3;
    const HandshakeFacts facts = facts_of(attempt);
    ASSERT_FALSE(reasons(facts, "handshake.response").empty());
    EXPECT_THAT(reasons(facts, "handshake.response").front(),
                HasSubstr(local ? "192.0.2.1 is this host itself" : "travel through wg0"));
    attempt.route = direct();
    for (const std::string& reason : reasons(facts_of(attempt), "handshake.response"))
      EXPECT_THAT(reason, Not(HasSubstr("eth0")));
  }
}

TEST(PathRoute, BelongsToItsAddress) {
  AttemptFacts astray = working_at();
  astray.route = into("wireguard");
  AttemptFacts other = working_at(kGatewayV6);
  other.route = direct();
  other.route->to = other.endpoint.address;
  const HandshakeFacts facts = facts_of({astray, other});
  EXPECT_EQ(outcome(facts, "path.route", kGateway), "warning WGS-LOC-006");
  EXPECT_EQ(outcome(facts, "path.route", kGatewayV6), "ok");
  EXPECT_EQ(route_to(facts, other.endpoint)->interface, "eth0");
  EXPECT_EQ(route_to(facts, endpoint("192.0.2.9:1")), nullptr);
}

// What is measured of the path.

path::MtuResult passes(std::size_t size) {
  path::MtuResult direction;
  direction.verdict = path::MtuVerdict::ok;
  direction.mtu = size;
  direction.exact = true;
  return direction;
}

TEST(PathRoute, KeepsAdviceOnTheMtuFromBeingGivenOrMarksIt) {
  OuterFacts facts;
  facts.host = "192.0.2.1";
  facts.host_address = endpoint("192.0.2.1:33434");
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  facts.route = into("wireguard");
  EXPECT_EQ(outcome(diagnose(facts), "outer.forward"), "skipped WGS-LOC-006");
  EXPECT_EQ(outcome(diagnose(facts), "outer.setting"), "absent");

  facts.route->accepted = true;
  facts.echo_answers = true;
  facts.both_ways = passes(1500);
  EXPECT_THAT(find(diagnose(facts), "outer.setting")->summary.plain(),
              testing::StartsWith("through wg0: packets of 1500 bytes arrive"));
  EXPECT_THAT(success(facts).plain(), testing::StartsWith("through wg0: packets of 1500"));
}

TEST(PathRoute, MarksTheMtuOfATunnelsPath) {
  MtuFacts facts;
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  facts.forward = facts.backward = passes(1480);
  EXPECT_THAT(success(facts).plain(), testing::StartsWith("MTU 1420 fits"));
  facts.through = "wg0";
  EXPECT_THAT(success(facts).plain(), testing::StartsWith("through wg0: MTU 1420 fits"));
  for (const Check& check : diagnose(facts))
    EXPECT_THAT(check.summary.plain(), testing::StartsWith("through wg0: ")) << check.name;
}

TEST(PathRoute, KeepsNatsBehindATunnelFromBeingTakenForOnesOnThePath) {
  NatFacts facts;
  facts.route = into("tun");
  EXPECT_EQ(outcome(diagnose(facts), "nat.servers"), "skipped WGS-LOC-006");
  EXPECT_EQ(outcome(diagnose(facts), "nat.mapping"), "skipped WGS-LOC-006");
  Report report;
  report.checks = diagnose(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_EQ(worst_finding_id(report), FindingId::through_tunnel);
}

}  // namespace
}  // namespace wgscope::diagnosis
