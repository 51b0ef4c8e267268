// What works, and what works although something is odd.

#include <chrono>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

#include "endpoint_fixture.hpp"
#include "place.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

using diagnosis::FindingId;

void expect_healthy(const Outcome& outcome) {
  expect_all_well(outcome);
  EXPECT_TRUE(outcome.has_session);
  EXPECT_TRUE(outcome.gateway_saw_handshake);
  ASSERT_EQ(outcome.facts.attempts.size(), 1U);
  const diagnosis::AttemptFacts& attempt = outcome.facts.attempts[0];
  EXPECT_TRUE(attempt.response_after);
  EXPECT_EQ(attempt.responder, attempt.endpoint);
  EXPECT_TRUE(attempt.icmp.empty());
  ASSERT_TRUE(attempt.data) << outcome;
  EXPECT_FALSE(attempt.data->round_trips.empty()) << outcome;
}

Scenario healthy() {
  const auto arrange = [](Place&, Probe& probe) { probe.then = Place::outer(Family::v6); };
  const auto expect = [](const Outcome& outcome) {
    expect_healthy(outcome);
    ASSERT_TRUE(outcome.then);
    expect_healthy(*outcome.then);
  };
  return {"AllIsWell", arrange, expect};
}

Scenario healthy_with_ipv6_inside() {
  const auto arrange = [](Place&, Probe& probe) { probe.addresses = "fd09::2/64"; };
  return {"AllIsWellWithIpv6Inside", arrange, expect_healthy};
}

Scenario healthy_with_a_preshared_key() {
  const auto arrange = [](Place& place, Probe& probe) {
    probe.preshared_key = generate_preshared_key();
    place.gateway.set_peer(
        {.public_key = probe.keys.public_key, .preshared_key = probe.preshared_key});
  };
  return {"AllIsWellWithAPresharedKey", arrange, expect_healthy};
}

Scenario healthy_by_name_over_both_families() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.hosts = "10.2.0.1 gw.example.net\nfd02::1 gw.example.net\n";
    probe.endpoint = "gw.example.net:51820";
  };
  const auto expect = [](const Outcome& outcome) {
    expect_all_well(outcome);
    ASSERT_EQ(outcome.facts.attempts.size(), 2U);
    for (const auto& attempt : outcome.facts.attempts) EXPECT_TRUE(attempt.response_after);
    EXPECT_TRUE(outcome.gateway_saw_handshake);
  };
  return {"AllIsWellAtBothAddressesOfAName", arrange, expect};
}

Scenario a_handshake_alone_moves_latest_handshake() {
  const auto arrange = [](Place&, Probe& probe) { probe.options.data = false; };
  const auto expect = [](const Outcome& outcome) {
    expect_all_well(outcome);
    EXPECT_TRUE(outcome.gateway_saw_handshake);
    EXPECT_FALSE(outcome.facts.data_wanted);
  };
  return {"AHandshakeWithoutDataMovesLatestHandshake", arrange, expect};
}

void expect_response_from(const Outcome& outcome, const char* elsewhere) {
  expect_verdict(outcome, FindingId::response_from_elsewhere);
  ASSERT_EQ(outcome.facts.attempts.size(), 1U);
  ASSERT_TRUE(outcome.facts.attempts[0].responder) << outcome;
  EXPECT_EQ(outcome.facts.attempts[0].responder->to_string(), elsewhere);
  EXPECT_TRUE(outcome.has_session);
}

Scenario responses_come_from_another_address() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.theirs.ip(fmt::format("address add 10.2.0.9/24 dev {0}\naddress add fd02::9/64 dev {0}",
                                place.far.right));
    Place::add_rule(place.theirs, "output",
                    "udp sport 51820 ip saddr set 10.2.0.9; udp sport 51820 ip6 saddr set fd02::9");
    probe.then = Place::outer(Family::v6);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_response_from(outcome, "10.2.0.9:51820");
    ASSERT_TRUE(outcome.then);
    expect_response_from(*outcome.then, "[fd02::9]:51820");
  };
  return {"ResponsesComeFromAnotherAddress", arrange, expect};
}

/// What most clients have: one address, and everything into the tunnel.
Scenario healthy_with_the_commonest_client_file() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.addresses = "10.9.0.2/32";
    probe.allowed_ips = "0.0.0.0/0";
  };
  const auto expect = [](const Outcome& outcome) {
    expect_all_well(outcome);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    ASSERT_TRUE(outcome.facts.attempts[0].data) << outcome;
    EXPECT_EQ(outcome.facts.attempts[0].data->target, IpAddress::parse("10.9.0.1").value());
    EXPECT_FALSE(outcome.facts.attempts[0].data->round_trips.empty());
  };
  return {"AllIsWellWithTheCommonestClientFile", arrange, expect};
}

/// Roaming to the other address, as both sides do then, leads nowhere.
Scenario responses_come_from_another_address_that_cannot_be_reached() {
  const auto arrange = [](Place& place, Probe&) {
    place.theirs.ip(fmt::format("address add 10.2.0.9/24 dev {}", place.far.right));
    Place::add_rule(place.theirs, "output", "udp sport 51820 ip saddr set 10.2.0.9");
    Place::add_rule(place.router, "forward", "ip daddr 10.2.0.9 drop");
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::answers_take_another_way);
    EXPECT_EQ(finding_of(outcome, FindingId::forward_data_lost), nullptr) << outcome;
  };
  return {"ResponsesComeFromAnotherAddressThatCannotBeReached", arrange, expect};
}

Scenario responses_from_another_address_are_dropped_here() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.theirs.ip(fmt::format("address add 10.2.0.9/24 dev {}", place.far.right));
    Place::add_rule(place.theirs, "output", "udp sport 51820 ip saddr set 10.2.0.9");
    Place::add_rule(place.ours, "input", "ip saddr 10.2.0.9 drop");
    probe.options.timeout = std::chrono::seconds(8);
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::silent_host_up);
    const auto* finding = finding_of(outcome, FindingId::silent_host_up);
    ASSERT_NE(finding, nullptr);
    EXPECT_NE(text_of(*finding).find("comes from another address or port"), std::string::npos);
    EXPECT_EQ(finding->cause.plain().find("most likely"), std::string::npos)
        << finding->cause.plain();
  };
  return {"ResponsesFromAnotherAddressAreDroppedHere", arrange, expect};
}

}  // namespace

Scenarios healthy_scenarios() {
  return {healthy(),
          healthy_with_ipv6_inside(),
          healthy_with_a_preshared_key(),
          healthy_by_name_over_both_families(),
          a_handshake_alone_moves_latest_handshake(),
          healthy_with_the_commonest_client_file(),
          responses_come_from_another_address(),
          responses_come_from_another_address_that_cannot_be_reached(),
          responses_from_another_address_are_dropped_here()};
}

}  // namespace wgscope::test
