// Reads what users see (string literals of the programs, documents, alerts) and fails on turns of
// phrase that readers stumble over. It keeps the worst ones out and does not make a text good:
// CONTRIBUTING.md says how messages must read.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "paths.hpp"

namespace wgscope::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A phrase, in lower case, and what to write instead. It is accepted after `after` and before
/// `before`, where these are given: "there is no route", "it is no longer live".
struct Rule {
  std::string_view phrase;
  std::string_view instead;
  std::string_view after = {};
  std::string_view before = {};
};
constexpr std::string_view kNegate = "negate with \"not\" (is not a), or write \"there is no\"";
constexpr std::string_view kUnknown = "write \"unknown\", or \"cannot tell\" with the reason";
constexpr std::string_view kPath = "write forward path, reverse path, on the path";
constexpr std::string_view kNoun =
    "name the thing: a sentence must parse without the one before it";
constexpr std::array kRules{
    Rule{"is no", kNegate, "there ", " longer"},
    Rule{"are no", kNegate, "there ", " longer"},
    Rule{"was no", kNegate, "there ", " longer"},
    Rule{"were no", kNegate, "there ", " longer"},
    Rule{"not told", kUnknown},
    Rule{"is told", kUnknown},
    Rule{"untold", kUnknown},
    Rule{"{}., ", "do not write an ordinal with a full stop: hop 3"},
    Rule{"speaks for", "write what the evidence shows"},
    Rule{"speaks against", "write what the evidence shows"},
    Rule{"could be had", "say who did not do what"},
    Rule{"let what", kNoun},
    Rule{"what came", kNoun},
    Rule{"one each", kNoun},
    Rule{"heard of", "write \"answered\" or \"received\""},
    Rule{"any more", "write \"no longer\" or \"any longer\""},
    Rule{"anew", "write \"again\" or \"new\""},
    Rule{"way back", kPath},
    Rule{"way there", kPath},
    Rule{"on the way", kPath},
    Rule{"of ours", "say whose it is: the probe's, the exporter's, this host's"},
    Rule{"in silence", "write \"silently\""},
    Rule{"first sight", "write \"first seen\""},
    Rule{"first sights", "write \"first seen\""},
    Rule{"for want of", "write \"because there is no\""},
};

/// A file that may hold a phrase so many times, and why.
struct Exception {
  std::string_view path;
  std::string_view phrase;
  std::size_t count;
  std::string_view reason;
};
constexpr std::array kExceptions{
    Exception{"exporter/history_text.cpp", "first sights", 1,
              "the first line of a file that is in use"},
    Exception{"docs/state.md", "first sights", 1, "quotes that line"},
    Exception{"docs/declared.md", "first sights", 1, "writes that line"},
};

/// What users see of a file: lower case, blanks made one, and the line of each character.
class Visible {
 public:
  void add(char c, std::size_t line) {
    const auto byte = static_cast<unsigned char>(c);
    const bool blank = std::isspace(byte) != 0;
    if (blank && !text_.empty() && text_.back() == ' ') return;
    text_ += blank ? ' ' : static_cast<char>(std::tolower(byte));
    lines_.push_back(static_cast<std::uint32_t>(line));
  }
  /// Nothing matches across this.
  void end_text() {
    text_ += '\0';
    lines_.push_back(0);
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::size_t line(std::size_t at) const { return lines_[at]; }

 private:
  std::string text_;
  std::vector<std::uint32_t> lines_;
};

/// Takes the string literals of C++ source. Literals that the compiler joins are one text.
class Literals {
 public:
  explicit Literals(std::string_view source) : source_(source) {}

  Visible take() {
    while (at_ < source_.size()) {
      if (starts("//") || starts("#include"))
        skip_to("\n");
      else if (starts("/*"))
        skip_to("*/");
      else if (starts("R\""))
        raw_string();
      else if (source_[at_] == '"')
        string();
      else if (source_[at_] == '\'' && !is_digit_separator())
        character();
      else
        next();
    }
    return std::move(visible_);
  }

 private:
  [[nodiscard]] bool starts(std::string_view with) const {
    return source_.substr(at_).starts_with(with);
  }
  [[nodiscard]] bool is_digit_separator() const {
    return at_ > 0 && std::isalnum(static_cast<unsigned char>(source_[at_ - 1])) != 0;
  }
  char next() {
    const char c = source_[at_++];
    if (c == '\n') ++line_;
    if (std::isspace(static_cast<unsigned char>(c)) == 0) separate_ = true;
    return c;
  }
  void skip_to(std::string_view end) {
    const std::size_t stop = std::min(source_.find(end, at_), source_.size() - end.size());
    while (at_ < stop + end.size()) next();
  }
  void begin_literal() {
    if (separate_) visible_.end_text();
  }
  void string() {
    begin_literal();
    ++at_;
    while (at_ < source_.size() && source_[at_] != '"') {
      char c = next();
      if (c == '\\') c = next() == '"' ? '"' : ' ';
      visible_.add(c, line_);
    }
    ++at_;
    separate_ = false;
  }
  void raw_string() {
    begin_literal();
    const std::size_t open = source_.find('(', at_);
    const std::string end = fmt::format("){}\"", source_.substr(at_ + 2, open - at_ - 2));
    const std::size_t stop = source_.find(end, open);
    at_ = open + 1;
    while (at_ < stop) visible_.add(next(), line_);
    at_ += end.size();
    separate_ = false;
  }
  void character() {
    ++at_;
    while (source_[at_] != '\'') {
      if (source_[at_] == '\\') ++at_;
      ++at_;
    }
    ++at_;
    separate_ = true;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool separate_ = true;
  Visible visible_;
};

Visible see(std::string_view path, std::string_view content) {
  if (path.ends_with(".cpp") || path.ends_with(".hpp")) return Literals(content).take();
  Visible visible;
  std::size_t line = 1;
  for (const char c : content) {
    visible.add(c, line);
    if (c == '\n') ++line;
  }
  return visible;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// Whether the rule's phrase stands at `at` as words of their own, and is not accepted there.
bool breaks(std::string_view text, std::size_t at, const Rule& rule) {
  const std::string_view before = text.substr(0, at);
  const std::string_view rest = text.substr(at + rule.phrase.size());
  if (is_word(rule.phrase.front()) && !before.empty() && is_word(before.back())) return false;
  if (is_word(rule.phrase.back()) && !rest.empty() && is_word(rest.front())) return false;
  if (!rule.after.empty() && before.ends_with(rule.after)) return false;
  return rule.before.empty() || !rest.starts_with(rule.before);
}

/// What is wrong with a file's phrases, one sentence each.
std::vector<std::string> check_file(std::string_view path, std::string_view content) {
  const Visible visible = see(path, content);
  std::vector<std::string> found;
  for (const Rule& rule : kRules) {
    const auto* allowed = std::ranges::find_if(kExceptions, [&](const Exception& exception) {
      return exception.path == path && exception.phrase == rule.phrase;
    });
    std::vector<std::string> here;
    for (std::size_t at = visible.text().find(rule.phrase); at != std::string_view::npos;
         at = visible.text().find(rule.phrase, at + 1))
      if (breaks(visible.text(), at, rule))
        here.push_back(
            fmt::format("{}:{}: \"{}\": {}", path, visible.line(at), rule.phrase, rule.instead));
    if (allowed == kExceptions.end())
      found.insert(found.end(), here.begin(), here.end());
    else if (here.size() != allowed->count)
      found.push_back(fmt::format("{}: kExceptions says that \"{}\" stands there {} times, not {}",
                                  path, rule.phrase, allowed->count, here.size()));
  }
  return found;
}

/// Paths of what users see, from the root of the repository.
std::vector<std::string> list_visible(const std::filesystem::path& root) {
  std::vector<std::string> paths{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"};
  for (const char* folder : {"lib", "include", "exporter", "probe", "docs", "alerts"}) {
    std::filesystem::recursive_directory_iterator entry(root / folder);
    for (; entry != std::filesystem::recursive_directory_iterator(); ++entry) {
      const std::string path = entry->path().lexically_relative(root).generic_string();
      const bool text = path.ends_with(".cpp") || path.ends_with(".hpp") || path.ends_with(".md") ||
                        path.ends_with(".yaml");
      if (entry->is_regular_file() && text && !path.starts_with("alerts/tests"))
        paths.push_back(path);
    }
  }
  return paths;
}

TEST(English, IsPlainWhereUsersLook) {
  const std::filesystem::path root = test::source_dir();
  const std::vector<std::string> paths = list_visible(root);
  EXPECT_GT(paths.size(), 400U) << "so few that it must be looking in the wrong place";
  for (const std::string& path : paths)
    for (const std::string& wrong : check_file(path, test::read_file(root / path)))
      ADD_FAILURE() << wrong;
  for (const Exception& exception : kExceptions)
    EXPECT_EQ(std::ranges::count(paths, exception.path), 1) << exception.path << " is gone";
}

// The checker itself.

TEST(EnglishChecker, FindsAPhraseWhateverItsCaseAndItsLines) {
  EXPECT_THAT(check_file("x.md", "a\nIs\n  no duration"),
              ElementsAre(HasSubstr("x.md:2: \"is no")));
  EXPECT_THAT(check_file("x.cpp", "f(\"'{}' is \"\n  \"no duration\");"),
              ElementsAre(HasSubstr("x.cpp:1: \"is no\": negate with \"not\"")));
  EXPECT_THAT(check_file("x.cpp", "f(R\"(one\ntwo\nnot told)\");"),
              ElementsAre(HasSubstr("x.cpp:3: ")));
  EXPECT_THAT(check_file("x.cpp", "text(\"the hop is the {}., {}\")"), SizeIs(1));
  EXPECT_THAT(check_file("x.cpp", "f(\"\\\"a\\\" is no\"); g('\"', \"not told\", 1'000);"),
              SizeIs(2));
}

TEST(EnglishChecker, AcceptsWhatReadsWell) {
  EXPECT_THAT(check_file("x.md", "There is no route. It is no longer there. This is nothing."),
              IsEmpty());
  EXPECT_THAT(
      check_file("x.cpp", "// is no text of the program\n/* not told */ f(\"is\", \"no\");"),
      IsEmpty());
  EXPECT_THAT(check_file("x.cpp", "f(\"is\" + no());  // \"not told\""), IsEmpty());
}

TEST(EnglishChecker, HoldsAFileToTheNumberOfItsExceptions) {
  EXPECT_THAT(check_file("docs/state.md", "first sights"), IsEmpty());
  EXPECT_THAT(check_file("docs/state.md", "first sights, first sights"),
              ElementsAre(HasSubstr("stands there 1 times, not 2")));
  EXPECT_THAT(check_file("docs/state.md", ""), SizeIs(1));
}

}  // namespace
}  // namespace wgscope::architecture
