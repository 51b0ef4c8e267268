// What holds for any path's MTU: what is said of a size follows from packets of that size, and what
// is advised from what passed both ways.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "mtu_worlds.hpp"
#include "promises.hpp"

namespace wgscope::diagnosis {
namespace {

using testing::any_mtu_world;
using testing::find;
using testing::has;
using testing::Ledger;
using testing::MtuWorld;
using testing::Way;

constexpr std::uint32_t kSeeds = 2'000;

const std::vector<MtuWorld>& worlds() {
  static const auto kWorlds = testing::make_worlds(kSeeds, any_mtu_world);
  return kWorlds;
}

std::string story(const MtuWorld& world) {
  std::string told = "MTU " + std::to_string(world.facts.tunnel_mtu);
  for (const auto& seen : {world.facts.forward, world.facts.backward}) {
    told += seen ? "\n" + std::string(path::to_string(seen->verdict)) : "\nnot tried";
    if (seen && seen->mtu) told += " from " + std::to_string(*seen->mtu);
    if (seen && seen->not_above) told += " to " + std::to_string(*seen->not_above);
    if (seen && seen->size_loss) told += ", loss from " + std::to_string(seen->size_loss->from);
  }
  return told;
}

/// @returns how many worlds there were that `promise` calls its case.
template <class Promise>
std::size_t for_any_path(Promise promise) {
  return testing::count_cases(
      kSeeds, [](std::uint32_t seed) -> const MtuWorld& { return worlds()[seed]; },
      [](const MtuWorld& world) { return testing::report_of("mtu", world.facts); }, story, promise);
}

/// The numbers behind some words, wherever they stand in a text.
std::vector<std::size_t> numbers_after(const std::string& text, std::string_view words) {
  std::vector<std::size_t> numbers;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
    const std::size_t digits = at + words.size();
    if (digits < text.size() && text[digits] >= '0' && text[digits] <= '9')
      numbers.push_back(std::stoul(text.substr(digits)));
  }
  return numbers;
}

/// The MTUs that the report says to set.
std::set<std::size_t> advised(const Report& report) {
  std::set<std::size_t> found;
  const auto take = [&](const Text& said, std::string_view words) {
    for (const std::size_t number : numbers_after(said.plain(), words)) found.insert(number);
  };
  take(report.success, "set MTU ");
  for (const Check& check : report.checks) {
    take(check.summary, "set MTU ");
    // The configured MTU may be too small for IPv6, whatever passes: that is a reason of its own.
    if (!check.finding || check.finding->id == FindingId::mtu_below_ipv6) continue;
    take(check.finding->cause, "set MTU ");
    for (const Text& line : check.finding->fix) {
      take(line, "MTU = ");
      take(line, "dev INTERFACE mtu ");
    }
  }
  return found;
}

TEST(AnyPath, HasATickOnlyWhereAFullDatagramArrivedThatWay) {
  const auto ticks = for_any_path([](const MtuWorld& world, const Report& report) {
    const Check* forward = find(report, "mtu.forward");
    const Check* backward = find(report, "mtu.backward");
    if (forward->status == Status::ok) {
      EXPECT_TRUE(world.there.has_arrived(world.full()));
    }
    if (backward->status == Status::ok) {
      EXPECT_TRUE(world.back.has_arrived(world.full()));
    }
    return forward->status == Status::ok && backward->status == Status::ok;
  });
  EXPECT_GT(ticks, kSeeds / 20);
}

TEST(AnyPath, FitsOnlyWhatPassedBothWays) {
  const auto fits = for_any_path([](const MtuWorld& world, const Report& report) {
    const Check* setting = find(report, "mtu.setting");
    if (overall(report) == Status::ok) {
      EXPECT_TRUE(world.there.has_arrived(world.full()) && world.back.has_arrived(world.full()));
      EXPECT_NE(report.success.plain().find("fits in both directions"), std::string::npos);
    }
    if (setting == nullptr || setting->status != Status::ok) return false;
    EXPECT_GE(world.there.largest_arrived(), world.full());
    EXPECT_GE(world.back.largest_arrived(), world.full());
    return true;
  });
  EXPECT_GT(fits, kSeeds / 20);
}

TEST(AnyPath, IsABlackHoleOnlyAboveASizeThatArrivedAndBelowOneThatNeverDid) {
  const auto expect_hole = [](const Ledger& ledger, const path::MtuResult& seen) {
    ASSERT_TRUE(seen.not_above);
    const std::size_t lost = ledger.smallest_lost(path::kMaxProbes);
    EXPECT_GT(lost, seen.mtu.value_or(0));
    EXPECT_FALSE(seen.report) << "somebody says so";
    if (seen.mtu) {
      EXPECT_TRUE(ledger.has_arrived(*seen.mtu));
    }
    EXPECT_LE(ledger.largest_arrived(), *seen.not_above);
  };
  const auto holes = for_any_path([&](const MtuWorld& world, const Report& report) {
    const bool there = has(find(report, "mtu.forward"), FindingId::mtu_black_hole_forward);
    const bool back = has(find(report, "mtu.backward"), FindingId::mtu_black_hole_backward);
    if (there) expect_hole(world.there, *world.facts.forward);
    if (back) expect_hole(world.back, *world.facts.backward);
    return there || back;
  });
  EXPECT_GT(holes, kSeeds / 10);
}

/// What is known to be lost begins above this: always, or at times where a size of whose packets
/// hardly any are lost was tried.
std::size_t harmless(const MtuFacts& facts, const std::optional<path::MtuResult>& seen) {
  if (!seen) return SIZE_MAX;
  std::size_t most = seen->not_above.value_or(seen->own_limit.value_or(SIZE_MAX));
  const auto& loss = seen->size_loss;
  if (loss && loss->below_lost == 0 && loss->below > facts.overhead + 60)
    most = std::min(most, loss->from - 1);
  return most;
}

TEST(AnyPath, IsGivenNoMtuAboveWhatIsLostInEitherDirection) {
  const auto given = for_any_path([](const MtuWorld& world, const Report& report) {
    const MtuFacts& facts = world.facts;
    // A limit that has ended by now is none.
    const bool ended = facts.drop && facts.drop->large_arrived;
    const std::size_t most = std::min(ended ? SIZE_MAX : harmless(facts, facts.forward),
                                      harmless(facts, facts.backward));
    const std::set<std::size_t> mtus = advised(report);
    EXPECT_LE(mtus.size(), 1U) << "one report, one MTU";
    for (const std::size_t mtu : mtus) {
      EXPECT_LE(mtu + facts.overhead, most) << mtu;
      const std::size_t there = world.there.largest_arrived();
      const std::size_t back = world.back.largest_arrived();
      const bool both = find(report, "mtu.setting") != nullptr;
      EXPECT_LE(mtu + facts.overhead, both ? std::min(there, back) : std::max(there, back)) << mtu;
    }
    return !mtus.empty();
  });
  EXPECT_GT(given, kSeeds / 10);
}

TEST(AnyPath, IsGivenNoMtuBelowWhatPassedBothWaysWithoutLoss) {
  for_any_path([](const MtuWorld& world, const Report& report) {
    const MtuFacts& facts = world.facts;
    const bool by_turns = (facts.forward && facts.forward->size_loss) ||
                          (facts.backward && facts.backward->size_loss);
    if (by_turns) return false;
    const std::size_t passed =
        std::min(world.there.largest_arrived(), world.back.largest_arrived());
    for (const std::size_t mtu : advised(report)) EXPECT_GE(mtu + facts.overhead, passed);
    return true;
  });
}

TEST(AnyPath, HasFiguresOfSizesThatArrived) {
  const auto figures = for_any_path([](const MtuWorld& world, const Report& report) {
    for (const Measurement& one : report.measurements) {
      const bool there = one.labels.front().value.plain() == "forward";
      const auto size = static_cast<std::size_t>(one.value);
      EXPECT_TRUE((there ? world.there : world.back).has_arrived(size)) << size;
    }
    return !report.measurements.empty();
  });
  EXPECT_GT(figures, kSeeds / 4);
}

TEST(AnyPath, HasNothingFineThatWasNotTried) {
  const auto untried = for_any_path([](const MtuWorld& world, const Report& report) {
    const MtuFacts& facts = world.facts;
    if (facts.forward && facts.backward && !facts.interrupted) return false;
    EXPECT_NE(overall(report), Status::ok);
    if (!facts.forward) {
      EXPECT_NE(find(report, "mtu.forward")->status, Status::ok);
    }
    if (!facts.backward) {
      EXPECT_NE(find(report, "mtu.backward")->status, Status::ok);
      EXPECT_EQ(find(report, "mtu.setting"), nullptr) << "fits in both directions, of one";
    }
    return true;
  });
  EXPECT_GT(untried, kSeeds / 20);
}

TEST(AnyPath, IsBlamedOnNobodyWhomThePathRefutes) {
  std::set<FindingId> seen;
  for_any_path([&](const MtuWorld& world, const Report& report) {
    for (const std::string_view name : {"mtu.forward", "mtu.backward", "mtu.reports"}) {
      const Check* check = find(report, name);
      if (check == nullptr || !check->finding) continue;
      const FindingId id = check->finding->id;
      seen.insert(id);
      const Way& way = name == "mtu.backward" ? world.backward : world.forward;
      if (id == FindingId::mtu_own_interface) {
        EXPECT_LT(way.own_limit.value_or(SIZE_MAX), world.full());
      }
      if (id == FindingId::mtu_peer_smaller) {
        EXPECT_TRUE(world.gateway_mtu);
      }
      if (id == FindingId::mtu_reported) {
        EXPECT_TRUE(way.reports || way.lie);
      }
      if (id == FindingId::mtu_untrue_report) {
        EXPECT_GT(world.there.largest_arrived(), way.lie.value_or(SIZE_MAX - 1));
      }
      if (id == FindingId::mtu_loss) {
        EXPECT_GT(way.lost + way.large_lost, 0U);
      }
      if (id == FindingId::mtu_unanswered) {
        EXPECT_EQ(world.there.largest_arrived(), 0U);
      }
    }
    return true;
  });
  for (const FindingId id :
       {FindingId::mtu_own_interface, FindingId::mtu_peer_smaller, FindingId::mtu_reported,
        FindingId::mtu_untrue_report, FindingId::mtu_loss, FindingId::mtu_unanswered})
    EXPECT_TRUE(seen.contains(id)) << kind_of(id).id << " is no longer among the worlds";
}

TEST(AnyPath, HasAServiceWhoseSegmentsFitOnlyWhereFullOnesArriveBothWays) {
  const auto fit = for_any_path([](const MtuWorld& world, const Report& report) {
    const Check* tcp = find(report, "mtu.tcp");
    if (tcp == nullptr || tcp->status != Status::ok) return false;
    const std::size_t datagram = *world.facts.tcp->mss + 40U + world.facts.overhead;
    EXPECT_LE(datagram, std::min({world.there.largest_arrived(), world.back.largest_arrived(),
                                  world.full()}));
    return true;
  });
  EXPECT_GT(fit, kSeeds / 20);
}

TEST(AnyPath, HasAFirstLineThatAgreesWithItsStatus) {
  for_any_path([](const MtuWorld&, const Report& report) {
    for (const FailOn fail_on : {FailOn::critical, FailOn::warning, FailOn::unknown}) {
      const Status status = overall(report, fail_on);
      EXPECT_EQ(reason_of(report, fail_on).has_value(), status == Status::unknown);
      const Check* decides = deciding_check(report, fail_on);
      const std::string said = verdict(report, fail_on).plain();
      if (status == Status::critical || status == Status::warning) {
        EXPECT_EQ(decides->status, status);
        EXPECT_NE(said.find(decides->finding->cause.plain()), std::string::npos) << said;
      }
      if (status != Status::ok) {
        EXPECT_EQ(said.find("fits in both directions"), std::string::npos) << said;
      }
    }
    return true;
  });
}

}  // namespace
}  // namespace wgscope::diagnosis
