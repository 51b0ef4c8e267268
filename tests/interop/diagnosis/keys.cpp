// Keys that do not fit, stamps from the past, keys that are in use.

#include "wgscope/base/keys.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/clock.hpp"

#include "endpoint_fixture.hpp"
#include "place.hpp"
#include "scenario.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using testing::HasSubstr;

constexpr auto kTimeout = 8s;

/// Silence that has this among its possible causes.
auto expect_silence_with(const std::string& words) {
  return [words](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::silent_host_up);
    const auto* finding = finding_of(outcome, FindingId::silent_host_up);
    ASSERT_NE(finding, nullptr) << outcome;
    std::string causes;
    for (const auto& hypothesis : finding->hypotheses) causes += hypothesis.cause.plain() + '\n';
    EXPECT_THAT(causes, HasSubstr(words));
    EXPECT_FALSE(outcome.has_session);
  };
}

Scenario we_have_another_servers_key() {
  const auto arrange = [](Place&, Probe& probe) {
    probe.gateway_key = generate_key_pair().public_key;
    probe.options.timeout = kTimeout;
  };
  return {"WeHaveAnotherServersKey", arrange,
          expect_silence_with("the gateway's public key is not ")};
}

Scenario the_gateway_does_not_know_our_key() {
  const auto arrange = [](Place& place, Probe& probe) {
    place.gateway.forget_peer(probe.keys.public_key);
    probe.options.timeout = kTimeout;
  };
  return {"TheGatewayDoesNotKnowOurKey", arrange,
          expect_silence_with("this probe's public key is not configured on the gateway")};
}

/// Once, the key was used where the clock was ahead, by somebody who kept no stamp.
void handshake_from_the_future(Place& place, const Probe& probe) {
  Probe ahead;
  ahead.keys = probe.keys;
  ahead.stamps.cover(noise::Tai64n::from({os::now().wall.since_epoch + 1h}));
  if (!run_probe(place, ahead).has_session) throw std::runtime_error("no handshake ahead of time");
  TestLoop().between_initiations();
}

Scenario our_clock_was_set_back() {
  const auto arrange = [](Place& place, Probe& probe) {
    handshake_from_the_future(place, probe);
    probe.options.timeout = kTimeout;
  };
  return {"OurClockWasSetBack", arrange,
          expect_silence_with("clock is behind this key's last handshake at the gateway")};
}

Scenario our_clock_was_set_back_and_the_stamp_is_kept() {
  const auto arrange = [](Place& place, Probe& probe) {
    handshake_from_the_future(place, probe);
    probe.stamps.cover(noise::Tai64n::from({os::now().wall.since_epoch + 2h}));
  };
  const auto expect = [](const Outcome& outcome) {
    expect_verdict(outcome, FindingId::clock_set_back);
    EXPECT_GT(outcome.facts.stamp_ahead.value_or(0s), 1h);
    EXPECT_TRUE(outcome.has_session);
  };
  return {"OurClockWasSetBackAndTheStampIsKept", arrange, expect};
}

Scenario preshared_keys(const std::string& name, const std::string& theirs, const std::string& ours,
                        const std::string& given, FindingId finds) {
  const auto arrange = [=](Place& place, Probe& probe) {
    if (!theirs.empty())
      place.gateway.set_peer({.public_key = probe.keys.public_key, .preshared_key = theirs});
    probe.preshared_key = ours;
    for (const std::string& key : {generate_preshared_key(), given}) {
      if (given.empty()) break;
      probe.options.preshared_keys.push_back({.name = key == given ? "fits.psk" : "other.psk",
                                              .key = PresharedKey::from_base64(key).value()});
    }
    probe.options.timeout = kTimeout;
  };
  const auto expect = [=](const Outcome& outcome) {
    expect_verdict(outcome, finds);
    EXPECT_FALSE(outcome.has_session);
    EXPECT_LT(outcome.took, 5s) << "one response tells";
    const auto* finding = finding_of(outcome, finds);
    if (!given.empty() && finding != nullptr) {
      EXPECT_THAT(text_of(*finding), HasSubstr("fits.psk"));
    }
  };
  return {name, arrange, expect};
}

/// @param steal  whether the user insists.
Scenario an_interface_here_has_the_key(const std::string& name, bool steal,
                                       std::function<void(const Outcome&)> expect) {
  const auto arrange = [steal](Place& place, Probe& probe) {
    std::shared_ptr<RealInterface> user = make_real_interface(place.ours);
    place.ours.must({"wg", "set", user->name(), "private-key", "/dev/stdin"},
                    probe.keys.private_key + "\n");
    probe.beside = user;
    probe.options.steal_endpoint = steal;
  };
  return {name, arrange, std::move(expect)};
}

void expect_refused(const Outcome& outcome) {
  expect_verdict(outcome, FindingId::key_in_use);
  EXPECT_EQ(outcome.facts.key_use, diagnosis::KeyUse::used);
  EXPECT_THAT(outcome.facts.key_user, HasSubstr("wgs"));
  EXPECT_TRUE(outcome.facts.attempts.empty()) << "nothing was sent";
}

void expect_accepted(const Outcome& outcome) {
  EXPECT_EQ(outcome.facts.key_use, diagnosis::KeyUse::used);
  EXPECT_TRUE(outcome.facts.key_use_accepted);
  EXPECT_TRUE(outcome.has_session) << outcome;
  EXPECT_NE(overall(outcome.report), diagnosis::Status::critical) << outcome;
}

}  // namespace

Scenarios key_scenarios() {
  const std::string one = generate_preshared_key();
  const std::string other = generate_preshared_key();
  return {
      we_have_another_servers_key(),
      the_gateway_does_not_know_our_key(),
      our_clock_was_set_back(),
      our_clock_was_set_back_and_the_stamp_is_kept(),
      preshared_keys("OnlyTheGatewayHasAPresharedKey", one, "", "",
                     FindingId::preshared_key_mismatch),
      preshared_keys("OnlyWeHaveAPresharedKey", "", one, "",
                     FindingId::preshared_key_unknown_to_server),
      preshared_keys("BothHaveDifferentPresharedKeys", one, other, "",
                     FindingId::preshared_key_mismatch),
      preshared_keys("AnotherPresharedKeyOfThoseGivenFits", one, other, one,
                     FindingId::preshared_key_is_another_given),
      an_interface_here_has_the_key("AnInterfaceHereHasTheKey", false, expect_refused),
      an_interface_here_has_the_key("AnInterfaceHereHasTheKeyAndThatIsAccepted", true,
                                    expect_accepted),
  };
}

}  // namespace wgscope::test
