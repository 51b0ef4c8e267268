#include "wgscope/path/nat_behaviour.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AnyOf;
using testing::NatTruth;
using testing::Outcome;
using testing::run;
using testing::Scenario;
using testing::SeededRandom;
using testing::server;
using testing::ServerKind;

constexpr std::array kMappings{NatMapping::none, NatMapping::endpoint_independent,
                               NatMapping::address_dependent,
                               NatMapping::address_and_port_dependent};
constexpr std::array kFilterings{NatFiltering::endpoint_independent,
                                 NatFiltering::address_dependent,
                                 NatFiltering::address_and_port_dependent};
constexpr std::array kKinds{ServerKind::honest,         ServerKind::plain,
                            ServerKind::dead,           ServerKind::same_address,
                            ServerKind::other_dead,     ServerKind::ignores_change,
                            ServerKind::never_changes,  ServerKind::refuses_change,
                            ServerKind::other_stranger, ServerKind::other_is_ours};

std::string describe(const Scenario& scenario) {
  const NatTruth& nat = scenario.nat;
  std::string text =
      fmt::format("seed {} mapping {} filtering {} keeps {} hairpin {} loss {} servers",
                  scenario.seed, static_cast<int>(nat.mapping), static_cast<int>(nat.filtering),
                  nat.keeps_ports, nat.hairpin, scenario.loss);
  text += fmt::format(" drops {} addresses {}", nat.drops, nat.addresses);
  for (const auto& server : scenario.servers)
    text += fmt::format(" {} (late {} ms, wrong {}, ration {})", static_cast<int>(server.kind),
                        server.late.count() / 1'000'000, server.wrong_transaction,
                        server.ration.value_or(0));
  return text;
}

/// Whether a verdict about mapping is true, or says that it is not known.
bool is_true(NatMapping said, const NatTruth& truth) {
  switch (said) {
    case NatMapping::not_known: return true;
    case NatMapping::same_as_ports_are_kept:
      return truth.keeps_ports && truth.mapping != NatMapping::none;
    case NatMapping::endpoint_dependent:
      return truth.mapping == NatMapping::address_dependent ||
             truth.mapping == NatMapping::address_and_port_dependent;
    default: return said == truth.mapping;
  }
}

void expect_no_lie(const Scenario& scenario, const Outcome& outcome) {
  const NatBehaviourResult& result = outcome.result;
  EXPECT_TRUE(is_true(result.mapping, scenario.nat)) << static_cast<int>(result.mapping);
  EXPECT_THAT(result.filtering, AnyOf(NatFiltering::not_known, scenario.nat.filtering));
  EXPECT_LE(result.datagrams_sent, most_datagrams(scenario.servers.size()));
  EXPECT_LE(outcome.took, kLongestNatBehaviour);
  const bool is_nat = scenario.nat.mapping != NatMapping::none;
  EXPECT_TRUE(!result.several_addresses || (is_nat && scenario.nat.addresses > 1));
  // The sockets of a host without NAT are seen as they are.
  EXPECT_TRUE(is_nat || result.ports == PortKeeping::kept ||
              result.ports == PortKeeping::not_known);
}

/// A NAT that takes any of its addresses for each flow, but only showed one, cannot be told from a
/// NAT that has one.
bool hairpin_is_true(const Scenario& scenario, const NatBehaviourResult& result) {
  const bool shown = scenario.nat.addresses == 1 || result.several_addresses ||
                     result.mapping != NatMapping::same_as_ports_are_kept;
  return !result.hairpin || result.hairpin == scenario.nat.hairpin || (!*result.hairpin && !shown);
}

TEST(NatBehaviour, NamesEveryKindOfNatWithOneRealServer) {
  for (const NatMapping mapping : kMappings)
    for (const NatFiltering filtering : kFilterings)
      for (const bool hairpin : {false, true}) {
        const Scenario scenario{
            .nat = {.mapping = mapping, .filtering = filtering, .hairpin = hairpin},
            .servers = {server(1)}};
        SCOPED_TRACE(describe(scenario));
        const Outcome outcome = run(scenario);
        expect_no_lie(scenario, outcome);
        EXPECT_TRUE(hairpin_is_true(scenario, outcome.result));
        EXPECT_EQ(outcome.result.mapping, mapping);
        const bool provable = mapping == NatMapping::none ||
                              mapping == NatMapping::endpoint_independent ||
                              filtering == NatFiltering::endpoint_independent;
        EXPECT_EQ(outcome.result.filtering, provable ? filtering : NatFiltering::not_known);
        EXPECT_TRUE(mapping != NatMapping::endpoint_independent ||
                    outcome.result.hairpin == hairpin);
        EXPECT_LT(outcome.took,
                  filtering == NatFiltering::endpoint_independent ? seconds(4) : seconds(11));
      }
}

TEST(NatBehaviour, NamesMappingsWithTwoOrdinaryServers) {
  const auto mapping = [](const NatTruth& nat) {
    return run({.nat = nat,
                .servers = {server(1, ServerKind::plain), server(2, ServerKind::plain)}})
        .result.mapping;
  };
  EXPECT_EQ(mapping({.mapping = NatMapping::endpoint_independent}),
            NatMapping::endpoint_independent);
  EXPECT_EQ(mapping({.mapping = NatMapping::address_dependent}), NatMapping::endpoint_dependent);
  EXPECT_EQ(mapping({.mapping = NatMapping::address_and_port_dependent}),
            NatMapping::endpoint_dependent);
  EXPECT_EQ(mapping({.mapping = NatMapping::none}), NatMapping::none);
}

TEST(NatBehaviour, DoesNotCallANatIndependentThatOnlyKeepsPorts) {
  for (const NatMapping mapping :
       {NatMapping::endpoint_independent, NatMapping::address_and_port_dependent}) {
    const auto result =
        run({.nat = {.mapping = mapping, .keeps_ports = true}, .servers = {server(1), server(2)}})
            .result;
    EXPECT_EQ(result.mapping, NatMapping::same_as_ports_are_kept);
    EXPECT_EQ(result.filtering, NatFiltering::address_and_port_dependent);
    EXPECT_EQ(result.ports, PortKeeping::kept);
  }
}

TEST(NatBehaviour, OneOrdinaryServerIsNotEnough) {
  const auto result = run({.servers = {server(1, ServerKind::plain)}}).result;
  EXPECT_EQ(result.mapping, NatMapping::not_known);
  EXPECT_EQ(result.filtering, NatFiltering::not_known);
  EXPECT_EQ(result.ports, PortKeeping::changed);
  EXPECT_EQ(result.servers.at(0).mapped, result.mappings.at(0).mapped);
}

TEST(NatBehaviour, FindsOutServersThatLieAboutTheirOtherAddress) {
  const auto found = [](ServerKind kind) {
    const auto result = run({.nat = {.filtering = NatFiltering::endpoint_independent},
                             .servers = {server(1, kind)}})
                            .result;
    EXPECT_EQ(result.filtering, NatFiltering::not_known);
    return result.servers.at(0).other_is;
  };
  EXPECT_EQ(found(ServerKind::plain), OtherAddress::none);
  EXPECT_EQ(found(ServerKind::same_address), OtherAddress::same);
  EXPECT_EQ(found(ServerKind::other_dead), OtherAddress::silent);
  EXPECT_EQ(found(ServerKind::ignores_change), OtherAddress::ignored);
  EXPECT_EQ(found(ServerKind::refuses_change), OtherAddress::refused);
  EXPECT_EQ(found(ServerKind::never_changes), OtherAddress::unused);
}

TEST(NatBehaviour, SaysThatNothingIsLetInWhereTheServerIsNotProven) {
  const auto result = run({.servers = {server(1, ServerKind::never_changes)}}).result;
  EXPECT_EQ(result.filtering, NatFiltering::not_known);
  EXPECT_TRUE(result.nothing_let_in);
}

TEST(NatBehaviour, UsesTheServerThatIsReal) {
  const auto result = run({.nat = {.filtering = NatFiltering::address_dependent},
                           .servers = {server(1, ServerKind::dead),
                                       server(2, ServerKind::same_address), server(3)}})
                          .result;
  EXPECT_EQ(result.filtering, NatFiltering::address_dependent);
  EXPECT_EQ(result.servers.at(0).mapped, std::nullopt);
  EXPECT_EQ(result.servers.at(2).other_is, OtherAddress::proven);
}

TEST(NatBehaviour, SilentServersCostTheirTimeAndNothingElse) {
  const Scenario scenario{.servers = {server(1, ServerKind::dead), server(2, ServerKind::dead)}};
  const Outcome outcome = run(scenario);
  EXPECT_EQ(outcome.result.mapping, NatMapping::not_known);
  EXPECT_EQ(outcome.result.datagrams_sent, 10U);
  EXPECT_EQ(outcome.took, milliseconds(11'500));
}

TEST(NatBehaviour, IsDoneWithoutServers) {
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.result.datagrams_sent, 0U);
  EXPECT_EQ(outcome.took, Nanoseconds(0));
}

TEST(NatBehaviour, GivesUpAtOnceWhereAnIcmpErrorSaysSo) {
  SeededRandom random(1);
  NatBehaviour nat({.servers = {server(1).primary}, .local = {}}, random, Instant{});
  nat.handle_unreachable(Instant{}, NatSocket::main, server(2).primary);
  EXPECT_FALSE(nat.done());
  nat.handle_unreachable(Instant{}, NatSocket::main, server(1).primary);
  EXPECT_TRUE(nat.done());
  EXPECT_TRUE(nat.result().servers.at(0).unreachable);
}

TEST(NatBehaviour, LetsForgedAnswersFall) {
  SeededRandom random(1);
  NatBehaviour nat({.servers = {server(1).primary}, .local = {}}, random, Instant{});
  const auto request = nat.poll_transmit();
  ASSERT_TRUE(request);
  wire::StunMessage answer = wire::parse_stun(request->bytes).value();
  answer.kind = wire::StunClass::success;
  answer.xor_mapped = server(9).primary;
  nat.handle_datagram(Instant{}, NatSocket::main, server(2).primary, wire::build_stun(answer));
  nat.handle_datagram(Instant{}, NatSocket::filter, server(1).primary, wire::build_stun(answer));
  wire::StunMessage guessed = answer;
  guessed.transaction[0] ^= std::byte{1};
  nat.handle_datagram(Instant{}, NatSocket::main, server(1).primary, wire::build_stun(guessed));
  EXPECT_EQ(nat.result().servers.at(0).mapped, std::nullopt);
  nat.handle_datagram(Instant{}, NatSocket::main, server(1).primary, wire::build_stun(answer));
  EXPECT_EQ(nat.result().servers.at(0).mapped, server(9).primary);
}

TEST(NatBehaviour, TakesWhatCannotBeSeenForNoAnswer) {
  for (const char* untrue : {"[2001:db8::5]:40000", "0.0.0.0:40000", "203.0.113.5:0"}) {
    SeededRandom random(1);
    NatBehaviour nat({.servers = {server(1).primary}, .local = {}}, random, Instant{});
    wire::StunMessage answer = wire::parse_stun(nat.poll_transmit()->bytes).value();
    answer.kind = wire::StunClass::success;
    answer.xor_mapped = Endpoint::parse(untrue).value();
    nat.handle_datagram(Instant{}, NatSocket::main, server(1).primary, wire::build_stun(answer));
    EXPECT_TRUE(nat.done()) << untrue;
    const StunServerSeen seen = nat.result().servers.at(0);
    EXPECT_EQ(seen.mapped, std::nullopt) << untrue;
    EXPECT_EQ(seen.untrue, answer.xor_mapped);
    EXPECT_EQ(nat.result().mapping, NatMapping::not_known);
  }
}

TEST(NatBehaviour, TellsNothingWhenMappingsChangeMeanwhile) {
  // Between the requests to a silent server is more time than the mapping lives.
  const Scenario scenario{.nat = {.lifetime = seconds(3), .stream_lifetime = seconds(3)},
                          .servers = {server(1), server(2, ServerKind::dead)}};
  const auto result = run(scenario).result;
  EXPECT_TRUE(result.changed_meanwhile);
  EXPECT_EQ(result.mapping, NatMapping::not_known);
}

/// A mapping that is forgotten between two requests looks like one that depends on the port.
TEST(NatBehaviour, ComparesOnlyMappingsThatWereTheSameTwice) {
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    const Scenario scenario{.nat = {.mapping = NatMapping::address_dependent,
                                    .lifetime = seconds(3),
                                    .stream_lifetime = seconds(3)},
                            .servers = {server(1), server(2)},
                            .loss = 0.4,
                            .seed = seed};
    const NatMapping said = run(scenario).result.mapping;
    EXPECT_TRUE(is_true(said, scenario.nat)) << seed << ": " << static_cast<int>(said);
  }
}

/// The flow to the other socket's mapping may leave from another address than the filter knows.
TEST(NatBehaviour, KnowsNoHairpinningOfANatThatShowsSeveralAddresses) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Scenario scenario{.nat = {.mapping = NatMapping::address_and_port_dependent,
                                    .keeps_ports = true,
                                    .hairpin = true,
                                    .addresses = 3},
                            .servers = {server(1)},
                            .seed = seed};
    const NatBehaviourResult result = run(scenario).result;
    EXPECT_TRUE(!result.several_addresses || result.hairpin != false) << seed;
  }
}

Scenario random_scenario(std::uint64_t seed) {
  SeededRandom random(seed ^ 0x5ca1ab1e);
  Scenario scenario{.seed = seed};
  scenario.nat.mapping = kMappings[random.below(kMappings.size())];
  scenario.nat.filtering = kFilterings[random.below(kFilterings.size())];
  scenario.nat.keeps_ports = random.chance(0.4);
  scenario.nat.hairpin = scenario.nat.mapping != NatMapping::none && random.chance(0.5);
  scenario.nat.lifetime = random.between(seconds(3), minutes(2));
  scenario.nat.stream_lifetime = scenario.nat.lifetime + random.between(seconds(0), minutes(2));
  scenario.nat.inbound_refreshes = random.chance(0.7);
  scenario.loss = random.chance(0.3) ? 0 : 0.01 * static_cast<double>(random.below(31));
  const std::size_t servers = 1 + random.below(3);
  for (unsigned i = 1; i <= servers; ++i)
    scenario.servers.push_back(
        server(i, random.chance(0.5) ? ServerKind::honest : kKinds[random.below(kKinds.size())]));
  return scenario;
}

TEST(NatBehaviour, NeverLiesAboutTenThousandRandomNats) {
  std::size_t known_mappings = 0;
  std::size_t known_filterings = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const Scenario scenario = random_scenario(seed);
    SCOPED_TRACE(describe(scenario));
    const Outcome outcome = run(scenario);
    expect_no_lie(scenario, outcome);
    EXPECT_TRUE(hairpin_is_true(scenario, outcome.result));
    known_mappings += outcome.result.mapping != NatMapping::not_known ? 1U : 0U;
    known_filterings += outcome.result.filtering != NatFiltering::not_known ? 1U : 0U;
    if (HasFailure()) break;
  }
  EXPECT_GT(known_mappings, 7'000U);
  EXPECT_GT(known_filterings, 4'000U);
}

/// NATs that drop, change and have several addresses; servers that are late, ration, mix up
/// transactions and name addresses that are not theirs.
Scenario odd_scenario(std::uint64_t seed) {
  Scenario scenario = random_scenario(seed);
  SeededRandom random(seed ^ 0x0ddba11);
  if (random.chance(0.4)) scenario.nat.drops = 0.01 * static_cast<double>(random.below(21));
  if (random.chance(0.4)) scenario.nat.addresses = 2 + random.below(2);
  if (random.chance(0.3)) {
    scenario.nat.changes = random.between(seconds(1), seconds(20));
    scenario.nat.lifetime_then = random.between(seconds(2), minutes(2));
  }
  scenario.jitter = milliseconds(random.chance(0.5) ? 30 : random.below(400));
  for (testing::SimulatedServer& server : scenario.servers) {
    if (random.chance(0.4)) server.late = milliseconds(random.below(4'000));
    server.changes_late = random.chance(0.5);
    if (random.chance(0.3)) server.wrong_transaction = random.chance(0.3) ? 1 : 0.3;
    if (random.chance(0.3)) server.ration = static_cast<double>(1 + random.below(25));
    if (random.chance(0.2)) server.kind = kKinds[random.below(kKinds.size())];
  }
  return scenario;
}

TEST(NatBehaviour, NeverLiesAboutOddNatsAndServers) {
  std::size_t known_mappings = 0;
  std::size_t known_filterings = 0;
  const std::uint64_t worlds = testing::worlds_to_try(5'000);
  for (std::uint64_t seed = 0; seed < worlds; ++seed) {
    const Scenario scenario = odd_scenario(seed);
    SCOPED_TRACE(describe(scenario));
    const Outcome outcome = run(scenario);
    expect_no_lie(scenario, outcome);
    EXPECT_TRUE(hairpin_is_true(scenario, outcome.result));
    known_mappings += outcome.result.mapping != NatMapping::not_known ? 1U : 0U;
    known_filterings += outcome.result.filtering != NatFiltering::not_known ? 1U : 0U;
  }
  EXPECT_GT(known_mappings, worlds / 2);
  EXPECT_GT(known_filterings, worlds / 5);
}

TEST(NatBehaviour, TenPercentLossHidesLittle) {
  std::size_t known = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Scenario scenario{.nat = {.filtering = kFilterings[seed % 3]},
                            .servers = {server(1)},
                            .loss = 0.1,
                            .seed = seed};
    const Outcome outcome = run(scenario);
    expect_no_lie(scenario, outcome);
    known += outcome.result.mapping == NatMapping::endpoint_independent &&
             outcome.result.filtering == scenario.nat.filtering;
  }
  EXPECT_GE(known, 485U);
}

TEST(NatSigns, ComparesWhatTheRouterSaysWithWhatServersSee) {
  const auto address = [](const char* text) { return IpAddress::parse(text).value(); };
  const IpAddress local = address("192.168.1.2");
  const IpAddress outside = address("203.0.113.5");
  const NatSigns plain = nat_signs({.local = local, .mapped = outside, .router_outer = outside});
  EXPECT_FALSE(plain.double_nat || plain.carrier_grade || plain.local_shared ||
               plain.mapped_not_public);
  const NatSigns carrier =
      nat_signs({.local = local, .mapped = outside, .router_outer = address("100.64.3.4")});
  EXPECT_TRUE(carrier.carrier_grade);
  EXPECT_TRUE(carrier.double_nat);
  EXPECT_TRUE(
      nat_signs({.local = local, .mapped = {}, .router_outer = address("10.0.0.2")}).double_nat);
  EXPECT_TRUE(nat_signs({.local = address("100.127.255.255"), .mapped = {}, .router_outer = {}})
                  .local_shared);
  EXPECT_FALSE(is_shared_address(address("100.128.0.0")));
  EXPECT_FALSE(is_shared_address(address("100.63.255.255")));
  EXPECT_TRUE(nat_signs({.local = local, .mapped = address("10.0.0.1"), .router_outer = {}})
                  .mapped_not_public);
}

TEST(NatSigns, KnowsAddressesThatTheInternetDoesNotCarry) {
  const auto inner = [](const char* text) {
    return is_inner_address(IpAddress::parse(text).value());
  };
  for (const char* text : {"10.255.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "127.0.0.1",
                           "169.254.1.1", "100.64.0.1", "fd00::1", "fe80::1", "febf::1", "::1"})
    EXPECT_TRUE(inner(text)) << text;
  for (const char* text : {"11.0.0.1", "172.32.0.1", "172.15.0.1", "192.169.0.1", "8.8.8.8",
                           "2001:db8::1", "fec0::1", "::2"})
    EXPECT_FALSE(inner(text)) << text;
}

}  // namespace
}  // namespace wgscope::path
