// What works, and what works although something is odd.

#include <chrono>
#include <string>

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

Scenario healthy(Family family) {
  return {named("AllIsWell", family),
          [family](Place&, Probe& probe) { probe.endpoint = Place::outer(family); },
          expect_healthy};
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

Scenario responses_come_from_another_address(Family family) {
  const auto arrange = [family](Place& place, Probe& probe) {
    const bool v4 = family == Family::v4;
    place.theirs.ip("address add " + std::string(v4 ? "10.2.0.9/24" : "fd02::9/64") + " dev " +
                    place.far.right);
    Place::add_rule(
        place.theirs, "output",
        v4 ? "udp sport 51820 ip saddr set 10.2.0.9" : "udp sport 51820 ip6 saddr set fd02::9");
    probe.endpoint = Place::outer(family);
  };
  const auto expect = [family](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::response_from_elsewhere);
    ASSERT_EQ(outcome.facts.attempts.size(), 1U);
    ASSERT_TRUE(outcome.facts.attempts[0].responder) << outcome;
    EXPECT_EQ(outcome.facts.attempts[0].responder->to_string(),
              family == Family::v4 ? "10.2.0.9:51820" : "[fd02::9]:51820");
    EXPECT_TRUE(outcome.has_session);
  };
  return {named("ResponsesComeFromAnotherAddress", family), arrange, expect};
}

}  // namespace

Scenarios healthy_scenarios() {
  return {healthy(Family::v4),
          healthy(Family::v6),
          healthy_with_ipv6_inside(),
          healthy_with_a_preshared_key(),
          healthy_by_name_over_both_families(),
          a_handshake_alone_moves_latest_handshake(),
          responses_come_from_another_address(Family::v4),
          responses_come_from_another_address(Family::v6)};
}

}  // namespace wgscope::test
