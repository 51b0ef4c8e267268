// What wgscope mtu --outer finds of the path, through routers of Linux.

#include <cstddef>
#include <filesystem>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "interop/diagnosis/place.hpp"
#include "outer_path.hpp"
#include "paths.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

INSTANTIATE_TEST_SUITE_P(, OuterPath, testing::Values(true, false),
                         [](const auto& test) { return std::string(test.param ? "V4" : "V6"); });

TEST_P(OuterPath, SaysWhatTakesAHealthyPathWithoutPrivileges) {
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out << said.program.err;
  EXPECT_THAT(said.summary("outer.forward"), StartsWith("1500 bytes arrive unfragmented; "));
  EXPECT_THAT(said.summary("outer.both"),
              StartsWith("every size up to 1500 bytes arrives unfragmented in both directions; "));
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr(v4() ? "MTU 1440 fits" : "MTU 1420 fits"));
  EXPECT_LE(said.report.at("duration_seconds").get<double>(), 3);
}

TEST_P(OuterPath, NamesTheLinkOfABlackHoleWhereverItIs) {
  for (std::size_t number = 1; number < kLinks; ++number) {
    // From the far end on, so that the narrowest is the nearest one so far.
    const std::size_t at = kLinks - number;
    const std::size_t mtu = 1400 - 7 * number;
    limit_forward(at, mtu);
    drop_too_big(at);
    const Said said = outer();
    EXPECT_EQ(said.program.exit_code, 2) << said.program.out << said.program.err;
    EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
    const std::string last = fmt::format("{} (hop {})", right(at - 1, v4()), at);
    const std::string first = fmt::format("{} (hop {})", right(at, v4()), at + 1);
    EXPECT_THAT(said.summary("outer.forward"),
                AllOf(HasSubstr(fmt::format("is {} bytes", mtu)),
                      HasSubstr("between " + last + " and " + first)));
  }
}

TEST_P(OuterPath, NamesTheRouterThatReports) {
  limit_forward(2, 1391);
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out << said.program.err;
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-003");
  EXPECT_THAT(said.summary("outer.forward"),
              AllOf(HasSubstr("is 1391 bytes"), HasSubstr("as " + right(1, v4()) + " reports")));
  EXPECT_THAT(said.program.out,
              HasSubstr("the larger packets reach " + right(1, v4()) + " (hop 2)"));
}

TEST_P(OuterPath, NamesTheNearestHopsThatSpeakAroundASilentOne) {
  limit_forward(2, 1391);
  drop_too_big(2);
  drop_time_exceeded(2);
  const Said said = outer();
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
  EXPECT_THAT(
      said.summary("outer.forward"),
      HasSubstr(fmt::format("between {} (hop 1) and {} (hop 3)", right(0, v4()), right(2, v4()))));
  EXPECT_THAT(said.program.out,
              HasSubstr("hops between them that answer no packet of either size: 1"));
}

INSTANTIATE_TEST_SUITE_P(, OuterPathOverIpv4, testing::Values(true));

TEST_P(OuterPathOverIpv4, TellsTheWayBackFromTheWayThere) {
  router(4).set("net/ipv4/icmp_ratelimit", "0");
  limit_forward(1, 1450);
  limit_backward(2, 1390);
  drop_too_big(1);
  const Said said = outer();
  EXPECT_THAT(said.summary("outer.forward"), HasSubstr("is 1450 bytes"));
  // The far end learns of it where routers must not cut, and cuts then.
  EXPECT_THAT(said.check("outer.both").at("finding").at("id"), "WGS-MTU-004");
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr(v4() ? "MTU 1330 fits" : "MTU 1310 fits"));
}

TEST_P(OuterPathOverIpv4, MakesDoWithUdpWhereEchoIsNotPermitted) {
  router(0).set("net/ipv4/ping_group_range", "1 0");
  limit_forward(2, 1391);
  drop_too_big(2);
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 2) << said.program.out << said.program.err;
  // The far end rations its answers, so that the time may be over before the hop is known.
  EXPECT_THAT(said.summary("outer.forward"), HasSubstr("is 1391 bytes"));
  EXPECT_THAT(said.summary("outer.both"), HasSubstr("ping_group_range"));
  EXPECT_LE(said.seconds(), 30.5);
}

TEST_P(OuterPath, MakesDoWithEchoWhereNothingElseIsAnswered) {
  Place::add_rule(router(4), "input", "meta l4proto udp drop");
  limit_forward(2, 1391);
  drop_too_big(2);
  const Said said = outer();
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-001");
  EXPECT_THAT(
      said.summary("outer.forward"),
      HasSubstr(fmt::format("between {} (hop 2) and {} (hop 3)", right(1, v4()), right(2, v4()))));
}

TEST_P(OuterPath, SaysWhereNothingAnswersAtAll) {
  Place::add_rule(router(4), "input",
                  "meta l4proto { icmp, udp } drop; icmpv6 type echo-request drop");
  const Said said = outer();
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out << said.program.err;
  EXPECT_EQ(said.report.at("finding"), "WGS-MTU-012");
}

TEST_P(OuterPath, TakesTheHostAndTheMtuOfAConfigurationButNoKey) {
  const std::string endpoint = v4() ? far() : "[" + far() + "]";
  const std::string file = folder_ / "wg0.conf";
  write_file(file, fmt::format("[Interface]\nMTU = 1300\n[Peer]\nPublicKey = {}\n"
                               "Endpoint = {}:51820\nAllowedIPs = 10.9.0.0/24\n",
                               generate_key_pair().public_key, endpoint));
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  limit_forward(3, 1391);
  drop_too_big(3);
  const Said said = outer({"--config", file});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out << said.program.err;
  EXPECT_THAT(said.summary("outer.setting"), HasSubstr("over MTU 1300"));
}

}  // namespace
}  // namespace wgscope::test
