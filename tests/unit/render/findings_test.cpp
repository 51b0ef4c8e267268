#include "wgscope/render/findings.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/render/checks_document.hpp"

#include "../exporter/golden.hpp"

namespace wgscope::render {
namespace {

using diagnosis::finding_kinds;
using diagnosis::FindingKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

constexpr FindingKind kPlayed{diagnosis::FindingId::silent,
                              "WGS-XX-123",
                              diagnosis::Severity::info,
                              "A title",
                              "What it means.",
                              "What to do about it."};

TEST(ChecksDocument, IsMadeFromTheTable) {
  test::expect_as_recorded(checks_document(), "docs/checks.md");
}

TEST(FindingsDocument, IsMadeFromTheTable) {
  test::expect_as_recorded(findings_document(), "docs/findings.md");
}

TEST(FindingsDocument, HasAPlaceForEachLinkThatReportsHave) {
  const std::string document = findings_document();
  for (const FindingKind& kind : finding_kinds()) {
    const std::string heading = "\n### " + std::string(kind.id) + "\n";
    ASSERT_THAT(document, HasSubstr(heading));
    EXPECT_EQ(document.find(heading), document.rfind(heading)) << kind.id;
    // A heading's anchor is itself in lower case.
    std::string anchor(kind.id);
    std::ranges::transform(anchor, anchor.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_EQ(findings_link(kind.id), "docs/findings.md#" + anchor);
    EXPECT_THAT(document, HasSubstr("](#" + anchor + ")"));
  }
}

TEST(FindingsDocument, HasEachSubjectOnce) {
  const std::string document = findings_document();
  for (const FindingKind& kind : finding_kinds()) {
    const std::string heading = "\n## " + std::string(kind.id.substr(0, kind.id.rfind('-'))) + ": ";
    ASSERT_THAT(document, HasSubstr(heading));
    EXPECT_EQ(document.find(heading), document.rfind(heading)) << heading;
  }
}

TEST(FindingsDocument, HasATitleForEachLayer) {
  for (const FindingKind& kind : finding_kinds()) {
    const std::string prefix(kind.id.substr(0, kind.id.rfind('-')));
    EXPECT_THAT(findings_document(), Not(HasSubstr("## " + prefix + ": " + prefix)));
  }
}

TEST(Explain, SaysWhatItMeansAndWhatToDo) {
  EXPECT_EQ(explain(kPlayed, 0),
            "WGS-XX-123 (info): A title\n\nWhat it means.\n\nWhat to do: What to do about it.\n");
  EXPECT_EQ(explain(kPlayed, 20),
            "WGS-XX-123 (info): A title\n\nWhat it means.\n\nWhat to do: What to\ndo about it.\n");
}

}  // namespace
}  // namespace wgscope::render
