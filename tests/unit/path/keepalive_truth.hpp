#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

#include "simulated_nat.hpp"

// What must hold of everything that is said of a flow and a keepalive, in worlds where much is not
// as it should be.

namespace wgscope::path::testing {

/// How many worlds are tried; WGSCOPE_FLOWS has more of them tried.
inline std::uint64_t flows_to_try() {
  const char* const wanted = std::getenv("WGSCOPE_FLOWS");
  return wanted == nullptr ? 1'000 : std::stoull(wanted);
}

/// Times at which another device takes our session away. @param seldom  at most so long apart, on
/// average.
inline std::vector<Nanoseconds> takeovers(SeededRandom& random, std::chrono::seconds seldom) {
  std::vector<Nanoseconds> times;
  const Nanoseconds often = random.between(std::chrono::seconds(15), seldom);
  for (Nanoseconds at{}; times.size() < 30;)
    times.push_back(at += random.between(std::chrono::seconds(0), 2 * often));
  return times;
}

/// @param shortest, longest  how long the flow may really live during the run.
inline void expect_true(const FlowLifetime& said, std::chrono::seconds interval,
                        Nanoseconds shortest, Nanoseconds longest) {
  const KeepaliveFit fit =
      fit_keepalive(interval, {said.alive_after, said.gone_after}, said.keepalive);
  EXPECT_FALSE(fit == KeepaliveFit::too_long && shortest > interval);
  EXPECT_FALSE(fit == KeepaliveFit::in_time && longest < interval);
  EXPECT_FALSE(fit == KeepaliveFit::in_time_if_late && longest < late_keepalive(interval));
  EXPECT_FALSE(fit == KeepaliveFit::only_if_exact && shortest > late_keepalive(interval));
  const LostKeepalive lost = lose_keepalive(interval, {said.alive_after, said.gone_after});
  EXPECT_FALSE(lost == LostKeepalive::closes && shortest > 2 * interval);
  EXPECT_FALSE(lost == LostKeepalive::costs_nothing && longest < 2 * interval);
  EXPECT_TRUE(!said.alive_after || *said.alive_after <= longest) << "a bound is not a lifetime";
  EXPECT_TRUE(!said.gone_after || *said.gone_after >= shortest) << "a bound is not a lifetime";
}

}  // namespace wgscope::path::testing
