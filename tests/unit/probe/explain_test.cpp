#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/render/findings.hpp"

#include "captured.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

using diagnosis::finding_kinds;
using diagnosis::FindingKind;
using render::explain;
using render::find_kind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Ended explain_verb(std::vector<std::string> ids) {
  ids.insert(ids.begin(), "explain");
  return run_captured(std::move(ids));
}

TEST(ExplainVerb, ListsEveryFinding) {
  const Ended ended = explain_verb({});
  EXPECT_EQ(ended.exit, Exit::ok);
  for (const FindingKind& kind : finding_kinds())
    EXPECT_THAT(ended.out, HasSubstr(std::string(kind.id) + " "));
}

TEST(ExplainVerb, ExplainsThoseThatAreNamedInEitherCaseWithOrWithoutPrefix) {
  const Ended ended = explain_verb({"WGS-HS-005", "hs-001"});
  EXPECT_EQ(ended.exit, Exit::ok);
  EXPECT_EQ(ended.out,
            explain(*find_kind("WGS-HS-005"), 0) + "\n" + explain(*find_kind("WGS-HS-001"), 0));
}

TEST(ExplainVerb, RefusesWhatIsNoFinding) {
  const Ended ended = explain_verb({"WGS-HS-005", "WGS-\x1b-1"});
  EXPECT_EQ(ended.exit, Exit::unknown);
  EXPECT_THAT(ended.out, IsEmpty());
  EXPECT_THAT(ended.err, StartsWith("wgscope explain: unknown finding: 'WGS-\\x1b-1' "));
}

}  // namespace
}  // namespace wgscope::probe
