#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wgscope::test {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
  std::string text;  ///< the value as written: a double cannot tell integers beyond 2^53 apart
};

/// An exposition as a test looks at it: text format 0.0.4 or OpenMetrics 1.0, parsed without the
/// exporter's own code. Labels to look for are a part: {{"interface", "wg0"}} finds every sample
/// that has this label, whatever its others.
class Metrics {
 public:
  /// Throws on a line that is neither a sample nor a comment, with that line.
  static Metrics parse(std::string_view exposition);

  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
  [[nodiscard]] std::vector<Sample> find(std::string_view name, const Labels& labels = {}) const;

  /// The one sample that fits; nothing when there is none; throws when there are several.
  [[nodiscard]] std::optional<Sample> sample(std::string_view name,
                                             const Labels& labels = {}) const;
  [[nodiscard]] std::optional<double> value(std::string_view name, const Labels& labels = {}) const;

  /// What `# TYPE` says of a family; empty when nothing does.
  [[nodiscard]] std::string type(const std::string& family) const;

 private:
  std::vector<Sample> samples_;
  std::map<std::string, std::string> types_;
};

}  // namespace wgscope::test
