// Reads the C++ sources, tests among them, and fails on functions and files that are too long to be
// read at once. Tables do not count: what stands in braces behind "=", or in those of a range.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kMostLinesOfAFunction = 50;
constexpr std::ptrdiff_t kMostLinesOfAFile = 500;

/// The code with blanks in place of comments and of what literals contain; every line stays.
class Masked {
 public:
  explicit Masked(std::string_view code) : rest_(code) {
    while (!rest_.empty()) step();
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void step() {
    if (rest_.starts_with("//")) return hide(rest_.find('\n'));
    if (rest_.starts_with("/*")) return hide_past("*/", 2);
    if (rest_.starts_with("R\"")) {
      const std::size_t open = rest_.find('(');
      return hide_past(fmt::format("){}\"", rest_.substr(2, open - 2)), open);
    }
    // Between digits it parts them: 10'000.
    const bool parts_digits =
        !text_.empty() && std::isalnum(static_cast<unsigned char>(text_.back()));
    if (rest_.front() == '"' || (rest_.front() == '\'' && !parts_digits)) return hide(literal());
    text_ += rest_.front();
    rest_.remove_prefix(1);
  }
  /// The size of a literal, its quotes included.
  [[nodiscard]] std::size_t literal() const {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != rest_.front()) end += rest_[end] == '\\' ? 2U : 1U;
    return end + 1;
  }
  void hide_past(std::string_view end, std::size_t from) {
    const std::size_t found = rest_.find(end, from);
    hide(found == std::string_view::npos ? found : found + end.size());
  }
  void hide(std::size_t size) {
    for (const char c : rest_.substr(0, size)) text_ += c == '\n' ? '\n' : ' ';
    rest_.remove_prefix(std::min(size, rest_.size()));
  }

  std::string_view rest_;
  std::string text_;
};

/// What stands before an opening brace, back to the end of the statement or block before it.
std::string_view head_of(std::string_view code, std::size_t brace) {
  const std::size_t from = code.find_last_of(";{}", brace - 1);
  const std::size_t begin = from == std::string_view::npos ? 0 : from + 1;
  std::string_view head = code.substr(begin, brace - begin);
  while (!head.empty() && std::isspace(static_cast<unsigned char>(head.back())))
    head.remove_suffix(1);
  return head;
}

bool has_word(std::string_view text, std::string_view word) {
  const auto is_of_word = [&](std::size_t at) {
    return at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_');
  };
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
    if ((at == 0 || !is_of_word(at - 1)) && !is_of_word(at + word.size())) return true;
  return false;
}

enum class Block { function, table, other };

Block kind_of(std::string_view head) {
  if (head.ends_with('=') || (head.ends_with(':') && has_word(head, "for"))) return Block::table;
  for (const char* word : {"namespace", "class", "struct", "enum", "if", "for", "while", "switch"})
    if (has_word(head, word)) return Block::other;
  const bool has_parameters = head.find(')') != std::string_view::npos;
  return has_parameters && !head.ends_with(',') && !head.ends_with('(') ? Block::function
                                                                        : Block::other;
}

struct Open {
  Block kind = Block::other;
  std::size_t line = 0;
  std::size_t in_tables = 0;  ///< lines that do not count
};

/// "<path>:<line>: …" for each function that is too long.
std::vector<std::string> long_functions(const std::string& path, std::string_view source) {
  const Masked masked(source);
  const std::string_view code = masked.text();
  std::vector<std::string> found;
  std::vector<Open> open;
  std::size_t line = 1;
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == '\n') ++line;
    if (code[at] == '{')
      open.push_back({at == 0 ? Block::other : kind_of(head_of(code, at)), line});
    if (code[at] != '}' || open.empty()) continue;
    const Open closed = open.back();
    open.pop_back();
    const std::size_t lines = line - closed.line;
    const std::size_t counted = lines == 0 ? 0 : lines - 1 - std::min(lines - 1, closed.in_tables);
    if (closed.kind == Block::function && counted > kMostLinesOfAFunction)
      found.push_back(fmt::format("{}:{}: a function of {} lines", path, closed.line, counted));
    if (!open.empty())
      open.back().in_tables += closed.kind == Block::table ? lines : closed.in_tables;
  }
  return found;
}

std::vector<std::filesystem::path> sources() {
  std::vector<std::filesystem::path> found;
  for (const char* folder : {"lib", "include", "exporter", "probe", "tests"})
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(test::source_dir() / folder))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp")
        found.push_back(entry.path());
  return found;
}

TEST(FunctionSizes, NoFunctionIsTooLongToBeReadAtOnce) {
  const auto files = sources();
  EXPECT_GT(files.size(), 500U) << "so few that it must be looking in the wrong place";
  for (const auto& file : files) {
    const std::string path = std::filesystem::relative(file, test::source_dir()).generic_string();
    for (const std::string& one : long_functions(path, test::read_file(file)))
      ADD_FAILURE() << one << ": split it";
  }
}

TEST(FileSizes, NoFileIsTooLongToBeReadOnce) {
  for (const auto& file : sources()) {
    const std::string path = std::filesystem::relative(file, test::source_dir()).generic_string();
    const std::string text = test::read_file(file);
    const auto lines = std::count(text.begin(), text.end(), '\n');
    EXPECT_LE(lines, kMostLinesOfAFile) << path << " has more than one subject: split it";
  }
}

// The checker itself.

std::string lines_of(std::size_t count, const std::string& line) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += line + "\n";
  return all;
}

TEST(FunctionSizes, AreCountedBetweenTheBraces) {
  EXPECT_THAT(long_functions("a.cpp", "int f() {\n" + lines_of(50, "g();") + "}\n"), IsEmpty());
  EXPECT_THAT(long_functions("a.cpp", "\nint f() const {\n" + lines_of(51, "g();") + "}\n"),
              ElementsAre("a.cpp:2: a function of 51 lines"));
  EXPECT_THAT(
      long_functions("a.cpp", "A::A(int b)\n    : b_(b) {\n" + lines_of(51, "g();") + "}\n"),
      ElementsAre("a.cpp:2: a function of 51 lines"));
  EXPECT_THAT(long_functions("a.cpp", "TEST(A, B) {\n" + lines_of(30, "if (a) {\nb();\n}") + "}\n"),
              ElementsAre("a.cpp:1: a function of 90 lines"));
}

TEST(FunctionSizes, DoNotCountTablesNorWhatIsNoFunction) {
  const std::string table = lines_of(60, "{1, 2},");
  EXPECT_THAT(long_functions("a.cpp", "void f() {\nint a[] = {\n" + table + "};\n}\n"), IsEmpty());
  EXPECT_THAT(long_functions("a.cpp", "void f() {\nfor (int a : {\n" + table + "}) g();\n}\n"),
              IsEmpty());
  EXPECT_THAT(long_functions("a.cpp", "struct A {\n" + lines_of(60, "int f();") + "};\n"),
              IsEmpty());
}

TEST(FunctionSizes, AreNotMisledByBracesInLiteralsAndComments) {
  const std::string odd = "a(\"{\\\"\", '{', R\"x({\")x\", 10'000);  // {\n/* { */\n";
  EXPECT_THAT(long_functions(
                  "a.cpp", "void f() {\n" + odd + "}\nvoid g() {\n" + lines_of(51, "h();") + "}\n"),
              ElementsAre("a.cpp:5: a function of 51 lines"));
}

}  // namespace
}  // namespace wgscope::architecture
