// The handshake works, and data does not cross. Whether the gateway hears us, its own timers tell:
// an empty packet 10 s after data, an initiation 15 s after data of its own that met silence.

#include <chrono>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "place.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;

// A WireGuard message's first byte is its type (whitepaper §5.4), here behind 8 bytes of UDP.
constexpr const char* kDataToGateway = "udp dport 51820 @th,64,8 4 drop";
constexpr const char* kDataFromGateway = "udp sport 51820 @th,64,8 4 drop";

const diagnosis::DataFacts& data_of(const Outcome& outcome) {
  static const diagnosis::DataFacts kNone;
  EXPECT_EQ(outcome.facts.attempts.size(), 1U);
  if (outcome.facts.attempts.empty() || !outcome.facts.attempts[0].data) {
    ADD_FAILURE() << "data was not tried\n" << outcome;
    return kNone;
  }
  return *outcome.facts.attempts[0].data;
}

/// @param named  whether the user says that 10.9.0.1 answers, or the probe has to guess.
Scenario our_address_is_not_among_the_allowed_ips(const std::string& name, bool named,
                                                  FindingId finds) {
  const auto arrange = [named](Place& place, Probe& probe) {
    place.gateway.set_peer({.public_key = probe.keys.public_key, .allowed_ips = "10.9.0.77/32"});
    if (named) probe.options.inner_target = IpAddress::parse(Place::kInner).value();
  };
  const auto expect = [named, finds](const Outcome& outcome) {
    expect_verdict(outcome, finds);
    EXPECT_EQ(overall(outcome.report),
              named ? diagnosis::Status::critical : diagnosis::Status::unknown);
    EXPECT_GE(data_of(outcome).keepalive_after.value_or(0s), 9s);
    EXPECT_FALSE(data_of(outcome).initiation_after);
    EXPECT_EQ(data_of(outcome).target_guessed, !named);
    EXPECT_TRUE(outcome.gateway_saw_handshake);
  };
  return {name, arrange, expect};
}

/// The commonest client file, and the commonest mistake at the gateway.
Scenario our_only_address_is_not_among_the_allowed_ips() {
  Scenario made = our_address_is_not_among_the_allowed_ips("OurOnlyAddressIsNotAmongTheAllowedIps",
                                                           false, FindingId::data_unanswered);
  made.arrange = [before = made.arrange](Place& place, Probe& probe) {
    before(place, probe);
    probe.addresses = "10.9.0.2/32";
    probe.allowed_ips = "0.0.0.0/0";
  };
  return made;
}

Scenario the_gateway_forwards_into_nowhere() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.theirs.set("net/ipv4/ip_forward", "1");
    place.theirs.ip("route add blackhole 10.99.0.0/24");
    probe.allowed_ips += ", 10.99.0.0/24";
    probe.options.inner_target = IpAddress::parse("10.99.0.1").value();
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::dropped_behind_peer);
  };
  return {"TheGatewayForwardsIntoNowhere", arrange, expect};
}

Scenario data_to_the_gateway_is_dropped(Family family) {
  const auto arrange = [family](Place& place, Probe& probe) {
    Place::add_rule(place.router, "forward", kDataToGateway);
    probe.endpoint = Place::outer(family);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::forward_data_lost);
    EXPECT_THAT(verdict(outcome.report).plain(), ::testing::HasSubstr("(hop 1), the last router"));
    EXPECT_TRUE(outcome.facts.attempts[0].icmp.empty()) << "nobody else caused those";
    EXPECT_FALSE(data_of(outcome).keepalive_after);
    EXPECT_FALSE(data_of(outcome).initiation_after);
    EXPECT_FALSE(outcome.gateway_saw_handshake);
  };
  return {named("DataToTheGatewayIsDropped", family), arrange, expect};
}

Scenario data_from_the_gateway_is_dropped(Family family) {
  const auto arrange = [family](Place& place, Probe& probe) {
    Place::add_rule(place.router, "forward", kDataFromGateway);
    probe.endpoint = Place::outer(family);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::return_data_lost);
    EXPECT_FALSE(data_of(outcome).keepalive_after);
    EXPECT_GE(data_of(outcome).initiation_after.value_or(0s), 14s);
  };
  return {named("DataFromTheGatewayIsDropped", family), arrange, expect};
}

/// The gateway answers with ICMP redirects, or kernel WireGuard with "host unreachable": both are
/// data that arrives.
Scenario nobody_has_the_inner_address() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.theirs.set("net/ipv4/ip_forward", "1");
    probe.options.inner_target = IpAddress::parse("10.9.0.200").value();
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::inner_unreachable);
    EXPECT_TRUE(data_of(outcome).other) << outcome;
    EXPECT_LT(outcome.took, 15s) << "there is nothing to wait for";
  };
  return {"NobodyHasTheInnerAddress", arrange, expect};
}

Scenario no_witness_is_waited_for_when_quick() {
  const auto arrange = [](Place& place, Probe& probe) {
    Place::add_rule(place.router, "forward", kDataFromGateway);
    probe.options.quick = true;
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::data_unanswered);
    EXPECT_LT(outcome.took, 10s);
    EXPECT_FALSE(data_of(outcome).witnesses_watched);
  };
  return {"NoWitnessIsWaitedForWhenQuick", arrange, expect};
}

/// What middleboxes do that police flows.
struct Policing {
  const char* name;
  const char* what;  ///< is policed
  const char* key;   ///< by which they know a flow
  const char* type;  ///< of that key
  bool new_handshake;
  bool other_port_carries;
};

constexpr Policing kPolicing[] = {
    {"AFlowIsLetPassForTwoSeconds", "udp dport 51820", "udp sport", "inet_service", false, true},
    {"AFlowsDataIsLetPassForTwoSeconds", "udp dport 51820 @th,64,8 4", "udp sport", "inet_service",
     true, true},
    {"AHostIsLetPassForTwoSeconds", "udp dport 51820", "ip saddr", "ipv4_addr", false, false},
};

std::string rules_of(const Policing& policing) {
  return fmt::format(
      "table inet wgs {{\n"
      "  set young {{ type {2}; timeout 2s; flags dynamic; size 99; }}\n"
      "  set known {{ type {2}; flags dynamic; size 99; }}\n"
      "  chain forward {{\n"
      "    type filter hook forward priority 0\n"
      "    {0} {1} @young accept\n"
      "    {0} {1} @known drop\n"
      "    {0} add @known {{ {1} }} add @young {{ {1} }} accept\n"
      "  }}\n"
      "}}\n",
      policing.what, policing.key, policing.type);
}

Scenario policed(const Policing& policing) {
  const auto arrange = [&policing](Place& place, Probe& probe) {
    place.router.must({"nft", "-f", "-"}, rules_of(policing));
    probe.options.hold = 9s;
  };
  const auto expect = [&policing](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::dies_after_seconds);
    EXPECT_LT(data_of(outcome).died_after.value_or(1h), 3s);
    EXPECT_EQ(data_of(outcome).new_handshake, policing.new_handshake) << outcome;
    EXPECT_EQ(data_of(outcome).other_port_carries, policing.other_port_carries) << outcome;
  };
  return {policing.name, arrange, expect};
}

Scenario a_tunnel_that_is_held_and_lives() {
  const auto arrange = [](Place&, Probe& probe) { probe.options.hold = 2s; };
  const auto expect = [](const Outcome& outcome) {
    expect_all_well(outcome);
    EXPECT_GE(data_of(outcome).held.value_or(0s), 2s);
    EXPECT_FALSE(data_of(outcome).died_after);
  };
  return {"ATunnelThatIsHeldAndLives", arrange, expect};
}

Scenario a_router_behind_the_gateway_says_unreachable() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.theirs.set("net/ipv4/ip_forward", "1");
    place.theirs.ip("route add unreachable 10.99.0.0/24");
    probe.allowed_ips += ", 10.99.0.0/24";
    probe.options.inner_target = IpAddress::parse("10.99.0.1").value();
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::inner_unreachable);
    ASSERT_TRUE(data_of(outcome).icmp);
    EXPECT_EQ(data_of(outcome).icmp->from.to_string(), Place::kInner);
  };
  return {"ARouterBehindTheGatewaySaysUnreachable", arrange, expect};
}

}  // namespace

Scenarios data_scenarios() {
  Scenarios all{our_address_is_not_among_the_allowed_ips("OurAddressIsNotAmongTheAllowedIps", true,
                                                         FindingId::dropped_behind_peer),
                our_address_is_not_among_the_allowed_ips(
                    "OurAddressIsNotAmongTheAllowedIpsAndTheTargetIsGuessed", false,
                    FindingId::data_unanswered),
                our_only_address_is_not_among_the_allowed_ips(),
                the_gateway_forwards_into_nowhere(),
                no_witness_is_waited_for_when_quick(),
                nobody_has_the_inner_address(),
                a_tunnel_that_is_held_and_lives(),
                a_router_behind_the_gateway_says_unreachable()};
  for (const Policing& policing : kPolicing) all.push_back(policed(policing));
  for (const Family family : {Family::v4, Family::v6}) {
    all.push_back(data_to_the_gateway_is_dropped(family));
    all.push_back(data_from_the_gateway_is_dropped(family));
  }
  return all;
}

}  // namespace wgscope::test
