#pragma once

#include <string>
#include <vector>

namespace wgscope::test {

struct LabelMatcher {
  std::string label;
  std::string operation;  ///< "=", "!=", "=~" or "!~"
  std::string value;      ///< between the quotes, as written
};

/// One series selector of a query: what promtool does not tell of an expression it accepts.
struct Selector {
  std::string metric;  ///< empty where only labels select
  std::vector<LabelMatcher> matchers;
  std::string range;     ///< what stands in [], empty without; a subquery's is not told
  std::string function;  ///< the innermost function or aggregation around it, empty without

  [[nodiscard]] const LabelMatcher* matcher(const std::string& label) const;
};

/// The selectors of a query, in their order. Grafana's variables may stand in it. For queries that promtool accepts:
/// what comes of others is unspecified.
std::vector<Selector> selectors_of(const std::string& promql);

}  // namespace wgscope::test
