// wgscope mtu against wgscope listen, whose measuring service makes the way back exact: over a
// router whose MTUs are built in, odd and different each way.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "files.hpp"
#include "interop/diagnosis/narrow_place.hpp"
#include "interop/diagnosis/place.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::MtuBackward;
using diagnosis::MtuFacts;
using path::MtuVerdict;

/// `wgscope listen` in the place's far host, on a port beside the gateway's.
class ExactMtu : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    place_.emplace(GetParam());
  }

  [[nodiscard]] static bool v4() { return GetParam() == Family::v4; }
  [[nodiscard]] static std::size_t overhead() { return v4() ? 60 : 80; }
  static std::string outer() { return v4() ? "10.2.0.1:51821" : "[fd02::1]:51821"; }

  void listen(const std::vector<std::string>& more = {}) {
    const std::string file = temp_ / "listen.conf";
    write_file(file, fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.8.0.1/24, fd08::1/64\n"
                                 "ListenPort = 51821\n[Peer]\nPublicKey = {}\n"
                                 "AllowedIPs = 10.8.0.2/32, fd08::2/128\n",
                                 theirs_.private_key, ours_.public_key));
    must_run({"chmod", "600", file});
    std::vector<std::string> argv{binary_dir() / "probe/wgscope",
                                  "listen",
                                  "--config",
                                  file,
                                  "--state.dir",
                                  temp_ / "state",
                                  "--interface",
                                  "wgsexact"};
    argv.insert(argv.end(), more.begin(), more.end());
    listener_.emplace(argv, ProcessOptions{.netns = place_->theirs.name()});
    if (!listener_->wait_for_output("stop with Ctrl-C", 30s))
      throw std::runtime_error(listener_->err());
  }

  MtuFacts search(std::string_view target = "10.8.0.1", const checks::MtuOptions& options = {}) {
    checks::MtuOptions chosen = options;
    chosen.target = IpAddress::parse(target).value();
    const MeasuredMtu measured = measure_mtu(
        *place_,
        fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.8.0.2/24, fd08::2/64\nMTU = {}\n"
                    "[Peer]\nPublicKey = {}\nEndpoint = {}\nAllowedIPs = 10.8.0.0/24, fd08::/64\n",
                    ours_.private_key, tunnel_mtu_, theirs_.public_key, outer()),
        chosen);
    took_ = measured.took;
    return measured.facts;
  }

  TempDir temp_;
  KeyPair ours_ = generate_key_pair();
  KeyPair theirs_ = generate_key_pair();
  std::optional<NarrowPlace> place_;
  std::optional<Process> listener_;
  Nanoseconds took_{};
  std::size_t tunnel_mtu_ = 1420;
};

INSTANTIATE_TEST_SUITE_P(, ExactMtu, testing::Values(Family::v4, Family::v6), [](const auto& test) {
  return std::string(test.param == Family::v4 ? "V4" : "V6");
});

void expect_boundary(const std::optional<path::MtuResult>& direction, std::size_t mtu) {
  ASSERT_TRUE(direction);
  EXPECT_EQ(direction->mtu, mtu);
  EXPECT_EQ(direction->not_above, mtu);
  EXPECT_TRUE(direction->exact);
  EXPECT_LE(direction->probes, 24U);
}

TEST_P(ExactMtu, FindsOddMtusEachWayThroughARouterThatSaysNothing) {
  listen();
  place_->limit_forward(1397);
  place_->limit_backward(1433);
  place_->silence_router();
  const MtuFacts facts = search();
  EXPECT_EQ(facts.method, MtuBackward::answers);
  expect_boundary(facts.forward, 1397);
  expect_boundary(facts.backward, 1433);
  EXPECT_EQ(facts.forward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::black_hole);
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1397 - overhead());
}

TEST_P(ExactMtu, NamesTheRouterThatReportsEachWay) {
  listen();
  place_->limit_forward(1433);
  place_->limit_backward(1397);
  const MtuFacts facts = search();
  expect_boundary(facts.forward, 1433);
  expect_boundary(facts.backward, 1397);
  EXPECT_EQ(facts.forward->report.value().from,
            IpAddress::parse(v4() ? Place::kRouter : Place::kRouter6).value());
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::ptb_reported);
  EXPECT_EQ(facts.backward->report.value().from,
            IpAddress::parse(v4() ? "10.2.0.2" : "fd02::2").value());
}

TEST_P(ExactMtu, AdvisesWhatPassesBothWaysToTheByte) {
  listen();
  place_->limit_forward(1400);
  place_->limit_backward(1400);
  const MtuFacts facts = search();
  EXPECT_EQ(diagnosis::fitting_mtu(facts), 1400 - overhead());
  EXPECT_EQ(diagnosis::likely_mtu(facts), std::nullopt);
}

TEST_P(ExactMtu, KnowsTheMarginOfAHealthyPathBothWaysInAtMostThreeSeconds) {
  listen();
  const MtuFacts facts = search();
  EXPECT_EQ(facts.forward->mtu, 1500U);
  EXPECT_EQ(facts.backward->mtu, 1500U);
  EXPECT_EQ(facts.backward->verdict, MtuVerdict::ok);
  EXPECT_EQ(facts.method, MtuBackward::answers);
  EXPECT_LE(took_, 3s);
  ASSERT_TRUE(facts.seen_as);
  EXPECT_EQ(facts.seen_as->address, IpAddress::parse(v4() ? "10.1.0.1" : "fd01::1").value());
}

TEST_P(ExactMtu, MeasuresOverIpv6InsideAsWell) {
  listen();
  place_->limit_forward(1397);
  place_->limit_backward(1389);
  place_->silence_router();
  const MtuFacts facts = search("fd08::1");
  expect_boundary(facts.forward, 1397);
  expect_boundary(facts.backward, 1389);
}

TEST_P(ExactMtu, DoesWithoutWhereTheServiceIsOff) {
  listen({"--no-measuring"});
  place_->limit_backward(1397);
  place_->silence_router();
  place_->drop_fragments(place_->ours);
  const MtuFacts facts = search();
  EXPECT_EQ(facts.method, MtuBackward::replies);
  EXPECT_EQ(facts.forward->mtu, 1500U);
  ASSERT_TRUE(facts.backward->mtu && facts.backward->not_above);
  EXPECT_LE(*facts.backward->mtu, 1397U);
  EXPECT_GE(*facts.backward->not_above, 1397U);
  EXPECT_LE(*facts.backward->not_above - *facts.backward->mtu, 15U);
}

TEST_P(ExactMtu, MeasuresTheWayBackWhateverMtuThisEndHas) {
  listen();
  for (const std::size_t mtu : {9000U, 65535U}) {
    tunnel_mtu_ = mtu;
    const MtuFacts facts = search();
    EXPECT_EQ(facts.method, MtuBackward::answers) << mtu;
    EXPECT_EQ(facts.forward->mtu, 1500U) << mtu;
    EXPECT_EQ(facts.backward->mtu, 1500U) << mtu;
  }
}

/// The endpoint answers no ping that is larger than its own MTU.
TEST_P(ExactMtu, TakesTheMtuOfTheFarTunnelForNoLimitOfThePath) {
  listen({"--no-measuring"});
  tunnel_mtu_ = 1440;
  const MtuFacts facts = search();
  if (facts.replies_end) {
    EXPECT_LE(*facts.replies_end, 1420U);
  }
  EXPECT_EQ(facts.backward->not_above, std::nullopt);
  EXPECT_NE(facts.backward->verdict, MtuVerdict::black_hole);
}

/// Both ways, by bytes: what is large finds the bucket empty more often than what is small. Over
/// IPv4 by answers of the service, over IPv6 by replies.
TEST_P(ExactMtu, DoesNotTakeATokenBucketForABlackHole) {
  listen(v4() ? std::vector<std::string>{} : std::vector<std::string>{"--no-measuring"});
  Place::add_rule(place_->router, "forward",
                  "limit rate over 4 kbytes/second burst 1600 bytes drop");
  const MtuFacts facts = search();
  std::size_t lost = 0;
  for (const auto& direction : {facts.forward, facts.backward}) {
    ASSERT_TRUE(direction);
    EXPECT_NE(direction->verdict, MtuVerdict::black_hole);
    EXPECT_NE(direction->verdict, MtuVerdict::ptb_reported);
    lost += direction->controls_lost;
    for (const auto& tried : direction->trials)
      if (tried.size <= 1500) lost += tried.sent - tried.answered;
  }
  EXPECT_GT(lost, 0U) << "the bucket was never empty";
}

TEST_P(ExactMtu, IsToldOfTheServicesOwnInterface) {
  listen();
  place_->theirs.must({"ip", "link", "set", place_->far.right, "mtu", "1450"});
  const MtuFacts facts = search();
  EXPECT_EQ(facts.backward->mtu, 1450U);
  EXPECT_EQ(facts.backward->not_above, std::nullopt);
  const auto checks = diagnosis::diagnose(facts);
  EXPECT_TRUE(std::ranges::any_of(checks, [](const diagnosis::Check& check) {
    return check.name == "mtu.backward" && check.finding &&
           check.finding->id == FindingId::mtu_own_interface;
  }));
  EXPECT_EQ(listener_->err().find("too long"), std::string::npos) << listener_->err();
}

}  // namespace
}  // namespace wgscope::test
