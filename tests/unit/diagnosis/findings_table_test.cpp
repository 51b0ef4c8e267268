#include <regex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::diagnosis {
namespace {

// That each finding has a row at its place, and an ID of its own, is asserted at compile time.

TEST(FindingsTable, HasIdsOfOneShape) {
  const std::regex shape("WGS-[A-Z]{2,3}-[0-9]{3}");
  for (const FindingKind& kind : finding_kinds())
    EXPECT_TRUE(std::regex_match(std::string(kind.id), shape)) << kind.id;
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
