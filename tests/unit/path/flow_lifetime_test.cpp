#include "wgscope/path/flow_lifetime.hpp"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/path/keepalive.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FlowLifetime, IsBelowTheShortestSilenceThatWasNotSurvived) {
  FlowLifetime flow;
  const auto tried = [&](milliseconds length, bool alive) {
    flow.tried.push_back({.least = length, .most = length, .alive = alive});
  };
  tried(milliseconds(20'000), true);
  tried(milliseconds(31'000), true);
  tried(milliseconds(27'000), false);
  conclude(flow, seconds(25), 1);
  EXPECT_EQ(flow.alive_after, seconds(20)) << "what is longer than the failure was chance";
  EXPECT_EQ(flow.gone_after, seconds(27));
  tried(milliseconds(24'500), true);
  conclude(flow, seconds(25), 2);
  EXPECT_EQ(flow.trials, 1U) << "less than the interval is none of its trials";
  EXPECT_EQ(flow.keepalive, KeepaliveVerdict::not_known);
}

TEST(FlowLifetime, HasNoUpperEndWhereItsFailuresAreForgotten) {
  FlowLifetime flow;
  flow.tried = {{.least = seconds(25), .most = seconds(25), .alive = false},
                {.least = seconds(12), .most = seconds(12), .alive = true},
                {.least = seconds(30), .most = seconds(30), .alive = true}};
  conclude(flow, seconds(25), 1);
  EXPECT_EQ(flow.keepalive, KeepaliveVerdict::not_enough);
  forget_failures(flow, seconds(25), 2);
  EXPECT_EQ(flow.gone_after, std::nullopt);
  EXPECT_EQ(flow.alive_after, seconds(30));
  EXPECT_EQ(flow.keepalive, KeepaliveVerdict::not_known) << "one of two silences is too few";
  forget_failures(flow, seconds(25), 1);
  EXPECT_EQ(flow.keepalive, KeepaliveVerdict::enough) << "what came in was let in";
}

}  // namespace
}  // namespace wgscope::path
