#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/endpoint_address.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// name.resolve

TEST(NameResolve, FindsANameThatResolvesToWhatNoGatewayCanHave) {
  HandshakeFacts facts = facts_of(std::vector<AttemptFacts>{});
  facts.wanted = {"gw.example.net", 51820};
  facts.unusable = {Endpoint::parse("0.0.0.0:51820").value()};
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "name.resolve"), "critical WGS-CFG-010");
  EXPECT_EQ(outcome(checks, "handshake.response"), "skipped WGS-CFG-010");
  EXPECT_THAT(verdict_of(facts), HasSubstr("0.0.0.0 is not a host's address"));
  EXPECT_THAT(words_of(facts, "name.resolve"), HasSubstr("name server blocks the name"));
}

TEST(NameResolve, GoesOnWithTheAddressesThatAGatewayCanHave) {
  HandshakeFacts facts = facts_of(working_at());
  facts.wanted = {"gw.example.net", 51820};
  facts.unusable = {Endpoint::parse("[::]:51820").value()};
  EXPECT_EQ(outcome(facts, "name.resolve"), "ok");
}

TEST(WhyNoGateway, KnowsAddressesThatNoHostHas) {
  const auto why = [](const char* text) {
    const auto words = why_no_gateway(Endpoint::parse(text).value());
    return words ? std::string(words->view()) : "";
  };
  for (const char* usable :
       {"192.0.2.1:1", "127.0.0.1:1", "10.255.255.255:1", "223.255.255.255:1", "240.0.0.1:1",
        "[::1]:1", "[2001:db8::1]:1", "[fe80::1%2]:1", "[fd00::1]:1", "[fec0::1]:1"})
    EXPECT_EQ(why(usable), "") << usable;
  for (const char* unusable : {"0.0.0.0:1", "0.1.2.3:1", "[::]:1"})
    EXPECT_EQ(why(unusable), "is not a host's address") << unusable;
  for (const char* multicast : {"224.0.0.1:1", "239.255.255.255:1", "[ff02::1]:1", "[ff0e::1]:1"})
    EXPECT_EQ(why(multicast), "is a multicast address") << multicast;
  EXPECT_EQ(why("255.255.255.255:1"), "is the broadcast address");
  EXPECT_THAT(why("[fe80::1]:1"), StartsWith("is a link-local address without the interface"));
  EXPECT_THAT(why("[febf::1]:1"), StartsWith("is a link-local address"));
}

// key.use

TEST(KeyUse, RefusesAKeyOfThisHostAndSkipsAllElse) {
  HandshakeFacts facts = facts_of(std::vector<AttemptFacts>{});
  facts.key_use = KeyUse::used;
  facts.key_user = "wg0";
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "key.use"), "critical WGS-KEY-001");
  ASSERT_GT(checks.size(), 5U);
  for (const Check& check : checks) {
    if (check.name == "key.use") continue;
    EXPECT_EQ(outcome(checks, check.name), "skipped WGS-KEY-001");
  }
  EXPECT_THAT(verdict_of(facts), HasSubstr("interface wg0 of this host uses this key"));
  EXPECT_THAT(words_of(facts, "key.use"), HasSubstr("--i-know-this-steals-the-endpoint"));
}

TEST(KeyUse, SkipsNoDataCheckWhereNoDataIsWanted) {
  HandshakeFacts facts = facts_of(std::vector<AttemptFacts>{});
  facts.key_use = KeyUse::used;
  facts.data_wanted = false;
  EXPECT_EQ(outcome(facts, "tunnel.data"), "absent");
}

TEST(KeyUse, LetsPassWhatTheUserInsistsOnAndSaysWhatThatDoes) {
  HandshakeFacts facts = facts_of(working_at());
  facts.key_use = KeyUse::used;
  facts.key_user = "wg0";
  facts.key_use_accepted = true;
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "key.use"), "ok");
  EXPECT_THAT(find(checks, "key.use")->summary.plain(), HasSubstr("the gateway sends wg0's"));
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(KeyUse, IsUnknownWithAWarningWhereItCannotBeLookedUp) {
  HandshakeFacts facts = facts_of(working_at());
  facts.key_use = KeyUse::not_known;
  facts.key_user = "list interfaces: not permitted";
  EXPECT_EQ(outcome(facts, "key.use"), "unknown WGS-KEY-002");
  EXPECT_THAT(words_of(facts, "key.use"),
              AllOf(HasSubstr("list interfaces: not permitted"), HasSubstr(key_of(9).base64())));
  EXPECT_EQ(overall_of(facts), Status::ok);
  EXPECT_EQ(overall(report_of(facts), FailOn::unknown), Status::unknown);
}

TEST(KeyUse, AsksForPrivilegesOnlyWhereTheyAreMissing) {
  HandshakeFacts facts = facts_of(working_at());
  facts.key_use = KeyUse::not_known;
  facts.key_unread = "wg-stuck";
  facts.key_user = "read wg-stuck.sock: the answer was not complete in time (a stuck daemon?)";
  EXPECT_THAT(words_of(facts, "key.use"),
              AllOf(HasSubstr("the interface wg-stuck could not be read"),
                    HasSubstr("ss -xlp | grep wg-stuck.sock"), Not(HasSubstr("run as root")),
                    Not(HasSubstr("could not be listed"))));
  facts.key_look_forbidden = true;
  EXPECT_THAT(words_of(facts, "key.use"),
              AllOf(HasSubstr("run as root"), Not(HasSubstr("ss -xlp"))));
}

// key.stamp

TEST(KeyStamp, WarnsOfAClockThatWasSetBack) {
  HandshakeFacts facts = facts_of(working_at());
  facts.stamp_ahead = 3h;
  EXPECT_EQ(outcome(facts, "key.stamp"), "warning WGS-CLK-001");
  EXPECT_EQ(verdict_of(facts),
            "the tunnel works, but this host's clock is 3 h behind the key's last handshake");
}

TEST(KeyStamp, ForgivesWhatAKilledRunLeaves) {
  HandshakeFacts facts = facts_of(working_at());
  facts.stamp_ahead = 160ms;
  EXPECT_EQ(outcome(facts, "key.stamp"), "ok");
}

TEST(KeyStamp, IsWhatTheGatewayOrTheRecordOfThisHostSays) {
  EXPECT_THAT(summary_of(facts_of(working_at()), "key.stamp"), "accepted by the gateway");
  HandshakeFacts silent = facts_of(attempt_at());
  EXPECT_EQ(outcome(silent, "key.stamp"), "unknown")
      << "an earlier one may have come from elsewhere";
  silent.stamp_recorded = true;
  EXPECT_EQ(outcome(silent, "key.stamp"), "ok");
  EXPECT_THAT(summary_of(silent, "key.stamp"), HasSubstr("from this host"));
}

TEST(KeyStamp, IsUnknownWhereStampsAreNotKept) {
  HandshakeFacts facts = facts_of(working_at());
  facts.stamps_not_kept = "open /var/lib/wgscope: read-only file system";
  EXPECT_EQ(outcome(facts, "key.stamp"), "unknown WGS-KEY-004");
  EXPECT_THAT(words_of(facts, "key.stamp"), HasSubstr("read-only file system"));
  EXPECT_EQ(overall_of(facts), Status::ok);
}

// clock

TEST(Clock, ThatIsNotSynchronisedIsUnknownOnlyWithoutAHandshake) {
  HandshakeFacts working = facts_of(working_at());
  working.clock_synchronised = false;
  EXPECT_EQ(outcome(working, "clock"), "ok");
  EXPECT_EQ(summary_of(working, "clock"),
            "not synchronised by NTP, but the gateway accepted this handshake's timestamp");
  EXPECT_EQ(overall_of(working), Status::ok);
  HandshakeFacts broken = facts_of(attempt_at());
  broken.clock_synchronised = false;
  EXPECT_EQ(outcome(broken, "clock"), "unknown WGS-CLK-002");
  broken.attempts.front().preshared_key.emplace();  // the gateway took the stamp
  EXPECT_EQ(outcome(broken, "clock"), "ok");
}

TEST(Clock, IsUnknownWhereTheKernelDoesNotSay) {
  HandshakeFacts facts = facts_of(working_at());
  facts.clock_synchronised.reset();
  EXPECT_EQ(outcome(facts, "clock"), "unknown");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

// name.resolve

HandshakeFacts unresolved(Errc code, const char* context) {
  HandshakeFacts facts = facts_of(std::vector<AttemptFacts>{});
  facts.resolve_error = Error{code, context};
  return facts;
}

TEST(NameResolve, TellsANameThatDoesNotExist) {
  const HandshakeFacts facts = unresolved(Errc::bad_value, "look up gw.example.net: no such name");
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "name.resolve"), "critical WGS-NAM-001");
  EXPECT_EQ(outcome(checks, "path.send"), "skipped WGS-NAM-001");
  EXPECT_EQ(outcome(checks, "handshake.response"), "skipped WGS-NAM-001");
  EXPECT_EQ(outcome(checks, "tunnel.data"), "skipped WGS-NAM-001");
  EXPECT_EQ(verdict_of(facts),
            "the endpoint's name gw.example.net does not exist, or has no such address");
}

TEST(NameResolve, TellsSilenceOfNameServers) {
  const HandshakeFacts facts = unresolved(Errc::timeout, "look up gw.example.net: no answer");
  EXPECT_EQ(outcome(facts, "name.resolve"), "critical WGS-NAM-002");
  EXPECT_EQ(verdict_of(facts), "no name server answered when asked for gw.example.net");
}

TEST(NameResolve, DoesNotCallARefusalSilence) {
  const HandshakeFacts facts = unresolved(Errc::io, "look up gw.example.net: refused");
  EXPECT_EQ(outcome(facts, "name.resolve"), "critical WGS-NAM-002");
  EXPECT_THAT(verdict_of(facts), HasSubstr("could not be looked up"));
  EXPECT_THAT(words_of(facts, "name.resolve"), HasSubstr("refused"));
}

TEST(NameResolve, CountsWhatTheNameStandsFor) {
  const HandshakeFacts facts = facts_of({working_at(), working_at("198.51.100.1:51820")});
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_THAT(find(checks, "name.resolve")->summary.plain(), HasSubstr("2 addresses"));
}

TEST(NameResolve, SaysHowLongItTook) {
  HandshakeFacts facts = facts_of(working_at());
  facts.resolving = 7ms;
  EXPECT_EQ(find(diagnose(facts), "name.resolve")->summary.plain(),
            "gw.example.net has 1 address to try, looked up in 7.00 ms");
}

NameServerFacts failing(const char* server, const char* rcode) {
  return {.server = address(server), .rcode = rcode, .error = true};
}

TEST(NameResolve, TellsAServersErrorFromSilence) {
  HandshakeFacts facts = unresolved(Errc::io, "look up gw.example.net");
  facts.name_servers = {{.server = address("198.51.100.7")}, failing("198.51.100.8", "SERVFAIL")};
  EXPECT_EQ(outcome(facts, "name.resolve"), "critical WGS-NAM-002");
  EXPECT_EQ(verdict_of(facts),
            "the name server 198.51.100.8 answers SERVFAIL when asked for gw.example.net");
  const std::string words = words_of(facts, "name.resolve");
  EXPECT_THAT(words, HasSubstr("the name server 198.51.100.7 did not answer"));
  EXPECT_THAT(words, HasSubstr("DNSSEC"));
  EXPECT_THAT(words, testing::Not(HasSubstr("through the tunnel that is down")));

  facts.name_servers = {failing("198.51.100.8", "REFUSED")};
  EXPECT_THAT(reasons(facts, "name.resolve").front(), HasSubstr("does not serve this host"));
  facts.name_servers = {failing("198.51.100.8", "NOTIMP")};
  EXPECT_THAT(words_of(facts, "name.resolve"), testing::Not(HasSubstr("DNSSEC")));
}

TEST(NameResolve, SaysWhereTheSystemFailsAndItsServersAnswer) {
  HandshakeFacts facts = unresolved(Errc::timeout, "look up gw.example.net");
  facts.name_servers = {
      {.server = address("198.51.100.7"), .rcode = "NOERROR", .has_address = true}};
  EXPECT_EQ(outcome(facts, "name.resolve"), "critical WGS-NAM-002");
  EXPECT_THAT(verdict_of(facts), HasSubstr("although the name server 198.51.100.7 answers"));
  EXPECT_THAT(words_of(facts, "name.resolve"), HasSubstr("nsswitch.conf"));
}

TEST(NameResolve, TellsAnUnreachableServerFromASilentOne) {
  HandshakeFacts facts = unresolved(Errc::timeout, "look up gw.example.net");
  facts.name_servers = {{.server = address("198.51.100.7"), .unreachable = true},
                        {.server = address("198.51.100.8")}};
  EXPECT_THAT(verdict_of(facts), HasSubstr("no name server answered"));
  const std::string words = words_of(facts, "name.resolve");
  EXPECT_THAT(words, HasSubstr("198.51.100.7 cannot be reached"));
  EXPECT_THAT(words, HasSubstr("198.51.100.8 did not answer"));
}

TEST(NameResolve, ThatWasInterruptedIsUnknown) {
  HandshakeFacts facts = unresolved(Errc::interrupted, "look up gw.example.net: interrupted");
  facts.interrupted = true;
  EXPECT_EQ(outcome(facts, "name.resolve"), "unknown");
  EXPECT_EQ(outcome(facts, "handshake.response"), "unknown");
  EXPECT_EQ(verdict_of(facts),
            "interrupted; so far: no answer from the name servers before the end");
}

// path.mark

TEST(PathMark, ThatCouldNotBeSetIsUnknownAndLeavesTheVerdictAlone) {
  HandshakeFacts facts = facts_of(working_at());
  EXPECT_EQ(outcome(facts, "path.mark"), "absent");
  facts.mark_refused = "set the mark 51820: not permitted";
  EXPECT_EQ(outcome(facts, "path.mark"), "unknown");
  EXPECT_THAT(find(diagnose(facts), "path.mark")->summary.plain(),
              HasSubstr("set the mark 51820: not permitted"));
  EXPECT_EQ(overall_of(facts), Status::ok);
}

// path.send

struct SendCase {
  int number;
  std::string_view outcome;
  std::string_view words;
};

TEST(PathSend, HasACauseForEachErrno) {
  for (const SendCase& known : std::vector<SendCase>{
           {EPERM, "critical WGS-LOC-001", "EPERM (Operation not permitted)"},
           {EACCES, "critical WGS-LOC-001", "prohibit route"},
           {ENETUNREACH, "critical WGS-LOC-002", "no route there"},
           {EHOSTUNREACH, "critical WGS-LOC-002", "ip route get 192.0.2.1"},
           {ENETDOWN, "critical WGS-LOC-002", "is down"},
           {ENODEV, "critical WGS-LOC-002", "is gone"},
           {ENOKEY, "critical WGS-LOC-002", "WireGuard interface whose peers do not cover it"},
           {EDESTADDRREQ, "critical WGS-LOC-002", "whose peer has no endpoint"},
           {EMSGSIZE, "critical WGS-LOC-003", "ip link set INTERFACE mtu"},
           {EAFNOSUPPORT, "critical WGS-LOC-004", "IPv4 address"},
           {EADDRNOTAVAIL, "critical WGS-LOC-004", "no address of that IP version"},
           {EINVAL, "critical WGS-LOC-005", "blackhole route"},
           {ENOBUFS, "critical WGS-LOC-005", "queue is full"},
           {ECONNREFUSED, "critical WGS-LOC-005", "ICMP error"},
           {ENOMEM, "critical WGS-LOC-005", "errno 12"},
           {-1, "critical WGS-LOC-005", "errno -1"}}) {
    AttemptFacts attempt = attempt_at();
    attempt.send_errno = known.number;
    const HandshakeFacts facts = facts_of(attempt);
    EXPECT_EQ(outcome(facts, "path.send"), known.outcome) << known.number;
    EXPECT_THAT(words_of(facts, "path.send"), HasSubstr(std::string(known.words)));
    EXPECT_THAT(verdict_of(facts), StartsWith("cannot send to 192.0.2.1:51820: "));
    EXPECT_THAT(outcome(facts, "handshake.response"), StartsWith("skipped WGS-LOC-"));
    EXPECT_THAT(outcome(facts, "tunnel.data"), StartsWith("skipped WGS-LOC-"));
  }
}

TEST(PathSend, AsksForAnAddressOfTheEndpointsIpVersion) {
  AttemptFacts attempt = attempt_at(kGatewayV6);
  attempt.send_errno = EAFNOSUPPORT;
  EXPECT_THAT(words_of(facts_of(attempt), "path.send"),
              HasSubstr("give this host an IPv6 address"));
}

TEST(PathSend, TakesErrorsThatOnlyRepeatAnIcmpErrorForThat) {
  AttemptFacts attempt = attempt_at();
  attempt.send_errno = ECONNREFUSED;
  attempt.icmp = {icmp("192.0.2.1", 3, 3)};
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.send"), "ok");
  EXPECT_EQ(outcome(facts, "path.icmp"), "critical WGS-HS-001");
}

TEST(PathSend, TakesEpermForTheFirewallsWhateverIcmpSays) {
  AttemptFacts attempt = attempt_at();
  attempt.send_errno = EPERM;
  attempt.icmp = {icmp("192.0.2.1", 3, 3)};
  EXPECT_EQ(outcome(facts_of(attempt), "path.send"), "critical WGS-LOC-001");
}

TEST(PathSend, IsNoMatterOnceThereIsAResponse) {
  AttemptFacts attempt = working_at();
  attempt.send_errno = ENOBUFS;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.send"), "ok");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(PathSend, IsNoMatterOnceThereIsAnyAnswer) {
  AttemptFacts attempt = attempt_at();
  attempt.send_errno = ENETUNREACH;
  attempt.preshared_key = PresharedKeyTrials{};
  EXPECT_EQ(outcome(facts_of(attempt), "handshake.preshared_key"), "critical WGS-HS-013");
}

TEST(PathSend, IsUnknownWhereNothingWasSentYet) {
  AttemptFacts attempt = attempt_at();
  attempt.initiations = 0;
  attempt.given_up = true;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.send"), "unknown");
  EXPECT_EQ(outcome(facts, "handshake.response"), "unknown");
  EXPECT_EQ(overall_of(facts), Status::unknown);
}

TEST(PathSend, LacksAnAddressBeforeItLacksARoute) {
  AttemptFacts attempt = attempt_at();
  attempt.send_errno = ENETUNREACH;
  attempt.family_missing = true;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.send"), "critical WGS-LOC-004");
  const std::string words = words_of(facts, "path.send");
  EXPECT_THAT(words, HasSubstr("no IPv4 address to send from"));
  EXPECT_THAT(words, HasSubstr("Endpoint = [64:ff9b::c000:201]:51820")) << "RFC 6052 §2.4";
  EXPECT_THAT(words, HasSubstr("ipv4only.arpa"));
  EXPECT_THAT(words, testing::Not(HasSubstr("route add")));

  attempt = attempt_at(kGatewayV6);
  attempt.send_errno = ENETUNREACH;
  attempt.family_missing = true;
  EXPECT_THAT(words_of(facts_of(attempt), "path.send"),
              testing::AllOf(HasSubstr("IPv6 address"), testing::Not(HasSubstr("NAT64"))));
  // A firewall's refusal is not about addresses.
  attempt.send_errno = EPERM;
  EXPECT_EQ(outcome(facts_of(attempt), "path.send"), "critical WGS-LOC-001");
}

}  // namespace
}  // namespace wgscope::diagnosis
