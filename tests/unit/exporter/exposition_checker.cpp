#include "exposition_checker.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/text.hpp"

namespace wgscope::test {
namespace {

using Labels = std::map<std::string, std::string>;

/// Leaves a line at its first fault.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void want(bool holds, const std::string& otherwise) {
  if (!holds) throw Fault(otherwise);
}

std::string take_name(std::string_view& rest, bool with_colons) {
  const auto fits = [&](char c, bool first) {
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c == ':' && with_colons);
    return letter || (!first && c >= '0' && c <= '9');
  };
  std::size_t size = 0;
  while (size < rest.size() && fits(rest[size], size == 0)) ++size;
  want(size > 0, "a name is missing");
  std::string name(rest.substr(0, size));
  rest.remove_prefix(size);
  return name;
}

void take(std::string_view& rest, std::string_view expected) {
  want(rest.starts_with(expected), "'" + std::string(expected) + "' is missing");
  rest.remove_prefix(expected.size());
}

/// Characters up to a quote or the end, with the escapes that `escapable` names.
std::string take_escaped(std::string_view& rest, std::string_view escapable) {
  std::string text;
  while (!rest.empty() && rest[0] != '"') {
    if (rest[0] == '\\') {
      want(rest.size() > 1 && escapable.find(rest[1]) != std::string_view::npos,
           "an unknown escape");
      rest.remove_prefix(1);
      text += rest[0] == 'n' ? '\n' : rest[0];
    } else {
      text += rest[0];
    }
    rest.remove_prefix(1);
  }
  return text;
}

Labels take_labels(std::string_view& rest) {
  Labels labels;
  if (!rest.starts_with('{')) return labels;
  take(rest, "{");
  for (bool first = true; !rest.starts_with('}'); first = false) {
    if (!first) take(rest, ",");
    std::string name = take_name(rest, false);
    take(rest, "=\"");
    std::string value = take_escaped(rest, "\\\"n");
    take(rest, "\"");
    want(!value.empty(), "an empty label is no label");
    want(labels.emplace(std::move(name), std::move(value)).second, "a label stands twice");
  }
  take(rest, "}");
  want(!labels.empty(), "braces without labels");
  return labels;
}

struct Family {
  std::string name;
  std::string type;
  std::string unit;
  bool has_samples = false;
};

/// A histogram's samples of one label set, as far as they came.
struct Buckets {
  std::optional<double> last_bound;
  double last_count = 0;
  bool has_sum = false;
  bool has_count = false;
};

class Checker {
 public:
  explicit Checker(Syntax syntax) : openmetrics_(syntax == Syntax::openmetrics) {}

  std::vector<std::string> check(std::string_view exposition) {
    if (!is_valid_utf8(exposition)) complain("not UTF-8");
    while (!exposition.empty()) {
      ++line_;
      const std::size_t size = std::min(exposition.find('\n'), exposition.size());
      if (size == exposition.size()) complain("the last line has no end");
      attempt([&] { line(exposition.substr(0, size)); });
      exposition.remove_prefix(std::min(size + 1, exposition.size()));
    }
    attempt([&] { end_family(); });
    if (openmetrics_ && !ended_) complain("no # EOF");
    return std::move(problems_);
  }

 private:
  void complain(const std::string& problem) {
    problems_.push_back("line " + std::to_string(line_) + ": " + problem);
  }

  template <class Step>
  void attempt(Step&& step) {
    try {
      step();
    } catch (const Fault& fault) {
      complain(fault.what());
    }
  }

  void line(std::string_view text) {
    want(!ended_, "text behind # EOF");
    want(!text.empty(), "an empty line");
    if (text == "# EOF" && openmetrics_) {
      ended_ = true;
      return;
    }
    if (!text.starts_with('#')) return sample(text);
    take(text, "# ");
    const std::string keyword = take_name(text, false);
    take(text, " ");
    std::string family = take_name(text, true);
    take(text, " ");
    if (keyword == "HELP") return help(std::move(family), text);
    want(family == family_.name && !family_.has_samples, keyword + " away from its family's HELP");
    if (keyword == "TYPE") return type(std::string(text));
    want(keyword == "UNIT" && openmetrics_, "an unknown comment");
    unit(std::string(text));
  }

  void help(std::string name, std::string_view text) {
    end_family();
    want(families_.insert(name).second, "a family stands twice: " + name);
    family_ = {std::move(name), "", "", false};
    want(!text.empty(), "an empty HELP");
    if (!openmetrics_) std::erase(quoteless_ = text, '"');
    std::string_view rest = openmetrics_ ? text : std::string_view(quoteless_);
    take_escaped(rest, openmetrics_ ? "\\\"n" : "\\n");
    want(rest.empty(), "a bare quote in HELP");
  }

  void type(std::string name) {
    want(family_.type.empty() && family_.unit.empty(), "TYPE out of order");
    const bool known = name == "gauge" || name == "counter" || name == "histogram" ||
                       (name == "info" && openmetrics_);
    want(known, "an unknown type: " + name);
    family_.type = std::move(name);
  }

  void unit(std::string name) {
    want(!family_.type.empty() && family_.unit.empty(), "UNIT out of order");
    want(!name.empty() && family_.name.ends_with("_" + name),
         "the name does not end in its unit: " + family_.name);
    want(family_.type != "info", "an info metric has no unit");
    family_.unit = std::move(name);
  }

  /// The part of a sample's name behind its family's.
  std::string suffix_of(const std::string& name) const {
    want(name.starts_with(family_.name), "a sample away from its family: " + name);
    std::string suffix = name.substr(family_.name.size());
    std::set<std::string> allowed{""};
    if (family_.type == "histogram") allowed = {"_bucket", "_sum", "_count"};
    if (family_.type == "counter" && openmetrics_) allowed = {"_total"};
    if (family_.type == "info") allowed = {"_info"};
    want(allowed.contains(suffix), "a sample away from its family: " + name);
    return suffix;
  }

  void sample(std::string_view text) {
    const std::string name = take_name(text, true);
    Labels labels = take_labels(text);
    take(text, " ");
    const double value = number(std::string(text));
    want(!family_.type.empty(), "a sample without TYPE: " + name);
    const std::string suffix = suffix_of(name);
    family_.has_samples = true;
    want(series_.insert({name, labels}).second, "a series stands twice: " + name);
    // A name that two families could have made says nothing of either.
    want(owners_.try_emplace(name, family_.name).first->second == family_.name,
         "two families make " + name);
    if (family_.type == "counter") want(value >= 0, "a counter below zero: " + name);
    if (family_.type == "info") want(value == 1, "an info metric that is not 1: " + name);
    if (family_.type == "counter" && !openmetrics_)
      want(name.ends_with("_total"), "a counter without _total: " + name);
    if (family_.type == "histogram") histogram(suffix, std::move(labels), value);
  }

  static double number(const std::string& text) {
    if (text == "NaN" || text == "+Inf" || text == "-Inf")
      return std::strtod(text.c_str(), nullptr);
    want(!text.empty() && text.find_first_not_of("0123456789.e+-") == std::string::npos,
         "no number: " + text);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    want(*end == '\0', "no number: " + text);
    return value;
  }

  void histogram(const std::string& suffix, Labels labels, double value) {
    std::string bound;
    if (const auto le = labels.find("le"); le != labels.end()) {
      bound = le->second;
      labels.erase(le);
    }
    Buckets& buckets = buckets_[labels];
    if (suffix == "_sum") {
      buckets.has_sum = true;
    } else if (suffix == "_count") {
      want(buckets.last_bound && std::isinf(*buckets.last_bound), "_count before the bucket +Inf");
      want(value == buckets.last_count, "_count is not what the bucket +Inf holds");
      buckets.has_count = true;
    } else {
      const double upper = number(bound);
      want(bound.find_first_of(".eI") != std::string::npos, "a bound that is no float: " + bound);
      want(!buckets.last_bound || upper > *buckets.last_bound, "buckets out of order");
      want(value >= buckets.last_count, "buckets do not add up");
      buckets.last_bound = upper;
      buckets.last_count = value;
    }
  }

  void end_family() {
    const std::string name = std::exchange(family_, {}).name;
    for (const auto& [labels, buckets] : std::exchange(buckets_, {}))
      want(buckets.has_sum && buckets.has_count, "an incomplete histogram: " + name);
  }

  bool openmetrics_;
  bool ended_ = false;
  std::size_t line_ = 0;
  Family family_;
  std::string quoteless_;  ///< a HELP of the text format, where a quote means nothing
  std::map<Labels, Buckets> buckets_;
  std::set<std::string> families_;
  std::set<std::pair<std::string, Labels>> series_;
  std::map<std::string, std::string> owners_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_exposition(std::string_view exposition, Syntax syntax) {
  return Checker(syntax).check(exposition);
}

}  // namespace wgscope::test
