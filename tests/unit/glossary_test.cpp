// The words of docs/glossary.md are those of the code: whoever renames a thing there
// finds out here.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The first cells of the rows of all tables, one list for each table.
std::vector<std::vector<std::string>> tables_of(std::string_view document) {
  std::vector<std::vector<std::string>> tables;
  while (!document.empty()) {
    const std::size_t size = std::min(document.find('\n'), document.size());
    const std::string_view line = document.substr(0, size);
    document.remove_prefix(std::min(size + 1, document.size()));
    if (line.starts_with("| word |"))
      tables.emplace_back();
    else if (line.starts_with("| ") && !tables.empty())
      tables.back().emplace_back(line.substr(2, line.find(" |", 2) - 2));
  }
  return tables;
}

/// Whether code has the word, with an ending or as a part of a name: twin,
/// twins, is_twin, TwinCalls.
bool has_word(std::string_view code, std::string_view word) {
  std::string capital(word);
  capital[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
  for (std::size_t at = code.find(word); at != std::string_view::npos; at = code.find(word, at + 1))
    if (at == 0 || std::isalpha(static_cast<unsigned char>(code[at - 1])) == 0) return true;
  return code.find(capital) != std::string_view::npos;
}

std::string read_code(const std::filesystem::path& root) {
  std::string code;
  for (const char* folder : {"lib", "include", "exporter", "probe"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file()) code += test::read_file(entry.path());
  return code;
}

TEST(Glossary, ExplainsWordsThatTheCodeUses) {
  const std::filesystem::path root = test::source_dir();
  const auto tables = tables_of(test::read_file(root / "docs" / "glossary.md"));
  ASSERT_FALSE(tables.empty());
  // Rooms and arrows are what tests/unit/architecture_rules.hpp calls them.
  const std::string code =
      read_code(root) + test::read_file(root / "tests" / "unit" / "architecture_rules.hpp");
  for (const auto& words : tables) {
    EXPECT_FALSE(words.empty());
    EXPECT_TRUE(std::is_sorted(words.begin(), words.end())) << ::testing::PrintToString(words);
    for (const std::string& word : words)
      EXPECT_TRUE(has_word(code, word))
          << "docs/glossary.md explains '" << word << "', which no file of the programs uses";
  }
}

TEST(Glossary, IsLinkedWhereNewcomersStart) {
  const std::filesystem::path root = test::source_dir();
  EXPECT_THAT(test::read_file(root / "docs" / "architecture.md"), HasSubstr("](glossary.md)"));
}

TEST(GlossaryChecker, TellsWordsFromPartsOfOthers) {
  EXPECT_TRUE(has_word("a twin", "twin"));
  EXPECT_TRUE(has_word("class TwinCalls;", "twin"));
  EXPECT_TRUE(has_word("is_twin()", "twin"));
  EXPECT_TRUE(has_word("two lanes", "lane"));
  EXPECT_FALSE(has_word("an airplane", "lane"));
  EXPECT_THAT(tables_of("x\n| word | meaning |\n|---|---|\n| a | b |\n| c | d |\n"),
              ElementsAre(ElementsAre("a", "c")));
}

}  // namespace
}  // namespace wgscope::architecture
