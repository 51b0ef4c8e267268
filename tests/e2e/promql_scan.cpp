#include "promql_scan.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wgscope::test {
namespace {

const std::set<std::string, std::less<>> kKeywords = {
    "and", "or", "unless", "bool", "offset", "atan2", "nan", "inf", "start", "end",
};
/// A list of labels follows these, in parentheses.
const std::set<std::string, std::less<>> kBeforeLabels = {"by",       "without",    "on",
                                                          "ignoring", "group_left", "group_right"};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Selector> scan() {
    while (!at_end()) step();
    return selectors_;
  }

 private:
  [[nodiscard]] bool at_end() const { return place_ >= text_.size(); }
  [[nodiscard]] char next() const { return at_end() ? '\0' : text_[place_]; }
  static bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
  }
  void skip_space() {
    while (std::isspace(static_cast<unsigned char>(next())) != 0) ++place_;
  }
  std::string take_name() {
    const std::size_t begin = place_;
    while (is_name(next())) ++place_;
    return std::string(text_.substr(begin, place_ - begin));
  }
  std::string take_string() {
    const char quote = text_[place_++];
    const std::size_t begin = place_;
    for (; !at_end() && next() != quote; ++place_)
      if (next() == '\\') ++place_;
    return std::string(text_.substr(begin, place_++ - begin));
  }
  std::string take_until(char end) {
    const std::size_t begin = place_;
    place_ = std::min(text_.find(end, place_), text_.size());
    return std::string(text_.substr(begin, place_++ - begin));
  }

  void step() {
    const char c = next();
    if (c == '"' || c == '\'' || c == '`') {
      take_string();
    } else if (c == '(') {
      open(last_name_);
    } else if (c == ')') {
      if (!around_.empty()) around_.pop_back();
      ++place_;
    } else if (c == '{') {
      select("");
    } else if (c == '$') {  // a variable outside of a selector: a duration or a number
      ++place_;
      take_name();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      take_name();  // with its unit, 5m
    } else if (is_name(c)) {
      name();
      return;
    } else {
      ++place_;
    }
    if (c != ' ') last_name_.clear();
  }

  void open(const std::string& function) {
    around_.push_back(function.empty() && !around_.empty() ? around_.back() : function);
    ++place_;
  }

  void name() {
    const std::string name = take_name();
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    skip_space();
    if (kBeforeLabels.contains(lower)) {
      if (next() == '(') take_until(')');
      // "sum by (job) (x)": the parenthesis that follows still belongs to sum.
    } else if (kKeywords.contains(lower)) {
      last_name_.clear();
    } else if (next() == '(' || followed_by_grouping()) {
      last_name_ = name;
    } else {
      select(name);
      last_name_.clear();
    }
  }

  /// Whether this is an aggregation whose grouping comes first: "sum by (job) (x)".
  [[nodiscard]] bool followed_by_grouping() const {
    const std::string_view rest = text_.substr(place_);
    return rest.starts_with("by ") || rest.starts_with("by(") || rest.starts_with("without ") ||
           rest.starts_with("without(");
  }

  void select(const std::string& metric) {
    Selector selector{.metric = metric, .matchers = {}, .range = {}, .function = {}};
    if (!around_.empty()) selector.function = around_.back();
    if (next() == '{') selector.matchers = matchers();
    skip_space();
    if (next() == '[') {
      ++place_;
      selector.range = take_until(']');
    }
    selectors_.push_back(selector);
  }

  std::vector<LabelMatcher> matchers() {
    std::vector<LabelMatcher> found;
    for (++place_; !at_end() && next() != '}';) {
      skip_space();
      if (next() == ',') {
        ++place_;
        continue;
      }
      LabelMatcher matcher{.label = take_name(), .operation = {}, .value = {}};
      for (skip_space(); next() == '=' || next() == '!' || next() == '~'; ++place_)
        matcher.operation += next();
      skip_space();
      matcher.value = take_string();
      found.push_back(matcher);
      skip_space();
    }
    ++place_;
    return found;
  }

  std::string_view text_;
  std::size_t place_ = 0;
  std::string last_name_;  ///< of a function, whose parenthesis comes next
  std::vector<std::string> around_;
  std::vector<Selector> selectors_;
};

}  // namespace

const LabelMatcher* Selector::matcher(const std::string& label) const {
  const auto found = std::ranges::find(matchers, label, &LabelMatcher::label);
  return found == matchers.end() ? nullptr : &*found;
}

std::vector<Selector> selectors_of(const std::string& promql) { return Scanner(promql).scan(); }

}  // namespace wgscope::test
