#include "wgscope/diagnosis/reach.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using config::Expectation;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using enum config::ReachKind;
using enum ReachOutcome;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

ReachTry tried(ReachOutcome outcome) {
  ReachTry made{.outcome = outcome, .after = 12ms};
  if (outcome == rejected) made.icmp = IcmpReport{address("10.9.0.1"), 3, 13};
  if (outcome == refused) made.icmp = IcmpReport{address("10.9.0.7"), 3, 3};
  if (outcome == broken || outcome == not_sent) made.why = "a reason";
  return made;
}

ReachResult result(Expectation wanted, const std::vector<ReachOutcome>& outcomes) {
  ReachResult made{.expectation = std::move(wanted), .address = address("10.9.0.7")};
  for (const ReachOutcome outcome : outcomes) made.tries.push_back(tried(outcome));
  return made;
}

Expectation open(config::ReachKind kind, std::string_view target) {
  return config::parse_target(kind, target).value();
}
Expectation closed(std::string_view target) { return config::parse_closed_target(target).value(); }

/// The check of one target where somebody inside has answered.
Check check(const ReachResult& one) {
  ReachFacts facts{.results = {one}, .heard = address("10.9.0.1")};
  auto checks = diagnose(facts);
  EXPECT_THAT(checks, SizeIs(2));
  return checks.back();
}

std::string cause(const Check& check) {
  return check.finding ? check.finding->cause.plain() : "(no finding)";
}

std::string all_text(const Check& check) {
  std::string all = check.summary.plain() + "\n" + check.target.plain() + "\n";
  if (!check.finding) return all;
  all += cause(check) + "\n";
  for (const Text& line : check.finding->evidence) all += line.plain() + "\n";
  for (const Hypothesis& one : check.finding->hypotheses)
    all += one.cause.plain() + "\n" + one.check.plain() + "\n";
  for (const Text& line : check.finding->fix) all += line.plain() + "\n";
  return all;
}

void expect_finding(const Check& check, Status status, FindingId id) {
  EXPECT_EQ(check.status, status) << all_text(check);
  ASSERT_TRUE(check.finding) << all_text(check);
  EXPECT_EQ(check.finding->id, id) << all_text(check);
  EXPECT_THAT(check.finding->fix, Not(IsEmpty())) << all_text(check);
}

TEST(ReachDiagnosis, IsOkWhereAllTriesAreAnswered) {
  const Check tcp_check = check(result(open(tcp, "10.9.0.7:22"), {answered, answered, answered}));
  EXPECT_EQ(tcp_check.status, Status::ok);
  EXPECT_FALSE(tcp_check.finding);
  EXPECT_EQ(tcp_check.name, "reach.tcp");
  EXPECT_EQ(tcp_check.target.plain(), "10.9.0.7:22");
  EXPECT_EQ(tcp_check.summary.plain(), "connected after 12.0 ms, 3 of 3 tries");
  EXPECT_TRUE(tcp_check.essential);
  EXPECT_EQ(check(result(open(udp, "10.9.0.7:7"), {answered})).status, Status::ok);
  EXPECT_EQ(check(result(open(icmp, "10.9.0.7"), {answered})).summary.plain(),
            "answered after 12.0 ms");
}

TEST(ReachDiagnosis, NamesWhoRefuses) {
  const Check refusal = check(result(open(tcp, "10.9.0.7:22"), {refused, refused}));
  expect_finding(refusal, Status::critical, FindingId::refused);
  EXPECT_EQ(cause(refusal), "nothing listens on tcp 10.9.0.7:22: 10.9.0.7 refuses");
  expect_finding(check(result(open(udp, "10.9.0.7:7"), {refused})), Status::critical,
                 FindingId::refused);
}

TEST(ReachDiagnosis, NamesTheRouterInsideThatSaysNo) {
  const Check rejection = check(result(open(tcp, "10.9.0.7:22"), {silent, rejected}));
  expect_finding(rejection, Status::critical, FindingId::not_reachable);
  EXPECT_EQ(cause(rejection),
            "10.9.0.1 reports that tcp 10.9.0.7:22 cannot be reached: communication "
            "administratively prohibited");
  EXPECT_THAT(all_text(rejection),
              HasSubstr("on 10.9.0.1: find the rule that rejects: nft list ruleset"));
  ReachResult unreachable = result(open(tcp, "10.9.0.7:22"), {rejected});
  unreachable.tries[0].icmp->code = 1;
  EXPECT_THAT(all_text(check(unreachable)), HasSubstr("on 10.9.0.1: ip route get 10.9.0.7"));
}

TEST(ReachDiagnosis, RanksTheCausesOfSilence) {
  const Check silence = check(result(open(tcp, "10.9.0.7:22"), {silent, silent, silent}));
  expect_finding(silence, Status::critical, FindingId::not_reachable);
  EXPECT_EQ(cause(silence), "tcp 10.9.0.7:22 does not answer");
  EXPECT_GE(silence.finding->hypotheses.size(), 3U);
  EXPECT_THAT(all_text(silence), HasSubstr("on 10.9.0.7: ip route get ADDRESS"));
  ReachResult from = result(open(tcp, "10.9.0.7:22"), {silent});
  from.source = address("10.9.0.2");
  EXPECT_THAT(all_text(check(from)), HasSubstr("on 10.9.0.7: ip route get 10.9.0.2"));
  EXPECT_THAT(all_text(silence), Not(HasSubstr("carries no data")));
  for (const config::ReachKind kind : {icmp, tcp})
    expect_finding(check(result(open(kind, kind == icmp ? "10.9.0.7" : "10.9.0.7:1"), {silent})),
                   Status::critical, FindingId::not_reachable);
}

/// One TCP port that is dropped on a gateway which answers pings and refuses other ports.
TEST(ReachDiagnosis, ListsNoCauseThatTheSameHostsAnswersRefute) {
  ReachResult ping = result(open(icmp, "10.9.0.7"), {answered});
  ping.tries[0].hop_limit = 64;
  const ReachFacts facts{.results = {ping, result(open(tcp, "10.9.0.7:1"), {refused}),
                                     result(open(tcp, "10.9.0.7:5432"), {silent, silent})},
                         .heard = address("10.9.0.7")};
  const Check silence = diagnose(facts).back();
  expect_finding(silence, Status::critical, FindingId::not_reachable);
  EXPECT_EQ(
      cause(silence),
      "10.9.0.7 answers pings through the tunnel, but TCP port 5432 does not answer: this port "
      "is filtered, or its service hangs");
  const std::string all = all_text(silence);
  EXPECT_THAT(all, HasSubstr("the same address answers otherwise: icmp 10.9.0.7: answered after"));
  EXPECT_THAT(all, HasSubstr("a firewall drops TCP port 5432 to 10.9.0.7"));
  EXPECT_THAT(all, HasSubstr("on 10.9.0.7: ss -ltn 'sport = :5432'"));
  for (const char* refuted : {"is down", "no host", "route back", "does not forward", "FORWARD"})
    EXPECT_THAT(all, Not(HasSubstr(refuted)));
  EXPECT_THAT(all, HasSubstr("10.9.0.7 is the gateway itself"));
  EXPECT_THAT(all, HasSubstr("iptables -S INPUT"));
}

/// Pings beside the attempts are no targets, but they tell what is silent.
TEST(ReachDiagnosis, TellsASilentPortFromASilentTunnelByPingsBesideIt) {
  ReachFacts facts{.results = {result(open(tcp, "10.9.0.7:8443"), {silent, silent})},
                   .heard = address("10.9.0.7"),
                   .pings = {result(open(icmp, "10.9.0.7"), {answered})}};
  auto checks = diagnose(facts);
  ASSERT_THAT(checks, SizeIs(2));
  EXPECT_EQ(checks[0].summary.plain(), "the tunnel works: 10.9.0.7 answered");
  EXPECT_EQ(cause(checks[1]),
            "10.9.0.7 answers pings through the tunnel, but TCP port 8443 does not answer: this "
            "port is filtered, or its service hangs");
  EXPECT_THAT(all_text(checks[1]), Not(HasSubstr("tunnel itself")));

  facts.heard = address("10.9.0.1");
  facts.pings = {result(open(icmp, "10.9.0.7"), {silent}),
                 result(open(icmp, "10.9.0.1"), {answered})};
  facts.pings[1].address = address("10.9.0.1");
  checks = diagnose(facts);
  EXPECT_EQ(cause(checks[1]), "tcp 10.9.0.7:8443 does not answer");
  EXPECT_THAT(all_text(checks[1]), HasSubstr("10.9.0.7 does not answer pings"));
  EXPECT_THAT(all_text(checks[1]), Not(HasSubstr("10.9.0.1 does not answer pings")));

  facts.heard.reset();
  facts.pings.pop_back();
  EXPECT_EQ(cause(diagnose(facts).back()),
            "tcp 10.9.0.7:8443 does not answer, and nothing else inside the tunnel answers");
}

TEST(ReachDiagnosis, TakesAHostForTheGatewayOnlyByTheHopsOfItsReplies) {
  ReachResult ping = result(open(icmp, "10.9.0.7"), {answered});
  ping.tries[0].hop_limit = 63;
  const ReachFacts facts{.results = {ping, result(open(tcp, "10.9.0.7:5432"), {silent})},
                         .heard = address("10.9.0.7")};
  const std::string all = all_text(diagnose(facts).back());
  EXPECT_THAT(all, Not(HasSubstr("the gateway itself")));
  EXPECT_THAT(all, HasSubstr("iptables -S FORWARD"));
}

TEST(ReachDiagnosis, TakesARefusalForAHostOnlyWithAReservation) {
  ReachResult elsewhere = result(open(tcp, "10.9.0.8:5432"), {silent});
  elsewhere.address = address("10.9.0.8");
  const ReachFacts facts{.results = {result(open(tcp, "10.9.0.7:1"), {refused}),
                                     result(open(tcp, "10.9.0.7:5432"), {silent}), elsewhere},
                         .heard = address("10.9.0.7")};
  const auto checks = diagnose(facts);
  EXPECT_THAT(all_text(checks.at(2)),
              HasSubstr("10.9.0.7 is down, and a firewall refuses other ports in its name"));
  EXPECT_THAT(all_text(checks.at(3)), HasSubstr("10.9.0.8 is down, or no host has that address"))
      << "another host's answer says nothing of this one";
}

TEST(ReachDiagnosis, NamesHostsThatDoNotExistBesideTheTunnelWhereNothingAnswers) {
  const ReachFacts facts{.results = {result(open(tcp, "10.9.0.7:22"), {silent})}};
  EXPECT_THAT(all_text(diagnose(facts).front()), HasSubstr("no host has these addresses"));
}

TEST(ReachDiagnosis, SuspectsTheTunnelFirstWhereNothingAnswers) {
  const ReachFacts facts{.results = {result(open(tcp, "10.9.0.7:22"), {silent})},
                         .controls = {address("10.9.0.1")}};
  const auto checks = diagnose(facts);
  ASSERT_THAT(checks, SizeIs(2));
  EXPECT_EQ(checks[0].name, "reach.tunnel");
  EXPECT_EQ(checks[0].layer, Layer::tunnel);
  EXPECT_FALSE(checks[0].essential);
  expect_finding(checks[0], Status::unknown, FindingId::data_unanswered);
  EXPECT_EQ(cause(checks[1]),
            "tcp 10.9.0.7:22 does not answer, and nothing else inside the tunnel answers");
  EXPECT_EQ(checks[1].finding->hypotheses.at(0).cause.plain(),
            "the tunnel itself does not carry data");
}

TEST(ReachDiagnosis, DoesNotTakeSilenceOverUdpForAnything) {
  expect_finding(check(result(open(udp, "10.9.0.7:514"), {silent, silent})), Status::unknown,
                 FindingId::reach_not_told);
  ReachResult must_not = result(closed("udp:10.9.0.7:514"), {silent, silent});
  must_not.tunnel_proven = true;
  expect_finding(check(must_not), Status::unknown, FindingId::reach_not_told);
}

TEST(ReachDiagnosis, WarnsOfWhatAnswersOnlySometimes) {
  const Check some = check(result(open(tcp, "10.9.0.7:22"), {answered, silent, answered}));
  expect_finding(some, Status::warning, FindingId::reach_unstable);
  EXPECT_EQ(cause(some), "tcp 10.9.0.7:22 is reachable only sometimes: 2 of 3 tries");
  EXPECT_THAT(all_text(some), HasSubstr("1 of 3 tries: no answer for 12.0 ms"));
}

TEST(ReachDiagnosis, ComparesAnHttpStatus) {
  const auto with_status = [](int status, std::optional<int> wanted = std::nullopt) {
    Expectation expectation = open(http, "http://10.9.0.7/health");
    expectation.status = wanted;
    ReachResult one = result(expectation, {answered});
    one.tries[0].http_status = status;
    return check(one);
  };
  EXPECT_EQ(with_status(200).status, Status::ok);
  EXPECT_EQ(with_status(302).status, Status::ok);
  EXPECT_EQ(with_status(404, 404).status, Status::ok);
  expect_finding(with_status(404), Status::critical, FindingId::http_status);
  expect_finding(with_status(204, 200), Status::critical, FindingId::http_status);
  EXPECT_EQ(cause(with_status(503)), "http://10.9.0.7/health: HTTP status 503");
  expect_finding(check(result(open(http, "http://10.9.0.7/"), {broken})), Status::critical,
                 FindingId::http_status);
  expect_finding(check(result(open(http, "http://10.9.0.7/"), {stalled})), Status::critical,
                 FindingId::http_status);
}

TEST(ReachDiagnosis, ComparesTheAnswersOfANameServer) {
  const auto with_answer = [](std::string rcode, std::vector<IpAddress> addresses,
                              std::vector<IpAddress> wanted) {
    Expectation expectation = open(dns, "intranet.example@10.9.0.7");
    expectation.answers = std::move(wanted);
    ReachResult one = result(expectation, {answered});
    one.tries[0].dns = DnsFacts{std::move(rcode), std::move(addresses)};
    return check(one);
  };
  const IpAddress a = address("10.9.0.20");
  const IpAddress b = address("10.9.0.21");
  EXPECT_EQ(with_answer("NOERROR", {a, b}, {}).status, Status::ok);
  EXPECT_EQ(with_answer("NOERROR", {a, b}, {b, a}).status, Status::ok);
  expect_finding(with_answer("NOERROR", {a}, {a, b}), Status::critical, FindingId::lookup_failed);
  expect_finding(with_answer("NOERROR", {b}, {a}), Status::critical, FindingId::lookup_failed);
  expect_finding(with_answer("NOERROR", {}, {}), Status::critical, FindingId::lookup_failed);
  const Check unknown_name = with_answer("NXDOMAIN", {}, {});
  expect_finding(unknown_name, Status::critical, FindingId::lookup_failed);
  EXPECT_EQ(cause(unknown_name),
            "intranet.example is not found by the name server 10.9.0.7: NXDOMAIN");
}

TEST(ReachDiagnosis, SaysWhyANameIsNotKnown) {
  ReachResult one{.expectation = open(tcp, "intranet.example:22"),
                  .resolve_error = Error{Errc::bad_value, "the answer is NXDOMAIN"},
                  .name_server = address("10.9.0.53")};
  expect_finding(check(one), Status::critical, FindingId::lookup_failed);
  EXPECT_EQ(cause(check(one)), "intranet.example cannot be looked up: the answer is NXDOMAIN");
  one.expectation.closed = true;
  expect_finding(check(one), Status::unknown, FindingId::reach_not_told);
}

TEST(ReachDiagnosis, IsCriticalWhereWhatMustBeClosedAnswersInAnyWay) {
  for (const ReachOutcome outcome : {answered, broken, stalled}) {
    const Check leak = check(result(closed("tcp:10.9.0.7:5432"), {silent, outcome}));
    expect_finding(leak, Status::critical, FindingId::reachable_but_must_not);
    EXPECT_EQ(cause(leak), "tcp 10.9.0.7:5432 is reachable through the tunnel, but must not be");
  }
  ReachResult name_server = result(closed("dns:10.9.0.7"), {answered});
  name_server.tries[0].dns = DnsFacts{"REFUSED", {}};
  expect_finding(check(name_server), Status::critical, FindingId::reachable_but_must_not);
}

TEST(ReachDiagnosis, TakesARefusalForClosedWhateverElseIsKnown) {
  for (const ReachOutcome outcome : {refused, rejected})
    for (const char* target : {"tcp:10.9.0.7:5432", "udp:10.9.0.7:53"})
      EXPECT_EQ(check(result(closed(target), {silent, outcome})).status, Status::ok);
}

TEST(ReachDiagnosis, TakesSilenceForClosedOnlyWhereTheTunnelIsProven) {
  for (const char* target : {"tcp:10.9.0.7:5432", "icmp:10.9.0.7", "dns:10.9.0.7"}) {
    ReachResult one = result(closed(target), {silent, silent, silent});
    expect_finding(check(one), Status::unknown, FindingId::reach_not_told);
    one.tunnel_proven = true;
    EXPECT_EQ(check(one).status, Status::ok) << target;
    EXPECT_EQ(check(one).summary.plain(),
              "closed: no answer, asked 3 times, while the tunnel works");
  }
}

TEST(ReachDiagnosis, DoesNotSayThatAllIsSilentBesideAnAnswer) {
  ReachResult silent_one = result(closed("tcp:10.9.0.7:5432"), {silent, silent});
  const ReachResult ping = result(open(icmp, "10.9.0.1"), {answered});
  silent_one.heard_before = address("10.9.0.1");
  const std::string before =
      all_text(diagnose({.results = {ping, silent_one}, .heard = address("10.9.0.1")}).back());
  EXPECT_THAT(before, HasSubstr("10.9.0.1 answered before that but not after it"));
  silent_one.heard_before.reset();
  const std::string elsewhere =
      all_text(diagnose({.results = {ping, silent_one}, .heard = address("fd95::1")}).back());
  EXPECT_THAT(elsewhere, HasSubstr("fd95::1, which answered, was asked from another inner"));
  for (const std::string& text : {before, elsewhere}) {
    EXPECT_THAT(text, Not(HasSubstr("nothing else")));
    EXPECT_THAT(text, Not(HasSubstr("everything else")));
    EXPECT_THAT(text, HasSubstr("name another target")) << "a ping was asked for already";
  }
}

TEST(ReachDiagnosis, NeverTakesForClosedWhatWasNotAsked) {
  ReachResult outside{.expectation = closed("tcp:10.8.0.1:22"), .address = address("10.8.0.1")};
  outside.not_allowed = true;
  outside.tunnel_proven = true;
  expect_finding(check(outside), Status::unknown, FindingId::reach_not_told);
  EXPECT_THAT(cause(check(outside)), HasSubstr("AllowedIPs do not cover 10.8.0.1"));
  ReachResult not_sent_one = result(closed("tcp:10.9.0.7:22"), {not_sent});
  not_sent_one.tunnel_proven = true;
  expect_finding(check(not_sent_one), Status::unknown, FindingId::reach_not_told);
  ReachResult given_up = result(closed("tcp:10.9.0.7:22"), {silent});
  given_up.given_up = true;
  given_up.tunnel_proven = true;
  EXPECT_EQ(check(given_up).status, Status::unknown);
  ReachResult nothing{.expectation = closed("tcp:10.9.0.7:22")};
  nothing.tunnel_proven = true;
  EXPECT_EQ(check(nothing).status, Status::unknown);
}

TEST(ReachDiagnosis, IsCriticalWhereWhatShouldAnswerCouldNotBeAsked) {
  ReachResult outside{.expectation = open(tcp, "10.8.0.1:22"), .address = address("10.8.0.1")};
  outside.not_allowed = true;
  expect_finding(check(outside), Status::critical, FindingId::not_reachable);
  expect_finding(check(result(open(tcp, "10.9.0.7:22"), {not_sent})), Status::critical,
                 FindingId::not_reachable);
}

/// All sequences of up to two outcomes, whatever is wanted: what is never said.
TEST(ReachDiagnosis, NeverSaysOkOfAClosedTargetWithoutAProof) {
  const std::vector<ReachOutcome> all{answered, refused, rejected, broken,
                                      silent,   stalled, not_sent};
  for (const char* target : {"tcp:10.9.0.7:1", "udp:10.9.0.7:1", "icmp:10.9.0.7", "dns:10.9.0.7"})
    for (const ReachOutcome first : all)
      for (const ReachOutcome last : all)
        for (const bool proven : {false, true}) {
          ReachResult one = result(closed(target), {first, last});
          one.tunnel_proven = proven;
          const Check made = check(one);
          const bool may_be_ok = last == refused || last == rejected ||
                                 (last == silent && proven && one.expectation.kind != udp);
          EXPECT_EQ(made.status == Status::ok, may_be_ok) << target << all_text(made);
          EXPECT_EQ(made.finding.has_value(), !may_be_ok);
        }
}

TEST(ReachDiagnosis, MarksWhatIsSomebodys) {
  ReachResult one = result(open(http, "http://intranet.example:8080/secret-path"), {silent});
  const Check made = check(one);
  const auto unmarked = [](const Text& text) {
    std::string plain;
    for (const Text::Piece& piece : text.pieces())
      if (piece.kind == Sensitivity::none) plain += piece.text;
    return plain;
  };
  std::string all = unmarked(made.target) + unmarked(made.finding->cause);
  for (const Text& line : made.finding->evidence) all += unmarked(line);
  for (const Text& line : made.finding->fix) all += unmarked(line);
  EXPECT_THAT(all, Not(HasSubstr("intranet")));
  EXPECT_THAT(all, Not(HasSubstr("secret")));
  EXPECT_THAT(all, Not(HasSubstr("10.9.0.7")));
}

TEST(ReachReport, MeasuresWhatIsKnownAndNothingElse) {
  Report report;
  ReachFacts facts{.results = {result(open(tcp, "10.9.0.7:22"), {answered}),
                               result(open(tcp, "10.9.0.7:22"), {answered}),
                               result(open(icmp, "10.9.0.8"), {silent}),
                               result(open(udp, "10.9.0.7:514"), {silent})},
                   .heard = address("10.9.0.7"),
                   .resolve_time = 5ms};
  add(facts, report);
  EXPECT_THAT(report.checks, SizeIs(5));
  std::vector<std::string> lines;
  for (const Measurement& one : report.measurements) {
    std::string line(one.name);
    for (const Label& label : one.labels) line += " " + label.value.plain();
    lines.push_back(line + " = " + std::to_string(one.value));
  }
  EXPECT_THAT(lines,
              ElementsAre("wireguard_probe_phase_duration_seconds inner_resolve = 0.005000",
                          "wireguard_probe_target_success tcp 10.9.0.7:22 open = 1.000000",
                          "wireguard_probe_target_duration_seconds tcp 10.9.0.7:22 open = 0.012000",
                          "wireguard_probe_target_success icmp 10.9.0.8 open = 0.000000"));
}

TEST(ReachReport, HasASuccessForOneAndForMany) {
  const ReachResult reached = result(open(tcp, "10.9.0.7:22"), {answered});
  const ReachResult shut = result(closed("tcp:10.9.0.7:22"), {refused});
  EXPECT_EQ(success({.results = {reached}}).plain(), "tcp 10.9.0.7:22 is reachable");
  EXPECT_EQ(success({.results = {shut}}).plain(), "tcp 10.9.0.7:22 is closed, as expected");
  EXPECT_EQ(success({.results = {shut, reached}}).plain(),
            "all 2 targets inside the tunnel are as expected");
}

TEST(ReachReport, CountsInItsFirstLineHowManyAreWrong) {
  const auto first_line = [](int wrong, int right, ReachOutcome outcome) {
    ReachFacts facts{.results = {}, .heard = address("10.9.0.7")};
    for (int i = 0; i < right; ++i)
      facts.results.push_back(result(open(icmp, "10.9.0.7"), {answered}));
    for (int i = 0; i < wrong; ++i)
      facts.results.push_back(result(open(tcp, "10.9.0.7:22"), {outcome}));
    Report report;
    add(facts, report);
    return verdict(report).plain();
  };
  EXPECT_EQ(first_line(45, 19, refused),
            "45 of 64 targets inside the tunnel are not as expected, the first: nothing listens on "
            "tcp 10.9.0.7:22: 10.9.0.7 refuses");
  EXPECT_EQ(first_line(1, 63, refused), "nothing listens on tcp 10.9.0.7:22: 10.9.0.7 refuses");
  EXPECT_EQ(first_line(0, 2, refused), "all 2 targets inside the tunnel are as expected");
}

TEST(ReachReport, SkipsAllTargetsWhereThereIsNoTunnel) {
  Report report;
  skip(std::vector{open(tcp, "10.9.0.7:22"), closed("tcp:10.9.0.8:22")}, FindingId::silent, report);
  ASSERT_THAT(report.checks, SizeIs(2));
  EXPECT_EQ(report.checks[1].target.plain(), "10.9.0.8:22");
  for (const Check& one : report.checks) {
    EXPECT_EQ(one.name, "reach.tcp");
    EXPECT_EQ(one.status, Status::skipped);
    EXPECT_EQ(one.skipped_because, FindingId::silent);
    EXPECT_TRUE(one.essential);
  }
  EXPECT_EQ(overall(report), Status::unknown);
}

TEST(ReachTargetText, LeavesOutPortsThatGoWithoutSaying) {
  EXPECT_EQ(describe(open(dns, "a.example@10.9.0.1")).plain(), "dns a.example at 10.9.0.1");
  EXPECT_EQ(describe(open(dns, "a.example@[fd09::1]:5353")).plain(),
            "dns a.example at [fd09::1]:5353");
  EXPECT_EQ(describe(open(http, "http://a.example/x?y")).plain(), "http http://a.example/x?y");
  EXPECT_EQ(describe(open(http, "http://10.9.0.1:8080")).plain(), "http http://10.9.0.1:8080/");
  EXPECT_EQ(describe(open(icmp, "fd09::1")).plain(), "icmp fd09::1");
  EXPECT_EQ(describe(open(udp, "a.example:7")).plain(), "udp a.example:7");
}

}  // namespace
}  // namespace wgscope::diagnosis
