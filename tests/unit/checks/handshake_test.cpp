#include "wgscope/checks/handshake.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

#include "endpoint_fixture.hpp"
#include "gateway.hpp"
#include "relay.hpp"
#include "scripted_server.hpp"
#include "temp_dir.hpp"
#include "uapi_answers.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using test::Gateway;
using test::generate_preshared_key;
using test::Relay;

class HandshakeCheck : public testing::Test {
 protected:
  HandshakeOutcome check(const Target& target, const HandshakeOptions& options = {}) {
    const Instant begun = os::boot_now();
    auto outcome = handshake(run_, target, stamps_, options);
    took_ = os::boot_now() - begun;
    return outcome;
  }
  static Target behind(const Relay& relay, const Gateway& gateway) {
    Target target = gateway.target();
    target.endpoint.port = relay.port();
    return target;
  }
  static HandshakeOptions within(Nanoseconds timeout) {
    HandshakeOptions options;
    options.timeout = timeout;
    return options;
  }

  checks::Run run_ = *checks::Run::open();
  Stamps stamps_;
  Nanoseconds took_{};
};

TEST_F(HandshakeCheck, CrossesAHealthyTunnelAndGivesItsSession) {
  Gateway gateway(run_);
  const auto outcome = check(gateway.target());
  ASSERT_EQ(outcome.facts.attempts.size(), 1U);
  const auto& attempt = outcome.facts.attempts[0];
  EXPECT_EQ(attempt.initiations, 1U);
  EXPECT_EQ(attempt.answered_initiation, 1U);
  ASSERT_TRUE(attempt.response_after);
  EXPECT_GT(*attempt.response_after, 0ns);
  EXPECT_EQ(attempt.responder, attempt.endpoint);
  ASSERT_TRUE(attempt.data);
  EXPECT_EQ(attempt.data->target, *IpAddress::parse("10.9.0.1"));
  EXPECT_TRUE(attempt.data->target_guessed);
  EXPECT_EQ(attempt.data->round_trips.size(), 1U);
  EXPECT_FALSE(attempt.silence);
  ASSERT_TRUE(outcome.session);
  EXPECT_TRUE(outcome.session->established());
  EXPECT_TRUE(gateway.latest_handshake());
  EXPECT_LT(took_, 5s);
}

TEST_F(HandshakeCheck, WithoutDataStillMovesTheGatewaysLatestHandshake) {
  Gateway gateway(run_);
  HandshakeOptions options;
  options.data = false;
  const auto outcome = check(gateway.target(), options);
  EXPECT_FALSE(outcome.facts.attempts.at(0).data);
  EXPECT_TRUE(
      run_.wait([&] { return gateway.latest_handshake().has_value(); }, os::boot_now() + 5s));
}

TEST_F(HandshakeCheck, WaitsForItsTurnWhereTheKeyWasUsedAMomentAgo) {
  Gateway gateway(run_);
  ASSERT_TRUE(check(gateway.target()).session);
  const auto again = check(gateway.target());
  EXPECT_EQ(again.facts.attempts.at(0).initiations, 1U) << "gateways take one in 20 ms";
  EXPECT_LT(took_, 4s);
}

TEST_F(HandshakeCheck, SaysWhoSaysThatNothingListens) {
  Target target = [&] { return Gateway(run_).target(); }();  // which is gone again
  const auto outcome = check(target);
  const auto& attempt = outcome.facts.attempts.at(0);
  ASSERT_FALSE(attempt.icmp.empty());
  EXPECT_EQ(attempt.icmp[0].from, *IpAddress::parse("127.0.0.1"));
  EXPECT_EQ(attempt.icmp[0].type, 3);
  EXPECT_EQ(attempt.icmp[0].code, 3);
  EXPECT_FALSE(attempt.response_after);
  EXPECT_FALSE(outcome.session);
  EXPECT_LT(took_, 5s);
}

TEST_F(HandshakeCheck, CountsAndDescribesWhatIsNearlyWireGuard) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  relay.rewrite_backward = [](std::span<std::byte> datagram) {
    datagram[1] = std::byte{0xa8};
    datagram[2] = std::byte{0x1a};
    datagram[3] = std::byte{0x15};
  };
  const auto outcome = check(behind(relay, gateway), within(1s));
  const auto& attempt = outcome.facts.attempts.at(0);
  EXPECT_FALSE(attempt.response_after);
  ASSERT_EQ(attempt.refused.strays.size(), 1U);
  EXPECT_TRUE(attempt.refused.strays[0].reserved);
  EXPECT_EQ(attempt.refused.strays[0].size, 92U);
  EXPECT_EQ(attempt.refused.strays[0].begins.substr(0, 11), "02 a8 1a 15");
  EXPECT_EQ(attempt.refused.strays[0].from.port, relay.port());
}

constexpr config::ReservedBytes kOfAccount{std::byte{0xa8}, std::byte{0x1a}, std::byte{0x15}};

/// As a provider's front end does: it knows its clients by three bytes, which its gateway behind it
/// does not see, and writes them into what the gateway sends.
void mark_clients(Relay& relay, std::map<unsigned, unsigned>& types) {
  relay.rewrite_forward = [&types](std::span<std::byte> datagram) {
    // What stands elsewhere is sent by whoever looks whether the host is there.
    if (datagram.size() < 32 || datagram[0] > std::byte{4}) return;
    const auto marks = datagram.subspan(1, 3);
    if (std::ranges::equal(marks, kOfAccount)) {
      ++types[std::to_integer<unsigned>(datagram[0])];
      std::ranges::fill(marks, std::byte{});
    } else {
      datagram[0] = std::byte{0xee};  // nobody's
    }
  };
  relay.rewrite_backward = [](std::span<std::byte> datagram) {
    std::ranges::copy(kOfAccount, datagram.begin() + 1);
  };
}

TEST_F(HandshakeCheck, SendsTheReservedBytesOfTheConfigurationInEachMessage) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  std::map<unsigned, unsigned> types;
  mark_clients(relay, types);
  Target target = behind(relay, gateway);
  target.reserved = kOfAccount;
  const auto outcome = check(target);
  const auto& attempt = outcome.facts.attempts.at(0);
  EXPECT_TRUE(attempt.response_after);
  EXPECT_THAT(attempt.refused.strays, testing::IsEmpty());
  ASSERT_TRUE(attempt.data);
  EXPECT_EQ(attempt.data->round_trips.size(), 1U);
  EXPECT_TRUE(outcome.facts.sets_reserved_bytes);
  EXPECT_EQ(types[1], 1U);
  EXPECT_GE(types[4], 1U) << "data carries them too";
}

TEST_F(HandshakeCheck, AcceptsAnyReservedBytesWhereItSendsSome) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  std::map<unsigned, unsigned> types;
  mark_clients(relay, types);
  relay.rewrite_backward = [](std::span<std::byte> datagram) { datagram[3] = std::byte{9}; };
  Target target = behind(relay, gateway);
  target.reserved = kOfAccount;
  EXPECT_TRUE(check(target).session);
}

TEST_F(HandshakeCheck, SendsNoReservedBytesUnasked) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  std::map<unsigned, unsigned> types;
  mark_clients(relay, types);
  const auto outcome = check(behind(relay, gateway), within(1s));
  EXPECT_FALSE(outcome.facts.attempts.at(0).response_after);
  EXPECT_FALSE(outcome.facts.sets_reserved_bytes);
  EXPECT_THAT(types, testing::IsEmpty());
}

TEST_F(HandshakeCheck, SeesResponsesThatComeAfterTheNextInitiation) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  relay.backward_delay = 5600ms;
  const auto outcome = check(behind(relay, gateway), within(7s));
  const auto& attempt = outcome.facts.attempts.at(0);
  EXPECT_FALSE(attempt.response_after);
  EXPECT_EQ(attempt.late_responses, 1U);
  EXPECT_GE(attempt.late_by.value_or(0s), 5600ms);
  EXPECT_LE(attempt.late_by.value_or(0s), 6500ms);
}

TEST_F(HandshakeCheck, WaitsForDataAsLongAsThePathTakes) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  relay.backward_delay = 3s;
  const auto outcome = check(behind(relay, gateway));
  ASSERT_TRUE(outcome.facts.attempts.at(0).data);
  EXPECT_FALSE(outcome.facts.attempts.at(0).data->round_trips.empty());
  EXPECT_LT(took_, 10s) << "the gateway's timers were not waited for";
}

TEST_F(HandshakeCheck, AsksAgainBeforeItCallsDataLost) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  relay.forward = [](std::size_t n) { return n < 3 ? test::Fate::lose : test::Fate::pass; };
  const auto outcome = check(behind(relay, gateway));
  ASSERT_TRUE(outcome.facts.attempts.at(0).data);
  EXPECT_EQ(outcome.facts.attempts.at(0).data->round_trips.size(), 1U);
  EXPECT_EQ(outcome.facts.attempts.at(0).data->echoes_sent, 4U);
}

TEST_F(HandshakeCheck, KnowsWhichPingsWereLostWhileItHeldTheTunnel) {
  Gateway gateway(run_);
  Relay relay(run_, gateway.port());
  relay.forward = [](std::size_t n) {
    return n == 2 || n == 3 ? test::Fate::lose : test::Fate::pass;
  };
  HandshakeOptions options;
  options.hold = 2900ms;
  const auto outcome = check(behind(relay, gateway), options);
  ASSERT_TRUE(outcome.facts.attempts.at(0).data);
  // The first one is the question whether data crosses at all.
  EXPECT_EQ(outcome.facts.attempts.at(0).data->held_answers,
            (std::vector{true, false, false, true, true, true}));
}

TEST_F(HandshakeCheck, LeavesNothingInTheLogOfAGatewayThatLooksLikeAWrongKey) {
  test::GatewayOptions options;
  options.knows_probe = false;
  Gateway gateway(run_, options);
  ASSERT_TRUE(check(gateway.target(), within(3s)).facts.attempts.at(0).silence);
  const auto& interface = gateway.endpoint().interface();
  EXPECT_EQ(interface.dropped(tunnel::DropReason::bad_mac1), 0U);
  EXPECT_GT(interface.dropped(tunnel::DropReason::malformed), 0U) << "the hops were looked for";
}

TEST_F(HandshakeCheck, AsksAroundWhereTheEndpointIsSilent) {
  test::GatewayOptions options;
  options.knows_probe = false;
  Gateway gateway(run_, options);
  const auto outcome = check(gateway.target(), within(6500ms));
  const auto& attempt = outcome.facts.attempts.at(0);
  EXPECT_EQ(attempt.initiations, 2U);
  ASSERT_TRUE(attempt.silence);
  ASSERT_TRUE(attempt.silence->plain_neighbour.answer);
  EXPECT_EQ(attempt.silence->plain_neighbour.answer->code, 3);
  EXPECT_TRUE(attempt.silence->wireguard_neighbour.answer);
  EXPECT_FALSE(attempt.silence->plain_same_port.answer);
  EXPECT_EQ(attempt.silence->plain_same_port.sent, 3U);
  EXPECT_GE(took_, 6500ms);
  EXPECT_LT(took_, 8s);
}

TEST_F(HandshakeCheck, TellsThatTheGatewayHasNoPresharedKeyForUs) {
  Gateway gateway(run_);
  const auto outcome = check(gateway.target(generate_preshared_key()));
  const auto& trials = outcome.facts.attempts.at(0).preshared_key;
  ASSERT_TRUE(trials);
  EXPECT_TRUE(trials->none_fits);
  EXPECT_FALSE(trials->given);
  EXPECT_LT(took_, 5s);
}

TEST_F(HandshakeCheck, NamesThePresharedKeyThatFits) {
  const std::string theirs = generate_preshared_key();
  Gateway gateway(run_, {.preshared_key = theirs});
  HandshakeOptions options;
  options.preshared_keys.push_back(
      {"old.psk", PresharedKey::from_base64(generate_preshared_key()).value()});
  options.preshared_keys.push_back({"new.psk", PresharedKey::from_base64(theirs).value()});
  const auto outcome = check(gateway.target(), options);
  const auto& trials = outcome.facts.attempts.at(0).preshared_key;
  ASSERT_TRUE(trials);
  EXPECT_FALSE(trials->none_fits);
  EXPECT_EQ(trials->given, "new.psk");
  EXPECT_EQ(trials->tried, 2U);
}

TEST_F(HandshakeCheck, TriesEveryPortAndUsesTheOneThatAnswers) {
  Gateway gateway(run_);
  Target target = gateway.target();
  HandshakeOptions options;
  options.ports = {gateway.port(), gateway.port()};
  target.endpoint.port = 1;  // nobody's
  const auto outcome = check(target, options);
  ASSERT_EQ(outcome.facts.attempts.size(), 2U);
  EXPECT_FALSE(outcome.facts.attempts[0].response_after);
  EXPECT_TRUE(outcome.facts.attempts[1].response_after);
  ASSERT_TRUE(outcome.session);
  EXPECT_EQ(outcome.session->gateway().port, gateway.port());
}

TEST_F(HandshakeCheck, TellsThatThePeerDecryptsWhatItThenDrops) {
  test::GatewayOptions options;
  options.allowed_ips = {"10.9.0.77/32"};
  Gateway gateway(run_, options);
  const auto outcome = check(gateway.target(), within(30s));
  const auto& data = outcome.facts.attempts.at(0).data;
  ASSERT_TRUE(data);
  EXPECT_TRUE(data->round_trips.empty());
  EXPECT_EQ(data->echoes_sent, 3U);
  ASSERT_TRUE(data->keepalive_after);
  EXPECT_GE(*data->keepalive_after, 10s);
  EXPECT_LT(*data->keepalive_after, 13s);
  EXPECT_FALSE(data->initiation_after);
}

/// What the gateway sends meanwhile is no reply, but it is data that arrives.
TEST_F(HandshakeCheck, WaitsForNoWitnessWhereOtherDataArrives) {
  Gateway gateway(run_);
  Target target = gateway.target();
  HandshakeOptions options = within(30s);
  options.inner_target = IpAddress::parse("10.9.0.200").value();
  constexpr std::string_view kAnything = "anything";
  const auto from = gateway.endpoint().host().bind_udp(0);
  ASSERT_TRUE(from);
  // Behind the last of the echo requests, which the gateway would confirm by a keepalive otherwise.
  std::optional<Instant> due;
  const auto send = [&](Instant) {
    due.reset();
    EXPECT_TRUE(gateway.endpoint().host().send_udp(
        {.to = {IpAddress::parse("10.9.0.2").value(), 0, 9}, .from_port = *from},
        std::as_bytes(std::span(kAnything))));
    gateway.endpoint().pump(os::now());
  };
  gateway.on_tunnel = [&](const tunnel::Event& event) {
    if (event.kind == tunnel::EventKind::key_confirmed) due = event.at + 2500ms;
  };
  const auto timer = run_.loop().add({.next = [&] { return due; }, .expired = send});
  const auto outcome = check(target, options);
  const auto& data = outcome.facts.attempts.at(0).data;
  ASSERT_TRUE(data);
  EXPECT_TRUE(data->round_trips.empty());
  ASSERT_TRUE(data->other);
  EXPECT_EQ(data->other->from, IpAddress::parse("10.9.0.1").value());
  EXPECT_FALSE(data->other->icmp_type);
  EXPECT_FALSE(data->keepalive_after);
  EXPECT_LT(took_, 9s);
}

TEST_F(HandshakeCheck, QuickWaitsForNoWitness) {
  test::GatewayOptions gateway_options;
  gateway_options.allowed_ips = {"10.9.0.77/32"};
  Gateway gateway(run_, gateway_options);
  HandshakeOptions options;
  options.quick = true;
  const auto outcome = check(gateway.target(), options);
  const auto& data = outcome.facts.attempts.at(0).data;
  ASSERT_TRUE(data);
  EXPECT_FALSE(data->witnesses_watched);
  EXPECT_FALSE(data->keepalive_after);
  EXPECT_LT(took_, 10s);
}

TEST_F(HandshakeCheck, SendsNothingWithAKeyThatAnInterfaceOfThisHostUses) {
  Gateway gateway(run_);
  const Target target = gateway.target();
  const test::TempDir folder;
  std::string hex;
  for (const std::byte byte : target.private_key.secret.bytes())
    hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  const uapi::testing::ScriptedServer server(
      folder / "wgs-used.sock", uapi::testing::answers("private_key=" + hex + "\nerrno=0\n\n"));
  HandshakeOptions options;
  options.uapi_folder = folder.path();
  const auto refused = check(target, options);
  EXPECT_EQ(refused.facts.key_use, diagnosis::KeyUse::used);
  EXPECT_EQ(refused.facts.key_user, "wgs-used");
  EXPECT_TRUE(refused.facts.attempts.empty());
  EXPECT_TRUE(gateway.events.empty());

  options.steal_endpoint = true;
  EXPECT_TRUE(check(target, options).session);
}

TEST_F(HandshakeCheck, EndsAtOnceWhenInterrupted) {
  test::GatewayOptions options;
  options.knows_probe = false;
  Gateway gateway(run_, options);
  const Instant at = os::boot_now() + 300ms;
  bool done = false;
  const auto watch = run_.loop().add({.next = [&]() -> std::optional<Instant> {
                                        if (done) return std::nullopt;
                                        return at;
                                      },
                                      .expired =
                                          [&](Instant) {
                                            done = true;
                                            run_.interrupt();
                                          }});
  const auto outcome = check(gateway.target());
  EXPECT_TRUE(outcome.facts.interrupted);
  EXPECT_TRUE(outcome.facts.attempts.at(0).given_up);
  EXPECT_EQ(outcome.facts.attempts.at(0).initiations, 1U);
  EXPECT_LT(took_, 5s);
}

}  // namespace
}  // namespace wgscope::checks
