// The whole course of wgscope mtu on virtual time: paths that lose large packets at times, that
// change while they are measured, and gateways that ration, answer late or answer no large ping.
// What is said must be true of the path, and be said in time. More by hand: WGSCOPE_WORLDS=100000.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "checks/mtu/mtu_course.hpp"
#include "simulated_tunnel.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;

constexpr std::size_t kFull = 1480;

class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>{low, high}(random_);
  }
  bool one_in(std::size_t n) { return between(1, n) == 1; }
  double percent(std::size_t low, std::size_t high) {
    return static_cast<double>(between(low, high)) / 100;
  }
  Nanoseconds ms(std::size_t low, std::size_t high) {
    return std::chrono::milliseconds{between(low, high)};
  }

 private:
  std::mt19937_64 random_;
};

std::uint64_t worlds() {
  const char* const given = std::getenv("WGSCOPE_WORLDS");
  return given == nullptr ? 1500 : std::stoull(given);
}

struct Outcome {
  diagnosis::MtuFacts facts;
  diagnosis::Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  Nanoseconds took{};
  Nanoseconds limit = kMtuMost;  ///< what it may take

  [[nodiscard]] const diagnosis::Check& check(std::string_view name) const {
    return *std::ranges::find(report.checks, name, &diagnosis::Check::name);
  }
  [[nodiscard]] bool has(FindingId id) const {
    return std::ranges::any_of(report.checks, [&](const diagnosis::Check& check) {
      return check.finding && check.finding->id == id;
    });
  }
};

Outcome run(const SimulatedTunnel& tunnel, std::uint64_t seed, bool quick = false) {
  Outcome outcome;
  diagnosis::MtuFacts& facts = outcome.facts;
  facts.gateway = *Endpoint::parse("192.0.2.1:51820");
  facts.target = *IpAddress::parse("10.9.0.1");
  facts.tunnel_mtu = 1420;
  facts.overhead = kFull - 1420;
  TunnelSimulation packets(tunnel, seed);
  // The verb gives a run with --quick 9.5 s, and wgscope check gives it 30 s.
  if (quick) outcome.limit = seed % 2 == 0 ? Nanoseconds{kQuick} : 30s;
  run_mtu_course(packets, {.quick = quick, .end = TunnelSimulation::kBegin + outcome.limit}, facts);
  facts.interrupted = packets.interrupted();
  outcome.took = packets.took();
  diagnosis::add(facts, outcome.report);
  return outcome;
}

SimulatedTunnel any_tunnel(Random& random) {
  SimulatedTunnel tunnel;
  tunnel.round_trip = random.ms(1, random.one_in(8) ? 900 : 120);
  tunnel.service = random.one_in(2);
  return tunnel;
}

void any_hops(Random& random, SimulatedTunnel& tunnel) {
  tunnel.hops = random.between(1, 8);
  tunnel.drops_behind = random.between(0, tunnel.hops - 1);
  tunnel.drops_behind_then =
      random.one_in(3) ? tunnel.drops_behind : random.between(0, tunnel.hops - 1);
  for (std::size_t number = 1; number < tunnel.hops; ++number)
    if (random.one_in(4)) tunnel.silent.insert(number);
  if (random.one_in(2)) tunnel.exceeded = static_cast<double>(random.between(1, 10));
}

void narrow(Random& random, SimulatedTunnel& tunnel) {
  if (random.one_in(2)) tunnel.there.mtu = random.between(700, 1500);
  if (random.one_in(2)) tunnel.back.mtu = random.between(700, 1500);
  tunnel.reports = random.one_in(3);
  tunnel.fragments = random.one_in(4);
  any_hops(random, tunnel);
}

std::string told(const SimulatedTunnel& tunnel, const Outcome& outcome, std::uint64_t seed) {
  const auto way = [](const SimulatedWay& one) {
    return fmt::format("{} (above {}: {} lost, {} bytes/s; loss {})", one.mtu, one.large,
                       one.large_loss, one.rate, one.loss);
  };
  return fmt::format(
      "seed {}, service {}, there {}, behind hop {} of {}, back {}, answers {}, late {}, up to "
      "{:.1f} "
      "s, {:.1f} s: {}\n{}\n{}",
      seed, tunnel.service, way(tunnel.there), tunnel.drops_behind, tunnel.hops, way(tunnel.back),
      tunnel.answers, tunnel.late, std::chrono::duration<double>(outcome.limit).count(),
      std::chrono::duration<double>(outcome.took).count(),
      diagnosis::verdict(outcome.report).plain(), outcome.check("mtu.forward").summary.plain(),
      outcome.check("mtu.backward").summary.plain());
}

bool is_lossy(const SimulatedWay& way) {
  return way.loss > 0 || way.large_loss > 0 || way.rate > 0;
}

/// What is said of one direction of a path that does not change.
void expect_true_of(const SimulatedWay& way, const std::optional<path::MtuResult>& found,
                    const diagnosis::Check& check, const std::string& what) {
  if (!found) return;
  if (found->mtu) {
    ASSERT_LE(*found->mtu, way.mtu) << what;
  }
  if (found->not_above) {
    ASSERT_GE(*found->not_above, way.mtu) << what;
    ASSERT_LE(*found->not_above - found->mtu.value_or(*found->not_above), 15U) << what;
  }
  const bool is_hole = check.finding && (check.finding->id == FindingId::mtu_black_hole_forward ||
                                         check.finding->id == FindingId::mtu_black_hole_backward ||
                                         check.finding->id == FindingId::mtu_reported);
  if (is_hole) {
    ASSERT_LT(way.mtu, kFull) << what;
  }
  if (check.status == diagnosis::Status::ok) {
    ASSERT_GE(way.mtu, kFull) << what;
  }
}

/// Who sets the MTU that a finding names has no large packets that get lost, also where bytes are
/// rationed. Where that may be, the finding says so.
void expect_advice_that_helps(const SimulatedTunnel& tunnel, const Outcome& outcome,
                              const std::string& what) {
  static const std::regex kAdvice(R"(MTU = (\d+) in \[Interface\])");
  for (const diagnosis::Check& check : outcome.report.checks) {
    if (!check.finding || check.finding->id != FindingId::mtu_loss) continue;
    const SimulatedWay& way = check.name == "mtu.forward" ? tunnel.there : tunnel.back;
    if (const auto& found =
            check.name == "mtu.forward" ? outcome.facts.forward : outcome.facts.backward;
        found->size_loss) {
      ASSERT_NE(check.finding->fix.front().plain().find("rate limit"), std::string::npos) << what;
    }
    for (const diagnosis::Text& line : check.finding->fix) {
      const std::string fix = line.plain();
      std::smatch found;
      if (!std::regex_search(fix, found, kAdvice)) continue;
      ASSERT_LE(std::stoul(found[1]) + outcome.facts.overhead, way.large) << what << fix;
    }
  }
}

/// A result may be about the path as it was so long before the end: the last part of the search for
/// the hop cannot see a change behind itself.
constexpr Nanoseconds kLatest = 10s;

/// The hops that are named are those between which large packets are dropped.
void expect_true_hops(const SimulatedTunnel& tunnel, const Outcome& outcome,
                      const std::string& what) {
  const auto& drop = outcome.facts.drop;
  if (!drop || !drop->first) return;
  const auto is_true_of = [&](std::size_t mtu, std::size_t behind) {
    return *outcome.facts.forward->not_above >= mtu && drop->last->number <= behind &&
           drop->first->number > behind;
  };
  const bool before = is_true_of(tunnel.there.mtu, tunnel.drops_behind);
  const auto& change = tunnel.there.changes_after;
  if (!change || outcome.took < *change) {
    ASSERT_TRUE(before) << what;
    return;
  }
  if (is_true_of(tunnel.there.mtu_then, tunnel.drops_behind_then)) return;
  ASSERT_TRUE(before && outcome.took < *change + kLatest)
      << what << "\nthen " << tunnel.there.mtu_then << " behind hop " << tunnel.drops_behind_then
      << " after " << std::chrono::duration<double>(*change).count() << " s";
}

void expect_truth(const SimulatedTunnel& tunnel, const Outcome& outcome, std::uint64_t seed) {
  const std::string what = told(tunnel, outcome, seed);
  ASSERT_LE(outcome.took, outcome.limit) << what;
  const auto& facts = outcome.facts;
  ASSERT_NO_FATAL_FAILURE(
      expect_true_of(tunnel.there, facts.forward, outcome.check("mtu.forward"), what));
  ASSERT_NO_FATAL_FAILURE(
      expect_true_of(tunnel.back, facts.backward, outcome.check("mtu.backward"), what));
  if (const auto fits = diagnosis::fitting_mtu(facts)) {
    const std::size_t path = std::min(tunnel.there.mtu, tunnel.back.mtu);
    ASSERT_LE(*fits + facts.overhead, path) << what;
    if (*fits < facts.tunnel_mtu) {
      ASSERT_GE(*fits + facts.overhead + 15, path) << what;
    }
  }
  for (const auto& [name, found] :
       {std::pair("mtu.forward", &facts.forward), std::pair("mtu.backward", &facts.backward)}) {
    const bool every = outcome.check(name).summary.plain().starts_with("packets of every size");
    if (every) {
      ASSERT_GT((*found)->controls_lost, 0U) << what;
    }
  }
  for (const diagnosis::Measurement& one : outcome.report.measurements) {
    const bool back = one.labels.front().value == "backward";
    ASSERT_LE(one.value, static_cast<double>((back ? tunnel.back : tunnel.there).mtu)) << what;
  }
  const diagnosis::Check& back = outcome.check("mtu.backward");
  if (back.summary.plain().find("from the gateway are lost at times") != std::string::npos) {
    ASSERT_TRUE(is_lossy(tunnel.back)) << "blamed for what is lost on the way there: " << what;
  }
  ASSERT_NO_FATAL_FAILURE(expect_advice_that_helps(tunnel, outcome, what));
  ASSERT_NO_FATAL_FAILURE(expect_true_hops(tunnel, outcome, what));
}

/// Some runs are with --quick.
/// @param make  a tunnel at random.
template <class Make>
void expect_truth_of(std::uint64_t kind, const Make& make) {
  Random random(kind);
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    const SimulatedTunnel tunnel = make(random);
    const Outcome outcome = run(tunnel, seed, random.one_in(3));
    ASSERT_NO_FATAL_FAILURE(expect_truth(tunnel, outcome, seed));
  }
}

TEST(MtuSimulation, SaysNothingUntrueOfPathsWithoutLoss) {
  expect_truth_of(1, [](Random& random) {
    SimulatedTunnel tunnel = any_tunnel(random);
    narrow(random, tunnel);
    return tunnel;
  });
}

TEST(MtuSimulation, SaysNothingUntrueOfPathsThatLoseEverySize) {
  expect_truth_of(2, [](Random& random) {
    SimulatedTunnel tunnel = any_tunnel(random);
    narrow(random, tunnel);
    tunnel.there.loss = random.percent(0, 30);
    tunnel.back.loss = random.percent(0, 30);
    return tunnel;
  });
}

/// @param lose  makes one direction lose large packets. @returns a tunnel that does so in one
/// direction or in both.
template <class Lose>
SimulatedTunnel tunnel_that_loses_large(Random& random, const Lose& lose) {
  SimulatedTunnel tunnel = any_tunnel(random);
  if (random.one_in(4)) narrow(random, tunnel);
  const std::size_t ways = random.between(1, 3);
  if (ways != 2) lose(tunnel.there);
  if (ways != 1) lose(tunnel.back);
  if (random.one_in(4)) tunnel.there.loss = random.percent(1, 15);
  return tunnel;
}

TEST(MtuSimulation, SaysNothingUntrueOfPathsThatLoseLargePackets) {
  expect_truth_of(3, [](Random& random) {
    return tunnel_that_loses_large(random, [&](SimulatedWay& way) {
      way.large = random.between(700, 1400);
      way.large_loss = random.percent(10, 90);
    });
  });
}

/// All sizes share the ration, or the larger ones alone.
TEST(MtuSimulation, SaysNothingUntrueOfPathsThatRationBytes) {
  expect_truth_of(8, [](Random& random) {
    return tunnel_that_loses_large(random, [&](SimulatedWay& way) {
      way.large = random.one_in(3) ? 0 : random.between(700, 1400);
      way.rate = static_cast<double>(random.between(1'000, 3'000));
      way.depth = static_cast<double>(random.between(1'500, 5'000));
    });
  });
}

TEST(MtuSimulation, SaysNothingUntrueOfGatewaysThatRationOrAnswerLateOrAnswerNoLargePing) {
  expect_truth_of(4, [](Random& random) {
    SimulatedTunnel tunnel = any_tunnel(random);
    narrow(random, tunnel);
    if (random.one_in(2)) tunnel.answers = static_cast<double>(random.between(5, 60));
    if (random.one_in(2)) tunnel.late = random.percent(1, 30);
    if (random.one_in(2)) tunnel.answers_up_to = random.between(600, 1419);
    return tunnel;
  });
}

/// Whatever changes: it is over in time, no number is above all that the path ever took, and no hop
/// is named that drops nothing, or nothing any longer.
TEST(MtuSimulation, SaysNothingUntrueOfPathsThatChangeMeanwhile) {
  Random random(5);
  std::uint64_t named = 0;
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    SimulatedTunnel tunnel = any_tunnel(random);
    narrow(random, tunnel);
    // Each phase has changes: the searches, and the one for the hop, which comes last.
    const std::size_t latest = random.one_in(3) ? 1'000 : random.one_in(2) ? 12'000 : 40'000;
    for (SimulatedWay* way : {&tunnel.there, &tunnel.back}) {
      way->mtu_then = random.one_in(2) ? 1500 : random.between(700, 1500);
      way->changes_after = random.ms(0, latest);
    }
    // A hole that moves and keeps its size.
    if (random.one_in(3)) tunnel.there.mtu_then = tunnel.there.mtu;
    const Outcome outcome = run(tunnel, seed);
    const std::string what = told(tunnel, outcome, seed);
    ASSERT_LE(outcome.took, kMtuMost) << what;
    const auto largest = [](const SimulatedWay& way) { return std::max(way.mtu, way.mtu_then); };
    const auto& facts = outcome.facts;
    if (facts.forward->mtu) {
      ASSERT_LE(*facts.forward->mtu, largest(tunnel.there)) << what;
    }
    if (facts.backward && facts.backward->mtu) {
      ASSERT_LE(*facts.backward->mtu, largest(tunnel.back)) << what;
    }
    const std::size_t least = std::min(tunnel.there.mtu, tunnel.there.mtu_then);
    if (outcome.has(FindingId::mtu_black_hole_forward) || outcome.has(FindingId::mtu_reported)) {
      ASSERT_LT(least, kFull) << what;
    }
    if (outcome.has(FindingId::mtu_black_hole_backward)) {
      ASSERT_LT(std::min(tunnel.back.mtu, tunnel.back.mtu_then), kFull) << what;
    }
    ASSERT_NO_FATAL_FAILURE(expect_true_hops(tunnel, outcome, what));
    if (facts.drop && facts.drop->first) ++named;
  }
  EXPECT_GT(named, worlds() / 50);
}

/// A tick says that the path carries full packets: where it loses 30 % of them, only where all of
/// them were lucky. Each is sent 11 times at least.
TEST(MtuSimulation, HasHardlyATickForPathsThatLoseThirtyPercentOfLargePackets) {
  Random random(6);
  std::uint64_t there = 0;
  std::uint64_t back = 0;
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    SimulatedTunnel tunnel = any_tunnel(random);
    SimulatedWay& way = seed % 2 == 0 ? tunnel.there : tunnel.back;
    way.large = 1000;
    way.large_loss = 0.3;
    const Outcome outcome = run(tunnel, seed);
    ASSERT_NO_FATAL_FAILURE(expect_truth(tunnel, outcome, seed));
    const bool ticked = outcome.check(seed % 2 == 0 ? "mtu.forward" : "mtu.backward").status ==
                        diagnosis::Status::ok;
    if (ticked) ++(seed % 2 == 0 ? there : back);
  }
  RecordProperty("ticks_there", static_cast<int>(there));
  RecordProperty("ticks_back", static_cast<int>(back));
  // 0.7 to the power of 11 is 2 %. Where replies measure the way back, they show the way there too.
  EXPECT_LE(there, worlds() / 2 * 2 / 100);
  EXPECT_LE(back, worlds() / 2 * 3 / 100);
}

/// At any moment: what has arrived so far is told.
TEST(MtuSimulation, SaysWhatIsKnownWheneverItIsInterrupted) {
  Random random(7);
  for (std::uint64_t seed = 0; seed < worlds(); ++seed) {
    SimulatedTunnel tunnel = any_tunnel(random);
    narrow(random, tunnel);
    tunnel.there.loss = random.percent(0, 30);
    tunnel.interrupted_after = random.ms(0, 8'000);
    const Outcome outcome = run(tunnel, seed);
    const std::string what = told(tunnel, outcome, seed);
    ASSERT_LE(outcome.took, *tunnel.interrupted_after + 1ms) << what;
    if (!outcome.facts.interrupted) continue;
    ASSERT_NE(diagnosis::overall(outcome.report), diagnosis::Status::ok) << what;
    for (const auto& [name, found] : {std::pair("mtu.forward", &outcome.facts.forward),
                                      std::pair("mtu.backward", &outcome.facts.backward)}) {
      const diagnosis::Check& check = outcome.check(name);
      if (!*found || !(*found)->mtu || check.status != diagnosis::Status::unknown) continue;
      ASSERT_NE(check.summary.plain().find("bytes arrive"), std::string::npos) << what;
    }
  }
}

/// All of both directions is proven in the 9.5 s that --quick has: two limits over a short path, one
/// that both directions have over a long one.
TEST(MtuSimulation, KnowsSilentLimitsOfBothDirectionsInAHurry) {
  Nanoseconds most{};
  for (std::size_t mtu = 700; mtu < kFull; mtu += 13) {
    for (const int kind : {0, 1, 2, 3}) {
      SimulatedTunnel tunnel;
      const bool same = kind % 2 == 0;
      tunnel.service = kind / 2 == 0;
      tunnel.round_trip = same ? 100ms : 30ms;
      tunnel.there.mtu = mtu;
      tunnel.back.mtu = same ? mtu : kFull + 700 - mtu;
      const Outcome outcome = run(tunnel, 2, true);
      const std::string what = told(tunnel, outcome, 2);
      ASSERT_EQ(outcome.limit, kQuick);
      ASSERT_TRUE(outcome.has(FindingId::mtu_black_hole_forward)) << what;
      ASSERT_EQ(outcome.has(FindingId::mtu_black_hole_backward), tunnel.back.mtu < kFull) << what;
      ASSERT_TRUE(diagnosis::fitting_mtu(outcome.facts)) << what;
      most = std::max(most, outcome.took);
    }
  }
  RecordProperty("most_ms", static_cast<int>(most / 1ms));
}

/// As many as if no packet were repeated: two on the way there, for the size in use and for that of
/// the own interface. The service is asked for a size above its interface, too.
TEST(MtuSimulation, TakesThreeRoundTripsOnAHealthyPath) {
  for (const bool service : {false, true}) {
    SimulatedTunnel tunnel;
    tunnel.round_trip = 200ms;
    tunnel.service = service;
    const Outcome outcome = run(tunnel, 1);
    EXPECT_EQ(diagnosis::overall(outcome.report), diagnosis::Status::ok);
    EXPECT_EQ(outcome.facts.forward->repeated, path::kRepeats);
    EXPECT_EQ(outcome.facts.backward->repeated, path::kRepeats);
    EXPECT_EQ(outcome.took, (service ? 5 : 3) * tunnel.round_trip) << "service " << service;
    EXPECT_EQ(run(tunnel, 1, true).took, 2 * tunnel.round_trip) << "service " << service;
  }
}

}  // namespace
}  // namespace wgscope::checks
