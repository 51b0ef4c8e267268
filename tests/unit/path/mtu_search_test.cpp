#include "wgscope/path/mtu_search.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/size_loss.hpp"

#include "simulated_path.hpp"

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

const IpAddress kHop = *IpAddress::parse("192.0.2.1");

TEST(MtuSearch, KnowsThatTheCurrentSizeFitsAfterOneRoundTrip) {
  const auto run = simulate({.current = 1480, .ceiling = 1500}, {.round_trip = 20ms}, 1);
  EXPECT_EQ(run.current_known, 20ms);
  EXPECT_EQ(run.current_known_probes, 1U);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ok);
}

TEST(MtuSearch, ConfirmsAHealthyPathWithTwoProbesInTwoRoundTrips) {
  const auto run = simulate({.current = 1480, .ceiling = 1500}, {.round_trip = 20ms}, 1);
  EXPECT_EQ(run.result.probes, 2U);
  EXPECT_EQ(run.took, 40ms);
  EXPECT_TRUE(run.result.exact);
  EXPECT_EQ(run.result.mtu, 1500U);
  EXPECT_EQ(run.result.not_above, std::nullopt);
}

TEST(MtuSearch, RepeatsTheCurrentSizeInNoMoreTimeWhereNothingIsLost) {
  const auto run = simulate({.current = 1480, .ceiling = 1500, .proofs = kProofs, .repeats = 10},
                            {.round_trip = 20ms}, 1);
  EXPECT_EQ(run.took, 40ms) << "beside the probe of a larger size";
  EXPECT_EQ(run.result.repeated, 10U);
  EXPECT_EQ(run.result.repeated_lost, 0U);
  EXPECT_EQ(run.result.probes, 2U) << "they are not the search's";
}

TEST(MtuSearch, RepeatsAtOnceInTheRoundTripOfTheFirstPacket) {
  const auto run = simulate(
      {.current = 1480, .ceiling = 1480, .proofs = kProofs, .repeats = 10, .repeats_at_once = true},
      {.round_trip = 20ms}, 1);
  EXPECT_EQ(run.took, 20ms);
  EXPECT_EQ(run.result.repeated, 10U);
  EXPECT_EQ(run.result.repeated_lost, 0U);
  EXPECT_EQ(run.result.probes, 1U);
  EXPECT_EQ(run.result.trials.front().answered, 11U);
}

TEST(MtuSearch, FindsALimitInNoMoreTimeWhereItRepeatsAtOnce) {
  const MtuSearchConfig config{.current = 1480, .ceiling = 1480, .proofs = kProofs, .repeats = 10};
  MtuSearchConfig at_once = config;
  at_once.repeats_at_once = true;
  const SimulatedPath path{.mtu = 1479, .round_trip = 20ms};
  const auto run = simulate(at_once, path, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::black_hole);
  EXPECT_EQ(run.result.mtu, 1479U);
  EXPECT_EQ(run.result.repeated, 0U) << "the size that is repeated does not pass";
  EXPECT_EQ(run.result.controls_lost, 0U);
  EXPECT_LE(run.took, simulate(config, path, 1).took);
}

TEST(MtuSearch, KnowsAllSizesBeforeItsRepeatsHaveComeBack) {
  MtuSearch search({.current = 1480, .ceiling = 1480, .proofs = kProofs, .repeats = 10});
  const Instant begun{1h};
  const auto first = search.poll_probe(begun);
  while (search.poll_probe(begun)) {
  }
  EXPECT_FALSE(search.knows_sizes());
  search.handle_answer(begun + 20ms, first->id);
  EXPECT_FALSE(search.knows_sizes()) << "the repeats have to be sent";
  std::vector<std::uint32_t> repeats;
  while (const auto probe = search.poll_probe(begun + 20ms)) repeats.push_back(probe->id);
  EXPECT_EQ(repeats.size(), 10U);
  EXPECT_TRUE(search.knows_sizes());
  EXPECT_FALSE(search.done());
  EXPECT_TRUE(search.result().exact);
  EXPECT_EQ(search.result().repeated, 0U);
  for (const std::uint32_t id : repeats) search.handle_answer(begun + 40ms, id);
  EXPECT_TRUE(search.done());
  EXPECT_EQ(search.result().repeated, 10U);
}

/// Somebody who saw packets of that size lost asks for a second look.
TEST(MtuSearch, LooksAgainWhereItIsDoubted) {
  MtuSearch search({.current = 1480, .ceiling = 1480, .proofs = kProofs, .repeats = 10});
  Instant now{1h};
  const auto run = [&](std::size_t one_of_large_lost) {
    std::size_t large = 0;
    while (!search.done()) {
      while (const auto probe = search.poll_probe(now))
        if (probe->size == 0 || ++large % one_of_large_lost != 0)
          search.handle_answer(now, probe->id);
      if (const auto due = search.next_timeout()) {
        now = *due;
        search.handle_timeout(now);
      }
    }
  };
  run(1000);
  EXPECT_EQ(search.result().verdict, MtuVerdict::ok);
  search.doubt(now);
  EXPECT_FALSE(search.done());
  run(3);
  EXPECT_EQ(search.result().verdict, MtuVerdict::loss_by_size);
  search.doubt(now);
  EXPECT_TRUE(search.done()) << "it has lost some itself";
}

TEST(MtuSearch, RepeatsMoreWhereARepeatIsLost) {
  const auto run = simulate({.current = 1480, .ceiling = 1480, .proofs = kProofs, .repeats = 10},
                            {.large = 1000, .large_loss = 0.3, .round_trip = 20ms}, 2);
  EXPECT_EQ(run.result.trials.size(), 1U) << "the first one passed";
  EXPECT_EQ(run.result.verdict, MtuVerdict::loss_by_size);
  EXPECT_GE(run.result.repeated, 50U);
  EXPECT_GE(run.result.repeated_lost, 10U);
  EXPECT_LE(run.took, 8s);
}

TEST(MtuSearch, RepeatsWhatTheOwnInterfaceTakes) {
  const auto run = simulate({.current = 1480, .proofs = kProofs, .repeats = 10},
                            {.mtu = 9000, .interface_mtu = 1400}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::refused_here);
  EXPECT_EQ(run.result.repeated, 10U);
}

TEST(MtuSearch, TriesNothingAboveTheOwnInterfacesMtu) {
  const auto run = simulate({.current = 1480}, {.mtu = 9000, .interface_mtu = 1492}, 1);
  EXPECT_EQ(run.result.mtu, 1492U);
  EXPECT_EQ(run.result.not_above, std::nullopt);
  EXPECT_EQ(run.result.own_limit, 1492U);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ok);
  EXPECT_TRUE(run.result.exact);
  EXPECT_THAT(run.result.trials, Contains(Field(&MtuTrial::refused, true)));
}

TEST(MtuSearch, TellsASettingThatTheOwnInterfaceRefusesFromOneThatThePathDoes) {
  const auto here = simulate({.current = 1480}, {.mtu = 9000, .interface_mtu = 1400}, 1);
  EXPECT_EQ(here.result.mtu, 1400U);
  EXPECT_EQ(here.result.current_fits, false);
  EXPECT_EQ(here.result.verdict, MtuVerdict::refused_here);
  const auto quick =
      simulate({.current = 1480, .only_current = true}, {.mtu = 9000, .interface_mtu = 1400}, 1);
  EXPECT_EQ(quick.result.verdict, MtuVerdict::refused_here);
  const auto both = simulate({.current = 1480}, {.mtu = 1300, .interface_mtu = 1400}, 1);
  EXPECT_EQ(both.result.mtu, 1300U);
  EXPECT_EQ(both.result.verdict, MtuVerdict::black_hole);
}

TEST(MtuSearch, DoesNotCallASettingFineThatIsAboveAllThatIsTried) {
  const auto run = simulate({.current = 9021, .ceiling = 9000}, {.mtu = 9000}, 1);
  EXPECT_EQ(run.result.mtu, 9000U);
  EXPECT_EQ(run.result.current_fits, std::nullopt);
  EXPECT_EQ(run.result.verdict, MtuVerdict::inconclusive);
}

TEST(MtuSearch, TakesAReportAsAHintAndTriesIt) {
  const auto run = simulate({.current = 1480}, {.mtu = 1387, .reports = true}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ptb_reported);
  EXPECT_EQ(run.result.mtu, 1387U);
  ASSERT_TRUE(run.result.report);
  EXPECT_EQ(run.result.report->mtu, 1387U);
  EXPECT_EQ(run.result.report->about, 1480U);
  EXPECT_LE(run.result.probes, 10U);
}

TEST(MtuSearch, FindsOutAReportThatLies) {
  const auto run = simulate({.current = 1480, .ceiling = 1500}, {.mtu = 1500, .lie = 1300}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ok);
  EXPECT_EQ(run.result.mtu, 1500U);
  EXPECT_EQ(run.result.report, std::nullopt);
  EXPECT_THAT(run.result.wrong_reports, ElementsAre(Field(&TooBig::mtu, 1300U)));
}

TEST(MtuSearch, CallsABlackHoleOneThoughALieIsToldAboutIt) {
  const auto run = simulate({.current = 1480}, {.mtu = 1400, .lie = 1300}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::black_hole);
  EXPECT_EQ(run.result.mtu, 1400U);
}

TEST(MtuSearch, IgnoresReportsThatNoProbeCanHaveCaused) {
  MtuSearch search({.current = 1480, .ceiling = 1500});
  const Instant now{1h};
  ASSERT_TRUE(search.poll_probe(now));
  ASSERT_TRUE(search.poll_probe(now));
  search.handle_too_big(now, kHop, 1480);  // not below what was sent
  search.handle_too_big(now, kHop, 9000);
  search.handle_too_big(now, kHop, 575);  // below the smallest
  search.handle_too_big(now, kHop, 0);
  EXPECT_EQ(search.poll_probe(now), std::nullopt);
  EXPECT_THAT(search.result().trials, ElementsAre(Field(&MtuTrial::reported, false)));
}

TEST(MtuSearch, SaysFragmentsAreDroppedWhereTheyWereAllowed) {
  const auto run =
      simulate({.current = 1480, .only_current = true, .dont_fragment = false}, {.mtu = 1400}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::frag_dropped);
  EXPECT_EQ(run.result.current_fits, false);
  EXPECT_GE(run.result.probes, kMaxProbes);
  EXPECT_THAT(run.result.trials, ElementsAre(Field(&MtuTrial::size, 1480U)));
}

TEST(MtuSearch, AsksForNothingButTheCurrentSizeWhereThatIsAllThatIsWanted) {
  const auto run = simulate({.current = 1480, .only_current = true}, {.mtu = 9000}, 1);
  EXPECT_EQ(run.result.probes, 1U);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ok);
  EXPECT_FALSE(run.result.exact);
}

TEST(MtuSearch, LooksForASizeThatPassesOnlyWhereTheCurrentOneDoesNot) {
  const MtuSearchConfig config{.current = 1480, .until_current = true};
  const auto fits = simulate(config, {.mtu = 9000}, 1);
  EXPECT_EQ(fits.result.current_fits, true);
  EXPECT_EQ(fits.result.probes, 1U);
  const auto less = simulate(config, {.mtu = 1397}, 1);
  EXPECT_EQ(less.result.verdict, MtuVerdict::black_hole);
  EXPECT_EQ(less.result.mtu, 1397U);
  EXPECT_EQ(less.result.not_above, 1397U);
}

TEST(MtuSearch, GivesUpOnAPathThatAnswersNothing) {
  const auto run = simulate({.current = 1480}, {.mtu = 0, .loss = 1.0}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::inconclusive);
  EXPECT_EQ(run.result.mtu, std::nullopt);
  EXPECT_EQ(run.result.current_fits, std::nullopt);
  EXPECT_LE(run.took, 15s);
}

TEST(MtuSearch, KnowsAPathBelowTheSmallestSizeByItsControls) {
  const auto run = simulate({.current = 1480}, {.mtu = 400}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::black_hole);
  EXPECT_EQ(run.result.mtu, std::nullopt);
  EXPECT_EQ(run.result.not_above, 575U);
}

TEST(MtuSearch, SaysThatItIsLossWhereHalfIsLost) {
  const auto run = simulate({.current = 1480}, {.loss = 0.5}, 3);
  EXPECT_EQ(run.result.verdict, MtuVerdict::loss_not_size);
  EXPECT_TRUE(run.result.lossy);
  EXPECT_GT(run.result.controls_lost, 0U);
}

TEST(MtuSearch, IsQuickToConfirmWhatIsExpected) {
  const auto run = simulate({.current = 1400, .expected = 1400}, {.mtu = 1400}, 1);
  EXPECT_EQ(run.result.mtu, 1400U);
  EXPECT_TRUE(run.result.exact);
  EXPECT_LE(run.result.probes, 10U);
}

TEST(MtuSearch, TellsWhatIsKnownBeforeItsEnd) {
  MtuSearch search({.current = 1480, .ceiling = 1500});
  const Instant now{1h};
  EXPECT_EQ(search.result().verdict, MtuVerdict::inconclusive);
  const auto probe = search.poll_probe(now);
  ASSERT_TRUE(probe);
  search.handle_answer(now + 5ms, probe->id);
  EXPECT_EQ(search.result().verdict, MtuVerdict::ok);
  EXPECT_EQ(search.result().mtu, 1480U);
  EXPECT_FALSE(search.result().exact);
  EXPECT_EQ(search.result().round_trip, 5ms);
}

std::vector<SizedPacket> large_and_small(const std::vector<bool>& large_lost) {
  std::vector<SizedPacket> packets;
  for (const bool lost : large_lost) {
    packets.push_back({.size = 1400, .lost = lost});
    packets.push_back({.size = 1000, .lost = false});
    packets.push_back({.size = 0, .lost = false});
  }
  return packets;
}

TEST(SizeLoss, IsThatOfSizesThatPassAtTimes) {
  std::vector<bool> lost(30, true);
  lost[0] = lost[9] = lost[20] = false;
  const auto found = find_size_loss(large_and_small(lost), 1400);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (SizeLoss{.from = 1400,
                              .to = 1400,
                              .sent = 30,
                              .lost = 27,
                              .below = 1000,
                              .below_sent = 60,
                              .below_lost = 0}));
}

/// Of the large ones 18 of 20 were lost, which is much luck where 61 of 100 are: so is not to lose
/// one of seven.
TEST(SizeLoss, IsSureOfNoSizeOfWhichAFewPacketsPassed) {
  std::vector<SizedPacket> packets;
  for (std::size_t number = 0; number < 20; ++number) {
    const bool lost = number != 6 && number != 13;
    packets.push_back({.size = 1480, .lost = lost});
    if (lost && number < 8) packets.push_back({.size = 946, .lost = false});
    packets.push_back({.size = 0, .lost = false});
  }
  const auto found = find_size_loss(packets, 1480);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->from, 1480U);
  EXPECT_EQ(found->lost, 18U);
  EXPECT_EQ(found->below, 0U);
}

TEST(SizeLoss, IsNoneOfAPathThatChangedTwice) {
  std::vector<bool> lost(30, true);
  lost[0] = lost[1] = lost[28] = lost[29] = false;
  EXPECT_EQ(find_size_loss(large_and_small(lost), 1400), std::nullopt);
}

TEST(SizeLoss, IsNoneAboveWhatEverPassed) {
  EXPECT_EQ(find_size_loss(large_and_small(std::vector<bool>(30, true)), 1000), std::nullopt);
  EXPECT_EQ(find_size_loss({}, 0), std::nullopt);
}

TEST(MtuSearch, TakesAnswersToNothingForNothing) {
  MtuSearch search({.current = 1480});
  const Instant now{1h};
  search.handle_answer(now, 0);  // not sent yet
  search.handle_answer(now, 99);
  search.handle_refused(now, 99, 1400);
  EXPECT_EQ(search.result().mtu, std::nullopt);
  const auto probe = search.poll_probe(now);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->size, 1480U);
}

}  // namespace
}  // namespace wgscope::path
