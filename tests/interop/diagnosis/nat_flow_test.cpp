// How long a NAT remembers the tunnel's own flow, against a gateway of the other implementation on
// which nothing is installed: a router that translates, with conntrack's timers set to seconds.

#include "wgscope/checks/nat_flow.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

#include "behind_nat.hpp"
#include "interop/site.hpp"
#include "need.hpp"
#include "test_service.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::FlowFacts;
using path::FlowEnd;
using path::KeepaliveVerdict;
using std::chrono::seconds;

FlowFacts with_service(TestService::Kind kind, seconds lifetime,
                       const checks::NatFlowOptions& options) {
  BehindNat behind(lifetime);
  const TestService service(behind.theirs, kind);
  return behind.through_tcp(options);
}

FlowFacts without_forwarding() {
  BehindNat behind(5s);
  behind.theirs.set("net/ipv4/ip_forward", "0");
  return behind.through_twin({.keepalive = 25s, .longest_silence = 60s});
}

FlowFacts with_lost_keepalives() {
  BehindNat behind(5s);
  behind.drop_keepalives();
  return behind.through_twin({.keepalive = 3s, .longest_silence = 8s});
}

/// Pauses of 6.4 and 12.8 s leave open what becomes of 10 s.
FlowFacts interval_in_a_gap() {
  BehindNat behind(8s);
  behind.theirs.set("net/ipv4/ipfrag_time", "13");
  const TestService service(behind.theirs, TestService::Kind::speaks_first);
  return behind.through_tcp({.keepalive = 10s});
}

/// Silences take their time: all at once.
class NatFlow : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (why_no_real_interface()) return;
    using Kind = TestService::Kind;
    begin("twin",
          [] { return BehindNat(5s).through_twin({.keepalive = 3s, .longest_silence = 8s}); });
    begin("twin_short",
          [] { return BehindNat(3s).through_twin({.keepalive = 5s, .longest_silence = 6s}); });
    begin("twin_losses", with_lost_keepalives);
    begin("twin_alone", without_forwarding);
    begin("twin_long", [] { return BehindNat(60s).through_twin({.longest_silence = 17s}); });
    begin("tcp", [] { return with_service(Kind::speaks_first, 8s, {.keepalive = 3s}); });
    begin("tcp_short", [] { return with_service(Kind::answers, 8s, {.keepalive = 20s}); });
    begin("tcp_gap", interval_in_a_gap);
    begin("tcp_ends", [] { return with_service(Kind::gives_up, 60s, {.keepalive = 5s}); });
    begin("tcp_none", [] { return BehindNat(5s).through_tcp({.keepalive = 5s}); });
  }
  static void TearDownTestSuite() { measured_.clear(); }
  void SetUp() override { WGSCOPE_NEED(why_no_real_interface()); }

  static const FlowFacts& measured(const std::string& name) { return measured_.at(name).get(); }

  [[nodiscard]] static std::optional<FindingId> finding(const FlowFacts& facts) {
    for (const diagnosis::Check& check : diagnosis::diagnose(facts))
      if (check.finding) return check.finding->id;
    return std::nullopt;
  }

 private:
  static void begin(const std::string& name, const std::function<FlowFacts()>& scenario) {
    measured_.emplace(name, std::async(std::launch::async, scenario));
  }
  static inline std::map<std::string, std::shared_future<FlowFacts>> measured_;
};

/// conntrack's timers end within the second after they are over.
void expect_lifetime(const FlowFacts& facts, int lifetime) {
  ASSERT_TRUE(facts.found.alive_after && facts.found.gone_after);
  EXPECT_GE(*facts.found.alive_after, seconds(lifetime - 1));
  EXPECT_LE(*facts.found.alive_after, seconds(lifetime + 1));
  EXPECT_EQ(*facts.found.gone_after - *facts.found.alive_after, seconds(1));
}

TEST_F(NatFlow, TwinFindsTheLifetimeToASecondAndThatTheKeepaliveIsOftenEnough) {
  const FlowFacts& facts = measured("twin");
  expect_lifetime(facts, 5);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(facts.found.trials, 3U);
  EXPECT_EQ(facts.found.broken_silences, 0U) << "the gateway was to be silent";
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_F(NatFlow, TwinFindsTheLifetimeOfANatThatDropsKeepalives) {
  const FlowFacts& facts = measured("twin_losses");
  expect_lifetime(facts, 5);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_F(NatFlow, TwinSeesThatTheKeepaliveIsTooLong) {
  const FlowFacts& facts = measured("twin_short");
  expect_lifetime(facts, 3);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

TEST_F(NatFlow, TwinThatIsNotForwardedToUsIsNamed) {
  const FlowFacts& facts = measured("twin_alone");
  EXPECT_EQ(facts.found.end, FlowEnd::no_service);
  EXPECT_EQ(finding(facts), FindingId::twin_not_forwarded);
}

// Handshakes of the gateway would come after 15 s, its keepalives after 10 s.
TEST_F(NatFlow, GatewayThatWasSilencedStaysSilent) {
  const FlowFacts& facts = measured("twin_long");
  EXPECT_EQ(facts.found.alive_after, 17s);
  EXPECT_EQ(facts.found.broken_silences, 0U);
  EXPECT_EQ(facts.found.end, FlowEnd::done);
}

/// The pauses of a TCP sender double, from a timeout that its kernel chooses by the round trip,
/// 200 ms on an idle machine and more on a busy one. So the longest within the lifetime is more
/// than half of it, and the next one less than twice as long; Linux' timers add an eighth at
/// most, and half a second is given for the way. conntrack's own timers end within the second
/// after they are over.
void expect_bracket(const FlowFacts& facts, int lifetime) {
  ASSERT_TRUE(facts.found.alive_after && facts.found.gone_after);
  const int longest_alive = lifetime + 1;
  EXPECT_GE(*facts.found.alive_after, seconds(lifetime / 2));
  EXPECT_LE(*facts.found.alive_after, seconds(longest_alive));
  EXPECT_GT(*facts.found.gone_after, seconds(lifetime));
  EXPECT_LE(*facts.found.gone_after, seconds(longest_alive * 2 * 9 / 8 + 1));
}

TEST_F(NatFlow, RetransmissionsBracketTheLifetime) {
  const FlowFacts& facts = measured("tcp");
  EXPECT_EQ(facts.found.end, FlowEnd::done);
  expect_bracket(facts, 8);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(facts.found.broken_silences, 0U) << "the gateway was to be silent";
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_F(NatFlow, RetransmissionsOfWhatWasAskedForShowAKeepaliveThatIsTooLong) {
  const FlowFacts& facts = measured("tcp_short");
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  expect_bracket(facts, 8);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

/// The host reports packets that it gives up after 13 s, so that a silence just below 10 s is tried.
TEST_F(NatFlow, ReassemblyErrorsTellOfAnIntervalBetweenTwoPauses) {
  const FlowFacts& facts = measured("tcp_gap");
  EXPECT_EQ(facts.found.end, FlowEnd::done);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_LE(facts.found.gone_after, 10s);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

TEST_F(NatFlow, AServiceThatStopsSendingIsNotTakenForAFlowThatIsForgotten) {
  const FlowFacts& facts = measured("tcp_ends");
  EXPECT_EQ(facts.found.end, FlowEnd::service_ended);
  EXPECT_EQ(facts.found.gone_after, std::nullopt);
  EXPECT_NE(facts.found.keepalive, KeepaliveVerdict::not_enough);
}

TEST_F(NatFlow, APortThatRefusesIsNamed) {
  const FlowFacts& facts = measured("tcp_none");
  EXPECT_EQ(facts.fault, diagnosis::ServiceFault::refused);
  EXPECT_EQ(finding(facts), FindingId::service_unsuitable);
}

}  // namespace
}  // namespace wgscope::test
