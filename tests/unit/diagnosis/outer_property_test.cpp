// What holds for any path without a tunnel, where somebody may drop large pings: neither the path
// nor the pings are blamed for what the other one does, and what is advised passed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "mtu_worlds.hpp"
#include "promises.hpp"

namespace wgscope::diagnosis {
namespace {

using testing::find;
using testing::has;
using testing::Ledger;
using testing::Random;
using testing::Way;

constexpr std::uint32_t kSeeds = 1'500;
constexpr std::size_t kFull = 1480;
constexpr std::size_t kOverhead = 60;

struct World {
  Way there;
  std::size_t back_mtu = 1500;
  std::size_t pings = 9000;  ///< larger pings are dropped on the way there
  Ledger udp;
  Ledger echo;
  OuterFacts facts;

  [[nodiscard]] std::size_t largest_there() const {
    return std::max(udp.largest_arrived(), echo.largest_arrived());
  }
};

std::size_t any_size(Random& random) {
  return random.chance(2) ? random.between(kFull, kFull + 20) : random.between(580, kFull - 1);
}

/// As the course of checks::outer() asks: by pings, then by UDP where these leave a question.
class Course {
 public:
  Course(Random& random, World& world) : random_(random), world_(world), facts_(world.facts) {}

  void run() {
    if (facts_.echo_answers) search_echo();
    if (needs_udp() && !facts_.interrupted) search_udp();
    if (!facts_.interrupted) find_place();
  }

 private:
  path::MtuSearchConfig config() {
    path::MtuSearchConfig config;
    config.current = kFull;
    config.proofs = path::kProofs;
    return config;
  }

  std::optional<std::size_t> steps() {
    if (!random_.chance(8)) return std::nullopt;
    (random_.chance(2) ? facts_.interrupted : facts_.time_over) = true;
    return random_.below(120);
  }

  void search_echo() {
    Way pings = world_.there;
    pings.router_mtu = world_.there.mtu;
    pings.mtu = std::min({world_.there.mtu, world_.back_mtu, world_.pings});
    facts_.both_ways = search_over(random_, pings, world_.echo, config(), steps());
    const bool is_cut = pings.mtu == world_.back_mtu && world_.echo.smallest_lost(1) > 0;
    const std::size_t arrives = std::min(world_.there.mtu, world_.pings);
    if (is_cut && world_.echo.smallest_lost(1) <= arrives && random_.chance(2))
      facts_.largest_fragment = world_.back_mtu;
  }

  [[nodiscard]] bool needs_udp() const {
    const auto& echo = facts_.both_ways;
    if (!facts_.udp_answers) return false;
    if (!echo || !echo->mtu) return true;
    return *echo->mtu < kFull && !echo->report && !is_limited_here(*echo);
  }

  void search_udp() {
    path::MtuSearchConfig forward = config();
    const auto& echo = facts_.both_ways;
    if (echo && echo->mtu) forward.floor = *echo->mtu;
    if (echo && echo->mtu && echo->not_above) {
      forward.current = forward.floor + 1;
      forward.proofs = 0;
    }
    facts_.forward = search_over(random_, world_.there, world_.udp, forward, steps());
  }

  /// The hop that drops large pings, and whether UDP of that size gets past it.
  void find_place() {
    const auto& echo = facts_.both_ways;
    if (!echo || !path::hop_search_for(*echo, {}) || *echo->mtu >= kFull || random_.chance(3))
      return;
    const bool way_back = world_.back_mtu < std::min(world_.there.mtu, world_.pings);
    if (way_back) return;
    facts_.echo_drop.emplace();
    facts_.echo_drop->last = path::PathHop{.number = 2, .large_seen = true};
    facts_.echo_drop->first = path::PathHop{.number = 3, .small_seen = true};
    if (!facts_.udp_answers && !echo->report && random_.chance(2))
      facts_.udp_gets_past = world_.there.mtu > *echo->mtu;
  }

  Random& random_;
  World& world_;
  OuterFacts& facts_;
};

World any_world(std::uint32_t seed) {
  Random random(seed);
  World world;
  OuterFacts& facts = world.facts;
  facts.host = "192.0.2.1";
  facts.host_address = Endpoint::parse("192.0.2.1:33434").value();
  facts.tunnel_mtu = kFull - kOverhead;
  facts.overhead = kOverhead;
  facts.ipv6_inside = random.chance(4);
  facts.udp_answers = !random.chance(3);
  facts.echo_answers = !random.chance(4);
  world.there.mtu = any_size(random);
  world.there.reports = random.chance(4);
  world.there.large = world.there.mtu;
  if (random.chance(8)) world.there.own_limit = random.between(600, 1500);
  if (random.chance(8)) world.there.lie = random.between(600, kFull);
  if (random.chance(5)) world.there.lost = random.between(1, 20);
  if (random.chance(2)) world.back_mtu = any_size(random);
  if (random.chance(3)) world.pings = random.between(600, kFull);
  Course(random, world).run();
  return world;
}

const std::vector<World>& worlds() {
  static const auto kWorlds = testing::make_worlds(kSeeds, any_world);
  return kWorlds;
}

std::string story(const World& world) {
  return "there " + std::to_string(world.there.mtu) + ", back " + std::to_string(world.back_mtu) +
         ", pings up to " + std::to_string(world.pings);
}

/// @returns how many worlds there were that `promise` calls its case.
template <class Promise>
std::size_t for_any_path(Promise promise) {
  return testing::count_cases(
      kSeeds, [](std::uint32_t seed) -> const World& { return worlds()[seed]; },
      [](const World& world) { return testing::report_of("mtu", world.facts); }, story, promise);
}

TEST(AnyOuterPath, HasATickOnlyForWhatArrived) {
  const auto ticks = for_any_path([](const World& world, const Report& report) {
    const Check* forward = find(report, "outer.forward");
    const Check* both = find(report, "outer.both");
    if (forward != nullptr && forward->status == Status::ok) {
      EXPECT_GE(world.largest_there(), kFull);
    }
    if (both != nullptr && both->status == Status::ok) {
      EXPECT_GE(world.echo.largest_arrived(),
                std::min(kFull, world.there.own_limit.value_or(kFull)));
    }
    if (overall(report) != Status::ok) return false;
    EXPECT_GE(world.echo.largest_arrived(), kFull) << "OK, both ways";
    EXPECT_FALSE(world.facts.interrupted);
    return true;
  });
  EXPECT_GT(ticks, kSeeds / 20);
}

TEST(AnyOuterPath, IsNotBlamedForPingsThatAreDropped) {
  const auto blamed = for_any_path([](const World& world, const Report& report) {
    const Check* forward = find(report, "outer.forward");
    const bool hole = has(forward, FindingId::mtu_black_hole_forward);
    const bool reported = has(forward, FindingId::mtu_reported);
    if (hole || reported) {
      EXPECT_LT(world.there.mtu, kFull);
      EXPECT_LT(world.largest_there(), kFull);
      EXPECT_TRUE(hole || world.there.reports || world.there.lie);
    }
    if (has(forward, FindingId::mtu_own_interface)) {
      EXPECT_LT(world.there.own_limit.value_or(kFull), kFull);
    }
    if (has(find(report, "outer.both"), FindingId::mtu_fragments)) {
      EXPECT_LT(world.back_mtu, kFull);
    }
    return hole || reported;
  });
  EXPECT_GT(blamed, kSeeds / 20);
}

TEST(AnyOuterPath, HasItsPingsCalledFilteredOnlyWhereTheyAre) {
  const auto filtered = for_any_path([](const World& world, const Report& report) {
    const Check* both = find(report, "outer.both");
    if (!has(both, FindingId::outer_large_pings)) return false;
    const std::string said = both->finding->cause.plain();
    const std::size_t path = std::min(world.there.mtu, world.back_mtu);
    if (said.find("large pings are filtered") == std::string::npos) {
      EXPECT_NE(said.find("cannot tell"), std::string::npos) << said;
      return false;
    }
    EXPECT_LT(world.pings, path) << said;
    return true;
  });
  EXPECT_GT(filtered, kSeeds / 100);
}

TEST(AnyOuterPath, IsGivenNoMtuThatIsNotKnownToPass) {
  const auto given = for_any_path([](const World& world, const Report& report) {
    const auto fitting = fitting_mtu(world.facts);
    for (const Check& check : report.checks) {
      if (!check.finding) continue;
      for (const Text& line : check.finding->fix)
        if (line.plain().starts_with("MTU = ") && check.finding->id != FindingId::mtu_below_ipv6) {
          EXPECT_EQ(std::stoul(line.plain().substr(6)), fitting.value_or(0));
        }
    }
    if (!fitting) return false;
    EXPECT_LE(*fitting + kOverhead, world.largest_there());
    EXPECT_LE(*fitting + kOverhead, world.there.mtu);
    if (report.success.plain().find("and back") != std::string::npos) {
      EXPECT_LE(*fitting + kOverhead, world.echo.largest_arrived());
    }
    return true;
  });
  EXPECT_GT(given, kSeeds / 10);
}

TEST(AnyOuterPath, HasFiguresOfSizesThatArrived) {
  const auto figures = for_any_path([](const World& world, const Report& report) {
    for (const Measurement& one : report.measurements) {
      const bool there = one.labels.front().value.plain() == "forward";
      const auto size = static_cast<std::size_t>(one.value);
      EXPECT_TRUE(world.echo.has_arrived(size) || (there && world.udp.has_arrived(size))) << size;
      if (size >= kFull) continue;  // as much as was wanted
      const std::size_t mtu = there ? world.there.mtu : world.back_mtu;
      EXPECT_TRUE(size == mtu || (there && size == world.there.own_limit)) << size;
    }
    return !report.measurements.empty();
  });
  EXPECT_GT(figures, kSeeds / 4);
}

TEST(AnyOuterPath, HasAFirstLineThatAgreesWithItsStatus) {
  for_any_path([](const World&, const Report& report) {
    const Status status = overall(report);
    const std::string said = verdict(report).plain();
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(reason_of(report).has_value(), status == Status::unknown);
    if (status == Status::critical || status == Status::warning) {
      EXPECT_EQ(deciding_check(report)->status, status);
    }
    if (status != Status::ok) {
      EXPECT_EQ(said.find("margin "), std::string::npos) << said;
    }
    return true;
  });
}

}  // namespace
}  // namespace wgscope::diagnosis
