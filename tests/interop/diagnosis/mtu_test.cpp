// The search for the path's MTU, through a tunnel to a gateway of the other implementation, over a
// path whose MTUs are built in: a router that takes only so much in each direction, and says so or
// does not.

#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "narrow_place.hpp"
#include "need.hpp"
#include "place.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::MtuFacts;
using path::MtuVerdict;

class PathMtu : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    place_.emplace(GetParam());
    place_->gateway.set_peer({.public_key = keys_.public_key});
  }

  [[nodiscard]] static bool v4() { return GetParam() == Family::v4; }
  [[nodiscard]] static std::size_t overhead() { return v4() ? 60 : 80; }

  MtuFacts search(const checks::MtuOptions& options = {}, std::size_t tunnel_mtu = 1420) {
    const std::string file = fmt::format(
        "[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/24, fd09::2/64\nMTU = {}\n"
        "[Peer]\nPublicKey = {}\nEndpoint = {}\nAllowedIPs = 10.9.0.0/24, fd09::/64\n",
        keys_.private_key, tunnel_mtu, place_->gateway.keys().public_key, Place::outer(GetParam()));
    const MeasuredMtu measured = measure_mtu(*place_, file, options);
    took_ = measured.took;
    return measured.facts;
  }

  [[nodiscard]] static std::optional<FindingId> finding(const MtuFacts& facts) {
    for (const diagnosis::Check& check : diagnosis::diagnose(facts))
      if (check.finding) return check.finding->id;
    return std::nullopt;
  }

  static void expect_dropped_behind_router(const MtuFacts& facts) {
    const auto& place = facts.drop;
    ASSERT_TRUE(place && place->last && place->first);
    EXPECT_EQ(place->last->number, 1);
    EXPECT_EQ(place->last->address,
              IpAddress::parse(v4() ? Place::kRouter : Place::kRouter6).value());
    EXPECT_EQ(place->first->number, 2);
    EXPECT_TRUE(place->first->is_end);
  }

  KeyPair keys_ = generate_key_pair();
  std::optional<NarrowPlace> place_;
  Nanoseconds took_{};
};

INSTANTIATE_TEST_SUITE_P(, PathMtu, testing::Values(Family::v4, Family::v6), [](const auto& test) {
  return std::string(test.param == Family::v4 ? "V4" : "V6");
});

TEST_P(PathMtu, ConfirmsAHealthyPathBothWaysInAtMostThreeSeconds) {
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.forward->mtu, 1500U);
  EXPECT_EQ(facts.forward->not_above, std::nullopt);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.backward->mtu, 1420U + overhead());
  EXPECT_EQ(facts.forward->repeated, path::kRepeats);
  EXPECT_EQ(facts.backward->repeated, path::kRepeats);
  EXPECT_EQ(facts.fragments_pass, std::nullopt);
  EXPECT_EQ(finding(facts), std::nullopt);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1420U) << "what is above was not tried backward";
  EXPECT_LE(took_, 3s);
}

TEST_P(PathMtu, FindsTheRouterThatReportsItsMtuForward) {
  place_->limit_forward(1387);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::ptb_reported);
  EXPECT_EQ(facts.forward->mtu, 1387U);
  EXPECT_EQ(facts.forward->not_above, 1387U);
  EXPECT_EQ(facts.forward->report.value().from,
            IpAddress::parse(v4() ? Place::kRouter : Place::kRouter6).value());
  EXPECT_EQ(facts.fragments_pass, true);
  EXPECT_EQ(finding(facts), FindingId::mtu_reported);
  expect_dropped_behind_router(facts);
  EXPECT_TRUE(facts.drop->reported);
}

TEST_P(PathMtu, FindsABlackHoleForwardExactly) {
  place_->limit_forward(1391);
  place_->silence_router();
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(facts.forward->mtu, 1391U);
  EXPECT_EQ(facts.forward->not_above, 1391U);
  EXPECT_LE(facts.forward->probes, 24U);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::ok);
  EXPECT_EQ(finding(facts), FindingId::mtu_black_hole_forward);
  expect_dropped_behind_router(facts);
}

/// IPv6 routers cut nothing.
class PathMtuOverIpv4 : public PathMtu {};
INSTANTIATE_TEST_SUITE_P(, PathMtuOverIpv4, testing::Values(Family::v4));

TEST_P(PathMtuOverIpv4, SaysThatFragmentsDoNotPassEither) {
  place_->limit_forward(1400);
  place_->drop_fragments(place_->theirs);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1400U);
  EXPECT_EQ(facts.fragments_pass, false);
}

// Where fragments on the reverse path are dropped, a gateway that allows them and one that does not
// look alike.
TEST_P(PathMtu, FindsABlackHoleBackwardToASixteenth) {
  const std::size_t mtu = 1280 + 96;  // a multiple of 16 inside, IPv4: 1316, IPv6: 1296
  place_->limit_backward(mtu);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.forward->mtu, 1500U);
  ASSERT_TRUE(facts.backward->mtu && facts.backward->not_above);
  EXPECT_LE(*facts.backward->mtu, mtu);
  EXPECT_GE(*facts.backward->not_above, mtu);
  EXPECT_LE(*facts.backward->not_above - *facts.backward->mtu, 15U);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(finding(facts), FindingId::mtu_black_hole_backward);
}

TEST_P(PathMtu, FindsMtusThatDifferByDirectionExactlyWhereRepliesCanHaveTheirSize) {
  const std::size_t backward = overhead() + 1328;  // a multiple of 16 inside
  place_->limit_forward(1470);
  place_->limit_backward(backward);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1470U);
  EXPECT_EQ(facts.backward->mtu, backward);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1328U);
}

TEST_P(PathMtu, SaysThatRepliesComeInFragments) {
  place_->limit_backward(1400);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::ok);
  ASSERT_TRUE(facts.largest_fragment);
  EXPECT_LE(*facts.largest_fragment, 1400U);
  EXPECT_GE(*facts.largest_fragment, 1393U);
  EXPECT_LE(*facts.backward->mtu, 1400U);
  EXPECT_GE(*facts.backward->not_above, 1400U);
  EXPECT_LE(*facts.backward->not_above - *facts.backward->mtu, 7U);
  EXPECT_EQ(finding(facts), FindingId::mtu_fragments);
}

TEST_P(PathMtu, FindsATunnelThatIsSmallerThere) {
  const MtuFacts facts = search({}, 1440 - (v4() ? 0 : 20));
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.inner_fragments, v4()) << "the gateway's tunnel has 1420";
  EXPECT_EQ(finding(facts), v4() ? std::optional(FindingId::mtu_peer_smaller) : std::nullopt);
}

TEST_P(PathMtu, IsNotTakenInByALinkThatLosesATenth) {
  Place::add_rule(place_->router, "forward", "numgen random mod 10 == 0 drop");  // both ways
  place_->limit_forward(1387);
  place_->silence_router();
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(facts.forward->mtu, 1387U);
}

TEST_P(PathMtu, FindsTheSameOverIpv6Inside) {
  const std::size_t backward = overhead() + 1328;
  place_->limit_forward(1471);
  place_->limit_backward(backward);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const MtuFacts facts = search({.target = IpAddress::parse("fd09::1").value()});
  EXPECT_EQ(facts.forward->mtu, 1471U);
  EXPECT_EQ(facts.forward->not_above, 1471U);
  EXPECT_EQ(facts.backward->mtu, backward);
  EXPECT_EQ(facts.method, diagnosis::MtuBackward::replies);
}

TEST_P(PathMtuOverIpv4, TellsOfOneLimitBothWaysWhatIsProvenAndWhatMayPass) {
  place_->limit_forward(1400);
  place_->limit_backward(1400);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const MtuFacts facts = search();
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1328U);
  EXPECT_EQ(diagnosis::likely_mtu(facts), 1340U);
  // Larger replies are asked for by requests that are cut inside the tunnel.
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(facts.backward->not_above, 1403U);
}

TEST_P(PathMtu, FindsOutTheWayBackThoughRequestsHaveToBeSmaller) {
  place_->limit_forward(1380);
  place_->silence_router();
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1380U);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.backward->mtu, 1420U + overhead());
}

TEST_P(PathMtu, NamesWhatFitsTheSmallestPath) {
  const std::size_t mtu = v4() ? 580 : 1280;
  place_->limit_forward(mtu);
  place_->limit_backward(mtu);
  place_->silence_router();
  if (v4()) place_->drop_fragments(place_->ours);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, mtu);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), v4() ? 512U : 1200U);
}

TEST_P(PathMtuOverIpv4, TakesNoLossOfLargePacketsForALimit) {
  Place::add_rule(place_->router, "forward", "meta length > 1000 numgen random mod 100 < 80 drop");
  const MtuFacts facts = search({.deadline = os::boot_now() + 40s});
  EXPECT_LE(took_, 41s);
  for (const auto& direction : {facts.forward, facts.backward}) {
    ASSERT_TRUE(direction);
    EXPECT_NE(direction->verdict, MtuVerdict::black_hole);
    EXPECT_NE(direction->verdict, MtuVerdict::ok) << "though the first one may pass";
    EXPECT_GE(direction->not_above.value_or(1500), 1480U);
    EXPECT_EQ(direction->controls_lost, 0U);
  }
  EXPECT_EQ(facts.drop, std::nullopt);
}

TEST_P(PathMtuOverIpv4, EndsInTimeWhateverIsLostAndSaysWhatIsKnown) {
  Place::add_rule(place_->router, "forward", "meta length > 1400 drop");
  // Each way, but no handshakes.
  Place::add_rule(place_->router, "forward",
                  "meta length != { 120, 176 } numgen random mod 100 < 45 drop");
  const MtuFacts facts = search({.deadline = os::boot_now() + 15s});
  EXPECT_LE(took_, 16s);
  ASSERT_TRUE(facts.forward);
  EXPECT_GT(facts.forward->controls, 0U);
  EXPECT_LE(facts.forward->mtu.value_or(0), 1400U);
  EXPECT_GE(facts.forward->not_above.value_or(1400), 1400U);
}

/// Pings of more than 1308 bytes inside.
TEST_P(PathMtuOverIpv4, DoesNotTakeWhatTheGatewayDoesNotAnswerForTheWayBack) {
  Place::add_rule(place_->theirs, "input", "icmp type echo-request meta length > 1308 drop");
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1500U);
  EXPECT_EQ(facts.replies_end, 1308U - 1308U % 16);
  EXPECT_EQ(facts.backward->not_above, std::nullopt);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::inconclusive);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), std::nullopt);
}

/// As after a forged ICMP that claims less than Linux believes.
TEST_P(PathMtuOverIpv4, DoesNotTakeWhatTheGatewayHasLearntForThePath) {
  place_->theirs.must({"ip", "route", "replace", "10.1.0.0/24", "via", "10.2.0.2", "mtu", "552"});
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1500U);
  EXPECT_LE(facts.largest_fragment.value(), 552U);
  EXPECT_EQ(facts.backward->not_above, std::nullopt);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), std::nullopt);
  EXPECT_EQ(finding(facts), FindingId::mtu_fragments);
}

TEST_P(PathMtuOverIpv4, ReadsWhetherTheGatewaysDatagramsMayBeCut) {
  const MtuFacts facts = search();
  ASSERT_TRUE(facts.cutting);
  EXPECT_TRUE(facts.cutting->read);
  EXPECT_EQ(facts.cutting->dont_fragment, sets_dont_fragment());
}

TEST_P(PathMtuOverIpv4, InfersThatWithoutPrivilegesFromWhatComesInFragments) {
  place_->limit_backward(1400);
  const MtuFacts facts = search({.read_headers = false});
  ASSERT_TRUE(facts.cutting);
  EXPECT_FALSE(facts.cutting->read);
  EXPECT_EQ(facts.cutting->dont_fragment, sets_dont_fragment());
}

TEST_P(PathMtuOverIpv4, DoesNotClaimToKnowWithoutPrivilegesWhereNothingIsCut) {
  const MtuFacts facts = search({.read_headers = false});
  EXPECT_EQ(facts.cutting.has_value(), false);
}

TEST_P(PathMtu, NamesASizeThatFitsInAQuickRunToo) {
  place_->limit_forward(1391);
  place_->silence_router();
  const MtuFacts facts = search({.quick = true, .deadline = os::boot_now() + 9s});
  EXPECT_EQ(facts.forward->mtu, 1391U);
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::black_hole);
  EXPECT_LE(diagnosis::fitting_mtu(facts), 1391U - overhead());
  EXPECT_GE(diagnosis::fitting_mtu(facts), 1391U - overhead() - 15);
  EXPECT_LE(took_, 9s);
}

/// Something that listens on the gateway, port 22.
class TcpService {
 public:
  explicit TcpService(const NetworkNamespace& netns) {
    inside(netns.path(), [this] {
      fd_ = os::UniqueFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));  // IPv4 too
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_port = htons(22);
      const auto* const address = reinterpret_cast<const sockaddr*>(&any);
      if (!fd_ || bind(fd_.get(), address, sizeof any) != 0 || listen(fd_.get(), 5) != 0)
        throw std::runtime_error("cannot listen on port 22");
    });
  }

 private:
  os::UniqueFd fd_;
};

TEST_P(PathMtu, ComparesTheMssOfAnInnerService) {
  const TcpService service(place_->theirs);
  const MtuFacts fits = search({.tcp_port = 22});
  ASSERT_TRUE(fits.tcp && fits.tcp->mss);
  const std::size_t tunnel = 1420;  // the gateway's
  EXPECT_EQ(fits.tcp->mss, tunnel - 40);
  EXPECT_EQ(finding(fits), std::nullopt);

  const MtuFacts inside6 =
      search({.tcp_port = 22, .tcp_address = IpAddress::parse("fd09::1").value()});
  EXPECT_EQ(inside6.tcp->mss, tunnel - 60);
}

TEST_P(PathMtu, WarnsOfAnMssThatIsLargerThanThePathTakes) {
  const TcpService service(place_->theirs);
  place_->limit_forward(1391);
  const MtuFacts facts = search({.tcp_port = 22});
  const auto checks = diagnosis::diagnose(facts);
  const auto check = std::ranges::find(checks, "mtu.tcp", &diagnosis::Check::name);
  ASSERT_TRUE(check != checks.end() && check->finding);
  EXPECT_EQ(check->finding->id, FindingId::mtu_mss_too_large);
}

TEST_P(PathMtu, SeesAnMssThatIsLoweredOnTheWay) {
  const TcpService service(place_->theirs);
  Place::add_rule(place_->theirs, "output", "tcp flags syn tcp option maxseg size set 1240");
  const MtuFacts facts = search({.tcp_port = 22});
  EXPECT_EQ(facts.tcp->mss, 1240);
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_P(PathMtu, SaysThatNoServiceIsThere) {
  const MtuFacts facts = search({.tcp_port = 22});
  ASSERT_TRUE(facts.tcp);
  EXPECT_FALSE(facts.tcp->mss);
  EXPECT_TRUE(facts.tcp->refused);
}

TEST_P(PathMtu, FindsThisHostsOwnInterfaceToBeTooSmall) {
  place_->ours.ip(fmt::format("link set {} mtu 1390\n", place_->near.left));
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1390U);
  EXPECT_EQ(facts.forward->own_limit, 1390U);
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::refused_here);
  EXPECT_EQ(finding(facts), FindingId::mtu_own_interface);
  EXPECT_TRUE(std::ranges::any_of(facts.forward->trials, &path::MtuTrial::refused));
  EXPECT_LE(took_, 10s);
}

// A host that answers few pings: what is not answered is no matter of size.
TEST_P(PathMtu, IsNotTakenInByAGatewayThatLimitsItsReplies) {
  Place::add_rule(place_->theirs, "input",
                  "icmp type echo-request limit rate over 2/second burst 3 packets drop");
  const MtuFacts facts = search();
  EXPECT_NE(facts.forward->verdict, MtuVerdict::black_hole);
  EXPECT_TRUE(!facts.backward || facts.backward->verdict != MtuVerdict::black_hole);
  const bool told = facts.forward->exact && facts.forward->not_above;
  EXPECT_TRUE(!told || facts.forward->mtu == 1500U) << *facts.forward->mtu;
}

TEST_P(PathMtu, SaysThatNothingAnswers) {
  const MtuFacts facts = search({.target = IpAddress::parse("10.9.0.77").value()});
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::inconclusive);
  EXPECT_EQ(facts.forward->mtu, std::nullopt);
  EXPECT_EQ(finding(facts), FindingId::mtu_unanswered);
}

}  // namespace
}  // namespace wgscope::test
