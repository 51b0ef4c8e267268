#include "wgscope/audit/placed.hpp"

#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::audit {
namespace {

using diagnosis::FindingId;
using diagnosis::Severity;

PlacedFinding at(Place place, FindingId id = FindingId::line_not_known) {
  return {.finding = {.id = id, .cause = "something", .evidence = {}}, .place = std::move(place)};
}

TEST(Placed, IsWrittenAsCompilersDo) {
  EXPECT_EQ(to_string(Place{"wg0.conf", 12, 7}), "wg0.conf:12:7");
  EXPECT_EQ(to_string(Place{"wg0.conf", 12, 0}), "wg0.conf:12");
  EXPECT_EQ(to_string(Place{"wg0.conf", 0, 0}), "wg0.conf");
}

TEST(Placed, IsSortedByFileThenLineThenColumnThenId) {
  std::vector<PlacedFinding> findings{at({"b", 1, 1}), at({"a", 10, 1}),
                                      at({"a", 9, 2}), at({"a", 9, 1}, FindingId::line_refused),
                                      at({"a", 9, 1}), at({"a", 0, 0})};
  sort(findings);
  std::vector<Place> places;
  for (const PlacedFinding& finding : findings) places.push_back(finding.place);
  EXPECT_THAT(places, testing::ElementsAre(Place{"a", 0, 0}, Place{"a", 9, 1}, Place{"a", 9, 1},
                                           Place{"a", 9, 2}, Place{"a", 10, 1}, Place{"b", 1, 1}));
  EXPECT_EQ(findings[1].finding.id, FindingId::line_not_known);
}

TEST(Placed, KnowsTheWorstSeverity) {
  EXPECT_EQ(worst({}), std::nullopt);
  EXPECT_EQ(worst({at({"a", 1, 1}, FindingId::clock_not_synchronised)}), Severity::info);
  EXPECT_EQ(worst({at({"a", 1, 1}, FindingId::amneziawg_needed), at({"a", 1, 1})}),
            Severity::critical);
}

}  // namespace
}  // namespace wgscope::audit
