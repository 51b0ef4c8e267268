// Somebody says no: this host, a router, the gateway's.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

#include "place.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using testing::HasSubstr;

/// A refusal that is heard needs no patience.
constexpr auto kTimeout = 8s;

struct Refusal {
  const char* name;
  void (*arrange)(Place&);
  FindingId finds;
  const char* by = nullptr;   ///< who it comes from; nothing: this host
  const char* by6 = nullptr;  ///< the same, over IPv6
};

void expect_refused(const Outcome& outcome, FindingId finds, const char* by) {
  expect_verdict(outcome, finds);
  ASSERT_EQ(outcome.facts.attempts.size(), 1U) << outcome;
  const diagnosis::AttemptFacts& attempt = outcome.facts.attempts[0];
  if (by == nullptr) {
    EXPECT_TRUE(attempt.send_errno) << outcome;
    return;
  }
  ASSERT_FALSE(attempt.icmp.empty()) << outcome;
  EXPECT_EQ(attempt.icmp[0].from.to_string(), by);
  const auto* finding = finding_of(outcome, finds);
  ASSERT_NE(finding, nullptr);
  EXPECT_THAT(text_of(*finding), HasSubstr(by)) << "it names who refuses";
}

/// Over IPv4, then over IPv6.
Scenario refused(const Refusal& refusal) {
  const auto arrange = [&refusal](Place& place, Probe& probe) {
    refusal.arrange(place);
    probe.endpoint = Place::outer(Family::v4);
    probe.then = Place::outer(Family::v6);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [&refusal](const Outcome& outcome) {
    expect_refused(outcome, refusal.finds, refusal.by);
    ASSERT_TRUE(outcome.then);
    expect_refused(*outcome.then, refusal.finds, refusal.by6);
  };
  return {refusal.name, arrange, expect};
}

constexpr Refusal kRefusals[] = {
    {"TheGatewaysInterfaceIsGone", [](Place& place) { place.gateway.remove(); },
     FindingId::nothing_listens, Place::kGateway, Place::kGateway6},
    {"TheGatewayListensOnAnotherPort", [](Place& place) { place.gateway.listen_on(51821); },
     FindingId::nothing_listens, Place::kGateway, Place::kGateway6},
    {"TheGatewaysFirewallSaysPortUnreachable",
     [](Place& place) {
       Place::add_rule(place.theirs, "input",
                       "udp dport 51820 reject with icmpx type port-unreachable");
     },
     FindingId::nothing_listens, Place::kGateway, Place::kGateway6},
    {"TheGatewaysFirewallSaysProhibited",
     [](Place& place) {
       Place::add_rule(place.theirs, "input",
                       "udp dport 51820 reject with icmpx type admin-prohibited");
     },
     FindingId::endpoint_rejects, Place::kGateway, Place::kGateway6},
    {"ARouterSaysProhibited",
     [](Place& place) {
       Place::add_rule(place.router, "forward",
                       "udp dport 51820 reject with icmpx type admin-prohibited");
     },
     FindingId::hop_rejects, Place::kRouter, Place::kRouter6},
    {"ARouterSaysPortUnreachable",
     [](Place& place) {
       Place::add_rule(place.router, "forward",
                       "udp dport 51820 reject with icmpx type port-unreachable");
     },
     FindingId::hop_rejects, Place::kRouter, Place::kRouter6},
    {"ARouterCannotReachTheGateway",
     [](Place& place) {
       place.router.ip("route add unreachable 10.2.0.1\nroute add unreachable fd02::1");
     },
     FindingId::hop_unreachable, Place::kRouter, Place::kRouter6},
    {"OurFirewallDrops",
     [](Place& place) { Place::add_rule(place.ours, "output", "udp dport 51820 drop"); },
     FindingId::local_firewall},
    {"WeHaveNoRoute",
     [](Place& place) { place.ours.ip("route del 10.2.0.0/24\nroute del fd02::/64"); },
     FindingId::no_route},
};

Scenario we_have_no_ipv6() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.ours.set("net/ipv6/conf/all/disable_ipv6", "1");
    probe.endpoint = Place::outer(Family::v6);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::no_such_family);
  };
  return {"WeHaveNoIpv6", arrange, expect};
}

/// A host of a network with IPv6 only: the loopback is all that has an IPv4 address.
Scenario we_have_no_ipv4() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.ours.ip("address del 10.1.0.1/24 dev " + place.near.left);
    probe.options.timeout = kTimeout;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::no_such_family);
    const auto* finding = finding_of(outcome, FindingId::no_such_family);
    ASSERT_NE(finding, nullptr) << outcome;
    EXPECT_THAT(text_of(*finding), testing::HasSubstr("[64:ff9b::a02:1]:51820"));
  };
  return {"WeHaveNoIpv4", arrange, expect};
}

}  // namespace

Scenarios refusal_scenarios() {
  Scenarios all{we_have_no_ipv6(), we_have_no_ipv4()};
  for (const Refusal& refusal : kRefusals) all.push_back(refused(refusal));
  return all;
}

}  // namespace wgscope::test
