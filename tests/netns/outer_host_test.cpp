// What wgscope mtu --outer makes of hosts and firewalls that answer otherwise than Linux does.

#include <algorithm>
#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "echo_responder.hpp"
#include "interop/diagnosis/place.hpp"
#include "outer_path.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class OuterHost : public OuterPath {
 protected:
  /// The far end's own program answers pings.
  void answer_by_program() { router(4).set("net/ipv4/icmp_echo_ignore_all", "1"); }
  void drop_large_pings(std::size_t number, const std::string& hook) {
    Place::add_rule(router(number), hook, "icmp type echo-request meta length > 1000 drop");
  }
  void answer_no_udp() { Place::add_rule(router(4), "prerouting", "meta l4proto udp drop"); }
  static void expect_no_advice(const Said& said) {
    EXPECT_THAT(said.program.out, Not(HasSubstr("[Interface]")));
    EXPECT_TRUE(said.check("outer.setting").is_null() ||
                !said.summary("outer.setting").starts_with("packets of 1000"));
  }
};
INSTANTIATE_TEST_SUITE_P(, OuterHost, testing::Values(true));

TEST_P(OuterHost, ProvesOnlyTheWayThereByTruncatedReplies) {
  answer_by_program();
  Place::add_rule(router(2), "forward", "icmp type echo-reply meta length > 1300 drop");
  const EchoResponder responder(router(4).path(), [](EchoResponder::Bytes payload) {
    payload.resize(std::min<std::size_t>(payload.size(), 36));
    return payload;
  });
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_THAT(said.summary("outer.forward"), StartsWith("1500 bytes arrive unfragmented; "));
  EXPECT_THAT(said.verdict(), AllOf(HasSubstr("cannot measure the reverse path above"),
                                    HasSubstr("answers an echo request of 1480 bytes with 64")));
}

TEST_P(OuterHost, ProvesOnlyTheWayThereByRepliesThatArePaddedOrOtherBytes) {
  answer_by_program();
  {
    const EchoResponder responder(router(4).path(), [](EchoResponder::Bytes payload) {
      if (payload.size() > 1000) payload.resize(payload.size() + 8);
      return payload;
    });
    const Said said = outer();
    EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
    EXPECT_THAT(said.verdict(), HasSubstr("an echo request of 1480 bytes with 1488"));
  }
  const EchoResponder responder(router(4).path(), [](EchoResponder::Bytes payload) {
    if (payload.size() > 1000) payload.back() ^= std::byte{1};
    return payload;
  });
  const Said said = outer();
  EXPECT_THAT(said.summary("outer.forward"), StartsWith("1500 bytes arrive unfragmented; "));
  EXPECT_THAT(said.verdict(), HasSubstr("an echo request of 1480 bytes with other bytes"));
}

TEST_P(OuterHost, BlamesNoPathForAHostThatDropsLargePings) {
  drop_large_pings(4, "input");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-013");
  EXPECT_THAT(said.summary("outer.forward"), StartsWith("1500 bytes arrive unfragmented; "));
  EXPECT_THAT(said.verdict(),
              AllOf(HasSubstr("pings of more than 1000 bytes"), HasSubstr("UDP of 1500 bytes"),
                    HasSubstr("either the host or a firewall drops large pings")));
  expect_no_advice(said);
  EXPECT_LE(said.seconds(), 31);
  // This run had no key, so the command names what it needs.
  EXPECT_THAT(said.program.out, HasSubstr("which needs a key: wgscope mtu --config FILE"));
}

TEST_P(OuterHost, TellsAFirewallThatDropsLargePingsByUdp) {
  drop_large_pings(2, "forward");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_THAT(said.verdict(), AllOf(HasSubstr("UDP of 1500 bytes arrives: large pings are filtered "
                                              "between 10.20.1.2 (hop 2)"),
                                    HasSubstr("the reverse path is unknown above 1000 bytes")));
  expect_no_advice(said);
}

TEST_P(OuterHost, TellsAFirewallByTheRouterBehindItWhereTheHostIgnoresUdp) {
  answer_no_udp();
  drop_large_pings(2, "forward");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_THAT(said.verdict(), AllOf(HasSubstr("UDP of 1001 bytes passes where they are lost"),
                                    HasSubstr("the path MTU is unknown")));
  expect_no_advice(said);
}

TEST_P(OuterHost, CannotTellWherePingsAreAllThatTheHostAnswers) {
  answer_no_udp();
  drop_large_pings(4, "input");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_THAT(said.verdict(), AllOf(HasSubstr("drops large pings, or the path MTU is 1000 bytes"),
                                    HasSubstr("does not answer UDP")));
  expect_no_advice(said);
}

TEST_P(OuterHost, KnowsInAHurryWhatThePathTakes) {
  limit_forward(2, 1400);
  const Said reported = outer({"--quick", far()});
  EXPECT_EQ(reported.program.exit_code, 1) << reported.program.out << reported.program.err;
  EXPECT_THAT(reported.verdict(), HasSubstr("is 1400 bytes"));
  EXPECT_LE(reported.seconds(), 5);
  drop_too_big(2);
  const Said silent = outer({"--quick", far()});
  EXPECT_EQ(silent.program.exit_code, 2) << silent.program.out << silent.program.err;
  EXPECT_THAT(silent.verdict(), HasSubstr("is 1400 bytes"));
  EXPECT_LE(silent.seconds(), 10.5);
}

TEST_P(OuterHost, EndsInTimeWhereAnswersAreRationed) {
  Place::add_rule(router(4), "input",
                  "icmp type echo-request limit rate over 1/second burst 2 packets drop");
  answer_no_udp();
  limit_forward(2, 1400);
  drop_too_big(2);
  const Said said = outer();
  EXPECT_LE(said.seconds(), 30.5);
  EXPECT_NE(said.program.exit_code, 0) << said.program.out << said.program.err;
  EXPECT_THAT(said.program.out, HasSubstr("bytes"));
  expect_no_advice(said);
}

TEST_P(OuterHost, SaysThatThereIsNoRoute) {
  const Said said = outer({"203.0.113.1"});
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_EQ(said.verdict(), "cannot send to 203.0.113.1: this host has no route there");
  EXPECT_LE(said.seconds(), 1);
}

TEST_P(OuterHost, SaysWhoReportsThatTheHostCannotBeReached) {
  const Said far_away = outer({"10.20.3.77"});
  EXPECT_THAT(far_away.verdict(), AllOf(HasSubstr("10.20.3.77 cannot be reached: host unreachable"),
                                        HasSubstr("from 10.20.2.2")));
  const Said on_the_link = outer({"10.20.0.77"});
  EXPECT_THAT(on_the_link.verdict(), HasSubstr("nobody on the link answers for its address"));
}

TEST_P(OuterHost, HidesNoWarningBehindWhatIsUnknown) {
  router(0).set("net/ipv4/ping_group_range", "1 0");
  router(4).set("net/ipv4/icmp_ratelimit", "0");
  limit_forward(2, 1391);
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out << said.program.err;
  EXPECT_THAT(said.verdict(), HasSubstr("is 1391 bytes, as 10.20.1.2 reports"));
}

TEST_P(OuterHost, SaysWhatWasKnownBeforeTheInterrupt) {
  Place::add_rule(router(4), "input",
                  "icmp type echo-request limit rate over 1/second burst 12 packets drop");
  answer_no_udp();
  limit_forward(2, 1400);
  drop_too_big(2);
  const Said said = outer_for("6");
  EXPECT_THAT(said.verdict(), AllOf(HasSubstr("so far: the MTU of the forward path: at least"),
                                    HasSubstr("bytes")));
}

}  // namespace
}  // namespace wgscope::test
