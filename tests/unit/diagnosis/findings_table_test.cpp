#include <cstddef>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::diagnosis {
namespace {

TEST(FindingsTable, HasARowForEachFindingInTheirOrder) {
  for (std::size_t i = 0; i < finding_kinds().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(finding_kinds()[i].key), i) << finding_kinds()[i].id;
  EXPECT_EQ(finding_kinds().back().key, FindingId::outer_unanswered)
      << "the last of the enumeration";
  for (const FindingKind& kind : finding_kinds()) EXPECT_EQ(&kind_of(kind.key), &kind);
}

TEST(FindingsTable, GivesEachAnIdOfItsOwn) {
  const std::regex shape("WGS-[A-Z]{2,3}-[0-9]{3}");
  std::set<std::string_view> seen;
  for (const FindingKind& kind : finding_kinds()) {
    EXPECT_TRUE(std::regex_match(std::string(kind.id), shape)) << kind.id;
    EXPECT_TRUE(seen.insert(kind.id).second) << kind.id;
  }
}

TEST(FindingsTable, SaysOfEachWhatItMeansAndWhatToDo) {
  for (const FindingKind& kind : finding_kinds()) {
    EXPECT_FALSE(kind.title.empty()) << kind.id;
    EXPECT_FALSE(kind.meaning.empty()) << kind.id;
    EXPECT_FALSE(kind.fix.empty()) << kind.id;
    EXPECT_FALSE(kind.title.ends_with('.')) << kind.id << ": a title is no sentence";
    EXPECT_EQ(kind.title.find('\n'), std::string_view::npos) << kind.id;
  }
}

}  // namespace
}  // namespace wgscope::diagnosis
