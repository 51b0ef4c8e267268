#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kResponse = "handshake.response";
constexpr const char* kPresharedKey = "handshake.preshared_key";

TEST(Response, AtOnceIsOk) {
  const std::vector<Check> checks = diagnose(facts_of(working_at()));
  EXPECT_EQ(outcome(checks, kResponse), "ok");
  EXPECT_EQ(find(checks, kResponse)->summary.plain(), "answered after 12.0 ms");
  EXPECT_EQ(outcome(checks, kPresharedKey), "ok");
  EXPECT_EQ(outcome(checks, "handshake.responder"), "ok");
  EXPECT_EQ(outcome(checks, "handshake.cookie"), "absent");
}

TEST(Response, ToALaterInitiationIsAWarning) {
  AttemptFacts attempt = working_at();
  attempt.initiations = 3;
  attempt.answered_initiation = 3;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, kResponse), "warning WGS-HS-015");
  EXPECT_EQ(
      verdict_of(facts),
      "the tunnel works, but 192.0.2.1:51820 answered only initiation 3: 2 initiations before "
      "it, or the responses, were lost");
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_THAT(find(checks, kResponse)->finding->hypotheses.back().cause.plain(),
              HasSubstr("with this key made a handshake at the same moment"));
}

TEST(Response, AfterACookieIsNotLate) {
  AttemptFacts attempt = working_at();
  attempt.initiations = 4;  // two of which found the gateway's queue full
  attempt.answered_initiation = 4;
  attempt.cookies = 1;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, kResponse), "ok");
  EXPECT_EQ(outcome(facts, "handshake.cookie"), "warning WGS-HS-008");
  EXPECT_THAT(verdict_of(facts), HasSubstr("is under load"));
}

TEST(Response, ThatCameAfterAllOutweighsOneThatDidNotDecrypt) {
  AttemptFacts attempt = working_at();
  attempt.preshared_key = PresharedKeyTrials{};
  EXPECT_EQ(overall_of(facts_of(attempt)), Status::ok);
}

// Preshared keys

HandshakeFacts undecrypted(PresharedKeyTrials trials, bool ours) {
  AttemptFacts attempt = attempt_at();
  attempt.initiations = 1;
  attempt.preshared_key = std::move(trials);
  HandshakeFacts facts = facts_of(attempt);
  facts.has_preshared_key = ours;
  return facts;
}

TEST(PresharedKey, UnknownToTheGatewayIsSaidSo) {
  const HandshakeFacts facts = undecrypted({.none_fits = true}, true);
  EXPECT_EQ(outcome(facts, kResponse), "ok");
  EXPECT_EQ(outcome(facts, kPresharedKey), "critical WGS-HS-011");
  EXPECT_EQ(outcome(facts, "tunnel.data"), "skipped WGS-HS-011");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 has no preshared key for this probe, the configuration has one");
  EXPECT_THAT(words_of(facts, kPresharedKey),
              HasSubstr("wg set INTERFACE peer " + key_of(9).base64() + " preshared-key FILE"));
  EXPECT_FALSE(has_handshake(facts));
}

TEST(PresharedKey, ThatIsAnotherOfThoseGivenIsNamed) {
  const HandshakeFacts facts = undecrypted({.given = "/etc/old.psk", .tried = 2}, true);
  EXPECT_EQ(outcome(facts, kPresharedKey), "critical WGS-HS-012");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 uses the preshared key of /etc/old.psk, the configuration has "
            "another");
  EXPECT_THAT(verdict_of(undecrypted({.given = "/etc/old.psk", .tried = 1}, false)),
              HasSubstr("the configuration has none"));
}

TEST(PresharedKey, MissingHereIsSaidSo) {
  const HandshakeFacts facts = undecrypted({}, false);
  EXPECT_EQ(outcome(facts, kPresharedKey), "critical WGS-HS-013");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 has a preshared key for this probe, the configuration has none");
}

TEST(PresharedKey, ThatDiffersIsSaidSoWithWhatWasTried) {
  const HandshakeFacts facts = undecrypted({.tried = 2}, true);
  EXPECT_EQ(outcome(facts, kPresharedKey), "critical WGS-HS-013");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 has another preshared key for this probe than the configuration");
  EXPECT_THAT(words_of(facts, kPresharedKey), AllOf(HasSubstr("without a preshared key either"),
                                                    HasSubstr("any of the 2 keys given")));
}

TEST(PresharedKey, IsNotSaidToBeSharedWhereThereIsNone) {
  HandshakeFacts facts = facts_of(working_at());
  EXPECT_EQ(find(diagnose(facts), kPresharedKey)->summary.plain(), "none on either side");
  facts.has_preshared_key = true;
  EXPECT_EQ(find(diagnose(facts), kPresharedKey)->summary.plain(), "both sides have the same");
}

// Cookies

TEST(Cookies, WithoutAResponseProveTheGatewaysKeyOnly) {
  AttemptFacts attempt = attempt_at();
  attempt.cookies = 3;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-009");
  EXPECT_EQ(outcome(facts, "handshake.cookie"), "ok");
  EXPECT_THAT(verdict_of(facts),
              HasSubstr("has the right public key and is under load, but does not respond"));
  const std::vector<std::string> why = reasons(facts, kResponse);
  EXPECT_THAT(why, Contains("this probe's public key is not configured on the gateway"));
  EXPECT_THAT(why, Not(Contains(HasSubstr("the gateway's public key is not"))));
}

/// A gateway that is flooded drops initiations of those it knows, too.
TEST(Cookies, WithoutAResponseDoNotShowThatTheKeyIsUnknown) {
  AttemptFacts attempt = attempt_at();
  attempt.cookies = 3;
  HandshakeFacts facts = facts_of(attempt);
  EXPECT_THAT(verdict_of(facts), AllOf(HasSubstr("it drops initiations under that load"),
                                       Not(HasSubstr("most likely"))));
  EXPECT_THAT(reasons(facts, kResponse).front(), HasSubstr("under so much load"));
  facts.stamp_ahead = 3h;
  EXPECT_THAT(verdict_of(facts), HasSubstr("most likely this host's clock is behind"));
}

TEST(Cookies, ThatDoNotDecryptAreAWarning) {
  AttemptFacts attempt = working_at();
  attempt.forged_cookies = 2;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "handshake.cookie"), "warning WGS-HS-010");
  EXPECT_EQ(outcome(facts, kResponse), "ok");
  EXPECT_THAT(words_of(facts, "handshake.cookie"),
              HasSubstr("2 cookie replies did not decrypt with " + key_of(7).base64()));
}

TEST(Cookies, ThatDoNotDecryptDoNotHideSilence) {
  AttemptFacts attempt = attempt_at();
  attempt.forged_cookies = 2;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-006");
  EXPECT_EQ(outcome(facts, "handshake.cookie"), "warning WGS-HS-010");
}

// Responder

TEST(Responder, AtAnotherAddressIsAWarning) {
  AttemptFacts attempt = working_at();
  attempt.responder = endpoint("192.0.2.99:51820");
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "handshake.responder"), "warning WGS-HS-014");
  EXPECT_EQ(verdict_of(facts),
            "the tunnel works, but 192.0.2.99:51820 answered instead of 192.0.2.1:51820: firewalls "
            "and NATs on the path may drop such answers");
  EXPECT_THAT(words_of(facts, "handshake.responder"), HasSubstr("has several addresses"));
}

TEST(Responder, AtAnotherPortIsANat) {
  AttemptFacts attempt = working_at();
  attempt.responder = endpoint("192.0.2.1:40000");
  EXPECT_THAT(reasons(facts_of(attempt), "handshake.responder").front(),
              HasSubstr("changes the source port"));
}

}  // namespace
}  // namespace wgscope::diagnosis
