#include "metrics.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace wgscope::test {
namespace {

// Reads one line of an exposition from left to right.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text), rest_(text) {}

  bool skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  void expect(std::string_view expected) {
    if (!skip(expected)) fail();
  }

  // Up to the first of `ends`, or to the end of the line.
  std::string take_until(std::string_view ends) {
    const std::size_t size = std::min(rest_.find_first_of(ends), rest_.size());
    if (size == 0) fail();
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }

  // What stands between double quotes, unescaped.
  std::string take_quoted() {
    std::string value;
    expect("\"");
    while (!skip("\"")) {
      if (rest_.empty()) fail();
      if (skip("\\n")) {
        value += '\n';
        continue;
      }
      if (!skip("\\\\") && !skip("\\\"")) {
        if (rest_.front() == '\\') fail();
        value += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      value += rest_.data()[-1];  // the escaped character, just skipped
    }
    return value;
  }

  [[noreturn]] void fail() const {
    throw std::runtime_error("not a line of metrics: " + std::string(text_));
  }

 private:
  std::string_view text_;
  std::string_view rest_;
};

Sample parse_sample(Line line) {
  Sample sample;
  sample.name = line.take_until("{ ");
  if (line.skip("{")) {
    while (!line.skip("}")) {
      const std::string label = line.take_until("=");
      line.expect("=");
      if (!sample.labels.emplace(label, line.take_quoted()).second) line.fail();
      line.skip(",");
    }
  }
  line.expect(" ");
  sample.text = line.take_until(" ");  // a timestamp or an exemplar may follow
  char* end = nullptr;
  sample.value = std::strtod(sample.text.c_str(), &end);
  if (*end != '\0') line.fail();
  return sample;
}

}  // namespace

Metrics Metrics::parse(std::string_view exposition) {
  Metrics metrics;
  while (!exposition.empty()) {
    const std::size_t size = exposition.find('\n');
    if (size == std::string_view::npos)
      throw std::runtime_error("metrics: the last line has no end");
    Line line(exposition.substr(0, size));
    exposition.remove_prefix(size + 1);
    if (line.skip("# TYPE ")) {
      const std::string family = line.take_until(" ");
      line.expect(" ");
      if (!metrics.types_.emplace(family, line.take_until(" ")).second) line.fail();
    } else if (size > 0 && !line.skip("#")) {
      metrics.samples_.push_back(parse_sample(line));
    }
  }
  return metrics;
}

std::vector<Sample> Metrics::find(std::string_view name, const Labels& labels) const {
  const auto fits = [&](const Sample& sample) {
    return sample.name == name && std::ranges::all_of(labels, [&](const auto& label) {
             const auto found = sample.labels.find(label.first);
             return found != sample.labels.end() && found->second == label.second;
           });
  };
  std::vector<Sample> found;
  std::ranges::copy_if(samples_, std::back_inserter(found), fits);
  return found;
}

std::optional<Sample> Metrics::sample(std::string_view name, const Labels& labels) const {
  const std::vector<Sample> found = find(name, labels);
  if (found.size() > 1)
    throw std::runtime_error(std::string(name) + ": several samples have these labels");
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::optional<double> Metrics::value(std::string_view name, const Labels& labels) const {
  const std::optional<Sample> found = sample(name, labels);
  if (!found) return std::nullopt;
  return found->value;
}

std::string Metrics::type(const std::string& family) const {
  const auto found = types_.find(family);
  return found == types_.end() ? std::string() : found->second;
}

}  // namespace wgscope::test
