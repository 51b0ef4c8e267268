#include "wgscope/diagnosis/nat.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::diagnosis {
namespace {

using path::MappingLifetimeResult;
using path::NatFiltering;
using path::NatMapping;
using path::OtherAddress;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

/// Behind a home's NAT, with one good server.
NatFacts home() {
  NatFacts facts;
  facts.servers.push_back({.name = {"stun.example.net", 3478},
                           .endpoint = endpoint("192.0.2.1:3478"),
                           .error = std::nullopt});
  facts.local = IpAddress::parse("192.168.1.2").value();
  facts.behaviour.emplace();
  facts.behaviour->mapping = NatMapping::endpoint_independent;
  facts.behaviour->filtering = NatFiltering::address_and_port_dependent;
  facts.behaviour->ports = path::PortKeeping::changed;
  facts.behaviour->hairpin = false;
  facts.behaviour->servers.push_back({.server = endpoint("192.0.2.1:3478"),
                                      .mapped = endpoint("203.0.113.5:40000"),
                                      .other = endpoint("192.0.2.2:3479"),
                                      .other_is = OtherAddress::proven,
                                      .error_code = {}});
  return facts;
}

MappingLifetimeResult lifetime(int alive) {
  MappingLifetimeResult result;
  result.alive_after = seconds(alive);
  result.gone_after = seconds(alive + 1);
  return result;
}

NatFacts measured(int one_way, int stream, std::optional<int> keepalive = {}) {
  NatFacts facts = home();
  facts.lifetime_wanted = true;
  facts.lifetime = {.server = endpoint("192.0.2.1:3478"),
                    .longest_silence = seconds(180),
                    .one_way = lifetime(one_way),
                    .stream = lifetime(stream),
                    .keepalive = {},
                    .error = {}};
  if (keepalive) facts.keepalive = seconds(*keepalive);
  return facts;
}

/// The check of that name; one that is named "absent" where there is none.
Check check_of(const NatFacts& facts, std::string_view name) {
  const std::vector<Check> checks = diagnose(facts);
  const auto found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? Check{.name = "absent", .summary = {}} : *found;
}

std::string fix_of(const Check& check) {
  return check.finding && !check.finding->fix.empty() ? check.finding->fix.front().plain() : "";
}

TEST(DiagnoseNat, HasNothingToSayOfAGoodNat) {
  for (const Check& check : diagnose(measured(60, 120, 25))) {
    EXPECT_EQ(check.status, Status::ok) << check.name;
    EXPECT_FALSE(check.finding) << check.name;
  }
  EXPECT_EQ(success(measured(60, 120)).plain(),
            "endpoint-independent mapping, address- and port-dependent filtering, silent mappings "
            "live for 120 to 121 s");
}

TEST(DiagnoseNat, KnowsNothingWithoutAnAnswer) {
  NatFacts facts = home();
  facts.behaviour->servers.front().mapped.reset();
  const std::vector<Check> checks = diagnose(facts);
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks.front().status, Status::unknown);
  EXPECT_EQ(checks.front().finding->id, FindingId::stun_silent);
  facts.behaviour.reset();
  EXPECT_EQ(diagnose(facts).front().finding->id, FindingId::stun_silent);
  facts.interrupted = true;
  EXPECT_FALSE(diagnose(facts).front().finding);
}

TEST(DiagnoseNat, DoesNotCompareWithOneAddress) {
  NatFacts facts = home();
  facts.behaviour->mapping = NatMapping::not_known;
  EXPECT_EQ(check_of(facts, "nat.mapping").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.mapping").finding->id, FindingId::stun_not_enough);
  facts.behaviour->changed_meanwhile = true;
  EXPECT_EQ(check_of(facts, "nat.mapping").finding->id, FindingId::nat_mapping_unstable);
}

/// The only server that answered sees this host as it is, and was silent when it was asked again.
TEST(DiagnoseNat, SpeaksOfNoNatThatNobodySaw) {
  NatFacts facts = measured(180, 180, 0);
  facts.lifetime->stream->gone_after.reset();
  facts.local = IpAddress::parse("203.0.113.5").value();
  facts.behaviour->mapping = NatMapping::not_known;
  facts.behaviour->ports = path::PortKeeping::kept;
  EXPECT_EQ(check_of(facts, "nat.ports").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.hairpin").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.keepalive").status, Status::ok) << "nothing forgets the flow";
  facts.behaviour->ports = path::PortKeeping::changed;
  EXPECT_EQ(check_of(facts, "nat.ports").status, Status::ok);
  EXPECT_EQ(check_of(facts, "nat.keepalive").finding->id, FindingId::keepalive_missing);
}

TEST(DiagnoseNat, DoesNotSuspectShortLivesThatItHasMeasuredToBeLong) {
  const auto causes = [](const NatFacts& facts) {
    return check_of(facts, "nat.mapping").finding->hypotheses.size();
  };
  NatFacts facts = measured(30, 120);
  facts.behaviour->changed_meanwhile = true;
  EXPECT_EQ(causes(facts), 1U);
  facts.lifetime->one_way = lifetime(4);
  EXPECT_EQ(causes(facts), 2U);
}

TEST(DiagnoseNat, DoesNotBlameTheServerForWhatANatThatDependsOnDestinationsKeepsOut) {
  NatFacts facts = home();
  facts.behaviour->mapping = NatMapping::address_and_port_dependent;
  facts.behaviour->filtering = NatFiltering::not_known;
  facts.behaviour->servers.front().other_is = OtherAddress::ignored;
  EXPECT_FALSE(check_of(facts, "nat.filtering").finding);
  facts.behaviour->servers.front().other_is = OtherAddress::same;
  EXPECT_TRUE(check_of(facts, "nat.filtering").finding) << "that is a lie behind any NAT";
}

TEST(DiagnoseNat, TellsServersThatLieFromThoseThatCannot) {
  NatFacts facts = home();
  facts.behaviour->filtering = NatFiltering::not_known;
  for (const OtherAddress false_one :
       {OtherAddress::same, OtherAddress::silent, OtherAddress::ignored}) {
    facts.behaviour->servers.front().other_is = false_one;
    EXPECT_EQ(check_of(facts, "nat.filtering").finding->id, FindingId::stun_other_address_false);
  }
  for (const OtherAddress honest :
       {OtherAddress::none, OtherAddress::refused, OtherAddress::unused}) {
    facts.behaviour->servers.front().other_is = honest;
    EXPECT_FALSE(check_of(facts, "nat.filtering").finding);
    EXPECT_EQ(check_of(facts, "nat.filtering").status, Status::unknown);
    EXPECT_FALSE(check_of(facts, "nat.filtering").essential);
  }
}

TEST(DiagnoseNat, SaysLessWhereThereIsNoNat) {
  NatFacts facts = measured(60, 120, 0);
  facts.behaviour->mapping = NatMapping::none;
  for (const char* name : {"nat.ports", "nat.hairpin", "nat.carrier", "nat.keepalive"})
    EXPECT_EQ(check_of(facts, name).name, "absent") << name;
}

TEST(DiagnoseNat, SeesCarriersNats) {
  NatFacts facts = home();
  EXPECT_EQ(check_of(facts, "nat.carrier").status, Status::ok);
  facts.local = IpAddress::parse("100.64.1.2").value();
  EXPECT_EQ(check_of(facts, "nat.carrier").finding->id, FindingId::nat_of_carrier);
  facts = home();
  facts.behaviour->servers.front().mapped = endpoint("10.1.2.3:40000");
  EXPECT_EQ(check_of(facts, "nat.carrier").status, Status::warning);
}

TEST(DiagnoseNat, JudgesKeepalivesByTheirOwnSilence) {
  struct Case {
    int one_way;
    int stream;
    int keepalive;
    Status status;
    std::optional<FindingId> finding;
  };
  for (const Case& c : {
           Case{120, 120, 25, Status::ok, {}},
           Case{29, 119, 25, Status::ok, {}},  // Linux as it comes
           Case{20, 119, 25, Status::warning, FindingId::keepalive_tight},
           Case{20, 26, 25, Status::warning, FindingId::keepalive_tight},
           Case{20, 24, 25, Status::critical, FindingId::keepalive_not_enough},
           Case{10, 10, 25, Status::critical, FindingId::keepalive_not_enough},
           Case{30, 30, 0, Status::warning, FindingId::keepalive_missing},
       }) {
    const Check check = check_of(measured(c.one_way, c.stream, c.keepalive), "nat.keepalive");
    EXPECT_EQ(check.status, c.status) << c.one_way << ' ' << c.stream << ' ' << c.keepalive;
    EXPECT_EQ(check.finding ? std::optional(check.finding->id) : std::nullopt, c.finding);
  }
}

TEST(DiagnoseNat, BelievesTrialsBeforeLanes) {
  NatFacts facts = measured(20, 25, 25);
  facts.lifetime->keepalive = {.verdict = path::KeepaliveVerdict::enough, .succeeded = 3};
  EXPECT_EQ(check_of(facts, "nat.keepalive").finding->id, FindingId::keepalive_tight);
  facts = measured(120, 120, 25);
  facts.lifetime->keepalive = {
      .verdict = path::KeepaliveVerdict::not_enough, .succeeded = 1, .failed = 2};
  const Check check = check_of(facts, "nat.keepalive");
  EXPECT_EQ(check.finding->id, FindingId::keepalive_not_enough);
  EXPECT_THAT(check.finding->evidence,
              Contains(text("packets came in after 1 of 3 silences of 25 s")));
  // The path went away meanwhile: then the lanes tell.
  facts.lifetime->keepalive = {.verdict = path::KeepaliveVerdict::not_known, .succeeded = 1};
  EXPECT_EQ(check_of(facts, "nat.keepalive").status, Status::ok);
}

TEST(DiagnoseNat, SaysWhatToSet) {
  EXPECT_EQ(fix_of(check_of(measured(20, 119, 25), "nat.keepalive")), "PersistentKeepalive = 15");
  EXPECT_EQ(fix_of(check_of(measured(119, 119, 0), "nat.keepalive")), "PersistentKeepalive = 25");
  EXPECT_THAT(fix_of(check_of(measured(1, 1, 25), "nat.keepalive")), HasSubstr("look at the NAT"));
}

TEST(DiagnoseNat, DoesNotJudgeWhatWasNotMeasured) {
  NatFacts facts = measured(60, 120, 25);
  facts.lifetime->stream = MappingLifetimeResult{};
  facts.lifetime->stream->lanes_without_service = 180;
  EXPECT_EQ(check_of(facts, "nat.keepalive").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.lifetime").finding->id, FindingId::nat_lifetime_not_told);
  // Interrupted after 10 s: longer than that, and no more is known.
  facts.lifetime->stream->alive_after = seconds(10);
  facts.interrupted = true;
  EXPECT_EQ(check_of(facts, "nat.keepalive").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.lifetime").summary.plain(),
            "silent mappings live for more than 10 s");
}

std::vector<std::string> measured_in(const NatFacts& facts) {
  Report report;
  measure(facts, report);
  std::vector<std::string> lines;
  for (const Measurement& one : report.measurements)
    lines.push_back(std::string(one.name) + " " + one.labels.at(0).value.plain() + " " +
                    std::to_string(static_cast<int>(one.value)));
  return lines;
}

TEST(DiagnoseNat, NamesNoUpperEndThatLossMayHaveMade) {
  NatFacts facts = measured(30, 19);
  facts.lifetime->stream->gone_after.reset();
  facts.lifetime->stream->unproven = 5;
  EXPECT_EQ(
      check_of(facts, "nat.lifetime").summary.plain(),
      "silent mappings live for 19 s and more; nothing came in after 5 longer silences, but so "
      "many packets are lost that this tells nothing");
  EXPECT_EQ(measured_in(facts).size(), 1U) << "a bound is no lifetime";
}

TEST(DiagnoseNat, LeavesLifetimesAsFigures) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  EXPECT_THAT(measured_in(measured(30, 120)),
              ElementsAre("wireguard_probe_nat_mapping_lifetime_seconds stream 120",
                          "wireguard_probe_nat_mapping_lifetime_seconds one_way 30"));
  EXPECT_THAT(measured_in(home()), IsEmpty());
  // Cut short: how long was waited says nothing of the NAT.
  NatFacts facts = measured(30, 120);
  facts.lifetime->stream->gone_after.reset();
  facts.interrupted = true;
  EXPECT_THAT(measured_in(facts),
              ElementsAre("wireguard_probe_nat_mapping_lifetime_seconds one_way 30"));
  facts.interrupted = false;  // longer than was looked for
  EXPECT_EQ(measured_in(facts).size(), 2U);
  facts.lifetime->stream.reset();
  facts.lifetime->one_way = MappingLifetimeResult{};
  EXPECT_THAT(measured_in(facts), IsEmpty());
}

TEST(DiagnoseNat, SaysThatThereIsNoRoute) {
  NatFacts facts = home();
  facts.behaviour.reset();
  facts.local.reset();
  facts.error = Error{Errc::io, "no route to [2001:db8::1]:3478"};
  const Check check = check_of(facts, "nat.servers");
  EXPECT_EQ(check.status, Status::unknown);
  EXPECT_EQ(check.summary.plain(), "no route");
  EXPECT_TRUE(check.finding->hypotheses.empty());
}

TEST(DiagnoseNat, DoesNotBlameAFirewallForANameThatDoesNotResolve) {
  NatFacts facts = home();
  facts.behaviour.reset();
  facts.local.reset();
  facts.servers.front().endpoint.reset();
  facts.servers.front().error = Error{Errc::io, "no such host"};
  const Check check = check_of(facts, "nat.servers");
  EXPECT_EQ(check.status, Status::unknown);
  EXPECT_EQ(check.finding->cause.plain(),
            "the name of the STUN server could not be resolved: no such host");
  EXPECT_TRUE(check.finding->hypotheses.empty());
}

TEST(DiagnoseNat, SaysThatAnswersBelongToNoRequest) {
  NatFacts facts = home();
  facts.behaviour->servers.front().mapped.reset();
  facts.behaviour->servers.front().answers_others = true;
  const Check check = check_of(facts, "nat.servers");
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("transaction IDs"));
  EXPECT_THAT(check.finding->evidence.front().plain(), Not(HasSubstr("does not answer")));
}

TEST(DiagnoseNat, NamesAFirewallWhereThereIsNoNat) {
  NatFacts facts = measured(10, 10, 25);
  facts.behaviour->mapping = NatMapping::none;
  EXPECT_THAT(check_of(facts, "nat.keepalive").finding->cause.plain(),
              AllOf(HasSubstr("a firewall"), Not(HasSubstr("NAT"))));
}

TEST(DiagnoseNat, TellsServersThatSayWhatCannotBe) {
  NatFacts facts = home();
  facts.behaviour->servers.front().mapped.reset();
  facts.behaviour->servers.front().untrue = endpoint("[2001:db8::5]:40000");
  EXPECT_THAT(check_of(facts, "nat.servers").finding->evidence.front().plain(),
              HasSubstr("reports the address [2001:db8::5]:40000, which cannot be right"));
}

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

/// home(), whose router says that by NAT-PMP and nothing else.
NatFacts with_router(const char* outer) {
  NatFacts facts = home();
  facts.router.emplace();
  facts.router->address = address("192.168.1.1");
  facts.router->query.nat_pmp = true;
  facts.router->query.outer = address(outer);
  return facts;
}

TEST(DiagnoseNat, SaysWhatTheRouterSpeaks) {
  NatFacts facts = with_router("203.0.113.5");
  EXPECT_EQ(check_of(facts, "nat.router").summary.plain(),
            "the router speaks NAT-PMP; it reports the outer address 203.0.113.5");
  EXPECT_EQ(check_of(facts, "nat.router").status, Status::ok);
  EXPECT_EQ(check_of(facts, "nat.carrier").summary.plain(),
            "none: servers see the outer address that the router reports");
  facts.router->query.pcp = true;
  facts.router->upnp = {.found = true, .outer = address("203.0.113.5"), .error = {}};
  EXPECT_EQ(check_of(facts, "nat.router").summary.plain(),
            "the router speaks PCP, NAT-PMP and UPnP; it reports the outer address 203.0.113.5");
}

TEST(DiagnoseNat, FindsNothingInARouterThatSaysNothing) {
  NatFacts facts = home();
  EXPECT_EQ(check_of(facts, "nat.router").name, "absent") << "not asked";
  facts.router.emplace();
  facts.router->address = address("192.168.1.1");
  EXPECT_EQ(check_of(facts, "nat.router").status, Status::ok);
  EXPECT_EQ(check_of(facts, "nat.router").summary.plain(),
            "the router speaks none of PCP, NAT-PMP and UPnP");
  facts.router->address.reset();
  EXPECT_EQ(check_of(facts, "nat.router").status, Status::unknown);
  EXPECT_FALSE(check_of(facts, "nat.router").essential);
}

TEST(DiagnoseNat, SeesAnotherNatBeyondTheRouter) {
  const Check check = check_of(with_router("192.168.0.7"), "nat.router");
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_EQ(check.finding->id, FindingId::nat_beyond_router);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("reports"));
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("if that is right"));
  // No server answered: that one is behind another NAT all the same.
  NatFacts alone = with_router("192.168.0.7");
  alone.behaviour->servers.front().mapped.reset();
  EXPECT_EQ(check_of(alone, "nat.router").finding->id, FindingId::nat_beyond_router);
  // Where the servers see the private address too, there is none between.
  NatFacts laboratory = with_router("192.168.0.7");
  laboratory.behaviour->servers.front().mapped = endpoint("192.168.0.7:40000");
  EXPECT_FALSE(check_of(laboratory, "nat.router").finding);
}

TEST(DiagnoseNat, SeesACarriersNatByTheRouter) {
  NatFacts facts = with_router("100.64.3.4");
  EXPECT_EQ(check_of(facts, "nat.carrier").finding->id, FindingId::nat_of_carrier);
  EXPECT_FALSE(check_of(facts, "nat.router").finding) << "said once";
  facts.behaviour->servers.front().mapped.reset();
  EXPECT_EQ(check_of(facts, "nat.carrier").finding->id, FindingId::nat_of_carrier);
}

TEST(DiagnoseNat, GuessesWhereARouterNamesAnotherPublicAddress) {
  const Check check = check_of(with_router("198.51.100.9"), "nat.router");
  EXPECT_EQ(check.finding->id, FindingId::nat_beyond_router);
  EXPECT_EQ(check.finding->hypotheses.size(), 3U);
  NatFacts alone = with_router("198.51.100.9");
  alone.behaviour->servers.front().mapped.reset();
  EXPECT_FALSE(check_of(alone, "nat.router").finding) << "nobody contradicts";
  NatFacts no_nat = with_router("198.51.100.9");
  no_nat.behaviour->mapping = NatMapping::none;
  EXPECT_FALSE(check_of(no_nat, "nat.router").finding);
}

TEST(DiagnoseNat, DoesNotBelieveAddressesThatCannotBe) {
  for (const char* lie : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.168.1.1"}) {
    const Check check = check_of(with_router(lie), "nat.router");
    EXPECT_EQ(check.status, Status::ok) << lie;
    EXPECT_THAT(check.summary.plain(), HasSubstr("reports no usable outer address")) << lie;
  }
  // Of two, what the servers confirm.
  NatFacts facts = with_router("198.51.100.9");
  facts.router->upnp = {.found = true, .outer = address("203.0.113.5"), .error = {}};
  EXPECT_EQ(check_of(facts, "nat.router").status, Status::ok);
}

TEST(DiagnoseNat, SaysOfAGatewayThatDoesNotAnswerThatNoneDoes) {
  NatFacts facts = home();
  facts.servers_are_gateways = true;
  facts.behaviour->servers.front().mapped.reset();
  const Check check = check_of(facts, "nat.servers");
  EXPECT_EQ(check.finding->id, FindingId::stun_silent);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("ordinary WireGuard does not"));
  EXPECT_THAT(fix_of(check), HasSubstr("--stun"));
  // One that was not reached at all has not been asked.
  facts.behaviour.reset();
  facts.local.reset();
  facts.error = Error{Errc::io, "no route to 192.0.2.1:51820"};
  EXPECT_EQ(check_of(facts, "nat.servers").summary.plain(), "no route");
  facts.error.reset();
  EXPECT_THAT(check_of(facts, "nat.servers").finding->cause.plain(),
              HasSubstr("no STUN server answered"));
}

TEST(DiagnoseNat, DoesNotMissASecondServerWhereTheGatewayIsAsked) {
  NatFacts facts = home();
  facts.behaviour->mapping = NatMapping::not_known;
  facts.servers_are_gateways = true;
  EXPECT_FALSE(check_of(facts, "nat.mapping").finding);
  EXPECT_FALSE(check_of(facts, "nat.mapping").essential);
}

TEST(NatSent, HasTheServersAndTheRouter) {
  NatFacts facts = home();
  facts.servers.push_back({.name = {"192.0.2.9", 3478}, .endpoint = {}, .error = {}});
  facts.sent = {{.to = endpoint("192.0.2.1:3478"), .count = 7},
                {.to = endpoint("203.0.113.5:40000"), .count = 1}};
  facts.router.emplace();
  facts.router->address = IpAddress::parse("192.168.1.1").value();
  facts.router->sent = {{.to = endpoint("192.168.1.1:5351"), .count = 2}};
  facts.router->upnp_asked = true;
  Report report;
  measure(facts, report);
  std::vector<std::string> lines;
  for (const Sent& one : report.sent)
    lines.push_back(fmt::format("{} {} {}", one.what, one.target.plain(), one.count.value_or(0)));
  EXPECT_THAT(lines,
              ::testing::ElementsAre("lookup stun.example.net 0", "stun 192.0.2.1:3478 7",
                                     "stun 203.0.113.5:40000 1", "port_control 192.168.1.1:5351 2",
                                     "upnp 192.168.1.1 0"))
      << "an address needs no lookup";
  EXPECT_THAT(report.sent[1].line.plain(), HasSubstr("7 STUN requests to 192.0.2.1:3478"));
}

}  // namespace
}  // namespace wgscope::diagnosis
