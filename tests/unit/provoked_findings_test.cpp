// Every finding that docs/findings.md describes is what some test expects. A text of the table that
// no situation leads to would be a promise that nobody keeps.
//
// The sources tell: an ID, or the enumerator of the finding, stands in a test that says what is
// found. Lines that say what is not found do not count, and neither do tests of how findings look,
// which take any.

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

/// Tests that have findings as examples, or make inputs of all kinds.
constexpr std::array<std::string_view, 5> kExamples{
    "tests/unit/render/", "tests/golden/", "tests/fuzz/", "tests/support/", "tests/bench/"};
constexpr std::string_view kSelf = "tests/unit/provoked_findings_test.cpp";

using Ids = std::set<std::string>;

Ids ids_in(const std::string& text) {
  static const std::regex kId(R"(WGS-[A-Z]+-[0-9]{3})");
  Ids found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), kId); at != std::sregex_iterator();
       ++at)
    found.insert(at->str());
  return found;
}

/// Enumerator -> ID, from the tables that findings.cpp puts together.
std::map<std::string, std::string> table() {
  static const std::regex kRow(R"re(\{FindingId::(\w+),\s*"(WGS-[A-Z]+-[0-9]{3})")re");
  std::map<std::string, std::string> rows;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::source_dir() / "lib/diagnosis")) {
    if (!entry.path().filename().string().starts_with("findings_")) continue;
    const std::string text = test::read_file(entry.path());
    for (auto at = std::sregex_iterator(text.begin(), text.end(), kRow);
         at != std::sregex_iterator(); ++at)
      rows.emplace((*at)[1], (*at)[2]);
  }
  return rows;
}

/// Whether a line says what is found, and not what is not.
bool expects(const std::string& line) {
  static const std::regex kOther(R"(\bNot\(|\bEXPECT_FALSE\b|\bEXPECT_NE\b|^\s*//)");
  return !std::regex_search(line, kOther);
}

/// The IDs that a test expects, by themselves or by their enumerators.
Ids expected_in(const std::string& text, const std::map<std::string, std::string>& rows) {
  static const std::regex kEnumerator(R"(FindingId::(\w+))");
  Ids found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!expects(line)) continue;
    found.merge(ids_in(line));
    for (auto at = std::sregex_iterator(line.begin(), line.end(), kEnumerator);
         at != std::sregex_iterator(); ++at)
      if (const auto row = rows.find((*at)[1]); row != rows.end()) found.insert(row->second);
  }
  return found;
}

Ids expected_in_tests(const std::map<std::string, std::string>& rows) {
  Ids found;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(test::source_dir() / "tests")) {
    const std::string path = entry.path().lexically_relative(test::source_dir()).string();
    const bool is_example = std::ranges::any_of(
        kExamples, [&](std::string_view folder) { return path.starts_with(folder); });
    if (entry.path().extension() != ".cpp" || is_example || path == kSelf) continue;
    found.merge(expected_in(test::read_file(entry.path()), rows));
  }
  return found;
}

TEST(ProvokedFindings, AreAllThatTheDocumentDescribes) {
  const auto rows = table();
  Ids of_table;
  for (const auto& [name, id] : rows) of_table.insert(id);
  const Ids described = ids_in(test::read_file(test::source_dir() / "docs/findings.md"));
  EXPECT_THAT(described, UnorderedElementsAreArray(of_table));
  const Ids expected = expected_in_tests(rows);
  std::vector<std::string> nobody_expects;
  std::ranges::set_difference(described, expected, std::back_inserter(nobody_expects));
  EXPECT_THAT(nobody_expects, IsEmpty());
}

TEST(ProvokedFindings, AreNotThoseThatATestRulesOut) {
  const std::map<std::string, std::string> rows{{"one", "WGS-XX-001"}, {"two", "WGS-XX-002"}};
  EXPECT_THAT(expected_in("EXPECT_EQ(id, FindingId::one);\n", rows), SizeIs(1));
  EXPECT_THAT(expected_in("EXPECT_EQ(ids, \"WGS-XX-001\", FindingId::two);\n", rows), SizeIs(2));
  EXPECT_THAT(expected_in("EXPECT_THAT(ids, Not(Contains(\"WGS-XX-001\")));\n", rows), IsEmpty());
  EXPECT_THAT(expected_in("// WGS-XX-001\nEXPECT_NE(id, FindingId::two);\n", rows), IsEmpty());
}

}  // namespace
}  // namespace wgscope::architecture
